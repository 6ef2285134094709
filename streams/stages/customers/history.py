"""A customer's history as ordered entries of a view.

    h  customer, occurred_at, event_id, channel, via           the touchpoint
    o  customer, type, order_id, occurred_at, event_id, ...    its place: the first entry of an order converts
    j  customer, place of the first touchpoint                 place of the last: a live journey
    s  customer, channel, place of the first touchpoint        place of the last: a live session

Keys sort as the touchpoints do: time as 8 big-endian bytes, texts in UTF-8 behind NUL, which no text holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from streams.domain.journeys import order_key
from streams.domain.touchpoint import Order, Touchpoint, order_of
from streams.runtime.stage import View

HISTORY = b"h"
ORDERS = b"o"
JOURNEY = b"j"
SESSION = b"s"
_ZERO = 1 << 63
#: Where in a key the customer ends: one byte of kind, 16 of UUID.
CUSTOMER_END = 17
_HIGHEST = b"\xff" * 9


def place(order: Order) -> bytes:
    """``order`` as bytes that sort like it."""
    texts = "\0".join((order.event_id, order.channel, order.via))
    return (order.occurred_at + _ZERO).to_bytes(8, "big") + texts.encode()


def order_at(place_: bytes) -> Order:
    """The order that ``place_`` stands for."""
    event_id, channel, via = place_[8:].decode().split("\0")
    return Order(int.from_bytes(place_[:8], "big") - _ZERO, event_id, channel, via)


class CustomerHistory:
    """One customer's touchpoints: a `streams.domain.restitch.History` over a view."""

    def __init__(self, view: View, customer: str) -> None:
        self._view = view
        self._customer = UUID(customer).bytes

    def key(self, kind: bytes) -> bytes:
        """Where this customer's entries of ``kind`` begin."""
        return kind + self._customer

    def add(self, touchpoint: Touchpoint) -> bool:
        """Keep ``touchpoint``; False where it is known."""
        key = self.key(HISTORY) + place(order_of(touchpoint))
        if self._view.get(key) is not None:
            return False
        self._view.put(key, touchpoint)
        order = self._order_prefix(touchpoint)
        if order is not None:
            self._view.put(order + place(order_of(touchpoint)), order_of(touchpoint))
        return True

    def demoted_by(self, touchpoint: Touchpoint) -> Order | None:
        """The conversion that stopped converting because ``touchpoint``, of the same order, comes before it."""
        order = self._order_prefix(touchpoint)
        if order is None:
            return None
        entries = self._view.scan(order, order + _HIGHEST)
        first = next(entries)[1]
        second = next(entries, None)
        return second[1] if second is not None and first == order_of(touchpoint) else None

    def converts(self, touchpoint: Touchpoint) -> bool:
        if touchpoint.conversion is None:
            return False
        order = self._order_prefix(touchpoint)
        if order is None:
            return True
        first: Order = next(self._view.scan(order, order + _HIGHEST))[1]
        return first == order_of(touchpoint)

    def since(self, order: Order) -> Iterator[Touchpoint]:
        prefix = self.key(HISTORY)
        for _, touchpoint in self._view.scan(prefix + place(order), prefix + _HIGHEST):
            yield touchpoint

    def before(self, order: Order) -> Iterator[Touchpoint]:
        prefix = self.key(HISTORY)
        for _, touchpoint in self._view.scan(prefix, prefix + place(order), reverse=True):
            yield touchpoint

    def between(self, first: Order, last: Order) -> list[Touchpoint]:
        """The touchpoints from ``first`` to ``last``, both included."""
        prefix = self.key(HISTORY)
        stop = prefix + place(last) + b"\0"
        return [touchpoint for _, touchpoint in self._view.scan(prefix + place(first), stop)]

    def _order_prefix(self, touchpoint: Touchpoint) -> bytes | None:
        order = order_key(touchpoint)
        return None if order is None else self.key(ORDERS) + "\0".join(order).encode() + b"\0\0"


def customer_of(key: bytes) -> str:
    """The customer that an entry belongs to."""
    return str(UUID(bytes=key[1:CUSTOMER_END]))
