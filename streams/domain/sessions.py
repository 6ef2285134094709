"""Sessions: one customer's touchpoints on one channel with gaps of at most 30 minutes.

         0        25        55 min     85 min 1 ms
    web  p---------p---------p----------|p          the gap of exactly 30 min stays, one millisecond more starts anew

A run that lasts over 24 hours is cut at each UTC midnight. Engaged is GA4's engaged session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streams.domain.engagement import LARGEST
from streams.domain.ids import row_id
from streams.domain.rules import Rules
from streams.domain.runs import Run, bounded_runs
from streams.domain.touchpoint import Touchpoint
from streams.domain.visits import origin_of

VIEWS = frozenset({"page_viewed", "screen_viewed"})
ENGAGED_VIEWS = 2
ENGAGED_MS = 10_000


class Session(NamedTuple):
    """One session; times in ms UTC, both ends inclusive. ``conversions`` counts an order once per customer."""

    session_id: str
    customer_id: str
    channel: str
    started_at: int
    ended_at: int
    touchpoints: int
    page_views: int
    engaged_ms: int
    conversions: int
    engaged: bool
    marketing_channel: str
    campaign: str
    content: str


def split_sessions(touchpoints: Run, rules: Rules) -> list[Run]:
    """Cut a customer's touchpoints (in order, any channels) into the sessions of each channel, channel by channel."""
    by_channel: dict[str, list[Touchpoint]] = {}
    for touchpoint in touchpoints:
        by_channel.setdefault(touchpoint.channel, []).append(touchpoint)
    pieces: list[Run] = []
    for channel in sorted(by_channel):
        pieces += bounded_runs(by_channel[channel], rules.session_gap_ms, rules.long_run_ms)
    return pieces


def session_of(customer: str, touchpoints: Run, converts: Callable[[Touchpoint], bool]) -> Session:
    """The session that ``touchpoints`` (in order, at least one) are; ``converts`` tells whether one counts."""
    first, last = touchpoints[0], touchpoints[-1]
    views = sum([t.action in VIEWS for t in touchpoints])
    engaged_ms = min(sum([t.engaged_ms for t in touchpoints]), LARGEST)
    conversions = len([t for t in touchpoints if t.conversion is not None and converts(t)])
    return Session(
        row_id(customer, first.channel, first.via, first.event_id),
        customer,
        first.channel,
        first.occurred_at,
        last.occurred_at,
        len(touchpoints),
        views,
        engaged_ms,
        conversions,
        views >= ENGAGED_VIEWS or engaged_ms >= ENGAGED_MS or conversions > 0,
        *origin_of(touchpoints),
    )
