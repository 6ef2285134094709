"""Some of what `make soak` does a million times: mutated records never crash, hang or stop what decodes them.

Whether memory grows shows after a million records only: `python -m tests.fuzz` judges it, and nothing does here.
"""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import growth, slope_mb
from tests.fuzz.failing import aborting, hanging
from tests.fuzz.intake import Broken, Fuzzed
from tests.fuzz.mutations import Mutations, touchpoints
from tests.fuzz.others import KINDS, others
from tests.fuzz.process import intake, run

pytestmark = pytest.mark.timeout(120)


def test_mutated_records_are_all_taken_by_intake() -> None:
    done, failure = run(2, 16, intake)
    assert (len(done), failure) == (16, "")
    assert all(batch.left_mb for batch in done)


def test_damaged_links_lines_and_files_are_all_taken() -> None:
    rounds = 8 * len(KINDS)
    done, failure = run(2, rounds, others)
    assert (len(done), failure) == (rounds, "")


def test_the_same_seed_makes_the_same_records_and_another_others() -> None:
    whole = touchpoints(200, 1)
    first, again, other = (Mutations(whole, seed).batch("web", 0, 50) for seed in (1, 1, 2))
    assert first == again != other


def test_a_record_that_is_not_accounted_for_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Mutations(touchpoints(200, 1), 1).batch("web", 0, 50)
    monkeypatch.setattr("streams.stages.intake.stage._observe", lambda *_: None)
    with pytest.raises(Broken, match="0 of 50 records"):
        Fuzzed().take("web", batch)


def test_a_crash_of_native_code_is_seen() -> None:
    assert run(1, 5, aborting)[1] == "seed 1, batch 1: the process ended with -6"


def test_a_hang_is_seen() -> None:
    assert run(1, 5, hanging, hangs_after_s=0.5)[1] == "seed 1, batch 1: hangs for more than 0.5 s"


#: What a look differs by from the one before, for no reason that stays.
NOISE = (0.0, 1.5, -0.7, 0.3, 2.0, -1.2, 0.8, -0.4, 1.1, -1.6)


def looks(mb_a_million: float, at_first: float = 0.0) -> list[float]:
    """20 looks at a million records; ``at_first`` is loaded late, before the third."""
    return [150 + NOISE[n % 10] + mb_a_million * n / 20 + (at_first if n > 1 else 0) for n in range(20)]


@pytest.mark.parametrize("mb_a_million", [0.0, 10.0, 25.0])
def test_what_a_process_loads_late_and_what_looks_differ_by_is_no_growth(mb_a_million: float) -> None:
    slope = slope_mb(looks(mb_a_million, at_first=40), 50_000)
    assert slope == pytest.approx(mb_a_million, abs=3)
    assert growth(slope) == ""


@pytest.mark.parametrize("mb_a_million", [40.0, 100.0])
def test_to_keep_a_little_of_each_record_is_growth(mb_a_million: float) -> None:
    slope = slope_mb(looks(mb_a_million), 50_000)
    assert slope == pytest.approx(mb_a_million, abs=3)
    assert growth(slope) == f"it grows by {slope:.0f} MB a million records, expected at most 32"


def test_growth_is_told_by_the_number_of_records_and_not_of_looks() -> None:
    assert slope_mb(looks(100), 10_000) == pytest.approx(5 * slope_mb(looks(100), 50_000))
