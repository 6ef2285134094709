"""How far an arriving touchpoint reaches: the part of a history that must be stitched again, and no more.

        journeys:       |---------a......run......b-----P|       up to the gaps or closings around the run
        run:                      a...x....b                     visit gaps around the arrival x

Theory. Sessions and visits never cross a gap of more than 30 minutes, so those that x can change lie in the run around
it. A journey changes where its touchpoints or their visits do: all journeys that share a touchpoint with the run.
Their outer edges are a gap of more than 30 days or a closing conversion, found by walking outwards from the run. Where
x itself closes, what follows belonged to its journey before and is in reach too. x can't move any other edge, because
whether a conversion converts depends on nothing but its order's first touchpoint, and the caller asks again for a
conversion that x demotes. Equal to `streams.domain.stitch` on any order of arrivals (tested). What arrives behind all
others need not be looked for: `streams.domain.tail`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from streams.domain.journeys import is_closing
from streams.domain.rules import Rules
from streams.domain.runs import Run
from streams.domain.touchpoint import Order, Touchpoint


class History(Protocol):
    """A customer's touchpoints in the total order."""

    def since(self, order: Order) -> Iterator[Touchpoint]:
        """Those at or after ``order``, ascending."""

    def before(self, order: Order) -> Iterator[Touchpoint]:
        """Those before ``order``, descending."""

    def converts(self, touchpoint: Touchpoint) -> bool:
        """True where ``touchpoint`` is a conversion and the first of its order."""


class Reach(NamedTuple):
    """What to stitch again: the run for sessions, the whole journeys that touch the run for journeys."""

    run: Run
    journeys: Run


def reach(history: History, at: Order, rules: Rules) -> Reach:
    """The reach of the touchpoint at ``at``, which is in ``history``."""
    behind = history.since(at)
    arrival = next(behind)

    def closes(touchpoint: Touchpoint) -> bool:
        # Where the arrival closes, what follows was of its journey before.
        return is_closing(touchpoint, rules) and touchpoint != arrival and history.converts(touchpoint)

    left, left_run = _walk(history.before(at), arrival, closes, rules)
    right, right_run = _walk(behind, arrival, closes, rules)
    left.reverse()
    journeys = [*left, arrival, *right]
    return Reach(journeys[len(left) - left_run : len(left) + 1 + right_run], journeys)


def _walk(
    outwards: Iterator[Touchpoint], start: Touchpoint, closes: Callable[[Touchpoint], bool], rules: Rules
) -> tuple[list[Touchpoint], int]:
    """What lies ``outwards`` of ``start`` up to the edge of its journeys, and how much of that in its run."""
    found: list[Touchpoint] = []
    in_run: int | None = None
    nearer = start
    for further in outwards:
        gap = abs(further.occurred_at - nearer.occurred_at)
        if in_run is None and gap > rules.session_gap_ms:
            in_run = len(found)
        if in_run is not None and (gap > rules.journey_gap_ms or closes(min(nearer, further))):
            break
        found.append(further)
        nearer = further
    return found, len(found) if in_run is None else in_run
