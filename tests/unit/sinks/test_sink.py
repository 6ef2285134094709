"""SINK: each record goes to its table, what is no record of ours to the dead letters; a fake stands for the tables."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.arrow import FEWEST
from schemas.codec import encode
from sinks.sink import Sink
from sinks.tables import Table
from streams.runtime.stage import PlainRecord, Records
from tests.unit.builders import MemoryState
from tests.unit.sinks.plain_records import BARE_TOUCHPOINT, RESOLVED, bare

KINDS = {"outcomes": ("outcome",), "customers.activity": ("resolved_touchpoint",)}
OUTCOME = encode("outcome", bare("outcome", topic="touchpoints.web"))
TOUCHPOINT = encode("touchpoint", BARE_TOUCHPOINT)


class Tables:
    """What a batch would insert, as (table, offsets of the rows, their first column), and what it would bury."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, list[int], list[Any]]] = []
        self.buried: list[tuple[int, str]] = []

    def put(self, table: Table[Any], decoded: Any, origins: Records) -> None:
        if origins:
            self.rows.append((table.name, [r.offset for r in origins], table.data_of(decoded, 0)[0]))

    def bury(self, origins: Records, reason: str, value: str, expected: str) -> None:
        self.buried += [(record.offset, reason) for record in origins]


def fold(topic: str, *values: bytes | None) -> Tables:
    out = Tables()
    records = Records(topic, 0, [PlainRecord(offset, 0, b"k", value) for offset, value in enumerate(values)])
    Sink(KINDS).fold(records, MemoryState(0), out)  # type: ignore[arg-type]
    return out


def resolved(to: str, touchpoint: bytes = TOUCHPOINT) -> bytes:
    return encode("resolved_touchpoint", RESOLVED | {"to": to, "touchpoint": touchpoint})


@pytest.mark.parametrize("foreign", [b"", b"hello", OUTCOME[:-1], OUTCOME + b"\0", TOUCHPOINT, None])
@pytest.mark.parametrize("many", [1, FEWEST])
def test_what_is_no_record_of_ours_is_buried_and_the_rest_goes_on(foreign: bytes | None, many: int) -> None:
    out = fold("outcomes", *[OUTCOME] * many, foreign, OUTCOME)
    assert out.rows == [("outcomes", [*range(many), many + 1], ["touchpoints.web"] * (many + 1))]
    assert out.buried == [(many, "undecodable")]


@pytest.mark.parametrize("many", [1, FEWEST])
def test_a_touchpoint_that_cannot_be_read_is_buried_with_what_is_around_it(many: int) -> None:
    customers = [str(n) for n in range(many)]
    values = [resolved(customer) for customer in customers]
    out = fold("customers.activity", *values, resolved("bad", TOUCHPOINT[:-1]), OUTCOME, resolved("last"))
    assert out.rows == [("touchpoints", [*range(many), many + 2], [*customers, "last"])]
    assert out.buried == [(many, "undecodable"), (many + 1, "undecodable")]


def test_nothing_but_foreign_records_is_no_row() -> None:
    out = fold("outcomes", b"a", b"b")
    assert (out.rows, out.buried) == ([], [(0, "undecodable"), (1, "undecodable")])


def test_a_record_on_which_the_stage_raised_is_buried_with_the_cause() -> None:
    out = Tables()
    records = Records("outcomes", 0, [PlainRecord(7, 0, b"k", b"v")])
    Sink(KINDS).bury(records, "KeyError at sink.py:1", MemoryState(0), out)  # type: ignore[arg-type]
    assert out.buried == [(7, "stage_raised")]
