"""What records of customers.activity say: the journey-forming touchpoints in them, read by columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import NamedTuple

from prometheus_client import Counter

from schemas.columns import decode_columns
from streams.domain.touchpoint import Conversion, Touchpoint, is_journey_forming
from streams.runtime.stage import Record
from streams.stages.customers.history import CUSTOMER_BYTES

FOREIGN = Counter("journey_foreign_records_total", "Records on customers.activity that no stage of ours wrote.")

_JUDGED = ("to", "via.namespace", "via.value", "marketing_channel", "has_acquisition", "campaign", "content")
_SENT = ("occurred_at", "event_id", "channel", "action", "engaged_ms")
_CONVERSION = ("conversion.type", "conversion.value_micros", "conversion.currency", "conversion.order_id")


class Arrival(NamedTuple):
    """A journey-forming touchpoint of the customer ``to``, a UUID's 16 bytes; ``offset`` of its record."""

    offset: int
    to: bytes
    touchpoint: Touchpoint


def arrivals(records: Sequence[Record]) -> Iterator[Arrival]:
    """The journey-forming touchpoints in ``records``, in order; ValueError where a customer is no UUID.

    Foreign records are counted and left out: SINK reads them too, and keeps them as dead letters. One writer a row.
    """
    resolved = decode_columns([record.value for record in records], "resolved_touchpoint")
    forming = [*map(is_journey_forming, resolved.column("direction"), resolved.column("actor"))]
    sent = decode_columns([*compress(resolved.column("touchpoint"), forming)], "touchpoint")
    FOREIGN.inc(len(resolved.errors) + len(sent.errors))
    offsets = [records[position].offset for position in compress(resolved.positions, forming)]
    judged = [*zip(*(compress(resolved.column(path), forming) for path in _JUDGED), strict=True)]
    happened = zip(*map(sent.column, _SENT), strict=True)
    converted = map(_conversion_of, *map(sent.column, _CONVERSION))
    for at, (occurred_at, event_id, channel, action, engaged_ms), conversion in zip(
        sent.positions, happened, converted, strict=True
    ):
        to, namespace, value, marketing_channel, has_acquisition, campaign, content = judged[at]
        touchpoint = Touchpoint(
            occurred_at,
            event_id,
            channel,
            f"{namespace}:{value}",
            action,
            marketing_channel,
            has_acquisition,
            campaign,
            content,
            engaged_ms or 0,
            conversion,
        )
        yield Arrival(offsets[at], bytes_of(to), touchpoint)


def bytes_of(customer: str) -> bytes:
    """The 16 bytes of a UUID's text; ValueError where it is none."""
    found = bytes.fromhex(customer.replace("-", ""))
    if len(found) != CUSTOMER_BYTES:
        raise ValueError(f"customer: found {len(found)} bytes, expected a UUID")
    return found


def _conversion_of(type_: str | None, value_micros: int, currency: str, order_id: str | None) -> Conversion | None:
    return None if type_ is None else Conversion(type_, value_micros, currency, order_id or "")
