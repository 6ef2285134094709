"""The records that CUSTOMERS writes: whole journeys and sessions or their deletion, what changed in journeys, and what
one customer tells another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.codec import encode
from streams.domain.attribution import CreditModels
from streams.domain.changes import JourneyChange
from streams.domain.journeys import MAX_STEPS, Journey
from streams.domain.sessions import Session
from streams.stages.customers.history import Kept
from streams.stages.customers.messages import ARRIVAL, Arrival, Cause, Continued
from streams.stages.customers.rows import uuid_text

Sent = tuple[bytes, bytes]
LATE = "late"
#: Far below what a record may have, whatever its characters become in UTF-8.
CHUNK_CHARACTERS = 500_000
_NO_CREDITS: dict[str, Any] = {f"credit_{model}": () for model in CreditModels._fields}
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
    **_NO_CREDITS,
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
        **_credit_fields(journey),
    }


def _credit_fields(journey: Journey) -> dict[str, Any]:
    return {f"credit_{model}": shares for model, shares in journey.credits._asdict().items()}


def session_fields(session: Session, version: int) -> dict[str, Any]:
    """The row of a live session."""
    return {**session._asdict(), "version": version, "deleted": False}


def tombstone(row_id: str, customer: str, version: int, *, of_journey: bool) -> dict[str, Any]:
    """The tombstone of a journey or session."""
    fields = {"journey_id": row_id, **_NO_JOURNEY} if of_journey else {"session_id": row_id, **_NO_SESSION}
    return {"customer_id": customer, "version": version, "deleted": True, **fields}


def journey_change(change: JourneyChange, customer: str, cause: Cause, changed_at: int, version: int) -> Sent:
    """(key, value) of what ``cause`` changed in the journeys of ``customer``; ``changed_at`` in ms UTC."""
    conversion = change.conversion
    bought = None if conversion is None else conversion.conversion
    fields = {
        "customer_id": customer,
        "journey_before": change.journey_before,
        "journey_after": change.journey_after,
        # What came behind all others is no change of what was there.
        "cause": LATE if cause.kind == ARRIVAL and not change.follows else cause.kind,
        "cause_event_id": cause.event_id,
        "changed_at": changed_at,
        "conversion_channel": conversion.channel if conversion else "",
        "conversion_via": conversion.via if conversion else "",
        "conversion_event_id": conversion.event_id if conversion else "",
        "converted_at": conversion.occurred_at if conversion else 0,
        "conversion_type": bought.type if bought else "",
        "value_micros": bought.value_micros if bought else 0,
        "currency": bought.currency if bought else "",
        "before": _credits(change.before),
        "after": _credits(change.after),
        "version": version,
    }
    return customer.encode(), encode("journey_change", fields)


def _credits(journey: Journey | None) -> dict[str, Any]:
    if journey is None:
        return {"touches": [], **_NO_CREDITS}
    return {"touches": [touch._asdict() for touch in journey.touches], **_credit_fields(journey)}


def handed_over(arrival: Arrival, sender: str) -> list[Sent]:
    """(key, value) of the records that tell a customer of touchpoints that ``sender`` forwards or hands over: one, or
    more where it would be too large."""
    touchpoints = [_handed(kept) for kept in arrival.kept]
    to = uuid_text(arrival.to)
    fields = {
        "to": to,
        "via": arrival.via,
        "version": arrival.version,
        "from": sender,
        "cause": arrival.cause.kind,
        "cause_event_id": arrival.cause.event_id,
    }
    return [
        (to.encode(), encode("touchpoints_handed_over", {**fields, "chunk": chunk, "touchpoints": part}))
        for chunk, part in enumerate(_chunks(touchpoints))
    ]


def _chunks(touchpoints: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """``touchpoints`` in parts that fit a record; one alone always does, because its source did."""
    part: list[dict[str, Any]] = []
    size = 0
    for touchpoint in touchpoints:
        texts = [*touchpoint.values(), *(touchpoint["conversion"] or {}).values()]
        more = 64 + sum(len(text) for text in texts if isinstance(text, str))
        if part and size + more > CHUNK_CHARACTERS:
            yield part
            part, size = [], 0
        part.append(touchpoint)
        size += more
    yield part


def _handed(kept: Kept) -> dict[str, Any]:
    fields = kept.touchpoint._asdict()
    del fields["via"]
    conversion = kept.touchpoint.conversion
    return {**fields, "conversion": conversion and conversion._asdict(), "is_machine": kept.is_machine}


def continued(due: Continued) -> Sent:
    """(key, value) of a customer's note to itself."""
    from_ = uuid_text(due.from_)
    fields = {
        "from": from_,
        "to": uuid_text(due.to),
        "via": due.via,
        "version": due.version,
        "cause": due.cause.kind,
        "cause_event_id": due.cause.event_id,
        "cursor": due.cursor,
        "piece": due.piece,
    }
    return from_.encode(), encode("hand_over_continued", fields)
