"""The rows that CUSTOMERS writes: whole journeys and sessions, or their deletion."""

from __future__ import annotations

from typing import Any

from streams.domain.attribution import CreditModels
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
    **{f"credit_{model}": () for model in CreditModels._fields},
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


def journey_fields(journey: Journey, version: int) -> dict[str, Any]:
    """The row of a live journey."""
    first, last, conversion = journey.touchpoints[0], journey.touchpoints[-1], journey.conversion
    return {
        "journey_id": journey.journey_id,
        "customer_id": journey.customer_id,
        "version": version,
        "deleted": False,
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
        **{f"credit_{model}": shares for model, shares in journey.credits._asdict().items()},
    }


def session_fields(session: Session, version: int) -> dict[str, Any]:
    """The row of a live session."""
    return {**session._asdict(), "version": version, "deleted": False}


def tombstone(row_id: str, customer: str, version: int, *, of_journey: bool) -> dict[str, Any]:
    """The tombstone of a journey or session."""
    fields = {"journey_id": row_id, **_NO_JOURNEY} if of_journey else {"session_id": row_id, **_NO_SESSION}
    return {"customer_id": customer, "version": version, "deleted": True, **fields}
