"""SINK: each record goes to its table, what is no record of ours to the dead letters; a fake stands for the tables."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import encode
from sinks.sink import Sink
from sinks.tables import Table
from streams.runtime.stage import Record
from streams.runtime.state import MemoryState

OUTCOME = {
    "topic": "touchpoints.web",
    "channel": "web",
    "partition": 0,
    "outcome": "accepted",
    "reason": "",
    "version": 1,
    "records": 1,
}


class Tables:
    """What a batch would insert, and what it would bury."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Any]] = []
        self.buried: list[tuple[int, str]] = []

    def put(self, table: Table[Any], fields: object, origin: Record) -> None:
        self.rows.append((table.name, fields))

    def bury(self, origin: Record, reason: str, expected: str) -> None:
        self.buried.append((origin.offset, reason))


def record(offset: int, value: bytes) -> Record:
    return Record("outcomes", 0, offset, 0, b"k", value)


@pytest.mark.parametrize("foreign", [b"", b"hello", encode("outcome", OUTCOME)[:-1]])
def test_what_is_no_record_of_ours_is_buried_and_the_rest_goes_on(foreign: bytes) -> None:
    out = Tables()
    good = encode("outcome", OUTCOME)
    Sink({"outcomes": ("outcome",)}).fold([record(0, good), record(1, foreign), record(2, good)], MemoryState(0), out)  # type: ignore[arg-type]
    assert out.rows == [("outcomes", OUTCOME), ("outcomes", OUTCOME)]
    assert out.buried == [(1, "undecodable")]


def test_a_record_that_does_not_belong_on_its_topic_is_buried() -> None:
    out = Tables()
    touchpoint = {"event_id": "e", "channel": "web", "occurred_at": 1, "identifiers": [], "action": "a"}
    Sink({"outcomes": ("outcome",)}).fold([record(0, encode("touchpoint", touchpoint))], MemoryState(0), out)  # type: ignore[arg-type]
    assert (out.rows, out.buried) == ([], [(0, "undecodable")])
