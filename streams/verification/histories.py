"""Sessions, journeys, credits and their changes of every customer, stitched again from all of its touchpoints.

Touchpoints and rows come ordered by customer and are walked side by side: what is in memory is a few hundred customers,
or the largest one. Rows are compared as the sink would write them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, starmap
from operator import itemgetter
from typing import Any, NamedTuple

from schemas.columns import decode_columns, encode_records
from sinks.clickhouse import Row
from sinks.tables import TABLES
from sinks.verify import Tables
from streams.domain.rules import Rules
from streams.domain.stitch import Stitched, stitch
from streams.domain.touchpoint import Conversion, Order, Touchpoint, is_journey_forming, order_of
from streams.stages.customers.records import journey_fields, session_fields
from streams.verification import changes
from streams.verification.differences import Comparison, uneven
from streams.verification.steps import Steps, compare_steps
from streams.verification.traces import compared, touchpoints

#: Touchpoints and rows of several customers that are compared at once: encoding a few is dear.
AT_ONCE = 20_000
TOUCHPOINT, CHANGE, JOURNEY, SESSION = "touchpoint", "journey_change", "journey", "session"
_RECORDS = (JOURNEY, SESSION)
#: Columns in which a row may differ: not its version.
_COLUMNS = {name: tuple(c for c in TABLES[name].columns if c not in ("version", "deleted")) for name in _RECORDS}
_JOURNEY_ID, _ENDED_AT, _TOUCHPOINTS = map(_COLUMNS[JOURNEY].index, ("journey_id", "ended_at", "touchpoints"))
_STEPS = [_COLUMNS[JOURNEY].index(f"steps_{name}") for name in ("at", "event_id", "channel", "via")]
_ALL_STEPS = [(column, at) for at, column in enumerate(_COLUMNS[JOURNEY]) if column.startswith("steps_")]
_SESSION_SPAN = [_COLUMNS[SESSION].index(name) for name in ("channel", "started_at", "ended_at")]
_customer = itemgetter(0)
_Entry = tuple[str, str, list[Row]]


class Whose(NamedTuple):
    """Which customers are compared, and by which vias their touchpoints came; None for all.

    ``moved``: the customer of each via that hasn't its own.
    """

    moved: Mapping[str, str]
    customers: Collection[str] | None = None
    vias: Collection[str] | None = None


class Compared(NamedTuple):
    """How many customers have touchpoints, and how many these are."""

    customers: int
    touchpoints: int


class _Customer(NamedTuple):
    """One customer: its journey-forming touchpoints, what they are stitched to, the rows found, by kind of record;
    ``seen``: how many touchpoints of any kind it has."""

    id: str
    touchpoints: list[Touchpoint]
    stitched: Stitched
    found: Mapping[str, list[Row]]
    seen: int


def compare_histories(tables: Tables, whose: Whose, rules: Rules, comparisons: Mapping[str, Comparison]) -> Compared:
    """Compare customers, ``comparisons`` by the name of the table. What reading and stitching takes counts as the
    journeys'."""
    streams = [_by_customer(TOUCHPOINT, tables.touchpoints(whose.moved.items(), whose.vias))]
    for name, columns in _COLUMNS.items():
        rows = tables.rows(TABLES[name].name, columns, columns[0], whose.customers)
        streams.append(_by_customer(name, rows))
    told = tables.rows(TABLES[CHANGE].name, changes.COLUMNS, "customer_id", whose.customers, changes.ABOUT_A_CONVERSION)
    streams.append(_by_customer(CHANGE, told))
    customers = touchpoints_seen = 0
    entries = groupby(merge(*streams, key=_customer), key=_customer)
    while True:
        with comparisons["journeys"].timed():
            chunk = _chunk(entries, rules)
        if not chunk:
            return Compared(customers, touchpoints_seen)
        customers += sum(customer.seen > 0 for customer in chunk)
        touchpoints_seen += sum(customer.seen for customer in chunk)
        _compare(chunk, comparisons)


def _by_customer(kind: str, rows: Iterable[Row]) -> Iterator[_Entry]:
    return ((customer, kind, [*of_customer]) for customer, of_customer in groupby(rows, key=itemgetter(-1)))


def _chunk(entries: Iterator[tuple[str, Iterator[_Entry]]], rules: Rules) -> list[_Customer]:
    """The next customers, about `AT_ONCE` touchpoints and rows of them; none at the end."""
    chunk: list[_Customer] = []
    size = 0
    for id_, of_customer in entries:
        rows = {kind: rows for _, kind, rows in of_customer}
        size += sum(map(len, rows.values()))
        chunk.append(_customer_of(id_, rows, rules))
        if size >= AT_ONCE:
            break
    return chunk


def _customer_of(id_: str, rows: dict[str, list[Row]], rules: Rules) -> _Customer:
    touchpoints = rows.pop(TOUCHPOINT, [])
    forming = [touchpoint_of(row) for row in touchpoints if is_journey_forming(row[-3], row[-2])]
    return _Customer(id_, forming, stitch(id_, forming, rules), rows, len(touchpoints))


def touchpoint_of(row: Row) -> Touchpoint:
    """The touchpoint in a row of `sinks.verify.Tables.touchpoints`."""
    type_, value_micros, currency, order_id = row[10:14]
    conversion = Conversion(type_, value_micros, currency, order_id) if type_ else None
    return Touchpoint._make((*row[:10], conversion))


def _compare(chunk: Sequence[_Customer], comparisons: Mapping[str, Comparison]) -> None:
    journeys = [journey_fields(journey, 0) for customer in chunk for journey in customer.stitched.journeys]
    sessions = [session_fields(session, 0) for customer in chunk for session in customer.stitched.sessions]
    _compare_rows(JOURNEY, journeys, chunk, comparisons)
    _compare_rows(SESSION, sessions, chunk, comparisons)
    with comparisons["journey_steps"].timed():
        for customer in chunk:
            orders = [order_of(touchpoint) for touchpoint in customer.touchpoints]
            compare_steps(customer.id, orders, _steps(customer), comparisons["journey_steps"])
    with comparisons["journey_changes"].timed():
        for customer in chunk:
            found = customer.found.get(CHANGE, ())
            changes.compare_changes(customer.id, customer.stitched.journeys, found, comparisons["journey_changes"])


def _steps(customer: _Customer) -> list[Steps]:
    return [*map(_steps_of, customer.found.get(JOURNEY, ()))]


def _steps_of(row: Row) -> Steps:
    orders = _orders(row)
    differing = [*uneven({column: row[at] for column, at in _ALL_STEPS})]
    return Steps(row[_JOURNEY_ID], row[_ENDED_AT], row[_TOUCHPOINTS] > len(orders), orders, differing)


def _orders(row: Row) -> list[Order]:
    """As far as all of the row's arrays reach: who wrote it may have made one too short."""
    return [*starmap(Order, zip(*(row[column] for column in _STEPS), strict=False))]


def _compare_rows(
    name: str, records: Sequence[dict[str, Any]], chunk: Sequence[_Customer], comparisons: Mapping[str, Comparison]
) -> None:
    comparison = comparisons[TABLES[name].name]
    with comparison.timed():
        expected = {_key(name, row): row for row in _as_written(name, records)}
        found = {_key(name, row): row[:-1] for customer in chunk for row in customer.found.get(name, ())}
        trace_of = _trace_of_journey if name == JOURNEY else _trace_of_session
        comparison.compare(
            _COLUMNS[name], expected, found, lambda key: trace_of(chunk, expected.get(key), found.get(key))
        )


def _as_written(name: str, records: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """The rows that the sink makes of ``records``."""
    decoded = decode_columns(encode_records(name, records), name)
    data = dict(zip(TABLES[name].columns, TABLES[name].data_of(decoded, 0), strict=True))
    return zip(*(data[column] for column in _COLUMNS[name]), strict=True)


def _key(name: str, row: Row) -> str:
    """Rows begin with their id and their customer's."""
    return f"{name} {row[0]} of customer {row[1]}"


def _trace_of_journey(_: Sequence[_Customer], expected: Row | None, found: Row | None) -> Iterator[str]:
    return compared(expected and _orders(expected), found and _orders(found))


def _trace_of_session(chunk: Sequence[_Customer], expected: Row | None, found: Row | None) -> Iterator[str]:
    """A session's row doesn't name its touchpoints: those of its customer and channel in its time."""
    row = expected or found
    assert row is not None  # noqa: S101 - it is in one of the two
    channel, started_at, ended_at = (row[column] for column in _SESSION_SPAN)
    (customer,) = [one for one in chunk if one.id == row[1]]
    of_channel = sorted(order_of(one) for one in customer.touchpoints if one.channel == channel)
    return touchpoints("touchpoints", [one for one in of_channel if started_at <= one.occurred_at <= ended_at])
