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

KINDS = {
    "outcomes": ("outcome",),
    "customers.activity": ("resolved_touchpoint", "identifiers_moved"),
    "identity.changes": ("identity_change", "identity_violation"),
    "identity.links": ("link", "correction"),
}
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


def resolved(direction: str, touchpoint: bytes = TOUCHPOINT) -> bytes:
    """A touchpoint whose ``direction`` tells it from others: the first column of its row."""
    return encode("resolved_touchpoint", RESOLVED | {"direction": direction, "touchpoint": touchpoint})


def changed(to: str) -> bytes:
    return encode("identity_change", bare("identity_change", to=to, **{"from": to}))


def pair(record: str, weaker: str, **fields: Any) -> bytes:
    """A record about a login and ``weaker``."""
    identifiers = {"stronger": ("user_id", "u"), "weaker": ("cookie_id", weaker)}
    named = {name: {"namespace": namespace, "value": value} for name, (namespace, value) in identifiers.items()}
    return encode(record, bare(record, **named, **fields))


@pytest.mark.parametrize("foreign", [b"", b"hello", OUTCOME[:-1], OUTCOME + b"\0", TOUCHPOINT, None])
@pytest.mark.parametrize("many", [1, FEWEST])
def test_what_is_no_record_of_ours_is_buried_and_the_rest_goes_on(foreign: bytes | None, many: int) -> None:
    out = fold("outcomes", *[OUTCOME] * many, foreign, OUTCOME)
    assert out.rows == [("outcomes", [*range(many), many + 1], ["touchpoints.web"] * (many + 1))]
    assert out.buried == [(many, "undecodable")]


@pytest.mark.parametrize("many", [1, FEWEST])
def test_a_touchpoint_that_cannot_be_read_is_buried_with_what_is_around_it(many: int) -> None:
    values = [resolved("inbound")] * many
    damaged = resolved("inbound", TOUCHPOINT[:-1])
    out = fold("customers.activity", *values, damaged, OUTCOME, resolved("outbound"))
    assert out.rows == [("touchpoints", [*range(many), many + 2], [*["inbound"] * many, "outbound"])]
    assert out.buried == [(many, "undecodable"), (many + 1, "undecodable")]


@pytest.mark.parametrize("many", [1, FEWEST])
def test_kinds_of_one_topic_go_to_a_table_each_in_their_order(many: int) -> None:
    changes = [changed(str(n)) for n in range(many)]
    violations = [pair("identity_violation", str(n)) for n in range(many)]
    out = fold("identity.changes", *(value for both in zip(changes, violations, strict=True) for value in both))
    assert out.rows == [
        ("identity_changes", [2 * n for n in range(many)], [str(n) for n in range(many)]),
        ("identity_violations", [2 * n + 1 for n in range(many)], ["user_id:u"] * many),
    ]
    assert out.buried == []


def test_what_stages_tell_each_other_is_no_row_and_no_dead_letter() -> None:
    moved = encode("identifiers_moved", bare("identifiers_moved", cause="merge"))
    out = fold("customers.activity", moved, resolved("inbound"), moved)
    assert (out.rows, out.buried) == ([("touchpoints", [1], ["inbound"])], [])
    assert fold("customers.activity", moved, moved).rows == []


def test_of_links_only_what_operators_said_is_a_row() -> None:
    said = pair("correction", "c", kind="retracted")
    out = fold("identity.links", pair("link", "a"), said, pair("link", "b"), said)
    assert (out.rows, out.buried) == ([("identity_corrections", [1, 3], ["user_id:u", "user_id:u"])], [])


@pytest.mark.parametrize("foreign", [b"", None, b"hello", OUTCOME, pair("correction", "c", kind="lifted")[:-1]])
def test_among_several_kinds_a_foreign_record_is_buried(foreign: bytes | None) -> None:
    out = fold("identity.links", pair("link", "a"), foreign, pair("correction", "c", kind="lifted"))
    assert [offsets for _, offsets, _ in out.rows] == [[2]]
    assert out.buried == [(1, "undecodable")]


def test_nothing_but_foreign_records_is_no_row() -> None:
    out = fold("outcomes", b"a", b"b")
    assert (out.rows, out.buried) == ([], [(0, "undecodable"), (1, "undecodable")])


def test_a_record_on_which_the_stage_raised_is_buried_with_the_cause() -> None:
    out = Tables()
    records = Records("outcomes", 0, [PlainRecord(7, 0, b"k", b"v")])
    Sink(KINDS).bury(records, "KeyError at sink.py:1", MemoryState(0), out)  # type: ignore[arg-type]
    assert out.buried == [(7, "stage_raised")]
