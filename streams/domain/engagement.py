"""Engagement: what happened, counted per channel, campaign, hour of event time, currency and actor.

A touchpoint adds to exactly one row, the one of its own currency ('' where there is no money), so that rows of any
dimension add up. Where its verdict rises, it moves to the row of the other actor. Uniques (openers, clickers) count
once per (via, message) in the hour of the earliest human event: all of those are kept (`streams.domain.verdicts`), so
that an earlier one that arrives late moves the count. Rates are made from these components in views, never stored.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from streams.domain.actor import HUMAN
from streams.domain.verdicts import CLICKS, OPENINGS, Deed

HOUR_MS = 3_600_000
#: The largest total that records and tables hold; a larger one is written as that instead of stopping the stage.
LARGEST = 2**63 - 1

OPENERS = "unique_openers"
CLICKERS = "unique_clickers"
#: (channel, part of a message) of which the earliest human deed makes somebody a unique opener or clicker of it.
UNIQUES = {
    ("email", OPENINGS): OPENERS,
    ("email", CLICKS): CLICKERS,
    ("mobile", OPENINGS): OPENERS,
}


class EngagementKey(NamedTuple):
    """A row's dimensions; ``hour`` is the hour's beginning in ms UTC."""

    channel: str
    campaign: str
    hour: int
    currency: str
    actor: str


class Totals(NamedTuple):
    """A row's components, absolute. ``actions`` counts touchpoints by action, custom ones under their own names.

    ``engaged_ms`` and ``revenue_micros`` are exact beyond `LARGEST`: what was added must be there to be taken away.
    """

    touchpoints: int
    inbound: int
    outbound: int
    unique_openers: int
    unique_clickers: int
    engaged_ms: Decimal
    conversions: int
    revenue_micros: Decimal
    actions: dict[str, int]


#: A row before its first touchpoint.
NOTHING = Totals(0, 0, 0, 0, 0, Decimal(0), 0, Decimal(0), {})


class Share(NamedTuple):
    """What some touchpoints of one action add to a row together; less than nothing where they leave it."""

    touchpoints: int
    engaged_ms: int = 0
    conversions: int = 0
    revenue_micros: int = 0


def hour_of(occurred_at: int) -> int:
    """The beginning of the hour, ms UTC."""
    return occurred_at - occurred_at % HOUR_MS


def add(totals: Totals, action: str, direction: str, share: Share) -> Totals:
    """``totals`` with touchpoints of ``action`` counted in; uniques are counted apart (`add_unique`)."""
    inbound = share.touchpoints if direction == "inbound" else 0
    of_action = totals.actions.get(action, 0) + share.touchpoints
    actions = {**totals.actions, action: of_action}
    if not of_action:
        del actions[action]
    return Totals(
        touchpoints=totals.touchpoints + share.touchpoints,
        inbound=totals.inbound + inbound,
        outbound=totals.outbound + share.touchpoints - inbound,
        unique_openers=totals.unique_openers,
        unique_clickers=totals.unique_clickers,
        engaged_ms=totals.engaged_ms + share.engaged_ms,
        conversions=totals.conversions + share.conversions,
        revenue_micros=totals.revenue_micros + share.revenue_micros,
        actions=actions,
    )


def add_unique(totals: Totals, unique: str, change: int) -> Totals:
    """``totals`` with ``change`` more of the component ``unique``."""
    return totals._replace(**{unique: getattr(totals, unique) + change})


def unique_key(channel: str, deed: Deed) -> EngagementKey:
    """The row in which a unique counts whose earliest human event is ``deed``."""
    return EngagementKey(channel, deed.campaign, hour_of(deed.occurred_at), deed.currency, HUMAN)
