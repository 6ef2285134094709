"""What records of customers.activity say to a customer, read by columns where there are many of a kind.

A ResolvedTouchpoint whose touchpoint forms no journey says nothing here. Foreign records are counted and left out: SINK
reads them too, and keeps them as dead letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter

from schemas.codec import HEADER_BYTES, decode
from schemas.columns import decode_columns
from schemas.pieces import headers
from streams.domain.touchpoint import Conversion, Touchpoint, is_journey_forming
from streams.runtime.failures import refuse_newer
from streams.runtime.stage import Record, Records
from streams.stages.customers.history import CUSTOMER_BYTES, Kept

REGISTRY = CollectorRegistry()
FOREIGN = Counter(
    "journey_foreign_records_total", "Records on customers.activity that no stage of ours wrote.", registry=REGISTRY
)

_JUDGED = ("to", "version", "via.namespace", "via.value", "marketing_channel", "has_acquisition", "campaign", "content")
_SENT = ("occurred_at", "event_id", "channel", "action", "engaged_ms")
_CONVERSION = ("conversion.type", "conversion.value_micros", "conversion.currency", "conversion.order_id")


class Cause(NamedTuple):
    """Why touchpoints come or go: ``kind`` as in JourneyChange, and the event_id or correction_id that began it."""

    kind: str
    event_id: str


ARRIVAL = "arrival"
VERDICT = "verdict"


class Arrival(NamedTuple):
    """Touchpoints of ``via`` for the customer ``to``, 16 bytes, to whom ``version`` gave it."""

    to: bytes
    via: str
    version: int
    kept: Sequence[Kept]
    cause: Cause


class Moved(NamedTuple):
    """``identifiers`` leave the customer ``from_`` for ``to``; ``piece`` touchpoints are handed over at once."""

    from_: bytes
    to: bytes
    version: int
    identifiers: Sequence[str]
    piece: int
    cause: Cause


class Continued(NamedTuple):
    """What came by ``via`` behind ``cursor`` is still to be handed over by ``from_`` to ``to``."""

    from_: bytes
    to: bytes
    via: str
    version: int
    cursor: bytes
    piece: int
    cause: Cause


Message = Arrival | Moved | Continued


def messages(records: Records) -> Iterator[tuple[Record, Message]]:
    """What ``records`` say, in order; ValueError where a customer is no UUID, NewerSchema where a newer release says
    it."""
    resolved = Records(records.topic, records.partition, ())
    for record in records:
        read = _READ.get((record.value or b"")[:HEADER_BYTES])
        if read is None:
            resolved.append(record)
            continue
        yield from _arrivals(resolved)
        resolved = Records(records.topic, records.partition, ())
        yield from read([record])
    yield from _arrivals(resolved)


def _arrivals(records: Records) -> Iterator[tuple[Record, Message]]:
    """The journey-forming touchpoints in ``records``, and those that turned out to be a machine's."""
    if not records:
        return
    resolved = decode_columns([record.value for record in records], "resolved_touchpoint")
    forming = [*map(is_journey_forming, resolved.column("direction"), resolved.column("actor"))]
    told = [a or b for a, b in zip(forming, resolved.column("raised"), strict=True)]
    sent = decode_columns([*compress(resolved.column("touchpoint"), told)], "touchpoint")
    ours = Records(
        records.topic, records.partition, [records[position] for position in compress(resolved.positions, told)]
    )
    refuse_newer(resolved.errors, records)
    refuse_newer(sent.errors, ours)
    FOREIGN.inc(len(resolved.errors) + len(sent.errors))
    forms = [*compress(forming, told)]
    judged = [*zip(*(compress(resolved.column(path), told) for path in _JUDGED), strict=True)]
    happened = zip(*map(sent.column, _SENT), strict=True)
    converted = map(_conversion_of, *map(sent.column, _CONVERSION))
    for at, (occurred_at, event_id, channel, action, engaged_ms), conversion in zip(
        sent.positions, happened, converted, strict=True
    ):
        to, version, namespace, value, marketing_channel, has_acquisition, campaign, content = judged[at]
        via = f"{namespace}:{value}"
        touchpoint = Touchpoint(
            occurred_at,
            event_id,
            channel,
            via,
            action,
            marketing_channel,
            has_acquisition,
            campaign,
            content,
            engaged_ms or 0,
            conversion,
        )
        cause = Cause(ARRIVAL if forms[at] else VERDICT, event_id)
        yield ours[at], Arrival(bytes_of(to), via, version, (Kept(touchpoint, not forms[at]),), cause)


def _handed_over(records: Sequence[Record]) -> Iterator[tuple[Record, Message]]:
    for record, fields in _decoded(records):
        kept = [_kept(touchpoint, fields["via"]) for touchpoint in fields["touchpoints"]]
        arrival = Arrival(bytes_of(fields["to"]), fields["via"], fields["version"], kept, _cause(fields))
        yield record, arrival


def _moved(records: Sequence[Record]) -> Iterator[tuple[Record, Message]]:
    for record, fields in _decoded(records):
        from_, to = bytes_of(fields["from"]), bytes_of(fields["to"])
        yield record, Moved(from_, to, fields["version"], fields["identifiers"], fields["piece"], _cause(fields))


def _continued(records: Sequence[Record]) -> Iterator[tuple[Record, Message]]:
    for record, fields in _decoded(records):
        from_, to, via = bytes_of(fields["from"]), bytes_of(fields["to"]), fields["via"]
        yield record, Continued(from_, to, via, fields["version"], fields["cursor"], fields["piece"], _cause(fields))


#: How to read what identity and customers say, in any version of its schema, by what its values begin with.
_READ = {
    header: read
    for record, read in (
        ("touchpoints_handed_over", _handed_over),
        ("identifiers_moved", _moved),
        ("hand_over_continued", _continued),
    )
    for header in headers(record)
}


def is_between_customers(record: Record) -> bool:
    """Whether ``record`` is what identity or another customer says, not a touchpoint of a source."""
    return (record.value or b"")[:HEADER_BYTES] in _READ


def _decoded(records: Sequence[Record]) -> Iterator[tuple[Record, dict[str, Any]]]:
    """``records`` with their fields; Undecodable where one is damaged: it must not be lost."""
    return ((record, decode(record.value or b"").record) for record in records)


def _cause(fields: dict[str, Any]) -> Cause:
    return Cause(fields["cause"], fields["cause_event_id"])


def _kept(fields: dict[str, Any], via: str) -> Kept:
    conversion = fields["conversion"]
    values = {name: value for name, value in fields.items() if name not in ("is_machine", "conversion")}
    return Kept(
        Touchpoint(**values, via=via, conversion=None if conversion is None else Conversion(**conversion)),
        fields["is_machine"],
    )


def bytes_of(customer: str) -> bytes:
    """The 16 bytes of a UUID's text; ValueError where it is none."""
    found = bytes.fromhex(customer.replace("-", ""))
    if len(found) != CUSTOMER_BYTES:
        raise ValueError(f"customer: found {len(found)} bytes, expected a UUID")
    return found


def _conversion_of(type_: str | None, value_micros: int, currency: str, order_id: str | None) -> Conversion | None:
    return None if type_ is None else Conversion(type_, value_micros, currency, order_id or "")
