"""Sessions, journeys and credits of every customer, stitched again from all of its touchpoints.

Touchpoints and rows come ordered by customer and are walked side by side: what is in memory is a few hundred customers,
or the largest one. Rows are compared as the sink would write them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

from schemas.columns import decode_columns, encode_records
from sinks.clickhouse import Row
from sinks.tables import TABLES
from sinks.verify import Tables
from streams.domain.rules import Rules
from streams.domain.stitch import stitch
from streams.domain.touchpoint import Conversion, Touchpoint, is_journey_forming
from streams.stages.customers.records import journey_fields, session_fields
from streams.verification.differences import Comparison

#: Touchpoints and rows of several customers that are compared at once: encoding a few is dear.
AT_ONCE = 20_000
_TOUCHPOINT = "touchpoint"
_RECORDS = ("journey", "session")
#: Columns in which a row may differ: not its version.
_COLUMNS = {name: tuple(c for c in TABLES[name].columns if c not in ("version", "deleted")) for name in _RECORDS}
_customer = itemgetter(0)
_Entry = tuple[str, str, Row]


@dataclass
class _Chunk:
    """Some customers: the rows that they should have, as records, and those that they have."""

    expected: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in _RECORDS})
    found: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in _RECORDS})
    size: int = 0


def compare_histories(
    tables: Tables, moved: Iterable[tuple[str, str]], rules: Rules, comparisons: Mapping[str, Comparison]
) -> int:
    """Compare all journeys and sessions, ``comparisons`` by the name of the record; gives the number of customers that
    have touchpoints. ``moved`` as `sinks.verify.Tables.touchpoints` takes it."""
    streams = [_tagged(_TOUCHPOINT, tables.touchpoints(moved))]
    streams += [_tagged(name, tables.rows(TABLES[name].name, _COLUMNS[name])) for name in _RECORDS]
    customers = 0
    chunk = _Chunk()
    for customer, entries in groupby(merge(*streams, key=_customer), key=_customer):
        customers += _take(chunk, customer, entries, rules)
        if chunk.size >= AT_ONCE:
            _compare(chunk, comparisons)
            chunk = _Chunk()
    _compare(chunk, comparisons)
    return customers


def _tagged(kind: str, rows: Iterable[Row]) -> Iterator[_Entry]:
    return ((row[0], kind, row[1:]) for row in rows)


def _take(chunk: _Chunk, customer: str, entries: Iterable[_Entry], rules: Rules) -> bool:
    """Add a customer to ``chunk``; whether it has touchpoints at all."""
    touchpoints: list[Touchpoint] = []
    seen = False
    for _, kind, row in entries:
        chunk.size += 1
        if kind != _TOUCHPOINT:
            chunk.found[kind].append(row)
            continue
        seen = True
        if is_journey_forming(row[0], row[1]):
            touchpoints.append(_touchpoint(row))
    stitched = stitch(customer, touchpoints, rules)
    chunk.expected["journey"] += [journey_fields(journey, 0) for journey in stitched.journeys]
    chunk.expected["session"] += [session_fields(session, 0) for session in stitched.sessions]
    return seen


def _touchpoint(row: Row) -> Touchpoint:
    type_, value_micros, currency, order_id = row[-4:]
    conversion = Conversion(type_, value_micros, currency, order_id) if type_ else None
    return Touchpoint._make((*row[2:-4], conversion))


def _compare(chunk: _Chunk, comparisons: Mapping[str, Comparison]) -> None:
    for name in _RECORDS:
        expected = {_key(row): row for row in _as_written(name, chunk.expected[name])}
        comparisons[name].compare(_COLUMNS[name], expected, {_key(row): row for row in chunk.found[name]})


def _as_written(name: str, records: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """The rows that the sink makes of ``records``."""
    decoded = decode_columns(encode_records(name, records), name)
    data = dict(zip(TABLES[name].columns, TABLES[name].data_of(decoded, 0), strict=True))
    return zip(*(data[column] for column in _COLUMNS[name]), strict=True)


def _key(row: Row) -> str:
    """Rows begin with their id and their customer's."""
    return f"{row[0]} of customer {row[1]}"
