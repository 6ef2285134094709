"""Engagement rows, added up again from touchpoints by the domain's own functions.

    touchpoints, sorted by row ----> totals ----+
    messages' human events --------> uniques ---+--> row by row beside table engagement
    table engagement, sorted -------------------+

All three come in the order of the rows, so that one row at a time is in memory. A touchpoint's actor, direction and
campaign are taken as INTAKE judged them. A row of zeros is none: it was left when what it counted moved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sinks.clickhouse import Row
from sinks.verify import Tables
from streams.domain.actor import HUMAN
from streams.domain.engagement import (
    LARGEST,
    NOTHING,
    UNIQUES,
    Share,
    Totals,
    add,
    add_unique,
    hour_of,
    unique_key,
)
from streams.domain.touchpoint import Order
from streams.domain.verdicts import Deed, first_human, part_of
from streams.domain.vocabulary import actions
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


def compare_engagement(tables: Tables, hours: Collection[int] | None, comparison: Comparison) -> None:
    """Compare the rows of ``hours`` (their beginnings in ms UTC; None for all); the touchpoints of a row that differs
    are its trace."""
    with comparison.timed():
        counted = [_added(tables.measured(hours))]
        for channel, part in UNIQUES:
            messages = tables.messages(channel, _actions(channel, part), hours)
            counted.append(_counted_once(channel, part, messages, hours))
        rows = _found(tables.totals(Totals._fields, hours))
        for key, parts in groupby(merge(*map(_in_order, (*counted, rows)), key=_key), key=_key):
            _compare(key, *_rows(parts), tables, comparison)


def _actions(channel: str, part: str) -> list[str]:
    return [action for action in actions(channel) if part_of(channel, action) == part]


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


def _counted_once(channel: str, part: str, messages: Iterable[Row], hours: Collection[int] | None) -> Iterator[_Entry]:
    """Each unique, in the row of its earliest human event, where that lies in ``hours``."""
    for partition, events in messages:
        first = first_human(sorted(_human(*event) for event in events))
        assert first is not None  # noqa: S101 - humans' events alone were asked for
        key = RowKey(*unique_key(channel, first), partition)
        if hours is None or key.hour in hours:
            yield key, UNIQUES[channel, part]


def _human(occurred_at: int, event_id: str, campaign: str, currency: str) -> Deed:
    return Deed(occurred_at, event_id, campaign, currency, HUMAN)


def _found(rows: Iterable[Row]) -> Iterator[_Entry]:
    return ((RowKey._make(row[:6]), row[6:]) for row in rows)


def _in_order(entries: Iterable[_Entry]) -> Iterator[_Entry]:
    last: RowKey | None = None
    for entry in entries:
        if last is not None and entry[0] < last:
            raise OutOfOrder(f"{entry[0].text} came behind {last.text}")
        last = entry[0]
        yield entry


def _rows(parts: Iterable[_Entry]) -> tuple[Row, Row]:
    """The row as it should be and as it is."""
    expected, found, uniques = NOTHING, NOTHING, []
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
    return _plain(expected), _plain(found)


def _plain(totals: Totals) -> Row:
    """``totals`` as far as a table can hold them, and without what is counted as 0."""
    written = {name: min(int(getattr(totals, name)), LARGEST) for name in Totals._fields[:-1]}
    return *written.values(), {action: n for action, n in totals.actions.items() if n}


def _compare(key: RowKey, expected: Row, found: Row, tables: Tables, comparison: Comparison) -> None:
    if expected == found:
        comparison.equal += any(found)
        return
    cells = differing(Totals._fields, expected, found)
    difference = Difference(kind_of(any(expected), any(found)), key.text, cells)
    comparison.add(difference, lambda _: _touchpoints_of(key, tables))


def _touchpoints_of(key: RowKey, tables: Tables) -> Iterator[str]:
    """The touchpoints that count in a row, beside those of messages that are counted elsewhere."""
    rows = tables.touchpoints_in(key._asdict(), SHOWN)
    return touchpoints("touchpoints", [Order._make(row[:4]) for row in rows], rows[0][-1] if rows else 0)
