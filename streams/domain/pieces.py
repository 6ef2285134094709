"""What changes make of a region: the sessions and journeys that it was before, and those that it is now.

    before:   |--a--b--|      |--c--d--|
    after:    |--a--b--x--c--d--|              begun: none   ceased: c..   changed: a..

A row is another one where its touchpoints are, or which of them convert, or (of a journey) the visits that they are in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from streams.domain.journeys import Visit, split_journeys, visit_of_each
from streams.domain.restitch import Region
from streams.domain.rules import Rules
from streams.domain.runs import Run, bounded_runs, split_at_gaps
from streams.domain.touchpoint import Order, Touchpoint, order_of

Converts = Callable[[Touchpoint], bool]


class Side(NamedTuple):
    """One side of a change: which touchpoints there are, and which of them convert."""

    has: Callable[[Touchpoint], bool]
    converts: Converts


class JourneyPiece(NamedTuple):
    """The touchpoints of a journey, the visit of each, and those that convert."""

    touchpoints: Run
    visits: list[Visit]
    converting: list[Order]


class Pieces(NamedTuple):
    """Sessions (those that changes can reach) and journeys of one side, by their first touchpoints, in order."""

    sessions: Mapping[Order, tuple[Run, list[Order]]]
    journeys: Mapping[Order, JourneyPiece]


def differing(before: Mapping[Order, object], after: Mapping[Order, object]) -> list[Order]:
    """The first touchpoints of what is on one side only, or another on both."""
    return [first for first in {**before, **after} if before.get(first) != after.get(first)]


def pieces_of(region: Region, changed: Collection[Order], side: Side, rules: Rules) -> Pieces:
    """What ``region``, which holds both sides, is on ``side`` of the changes at ``changed``."""
    return Pieces(
        {order_of(run[0]): (run, _converting(run, side.converts)) for run in _sessions(region, changed, side, rules)},
        {order_of(piece.touchpoints[0]): piece for piece in _journeys(region, side, rules)},
    )


def _sessions(region: Region, changed: Collection[Order], side: Side, rules: Rules) -> Iterator[Run]:
    """Those in the runs around changes, on the channels of these."""
    for run in split_at_gaps(region.core, rules.session_gap_ms):
        for channel in {t.channel for t in run if order_of(t) in changed}:
            on_channel = [t for t in run if t.channel == channel and side.has(t)]
            yield from bounded_runs(on_channel, rules.session_gap_ms, rules.long_run_ms)


def _journeys(region: Region, side: Side, rules: Rules) -> Iterator[JourneyPiece]:
    left, core, right = ([t for t in part if side.has(t)] for part in region)
    visits = visit_of_each([*left, *core, *right], rules)[len(left) :]
    at = 0
    for run in split_journeys(core, side.converts, rules):
        yield JourneyPiece(run, visits[at : at + len(run)], _converting(run, side.converts))
        at += len(run)


def _converting(run: Run, converts: Converts) -> list[Order]:
    return [order_of(t) for t in run if t.conversion is not None and converts(t)]
