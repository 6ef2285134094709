"""Some of what `make soak` does a million times: mutated records never crash, hang or stop what decodes them."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import growth
from tests.fuzz.failing import aborting, hanging
from tests.fuzz.intake import Broken, Fuzzed
from tests.fuzz.mutations import Mutations, touchpoints
from tests.fuzz.others import KINDS, others
from tests.fuzz.process import intake, run

pytestmark = pytest.mark.timeout(120)


def test_mutated_records_are_all_taken_by_intake() -> None:
    done, failure = run(2, 16, intake)
    assert (len(done), failure) == (16, "")


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


def test_growth_is_seen() -> None:
    assert growth([100, 130, 131, 140]) == ""
    assert growth([100, 130, 140, 150]) == "it grows: 20 MB more than at the second look"
