"""What INTAKE tells Prometheus: every series that can be is there from the start, and lag is that of what just came."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.codec import encode
from streams import stages
from streams.domain import validation
from streams.stages import invariants
from streams.stages.intake.metrics import REASONS, REGISTRY
from tests.unit.builders import MINUTE, NOON
from tests.unit.stages.test_intake import EMAIL, Arrival, fields_of, mailed, sent, take

#: Not INTAKE's: IDENTITY reads its own log.
ELSEWHERE = ("stages/identity", "producing")


def sources() -> dict[str, str]:
    root = Path(stages.__file__).parents[1]
    found = {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*.py")}
    return {name: text for name, text in found.items() if not name.startswith(ELSEWHERE)}


def test_every_reason_of_a_dead_letter_has_its_series_from_the_start() -> None:
    texts = sources()
    texts |= {"judge": texts["stages/intake/judge.py"], "validation": Path(validation.__file__).read_text()}
    found = {reason for text in texts.values() for reason in re.findall(r"(?:Rejection|_dead)\(\s*\"(\w+)\"", text)}
    assert found == set(REASONS)


def test_every_invariant_has_its_series_from_the_start() -> None:
    root = Path(stages.__file__).parents[1]
    calls = [re.findall(r"broken(?:\.append)?\(\s*\"([^\"]+)\"", path.read_text()) for path in root.rglob("*.py")]
    assert {invariant for call in calls for invariant in call} == set(invariants.INVARIANTS)


def lags(channel: str) -> tuple[float, float]:
    name = "journey_event_time_lag_seconds"
    count, total = (REGISTRY.get_sample_value(f"{name}_{what}", {"channel": channel}) for what in ("count", "sum"))
    assert count is not None
    assert total is not None
    return count, total


def added(log: list[Arrival], channel: str) -> tuple[float, float]:
    before = lags(channel)
    take(log, cuts=(100,))
    after = lags(channel)
    return after[0] - before[0], round(after[1] - before[1], 3)


def test_the_lag_is_receipt_less_event_time_of_what_was_accepted() -> None:
    on_time, slow = fields_of(event_id="e1"), fields_of(event_id="e2", occurred_at=NOON - MINUTE)
    assert added(sent(on_time, slow, on_time, received=NOON + 1_500), "web") == (2, 63.0)


def test_history_and_what_is_none_of_ours_has_no_lag() -> None:
    history = mailed("opened", NOON - 3 * MINUTE, "e1")
    assert history["backfill"]
    assert added(sent(history, encode("touchpoint", history)[:9], topic=EMAIL), "email") == (0, 0)
