"""What changes make of a region: the sessions and journeys that it was before, and those that it is now.

    before:   |--a--b--|      |--c--d--|
    after:    |--a--b--x--c--d--|              begun: none   ceased: c..   changed: a..

A row is another one where its touchpoints are, or which of them convert, or (of a journey) the visits that they are in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from streams.domain.journeys import Visit, split_journeys, visit_of_each
from streams.domain.restitch import Region
from streams.domain.rules import Rules
from streams.domain.runs import Run, bounded_runs, split_at_gaps
from streams.domain.touchpoint import Order, Touchpoint, order_of


class Side(NamedTuple):
    """One side of changes: which touchpoints of a region there are not, and which of the others convert."""

    without: Collection[Order]
    converts: Callable[[Touchpoint], bool]


class Piece(NamedTuple):
    """The touchpoints of a session or journey, and those that convert."""

    touchpoints: Run
    converting: list[Order]


class Pieces:
    """What ``region``, which holds both sides, is on one ``side`` of the changes at ``changed``."""

    def __init__(self, region: Region, changed: Collection[Order], side: Side, rules: Rules) -> None:
        self._side = side
        self._rules = rules
        self._region = Region(*map(self._there, region))
        #: By first touchpoint: the journeys, and the sessions that the changes can reach.
        self.sessions = self._by_first(self._sessions(region.core, changed))
        self.journeys = self._by_first(split_journeys(self._region.core, side.converts, rules))

    def visits_of(self, first: Order) -> list[Visit]:
        """The visit of each touchpoint of the journey at ``first``."""
        start = bisect_left(self._region.core, first)
        return self._visits[start : start + len(self.journeys[first].touchpoints)]

    @cached_property
    def _visits(self) -> list[Visit]:
        left, core, right = self._region
        return visit_of_each([*left, *core, *right], self._rules)[len(left) :]

    def _sessions(self, core: Run, changed: Collection[Order]) -> Iterator[Run]:
        """Those in the runs around changes, on the channels of these; ``core`` is that of both sides."""
        rules = self._rules
        for run in split_at_gaps(core, rules.session_gap_ms):
            channels = {t.channel for t in run if t[:4] in changed}
            there = self._there(run) if channels else ()
            for channel in channels:
                on_channel = [t for t in there if t.channel == channel]
                yield from bounded_runs(on_channel, rules.session_gap_ms, rules.long_run_ms)

    def _there(self, touchpoints: Run) -> Run:
        without = self._side.without
        return [t for t in touchpoints if t[:4] not in without] if without else touchpoints

    def _by_first(self, runs: Iterator[Run] | list[Run]) -> Mapping[Order, Piece]:
        converts = self._side.converts
        return {
            order_of(run[0]): Piece(run, [order_of(t) for t in run if t.conversion is not None and converts(t)])
            for run in runs
        }


def other_sessions(before: Pieces, after: Pieces) -> list[Order]:
    """The first touchpoints of sessions that are on one side only, or others on both."""
    return _others(before.sessions, after.sessions)


def other_journeys(before: Pieces, after: Pieces) -> list[Order]:
    """The first touchpoints of journeys that are on one side only, or others on both."""
    others = _others(before.journeys, after.journeys)
    same = before.journeys.keys() - others
    return [*others, *(first for first in same if before.visits_of(first) != after.visits_of(first))]


def _others(before: Mapping[Order, Piece], after: Mapping[Order, Piece]) -> list[Order]:
    return [first for first in {**before, **after} if before.get(first) != after.get(first)]
