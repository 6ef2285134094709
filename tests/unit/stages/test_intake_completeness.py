"""Every record that INTAKE reads ends once, through the runtime's own batches; a stage that loses one is found out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from schemas.codec import encode
from streams.runtime.accounts import ACCOUNTS, Account, Accounts, unpack
from streams.runtime.reading import Delivery, Log
from streams.runtime.stage import Headers, PlainRecord, Records
from streams.runtime.task import Kept, Limits, Task
from streams.runtime.views import make_view
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake.judge import JudgeRules
from tests.simulation.disk import Disk
from tests.simulation.ports import LenientTally, Silent
from tests.unit.builders import DAY, HOUR, MINUTE, NOON, cookie_on, touchpoint_record

PARTITIONS, HERE, WEB = 4, 1, "touchpoints.web"
RULES = IntakeRules(JudgeRules(PARTITIONS, 3 * DAY, 10 * MINUTE), frozenset(), epoch=0)
ANNA, CARL = cookie_on(HERE, PARTITIONS, "anna"), cookie_on(2, PARTITIONS, "carl")


class Losing(Intake):
    """Forgets each record whose offset is in ``lost``."""

    lost: frozenset[int] = frozenset({3})

    def fold(self, records: Records, view: Any, out: Any) -> None:
        left = [record for record in records if record.offset not in self.lost]
        super().fold(Records(records.topic, records.partition, left), view, out)


class Twice(Intake):
    """Takes the first record of a turn again."""

    def fold(self, records: Records, view: Any, out: Any) -> None:
        super().fold(records, view, out)
        super().fold(Records(records.topic, records.partition, records[:1]), view, out)


class Raising(Intake):
    """Cannot take the record at offset 2, and finds out late."""

    def fold(self, records: Records, view: Any, out: Any) -> None:
        super().fold(records, view, out)
        if any(record.offset == 2 for record in records):
            raise LookupError


class Here:
    """Whatever a task asks for that isn't a state: all at once, and for good."""

    async def turn(self) -> None:
        """Nobody else is here."""

    def holds(self) -> bool:
        return True

    patient = holds

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        """It is sent."""

    def discard(self) -> None:
        """It was not."""

    async def flush(self, patient: Any) -> None:
        """It is durable."""

    def pack(self, entries: Any, fence: Any) -> Any:
        return entries

    async def append(self, batch: Any, patient: Any) -> None:
        """It is durable, too."""


def fold(stage: Intake, disk: Disk, records: list[PlainRecord], turn: int = 2) -> Account:
    """What a worker that begins with ``disk`` has accounted for when it has taken ``records``."""
    here: Any = Here()
    kept = unpack(disk.get(ACCOUNTS), disk.fence)
    accounts = Accounts(frozenset({WEB}), kept)
    state = Kept(make_view(HERE, disk, stage.layout, 1 << 20), here, disk, accounts=accounts)
    limits = replace(Limits(), turn_records=turn, least_turn_records=turn)
    task: Task[Any] = Task(stage, here, here, state, here, LenientTally(), Silent(), limits)  # type: ignore[arg-type]
    delivery = Delivery(Log(WEB, HERE), records[0].offset, records[-1].offset + 1, list(records), 1, 0)
    asyncio.run(task._work([delivery]))
    return unpack(disk.get(ACCOUNTS), disk.fence)[WEB]


def log() -> list[PlainRecord]:
    """One of each outcome, in order: accepted, duplicate, dead, late, rerouted; rerouted to us, and that again."""
    first = encode("touchpoint", fields())
    values: list[tuple[bytes, Mapping[str, bytes]]] = [
        (first, {}),
        (first, {}),
        (b"garbage", {}),
        (encode("touchpoint", fields(event_id="old", occurred_at=NOON - 3 * DAY - HOUR)), {}),
        (encode("touchpoint", fields(event_id="astray", identifiers=[CARL._asdict()])), {}),
        (encode("touchpoint", fields(event_id="came")), {"origin": b"touchpoints.web-2-7"}),
        (encode("touchpoint", fields(event_id="came")), {"origin": b"touchpoints.web-2-7"}),
    ]
    return [PlainRecord(at, NOON, b"k", value, tuple(headers.items())) for at, (value, headers) in enumerate(values)]


def fields(**more: Any) -> dict[str, Any]:
    return touchpoint_record(**{"identifiers": [ANNA._asdict()]} | more)


@pytest.mark.parametrize("turn", [1, 2, 100])
def test_each_record_ends_once_whatever_becomes_of_it(turn: int) -> None:
    assert fold(Intake(RULES), Disk(), log(), turn) == Account(read=7, ended=7, next=7)


def test_a_record_that_the_stage_forgets_is_missing_for_good() -> None:
    disk = Disk()
    assert fold(Losing(RULES), disk, log()).difference == 1
    later = [record._replace(offset=record.offset + 7) for record in log()]
    assert fold(Intake(RULES), disk, later) == Account(read=14, ended=13, next=14)


def test_a_record_that_the_stage_takes_twice_is_one_too_many() -> None:
    assert fold(Twice(RULES), Disk(), log(), 100).difference == -1


def test_a_record_on_which_the_stage_raises_ends_as_a_dead_letter() -> None:
    assert fold(Raising(RULES), Disk(), log(), 100) == Account(read=7, ended=7, next=7)


def test_what_comes_again_below_the_fence_counts_once() -> None:
    disk = Disk()
    fold(Intake(RULES), disk, log()[:4])
    assert fold(Intake(RULES), disk, log()) == Account(read=7, ended=7, next=7)
