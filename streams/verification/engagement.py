"""Engagement rows, added up again from touchpoints by the domain's own functions.

    touchpoints, sorted by row ----> totals ----+
    messages' human events --------> uniques ---+--> row by row beside table engagement
    table engagement, sorted -------------------+

All three come in the order of the rows, so that one row at a time is in memory. A touchpoint's actor, direction and
campaign are taken as INTAKE judged them. A row of zeros is none: it was left when what it counted moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sinks.clickhouse import Row
from sinks.verify import Tables
from streams.domain.engagement import (
    HOUR_MS,
    NOTHING,
    UNIQUES,
    HumanEvent,
    Share,
    Totals,
    add,
    add_unique,
    hour_of,
    unique_key,
    unique_of,
)
from streams.domain.touchpoint import Order
from streams.verification.differences import Comparison, Difference, differing, kind_of
from streams.verification.traces import SHOWN, time_text, touchpoints

_key = itemgetter(0)


class RowKey(NamedTuple):
    """A row's dimensions: those of the domain and the partition that the totals come from."""

    channel: str
    campaign: str
    hour: int
    currency: str
    actor: str
    partition: int

    @property
    def text(self) -> str:
        """For people."""
        named = f"{self.channel}, campaign {self.campaign or '(none)'}, {time_text(self.hour)}, {self.actor}"
        return f"{named}{self.currency and f', {self.currency}'}, partition {self.partition}"


#: Part of a row: totals, or the name of a component that is 1 more, or the row as it was found.
_Entry = tuple[RowKey, Any]


class OutOfOrder(RuntimeError):
    """The server's order isn't the domain's: what is compared would not be the same row."""


def compare_engagement(tables: Tables, comparison: Comparison) -> None:
    """Compare all rows of engagement; keeps the touchpoints of a row that differs as its trace."""
    with comparison.timed():
        entries = merge(
            _in_order(_added(tables.measured())),
            _in_order(_counted_once(tables.messages(UNIQUES))),
            _in_order(_found(tables.totals(Totals._fields))),
            key=_key,
        )
        for key, parts in groupby(entries, key=_key):
            expected, found = _rows(parts)
            _compare(key, expected, found, tables, comparison)


def _added(touchpoints: Iterable[Row]) -> Iterator[_Entry]:
    """The totals of each row, uniques apart."""
    for key, of_row in groupby(touchpoints, key=_row_of):
        totals = NOTHING
        for *_, action, direction, engaged_ms, converts, value_micros in of_row:
            totals = add(totals, action, direction, Share(1, engaged_ms, converts, value_micros))
        yield key, totals


def _row_of(touchpoint: Row) -> RowKey:
    channel, campaign, occurred_at, currency, actor, partition = touchpoint[:6]
    return RowKey(channel, campaign, hour_of(occurred_at), currency, actor, partition)


def _counted_once(messages: Iterable[Row]) -> Iterator[_Entry]:
    """Each unique, in the row of its earliest human event."""
    for partition, channel, action, events in messages:
        earliest = min(map(HumanEvent._make, events))
        yield RowKey(*unique_key(channel, earliest), partition), unique_of(channel, action, "human")


def _found(rows: Iterable[Row]) -> Iterator[_Entry]:
    return ((RowKey._make(row[:6]), row[6:]) for row in rows)


def _in_order(entries: Iterable[_Entry]) -> Iterator[_Entry]:
    last: RowKey | None = None
    for entry in entries:
        if last is not None and entry[0] < last:
            raise OutOfOrder(f"{entry[0].text} came behind {last.text}")
        last = entry[0]
        yield entry


def _rows(parts: Iterable[_Entry]) -> tuple[Totals, Totals]:
    """The row as it should be and as it is."""
    expected, found = NOTHING, NOTHING
    uniques = []
    for _, part in parts:
        match part:
            case Totals():
                expected = part
            case str():
                uniques.append(part)
            case _:
                found = Totals._make(part)
    for unique in uniques:
        expected = add_unique(expected, unique, 1)
    return expected, found._replace(actions={action: n for action, n in found.actions.items() if n})


def _compare(key: RowKey, expected: Totals, found: Totals, tables: Tables, comparison: Comparison) -> None:
    if expected == found:
        comparison.equal += found != NOTHING
        return
    kind = kind_of(expected != NOTHING, found != NOTHING)
    cells = differing(Totals._fields, expected, found)
    comparison.add(Difference(kind, key.text, cells), lambda _: _touchpoints_of(key, tables))


def _touchpoints_of(key: RowKey, tables: Tables) -> Iterator[str]:
    """The touchpoints that count in a row, beside those of messages that are counted elsewhere."""
    rows = tables.touchpoints_of(key._asdict() | {"until": key.hour + HOUR_MS}, SHOWN)
    return touchpoints("touchpoints", [Order._make(row[:4]) for row in rows], rows[0][-1] if rows else 0)
