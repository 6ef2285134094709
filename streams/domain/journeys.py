"""Journeys: one customer's touchpoints with gaps of at most 30 days, closed by a closing conversion.

    day    0    3      5            40        42
           a----b------P|           c---------P|      P: purchase, belongs to the journey that it closes
           journey 1                journey 2

A journey of more than 1,000 touchpoints (between gaps and closings) is cut at each UTC midnight; only its last piece
holds the conversion. Credit goes to touches: what a visit has in the journey.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from streams.domain.attribution import CreditModels, Touch, credit
from streams.domain.ids import row_id
from streams.domain.rules import Rules
from streams.domain.runs import Run, split_at_midnights, split_before
from streams.domain.touchpoint import Conversion, Order, Touchpoint, order_of
from streams.domain.visits import Origin, origin_of, split_visits

MAX_STEPS = 1_000


class Visit(NamedTuple):
    """A visit as its touchpoints know it: which one (its first touchpoint) and where it came from."""

    first: Order
    origin: Origin


class Journey(NamedTuple):
    """One journey. ``touchpoints`` are all of it; rows hold at most the first 1,000 as steps. Times in ms UTC."""

    journey_id: str
    customer_id: str
    touchpoints: Run
    conversion: Conversion | None
    goals: int
    touches: tuple[Touch, ...]
    credits: CreditModels


def is_closing(touchpoint: Touchpoint, rules: Rules) -> bool:
    """True for a conversion of a closing type; whether it converts at all (orders count once) is asked apart."""
    return touchpoint.conversion is not None and touchpoint.conversion.type in rules.closing_conversions


def split_journeys(touchpoints: Run, converts: Callable[[Touchpoint], bool], rules: Rules) -> list[Run]:
    """Cut a customer's touchpoints (in order) into journeys."""
    stretches = split_stretches(touchpoints, converts, rules)
    return [piece for stretch in stretches for piece in cut_if_long(stretch, rules)]


def split_stretches(touchpoints: Run, converts: Callable[[Touchpoint], bool], rules: Rules) -> list[Run]:
    """Cut a customer's touchpoints (in order) at gaps and behind closings: journeys, but that long ones are whole."""
    cuts = []
    for i in range(1, len(touchpoints)):
        before = touchpoints[i - 1]
        gap = touchpoints[i].occurred_at - before.occurred_at
        if gap > rules.journey_gap_ms or (is_closing(before, rules) and converts(before)):
            cuts.append(i)
    return split_before(touchpoints, cuts)


def cut_if_long(stretch: Run, rules: Rules) -> list[Run]:
    """The journeys that a stretch is."""
    return split_at_midnights(stretch) if len(stretch) > rules.long_journey else [stretch]


def visit_of_each(touchpoints: Run, rules: Rules) -> list[Visit]:
    """The visit of each touchpoint; ``touchpoints`` (in order) must hold its visits whole."""
    found: list[Visit] = []
    for run in split_visits(touchpoints, rules):
        found += [Visit(order_of(run[0]), origin_of(run))] * len(run)
    return found


def touches_of(touchpoints: Run, visits: Sequence[Visit]) -> tuple[Touch, ...]:
    """The touches of a journey's touchpoints, each with its visit: neighbours of one visit are one touch."""
    cuts = [i for i in range(1, len(visits)) if visits[i].first != visits[i - 1].first]
    edges = [0, *cuts, len(touchpoints)]
    return tuple(
        Touch(touchpoints[a].occurred_at, touchpoints[a].channel, *visits[a].origin, b - a) for a, b in pairwise(edges)
    )


def journey_of(
    customer: str,
    touchpoints: Run,
    visits: Sequence[Visit],
    converts: Callable[[Touchpoint], bool],
    rules: Rules,
) -> Journey:
    """The journey that ``touchpoints`` (in order, at least one) are, each with its visit."""
    first, last = touchpoints[0], touchpoints[-1]
    conversions = [t for t in touchpoints if t.conversion is not None and converts(t)]
    closing = bool(conversions) and conversions[-1] is last and is_closing(last, rules)
    touches = touches_of(touchpoints, visits)
    return Journey(
        row_id(customer, first.channel, first.via, first.event_id),
        customer,
        touchpoints,
        last.conversion if closing else None,
        len(conversions) - closing,
        touches,
        credit(touches, last.occurred_at, rules) if closing else CreditModels(),
    )


def first_orders(touchpoints: Sequence[Touchpoint]) -> Callable[[Touchpoint], bool]:
    """Which of a customer's conversions convert: of equal (type, order_id) the first in order, without order all."""
    first: dict[tuple[str, str], Order] = {}
    for touchpoint in touchpoints:
        key = order_key(touchpoint)
        if key is not None:
            first[key] = min(first.get(key, order_of(touchpoint)), order_of(touchpoint))

    def converts(touchpoint: Touchpoint) -> bool:
        key = order_key(touchpoint)
        return touchpoint.conversion is not None and (key is None or first[key] == order_of(touchpoint))

    return converts


def order_key(touchpoint: Touchpoint) -> tuple[str, str] | None:
    """(type, order_id) of a conversion that names its order, else None."""
    conversion = touchpoint.conversion
    return (conversion.type, conversion.order_id) if conversion is not None and conversion.order_id else None
