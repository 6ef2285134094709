"""Visits: a customer's touchpoints across channels with gaps of at most 30 minutes, and where they came from.

An e-mail's opening, its click and the pages that follow are one visit. A visit has the marketing channel and campaign
of its first touchpoint that has an acquisition, else of its first touchpoint.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.domain.rules import Rules
from streams.domain.runs import Run, bounded_runs


class Origin(NamedTuple):
    """Where a visit or session came from; campaign and content are '' where there is none."""

    marketing_channel: str
    campaign: str
    content: str


def origin_of(touchpoints: Run) -> Origin:
    """Origin of a visit's or session's touchpoints, which are in order and at least one."""
    giver = touchpoints[0]
    for touchpoint in touchpoints:
        if touchpoint.has_acquisition:
            giver = touchpoint
            break
    return Origin(giver.marketing_channel, giver.campaign, giver.content)


def split_visits(touchpoints: Run, rules: Rules) -> list[Run]:
    """Cut a customer's touchpoints (in order, all channels) into visits."""
    return bounded_runs(touchpoints, rules.session_gap_ms, rules.long_run_ms)
