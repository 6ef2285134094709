"""A customer's history as ordered entries of a view; a key begins with the customer, 16 bytes, and the kind.

    h  occurred_at, event_id, channel, via      the touchpoint
    o  type, order_id                           the first touchpoint with this order, which alone converts
    j  place of its first touchpoint            a live journey; it lasts until the next begins
    s  channel, place of its first touchpoint   a live session; it lasts until the next on its channel begins
    t                                           how the history ends

Places sort as the touchpoints do: time as 8 big-endian bytes, texts in UTF-8 behind NUL, which no text holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from streams.domain.journeys import order_key
from streams.domain.tail import Tail
from streams.domain.touchpoint import Order, Touchpoint, order_of
from streams.runtime.stage import Layout, View

TOUCHPOINT = b"h"
ORDER = b"o"
JOURNEY = b"j"
SESSION = b"s"
TAIL = b"t"
CUSTOMER_BYTES = 16
LAYOUT = Layout(
    types={TOUCHPOINT: Touchpoint, ORDER: Order, JOURNEY: bool, SESSION: bool, TAIL: Tail},
    kind_at=CUSTOMER_BYTES,
    group_bytes=CUSTOMER_BYTES,
)
#: Above every place.
HIGHEST = b"\xff" * 9
_ZERO = 1 << 63
_value = itemgetter(1)


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


class CustomerHistory:
    """One customer's touchpoints: a `streams.domain.restitch.History` over a view."""

    def __init__(self, view: View, customer: bytes) -> None:
        self._view = view
        self._customer = customer
        self._touchpoints = customer + TOUCHPOINT

    @property
    def tail(self) -> Tail | None:
        """How it ends; None where it is empty."""
        tail: Tail | None = self._view.get(self._customer + TAIL)
        return tail

    def end_with(self, tail: Tail) -> None:
        """Remember how it ends."""
        self._view.put(self._customer + TAIL, tail)

    def has(self, order: Order) -> bool:
        """Whether there is a touchpoint at ``order``."""
        return self._view.get(self._touchpoints + place(order)) is not None

    def add(self, touchpoint: Touchpoint, order: Order) -> Order | None:
        """Keep ``touchpoint``, which is new and stands at ``order``.

        The first of its order converts: gives the one that did so far, where this one comes before it.
        """
        self._view.put(self._touchpoints + place(order), touchpoint)
        key = self._order_key(touchpoint)
        if key is None:
            return None
        first: Order | None = self._view.get(key)
        if first is not None and first < order:
            return None
        self._view.put(key, order)
        return first

    def converts(self, touchpoint: Touchpoint) -> bool:
        if touchpoint.conversion is None:
            return False
        key = self._order_key(touchpoint)
        return key is None or self._view.get(key) == order_of(touchpoint)

    def since(self, order: Order) -> Iterator[Touchpoint]:
        return map(_value, self._view.scan(self._touchpoints + place(order), self._touchpoints + HIGHEST))

    def before(self, order: Order) -> Iterator[Touchpoint]:
        start, stop = self._touchpoints, self._touchpoints + place(order)
        return map(_value, self._view.scan(start, stop, reverse=True))

    def between(self, start: bytes, stop: bytes) -> tuple[list[bytes], list[Touchpoint]]:
        """The touchpoints with start <= place < stop, in order, behind their places."""
        entries = [*self._view.scan(self._touchpoints + start, self._touchpoints + stop)]
        return [key[CUSTOMER_BYTES + 1 :] for key, _ in entries], [touchpoint for _, touchpoint in entries]

    def _order_key(self, touchpoint: Touchpoint) -> bytes | None:
        order = order_key(touchpoint)
        return None if order is None else self._customer + ORDER + "\0".join(order).encode()
