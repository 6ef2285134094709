"""Records on which the stage raises: each is buried alone with all that an operator needs; too many stop the worker."""

from __future__ import annotations

import re

import pytest

from tests.faults.scene import Scene
from tests.faults.stage import Mix
from tests.faults.verdict import judge

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


def test_poisoned_records_are_buried_with_cause_bytes_and_place(counting: Scene) -> None:
    counting.produce(10_000, Mix(poisoned=0.003))
    worker = counting.start(instance=True)
    worker.wait_ready()
    counting.drain()
    letters = list(counting.read(counting.topics.dead))
    assert worker.figure("journey_stage_buried_total") == len(letters)
    told = {f"{w['topic']}-{w['partition']}-{w['offset']}": w["cause"] for w in worker.events("buried")}
    assert told == {letter.key.decode(): dict(letter.headers)["cause"].decode() for letter in letters}
    assert all(re.fullmatch(r"Poisoned at stage\.py:\d+", cause) for cause in told.values())
    worker.stop()
    verdict = judge(counting, worker.folder)
    assert not verdict.problems
    assert verdict.buried == len(letters) > 10


def test_a_stage_that_raises_on_more_than_data_explains_stops(counting: Scene) -> None:
    counting.produce(10_000, Mix(poisoned=0.05))
    reason = counting.start(instance=True).wait_crashed(40)["reason"]
    raised, folded = map(int, re.findall(r"the stage raised on (\d+) of (\d+) records", reason)[0])
    assert raised <= max(10, 0.01 * folded) + 1
    assert "roll the deployment back" in reason
    assert len(list(counting.read(counting.topics.dead))) < raised
