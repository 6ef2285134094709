"""Runs: a customer's touchpoints cut where the gap is too long, and very long ones at midnight.

    gap 30 min      |----a--b-c----|   > 30 min   |--d-e--|
                        one run                    another

Sessions, visits and journeys are all made of runs; this module knows only times.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from streams.domain.rules import DAY_MS, Rules
from streams.domain.touchpoint import Touchpoint

Run = Sequence[Touchpoint]


def split_at_gaps(touchpoints: Run, gap_ms: int) -> list[Run]:
    """Cut ``touchpoints`` (in order) where two neighbours are strictly more than ``gap_ms`` apart."""
    cuts = [
        i for i in range(1, len(touchpoints)) if touchpoints[i].occurred_at - touchpoints[i - 1].occurred_at > gap_ms
    ]
    return split_before(touchpoints, cuts)


def split_at_midnights(touchpoints: Run) -> list[Run]:
    """Cut ``touchpoints`` (in order) at each UTC midnight between two of them."""
    days = [t.occurred_at // DAY_MS for t in touchpoints]
    return split_before(touchpoints, [i for i in range(1, len(days)) if days[i] != days[i - 1]])


def split_before(touchpoints: Run, cuts: Sequence[int]) -> list[Run]:
    """The pieces of ``touchpoints`` that begin at 0 and at each index in ``cuts``; none for no touchpoints."""
    if not touchpoints:
        return []
    edges = [0, *cuts, len(touchpoints)]
    return [touchpoints[a:b] for a, b in pairwise(edges)]


def bounded_runs(touchpoints: Run, gap_ms: int, long_ms: int) -> list[Run]:
    """Runs by gap, those that last strictly longer than ``long_ms`` cut at midnights: sessions and visits."""
    return [piece for run in split_at_gaps(touchpoints, gap_ms) for piece in cut_if_lasting(run, long_ms)]


def cut_if_lasting(run: Run, long_ms: int) -> list[Run]:
    """The sessions or visits that ``run`` is, which has no gap."""
    is_long = run[-1].occurred_at - run[0].occurred_at > long_ms
    return split_at_midnights(run) if is_long else [run]


def horizon_ms(rules: Rules) -> int:
    """So far from a touchpoint lies, at most, what decides which session and visit it is in, and all that they hold.

    A run that goes on for longer is cut at midnights, whatever lies further off.
    """
    return max(rules.long_run_ms, DAY_MS) + rules.session_gap_ms
