"""What changes of a history mean for its journeys: which began, which ceased, which conversions have other credits.

A conversion is told with its journey before and after, where its credits or its journey's id differ. Of other journeys
only that they began or ceased. So all changes of a conversion lead from nothing to its credits now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from streams.domain.ids import row_id
from streams.domain.journeys import Journey, journey_of
from streams.domain.pieces import Pieces
from streams.domain.rules import Rules
from streams.domain.touchpoint import Order, Touchpoint, order_of


class JourneyChange(NamedTuple):
    """``journey_before`` and ``journey_after`` are ids, '' for none; ``conversion`` closes the journeys ``before`` and
    ``after``, each None where it closed none. ``follows``: it came behind all others."""

    journey_before: str
    journey_after: str
    conversion: Touchpoint | None = None
    before: Journey | None = None
    after: Journey | None = None
    follows: bool = False


def journey_changes(
    customer: str, before: Pieces, after: Pieces, firsts: Collection[Order], rules: Rules
) -> Iterator[JourneyChange]:
    """What differs between the journeys of one region before and after; ``firsts`` says where any do."""
    converted = _converted(customer, before, firsts, rules)
    converts = _converted(customer, after, firsts, rules)
    told: set[str] = set()
    for conversion in sorted({**converted, **converts}):
        was, now = converted.get(conversion), converts.get(conversion)
        ids = (was.journey_id if was else "", now.journey_id if now else "")
        told.update(ids)
        if _credited(was) != _credited(now):
            journey = now or was
            assert journey is not None  # noqa: S101 - it is in one of the two
            yield JourneyChange(*ids, journey.touchpoints[-1], was, now)
    for first in sorted(firsts):
        id_ = row_id(customer, first.channel, first.via, first.event_id)
        ceased = first in before.journeys
        if id_ not in told and ceased != (first in after.journeys):
            yield JourneyChange(id_, "") if ceased else JourneyChange("", id_)


def first_seen(journey: Journey) -> JourneyChange:
    """The conversion that closes ``journey`` has come, behind all others."""
    return JourneyChange("", journey.journey_id, journey.touchpoints[-1], None, journey, follows=True)


def _converted(customer: str, pieces: Pieces, firsts: Collection[Order], rules: Rules) -> dict[Order, Journey]:
    """The journeys at ``firsts`` that a conversion closes, by its order."""
    found = {}
    for first in firsts:
        piece = pieces.journeys.get(first)
        if piece is not None and piece.converting[-1:] == [order_of(piece.touchpoints[-1])]:
            converts = frozenset(piece.converting).__contains__
            visits = pieces.visits_of(first)
            journey = journey_of(customer, piece.touchpoints, visits, lambda t, c=converts: c(t[:4]), rules)  # type: ignore[misc]
            if journey.conversion is not None:
                found[piece.converting[-1]] = journey
    return found


def _credited(journey: Journey | None) -> object:
    """What an analyst of credits sees of ``journey``: how many touchpoints a touch has is nothing of it."""
    if journey is None:
        return None
    return journey.journey_id, journey.credits, [touch._replace(touchpoints=0) for touch in journey.touches]
