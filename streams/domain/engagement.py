"""Engagement: what happened, counted per channel, campaign, hour of event time, currency and actor.

A touchpoint adds to exactly one row, the one of its own currency ('' where there is no money), so that rows of any
dimension add up. Uniques (openers, clickers) count once per (via, message) in the hour of the earliest human event: the
sorted set of those events is kept, so that an earlier one that arrives late moves the count. Rates are made from these
components in views, never stored.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
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


class Totals(NamedTuple):
    """A row's components, absolute. ``actions`` counts touchpoints by action, custom ones under their own names."""

    touchpoints: int
    inbound: int
    outbound: int
    unique_openers: int
    unique_clickers: int
    engaged_ms: int
    conversions: int
    revenue_micros: int
    actions: dict[str, int]


#: A row before its first touchpoint.
NOTHING = Totals(0, 0, 0, 0, 0, 0, 0, 0, {})


class Share(NamedTuple):
    """What some touchpoints of one action add to a row together."""

    touchpoints: int
    engaged_ms: int = 0
    conversions: int = 0
    revenue_micros: int = 0


class HumanEvent(NamedTuple):
    """One human opening or click of a message; compares by (occurred_at, event_id)."""

    occurred_at: int
    event_id: str
    campaign: str
    currency: str


def hour_of(occurred_at: int) -> int:
    """The beginning of the hour, ms UTC."""
    return occurred_at - occurred_at % HOUR_MS


def add(totals: Totals, action: str, direction: str, share: Share) -> Totals:
    """``totals`` with touchpoints of ``action`` counted in; uniques are counted apart (`add_unique`)."""
    inbound = share.touchpoints if direction == "inbound" else 0
    return Totals(
        touchpoints=totals.touchpoints + share.touchpoints,
        inbound=totals.inbound + inbound,
        outbound=totals.outbound + share.touchpoints - inbound,
        unique_openers=totals.unique_openers,
        unique_clickers=totals.unique_clickers,
        engaged_ms=min(totals.engaged_ms + share.engaged_ms, LARGEST),
        conversions=totals.conversions + share.conversions,
        revenue_micros=min(totals.revenue_micros + share.revenue_micros, LARGEST),
        actions={**totals.actions, action: totals.actions.get(action, 0) + share.touchpoints},
    )


def add_unique(totals: Totals, unique: str, change: int) -> Totals:
    """``totals`` with ``change`` more of the component ``unique``."""
    return totals._replace(**{unique: getattr(totals, unique) + change})


def unique_of(channel: str, action: str, actor: str) -> str | None:
    """`OPENERS` or `CLICKERS` for a human opening or click, else None."""
    return UNIQUES.get((channel, action)) if actor == "human" else None


def insert(events: Sequence[HumanEvent], event: HumanEvent) -> tuple[HumanEvent, ...]:
    """The sorted set with ``event`` in it."""
    at = bisect_left(events, event)
    if at < len(events) and events[at] == event:
        return tuple(events)
    return (*events[:at], event, *events[at:])


def unique_key(channel: str, event: HumanEvent) -> EngagementKey:
    """The row in which a unique counts whose earliest human event is ``event``."""
    return EngagementKey(channel, event.campaign, hour_of(event.occurred_at), event.currency, "human")
