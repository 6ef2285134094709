"""The records that INTAKE writes, made from what was judged."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

from schemas.codec import encode
from streams import topics
from streams.domain.actor import judge as judge_actor
from streams.domain.engagement import Counted
from streams.domain.ids import customer_id
from streams.domain.marketing_channel import marketing_channel
from streams.domain.vocabulary import direction_of, mode_of
from streams.runtime.stage import Record
from streams.stages.intake.memory import EngagementRow, OutcomeCount
from streams.stages.intake.outcomes import Accepted, Late

Sent = tuple[str, bytes, bytes]


class Resolved(NamedTuple):
    """An accepted touchpoint on its way to its customer; ``value`` is the encoded ResolvedTouchpoint."""

    customer_id: str
    actor: str
    direction: str
    campaign: str
    value: bytes


def resolve(record: Record, accepted: Accepted, own_domains: frozenset[str], rules_version: str) -> Resolved:
    """Judge the actor, name the marketing channel and resolve the customer: its via's own."""
    touchpoint, via = accepted.touchpoint, accepted.via
    channel, action = touchpoint["channel"], touchpoint["action"]
    actor = judge_actor(channel, action, touchpoint["user_agent"], touchpoint["provider_machine"])
    given = touchpoint["direction"]
    direction = (direction_of(channel, action) or given) if given == "UNKNOWN" else given
    mode = mode_of(channel, action) if touchpoint["mode"] == "UNKNOWN" else touchpoint["mode"]
    origin = marketing_channel(channel, action, touchpoint["acquisition"], own_domains)
    customer = customer_id(via)
    value = encode(
        "resolved_touchpoint",
        {
            "to": customer,
            "via": via._asdict(),
            "version": 0,
            "actor": actor,
            "rules_version": rules_version,
            "direction": direction,
            "mode": mode,
            "marketing_channel": origin.name,
            "has_acquisition": origin.has_acquisition,
            "campaign": origin.campaign,
            "content": origin.content,
            "identifiers": [i._asdict() for i in accepted.identifiers],
            "received_at": accepted.received_at,
            "intake_offset": record.offset,
            "intake_partition": record.partition,
            "touchpoint": record.value,
        },
    )
    return Resolved(customer, actor, direction, origin.campaign, value)


def counted(accepted: Accepted, resolved: Resolved) -> Counted:
    """What of the touchpoint counts for engagement."""
    touchpoint, conversion = accepted.touchpoint, accepted.touchpoint["conversion"]
    return Counted(
        channel=touchpoint["channel"],
        action=touchpoint["action"],
        direction=resolved.direction,
        actor=resolved.actor,
        occurred_at=touchpoint["occurred_at"],
        event_id=touchpoint["event_id"],
        via=accepted.via.text,
        message=touchpoint["message_id"] or touchpoint["event_id"],
        campaign=resolved.campaign,
        engaged_ms=touchpoint["engaged_ms"] or 0,
        is_conversion=conversion is not None,
        value_micros=conversion["value_micros"] if conversion else 0,
        currency=conversion["currency"] if conversion else "",
    )


def late_touchpoint(record: Record, late: Late) -> bytes:
    """The encoded LateTouchpoint of ``record``."""
    return encode(
        "late_touchpoint",
        {
            "event_id": late.touchpoint["event_id"],
            "occurred_at": late.touchpoint["occurred_at"],
            "late_by_ms": late.late_by_ms,
            "received_at": late.received_at,
            "channel": topics.channel_of(record.topic),
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": record.key,
            "original": record.value,
        },
    )


def engagement(row: EngagementRow, version: int, partition: int) -> Sent:
    """(topic, key, value) of one engagement row."""
    key = "|".join((row.key.channel, row.key.campaign, str(row.key.hour), row.key.currency, row.key.actor))
    fields = {**row.key._asdict(), "source_partition": partition, "version": version, **asdict(row.totals)}
    return topics.ENGAGEMENT, f"{key}|{partition}".encode(), encode("engagement", fields)


def outcome(count: OutcomeCount, version: int, partition: int) -> Sent:
    """(topic, key, value) of one outcome row."""
    fields = {**count._asdict(), "channel": topics.channel_of(count.topic), "partition": partition, "version": version}
    key = f"{count.topic}-{partition}|{count.outcome}|{count.reason}"
    return topics.OUTCOMES, key.encode(), encode("outcome", fields)
