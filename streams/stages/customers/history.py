"""A customer's history as ordered entries of a view; a key begins with the customer, 16 bytes, and the kind.

    h  occurred_at, event_id, channel, via      the touchpoint
    x  occurred_at, event_id, channel, via      a touchpoint that turned out to be a machine's
    d  via, hour                                an hour in which h or x may have something of the via
    o  type, order_id, place                    a touchpoint with this order; the first of them alone converts
    j  place of its first touchpoint            a live journey; it lasts until the next begins
    s  channel, place of its first touchpoint   a live session; it lasts until the next on its channel begins
    t                                           how the history ends
    p  via                                      where the via's touchpoints belong (`streams.stages.customers.custody`)

Places sort as the touchpoints do: time as 8 big-endian bytes, texts in UTF-8 behind NUL, which no text holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from heapq import merge
from itertools import islice, takewhile
from operator import itemgetter
from typing import NamedTuple

from streams.domain.journeys import order_key
from streams.domain.rules import MINUTE_MS
from streams.domain.tail import Tail
from streams.domain.touchpoint import Order, Touchpoint, order_of
from streams.runtime.stage import Layout, View

TOUCHPOINT = b"h"
MACHINE = b"x"
HOUR = b"d"
ORDER = b"o"
JOURNEY = b"j"
SESSION = b"s"
TAIL = b"t"
PLACE = b"p"
CUSTOMER_BYTES = 16


class Place(NamedTuple):
    """Where a via's touchpoints belong: to ``customer`` (16 bytes), since ``version``. ``cursor``: how far they have
    been handed over there, '' not at all; None where nothing is due."""

    customer: bytes
    version: int
    cursor: bytes | None = None


LAYOUT = Layout(
    types={
        TOUCHPOINT: Touchpoint,
        MACHINE: bool,
        HOUR: bool,
        ORDER: bool,
        JOURNEY: bool,
        SESSION: bool,
        TAIL: Tail,
        PLACE: Place,
    },
    kind_at=CUSTOMER_BYTES,
    group_bytes=CUSTOMER_BYTES,
)
HOUR_MS = 60 * MINUTE_MS
#: Above every place.
HIGHEST = b"\xff" * 9
_ZERO = 1 << 63
_value = itemgetter(1)


@lru_cache(maxsize=8_192)  # asked several times while a touchpoint is taken
def place(order: Order) -> bytes:
    """``order`` as bytes that sort like it."""
    occurred_at, event_id, channel, via = order
    return place_of_time(occurred_at) + f"{event_id}\0{channel}\0{via}".encode()


def place_of_time(occurred_at: int) -> bytes:
    """Where the places of what happened at ``occurred_at`` or later begin."""
    return (occurred_at + _ZERO).to_bytes(8, "big")


def time_at(place_: bytes) -> int:
    """When that happened which stands at ``place_``."""
    return int.from_bytes(place_[:8], "big") - _ZERO


def order_at(place_: bytes) -> Order:
    """The order that ``place_`` stands for."""
    event_id, channel, via = place_[8:].decode().split("\0")
    return Order(time_at(place_), event_id, channel, via)


class Kept(NamedTuple):
    """What a history keeps at a place: a touchpoint, or that it turned out to be a machine's."""

    touchpoint: Touchpoint
    is_machine: bool


class CustomerHistory:
    """One customer's touchpoints: a `streams.domain.restitch.History` over a view."""

    def __init__(self, view: View, customer: bytes) -> None:
        self._view = view
        self._customer = customer
        self._touchpoints = customer + TOUCHPOINT
        self._machines = customer + MACHINE

    @property
    def tail(self) -> Tail | None:
        """How it ends; None where it is empty."""
        tail: Tail | None = self._view.get(self._customer + TAIL)
        return tail

    def end_with(self, tail: Tail | None) -> None:
        """Remember how it ends."""
        if tail is None:
            self._view.delete(self._customer + TAIL)
        else:
            self._view.put(self._customer + TAIL, tail)

    def is_machine(self, order: Order) -> bool:
        """Whether the touchpoint at ``order`` turned out to be a machine's."""
        return self._view.get(self._machines + place(order)) is not None

    def get(self, order: Order) -> Touchpoint | None:
        """The touchpoint at ``order``."""
        touchpoint: Touchpoint | None = self._view.get(self._touchpoints + place(order))
        return touchpoint

    def add(self, touchpoint: Touchpoint, order: Order) -> None:
        """Keep ``touchpoint``, which is new and stands at ``order``."""
        self._view.put(self._touchpoints + place(order), touchpoint)
        self._enter(order)
        key = self._order_key(touchpoint)
        if key is not None:
            self._view.put(key + place(order), True)

    def remove(self, touchpoint: Touchpoint, order: Order) -> None:
        """Forget ``touchpoint``, which stands at ``order``."""
        self._view.delete(self._touchpoints + place(order))
        key = self._order_key(touchpoint)
        if key is not None:
            self._view.delete(key + place(order))

    def mark_machine(self, order: Order) -> None:
        """Remember that the touchpoint at ``order`` is a machine's."""
        self._view.put(self._machines + place(order), True)
        self._enter(order)

    def unmark_machine(self, order: Order) -> None:
        """Forget that the touchpoint at ``order`` is a machine's."""
        self._view.delete(self._machines + place(order))

    def first_of_order(self, touchpoint: Touchpoint) -> Order | None:
        """The first with the (type, order_id) of ``touchpoint``; None where it has none, or there is none."""
        key = self._order_key(touchpoint)
        first = None if key is None else next(self._view.scan(key, key + HIGHEST), None)
        return None if key is None or first is None else order_at(first[0][len(key) :])

    def converts(self, touchpoint: Touchpoint) -> bool:
        if touchpoint.conversion is None:
            return False
        return not touchpoint.conversion.order_id or self.first_of_order(touchpoint) == order_of(touchpoint)

    def since(self, order: Order) -> Iterator[Touchpoint]:
        return map(_value, self._view.scan(self._touchpoints + place(order), self._touchpoints + HIGHEST))

    def before(self, order: Order) -> Iterator[Touchpoint]:
        return self.backwards(place(order))

    def backwards(self, from_: bytes = HIGHEST) -> Iterator[Touchpoint]:
        """Those below the place ``from_``, descending."""
        return map(_value, self._view.scan(self._touchpoints, self._touchpoints + from_, reverse=True))

    def between(self, start: bytes, stop: bytes) -> tuple[list[bytes], list[Touchpoint]]:
        """The touchpoints with start <= place < stop, in order, behind their places."""
        entries = [*self._view.scan(self._touchpoints + start, self._touchpoints + stop)]
        return [key[CUSTOMER_BYTES + 1 :] for key, _ in entries], [touchpoint for _, touchpoint in entries]

    # --- by via ---------------------------------------------------------------------------------------

    def come_by(self, via: str, behind: bytes, most: int) -> tuple[list[Kept], bool]:
        """The first ``most`` that came by ``via`` behind the place ``behind``, and whether there are more."""
        found = list(islice(self._come_by(via, behind), most + 1))
        return found[:most], len(found) > most

    def _come_by(self, via: str, behind: bytes) -> Iterator[Kept]:
        start, stop = behind + b"\0", HIGHEST
        for hour in self._hours(via, behind):
            first, end = place_of_time(hour * HOUR_MS), place_of_time((hour + 1) * HOUR_MS)
            if end > start:
                yield from self._in_hour(via, max(first, start), min(end, stop))

    def _in_hour(self, via: str, start: bytes, stop: bytes) -> Iterator[Kept]:
        touchpoints = (Kept(t, False) for _, t in self._scan(TOUCHPOINT, start, stop) if t.via == via)
        orders = (order_at(key[CUSTOMER_BYTES + 1 :]) for key, _ in self._scan(MACHINE, start, stop))
        machines = (Kept(Touchpoint(*order, action=""), True) for order in orders if order.via == via)
        return merge(touchpoints, machines, key=lambda kept: order_of(kept.touchpoint))

    def _scan(self, kind: bytes, start: bytes, stop: bytes) -> Iterator[tuple[bytes, Touchpoint]]:
        return self._view.scan(self._customer + kind + start, self._customer + kind + stop)

    def _hours(self, via: str, behind: bytes = b"") -> Iterator[int]:
        """The hours, since 1970, in which there may be something of ``via`` behind a place, in order."""
        prefix = self._hour_key(via)
        start = place_of_time(time_at(behind) // HOUR_MS) if behind else b""
        return (time_at(key[len(prefix) :]) for key, _ in self._view.scan(prefix + start, prefix + HIGHEST))

    def leave_hours(self, via: str, last: Order | None) -> None:
        """Nothing of ``via`` is left up to ``last``; None: nothing at all."""
        for hour in [*takewhile(lambda h: last is None or h < last.occurred_at // HOUR_MS, self._hours(via))]:
            self._view.delete(self._hour_key(via, hour))

    def _enter(self, order: Order) -> None:
        key = self._hour_key(order.via, order.occurred_at // HOUR_MS)
        if self._view.get(key) is None:
            self._view.put(key, True)

    def _hour_key(self, via: str, hour: int | None = None) -> bytes:
        prefix = self._customer + HOUR + via.encode() + b"\0"
        return prefix if hour is None else prefix + place_of_time(hour)

    # --- orders -----------------------------------------------------------------------------------------

    def _order_key(self, touchpoint: Touchpoint) -> bytes | None:
        order = order_key(touchpoint)
        return None if order is None else self._customer + ORDER + "\0".join((*order, "")).encode()
