"""The records that INTAKE writes, made from what was judged and counted."""

from __future__ import annotations

from schemas.codec import encode
from schemas.pieces import header, long, piece
from streams import topics
from streams.domain.engagement import LARGEST
from streams.runtime.stage import Record, Records
from streams.stages.intake.contents import Content
from streams.stages.intake.entries import Assigned, EngagementRow, OutcomeCount
from streams.stages.intake.outcomes import Accepted, Late
from streams.stages.intake.via import Pair

Sent = tuple[str, bytes, bytes]

_RESOLVED = header("resolved_touchpoint")
_LINK = header("link")


def resolved_touchpoint(
    accepted: Accepted, touchpoint: bytes, assigned: Assigned | None, partition: int, offset: int
) -> Sent:
    """(topic, key, value) of an accepted touchpoint, as it was sent, on its way to the customer whom its via is
    ``assigned`` to. ``offset``: its own in its source ``partition``, or that of the touchpoint that raised its verdict.
    """
    via = accepted.via
    customer, resolved = via.resolve(assigned)
    value = b"".join(
        (
            _RESOLVED,
            resolved,
            accepted.meaning.resolved,
            via.identifiers,
            long(accepted.received_at),
            long(offset),
            long(partition),
            long(len(touchpoint)),
            touchpoint,
        )
    )
    return topics.ACTIVITY, customer, value


def link(pair: Pair, content: Content) -> Sent:
    """(topic, key, value) of the evidence that ``content`` gives of ``pair``."""
    evidence = {"occurred_at": content.occurred_at, "event_id": content.event_id, "channel": content.channel}
    return topics.LINKS, topics.LINKS_KEY, b"".join((_LINK, pair.link, piece("link", evidence)))


def late_touchpoint(records: Records, record: Record, late: Late) -> bytes:
    """The encoded LateTouchpoint of ``record``, one of ``records``."""
    return encode(
        "late_touchpoint",
        {
            **late._asdict(),
            "channel": topics.channel_of(records.topic),
            "topic": records.topic,
            "partition": records.partition,
            "offset": record.offset,
            "key": record.key,
            "original": record.value or b"",
        },
    )


def engagement(row: EngagementRow, version: int, partition: int) -> Sent:
    """(topic, key, value) of one engagement row."""
    key = "|".join((row.key.channel, row.key.campaign, str(row.key.hour), row.key.currency, row.key.actor))
    totals = row.totals
    fields = {
        **row.key._asdict(),
        **totals._asdict(),
        "engaged_ms": min(int(totals.engaged_ms), LARGEST),
        "revenue_micros": min(int(totals.revenue_micros), LARGEST),
        "actions": dict(sorted(totals.actions.items())),
        "source_partition": partition,
        "version": version,
        "deleted": not totals.touchpoints,
    }
    return topics.ENGAGEMENT, f"{key}|{partition}".encode(), encode("engagement", fields)


def outcome(count: OutcomeCount, version: int, partition: int) -> Sent:
    """(topic, key, value) of one outcome row."""
    fields = {**count._asdict(), "channel": topics.channel_of(count.topic), "partition": partition, "version": version}
    key = f"{count.topic}-{partition}|{count.outcome}|{count.reason}"
    return topics.OUTCOMES, key.encode(), encode("outcome", fields)
