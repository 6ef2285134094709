"""Engagement: what happened, counted per channel, campaign, hour of event time, currency and actor.

A touchpoint adds to exactly one row, the one of its own currency ('' where there is no money), so that rows of any
dimension add up. Uniques (openers, clickers) count once per (via, message) in the hour of the earliest human event: the
sorted set of those events is kept, so that an earlier one that arrives late moves the count. Rates are made from these
components in views, never stored.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

HOUR_MS = 3_600_000
#: The largest total that records and tables hold; a sum stops there instead of stopping the stage.
LARGEST = 2**63 - 1

OPENERS = "unique_openers"
CLICKERS = "unique_clickers"
#: (channel, action) that makes somebody a unique opener or clicker of a message.
UNIQUES = {
    ("email", "opened"): OPENERS,
    ("email", "clicked"): CLICKERS,
    ("mobile", "push_opened"): OPENERS,
}


class EngagementKey(NamedTuple):
    """A row's dimensions; ``hour`` is the hour's beginning in ms UTC."""

    channel: str
    campaign: str
    hour: int
    currency: str
    actor: str


@dataclass(slots=True)
class Totals:
    """A row's components, absolute. ``actions`` counts touchpoints by action, custom ones under their own names."""

    touchpoints: int = 0
    inbound: int = 0
    outbound: int = 0
    unique_openers: int = 0
    unique_clickers: int = 0
    engaged_ms: int = 0
    conversions: int = 0
    revenue_micros: int = 0
    actions: dict[str, int] = field(default_factory=dict)


class Counted(NamedTuple):
    """What of an accepted touchpoint counts. ``message`` is the message_id, or the event_id where there is none."""

    channel: str
    action: str
    direction: str
    actor: str
    occurred_at: int
    event_id: str
    via: str
    message: str
    campaign: str
    engaged_ms: int
    is_conversion: bool
    value_micros: int
    currency: str


class HumanEvent(NamedTuple):
    """One human opening or click of a message; compares by (occurred_at, event_id)."""

    occurred_at: int
    event_id: str
    campaign: str
    currency: str


def hour_of(occurred_at: int) -> int:
    """The beginning of the hour, ms UTC."""
    return occurred_at - occurred_at % HOUR_MS


def key_of(touchpoint: Counted) -> EngagementKey:
    """The row that ``touchpoint`` adds to."""
    return EngagementKey(
        touchpoint.channel,
        touchpoint.campaign,
        hour_of(touchpoint.occurred_at),
        touchpoint.currency,
        touchpoint.actor,
    )


def add(totals: Totals, touchpoint: Counted) -> Totals:
    """``totals`` with ``touchpoint`` counted in; uniques are counted apart (`unique_of`)."""
    inbound = touchpoint.direction == "inbound"
    actions = {**totals.actions, touchpoint.action: totals.actions.get(touchpoint.action, 0) + 1}
    return Totals(
        touchpoints=totals.touchpoints + 1,
        inbound=totals.inbound + inbound,
        outbound=totals.outbound + (not inbound),
        unique_openers=totals.unique_openers,
        unique_clickers=totals.unique_clickers,
        engaged_ms=min(totals.engaged_ms + touchpoint.engaged_ms, LARGEST),
        conversions=totals.conversions + touchpoint.is_conversion,
        revenue_micros=min(totals.revenue_micros + touchpoint.value_micros, LARGEST),
        actions=actions,
    )


def unique_of(touchpoint: Counted) -> str | None:
    """`OPENERS` or `CLICKERS` where ``touchpoint`` is a human opening or click, else None."""
    return UNIQUES.get((touchpoint.channel, touchpoint.action)) if touchpoint.actor == "human" else None


def human_event(touchpoint: Counted) -> HumanEvent:
    """``touchpoint`` as an entry of its message's sorted set."""
    return HumanEvent(touchpoint.occurred_at, touchpoint.event_id, touchpoint.campaign, touchpoint.currency)


def insert(events: Sequence[HumanEvent], event: HumanEvent) -> tuple[HumanEvent, ...]:
    """The sorted set with ``event`` in it."""
    at = bisect_left(events, event)
    if at < len(events) and events[at] == event:
        return tuple(events)
    return (*events[:at], event, *events[at:])


def unique_key(channel: str, event: HumanEvent) -> EngagementKey:
    """The row in which a unique counts whose earliest human event is ``event``."""
    return EngagementKey(channel, event.campaign, hour_of(event.occurred_at), event.currency, "human")
