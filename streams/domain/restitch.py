"""How far an arriving touchpoint reaches: the part of a history that must be stitched again, and no more.

        journey_range:  |---------a......run......b-----P|       up to the gaps or closings around the run
        run:                      a...x....b                     visit gaps around the arrival x

Theory. Sessions and visits never cross a gap of more than 30 minutes, so those that x can change lie in the run around
it. A journey changes where its touchpoints or their visits do: all journeys that share a touchpoint with the run.
Their outer edges are a gap of more than 30 days or a closing conversion, found by walking outwards from the run. Where
x itself closes, what follows belonged to its journey before and is in reach too. x can't move any other edge, because
whether a conversion converts depends on nothing but its order's first touchpoint, and the caller asks again for a
conversion that x demotes. Equal to `streams.domain.stitch` on any order of arrivals (tested).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from streams.domain.journeys import is_closing
from streams.domain.rules import Rules
from streams.domain.runs import Run
from streams.domain.touchpoint import Order, Touchpoint, order_of


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
    run = visit_run(history, at, at, rules)
    first, last = run[0], run[-1]
    left = _journey_start(history, first, rules)
    right = _journey_end(history, last, at, rules)
    return Reach(run, [*reversed(left), *run, *right])


def visit_run(history: History, first: Order, last: Order, rules: Rules) -> Run:
    """The touchpoints from ``first`` to ``last``, both in ``history``, widened to gaps of more than a visit's."""
    left: list[Touchpoint] = []
    edge = first.occurred_at
    for touchpoint in history.before(first):
        if edge - touchpoint.occurred_at > rules.session_gap_ms:
            break
        left.append(touchpoint)
        edge = touchpoint.occurred_at
    right: list[Touchpoint] = []
    for touchpoint in history.since(first):
        if order_of(touchpoint) > last and touchpoint.occurred_at - right[-1].occurred_at > rules.session_gap_ms:
            break
        right.append(touchpoint)
    return [*reversed(left), *right]


def _journey_start(history: History, first: Touchpoint, rules: Rules) -> list[Touchpoint]:
    """What lies before ``first`` in its journey, nearest first."""
    found: list[Touchpoint] = []
    edge = first
    for touchpoint in history.before(order_of(first)):
        if edge.occurred_at - touchpoint.occurred_at > rules.journey_gap_ms or _closes(history, touchpoint, rules):
            break
        found.append(touchpoint)
        edge = touchpoint
    return found


def _journey_end(history: History, last: Touchpoint, at: Order, rules: Rules) -> list[Touchpoint]:
    """What lies behind ``last`` in its journey, or did before the arrival at ``at`` closed it; nearest first."""
    found: list[Touchpoint] = []
    edge = last
    for touchpoint in history.since(order_of(last)):
        if touchpoint == last:
            continue
        is_edge = order_of(edge) != at and _closes(history, edge, rules)
        if is_edge or touchpoint.occurred_at - edge.occurred_at > rules.journey_gap_ms:
            break
        found.append(touchpoint)
        edge = touchpoint
    return found


def _closes(history: History, touchpoint: Touchpoint, rules: Rules) -> bool:
    return is_closing(touchpoint, rules) and history.converts(touchpoint)
