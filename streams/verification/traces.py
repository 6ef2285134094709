"""Lines that lead from a difference to the touchpoints behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from streams.domain.touchpoint import Order

#: Of many touchpoints the first are shown.
SHOWN = 5
EPOCH = datetime.fromtimestamp(0, UTC)


def time_text(at_ms: int) -> str:
    """A time in ms UTC for people, to the millisecond."""
    return f"{EPOCH + timedelta(milliseconds=at_ms):%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03} UTC"


def touchpoint_text(order: Order) -> str:
    """One touchpoint."""
    return f"{order.channel} {order.event_id} at {time_text(order.occurred_at)} by {order.via}"


def touchpoints(what: str, orders: Sequence[Order], total: int | None = None) -> Iterator[str]:
    """A line on ``what``, and one for each of the first touchpoints; ``total``: how many there are, where ``orders``
    are not all."""
    if not orders:
        return
    total = len(orders) if total is None else total
    yield f"{what}: {total:,}"
    yield from (f"  {touchpoint_text(order)}" for order in orders[:SHOWN])
    if total > SHOWN:
        yield f"  ... {total - SHOWN:,} more"


def compared(expected: Sequence[Order] | None, found: Sequence[Order] | None) -> Iterator[str]:
    """The touchpoints of a row as it should be, and as it is; None where there is no such row."""
    if expected is None or found is None:
        yield from touchpoints("touchpoints expected", expected or ())
        yield from touchpoints("touchpoints found", found or ())
        return
    missing, extra = sorted({*expected} - {*found}), sorted({*found} - {*expected})
    yield from touchpoints("touchpoints only expected", missing)
    yield from touchpoints("touchpoints only found", extra)
    if not missing and not extra:
        yield from touchpoints("touchpoints", expected)
