"""The rows that CUSTOMERS writes: whole journeys and sessions, or their deletion."""

from __future__ import annotations

from typing import Any

from schemas.codec import encode
from streams.domain.journeys import MAX_STEPS, Journey
from streams.domain.sessions import Session

_NO_JOURNEY: dict[str, Any] = {
    "started_at": 0,
    "ended_at": 0,
    "first_channel": "",
    "last_channel": "",
    "touchpoints": 0,
    "converted": False,
    "conversion_type": "",
    "value_micros": 0,
    "currency": "",
    "order_id": "",
    "goals": 0,
    "steps": [],
    "touches": [],
}
_NO_SESSION: dict[str, Any] = {
    "channel": "",
    "started_at": 0,
    "ended_at": 0,
    "touchpoints": 0,
    "page_views": 0,
    "engaged_ms": 0,
    "conversions": 0,
    "engaged": False,
    "marketing_channel": "",
    "campaign": "",
    "content": "",
}


def journey_fields(journey: Journey) -> dict[str, Any]:
    """The fields of a live journey's row, but for its ids and version."""
    first, last, conversion = journey.touchpoints[0], journey.touchpoints[-1], journey.conversion
    return {
        "started_at": first.occurred_at,
        "ended_at": last.occurred_at,
        "first_channel": first.channel,
        "last_channel": last.channel,
        "touchpoints": len(journey.touchpoints),
        "converted": conversion is not None,
        "conversion_type": conversion.type if conversion else "",
        "value_micros": conversion.value_micros if conversion else 0,
        "currency": conversion.currency if conversion else "",
        "order_id": conversion.order_id if conversion else "",
        "goals": journey.goals,
        "steps": [
            {"at": t.occurred_at, "channel": t.channel, "action": t.action, "via": t.via, "event_id": t.event_id}
            for t in journey.touchpoints[:MAX_STEPS]
        ],
        "touches": [touch._asdict() for touch in journey.touches],
        **{f"credit_{model}": list(shares) for model, shares in journey.credits._asdict().items()},
    }


def journey_row(journey_id: str, customer: str, journey: Journey | None, version: int) -> bytes:
    """The encoded row of ``journey``, or its tombstone where there is none."""
    fields = _NO_JOURNEY if journey is None else journey_fields(journey)
    ids = {"journey_id": journey_id, "customer_id": customer, "version": version, "deleted": journey is None}
    return encode("journey", {**ids, **fields})


def session_row(session_id: str, customer: str, session: Session | None, version: int) -> bytes:
    """The encoded row of ``session``, or its tombstone where there is none."""
    fields = _NO_SESSION if session is None else session._asdict()
    ids = {"session_id": session_id, "customer_id": customer, "version": version, "deleted": session is None}
    return encode("session", {**fields, **ids})
