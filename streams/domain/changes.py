"""What changes of a history mean for its journeys: which began, which ceased, which conversions have other credits.

A conversion is told with its journey before and after, where its credits or its journey's id differ. Of other journeys
only that they began or ceased. So all changes of a conversion lead from nothing to its credits now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streams.domain.ids import row_id
from streams.domain.journeys import Journey, is_closing, journey_of
from streams.domain.pieces import JourneyPiece, differing
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


Journeys = Mapping[Order, JourneyPiece]


def journey_changes(customer: str, before: Journeys, after: Journeys, rules: Rules) -> Iterator[JourneyChange]:
    """What differs between the journeys of one region before and after."""
    firsts = differing(before, after)
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
        if id_ not in told and (first in before) != (first in after):
            yield JourneyChange(id_, "") if first in before else JourneyChange("", id_)


def first_seen(journey: Journey) -> JourneyChange:
    """The conversion that closes ``journey`` has come, behind all others."""
    return JourneyChange("", journey.journey_id, journey.touchpoints[-1], None, journey, follows=True)


def _converted(customer: str, journeys: Journeys, firsts: list[Order], rules: Rules) -> dict[Order, Journey]:
    """Those of ``journeys`` at ``firsts`` that a conversion closes, by its order."""
    found = {}
    for first in firsts:
        piece = journeys.get(first)
        if piece is not None and piece.converting and is_closing(piece.touchpoints[-1], rules):
            last = order_of(piece.touchpoints[-1])
            if piece.converting[-1] == last:
                converting = set(piece.converting)
                found[last] = journey_of(
                    customer,
                    piece.touchpoints,
                    piece.visits,
                    lambda touchpoint, among=converting: order_of(touchpoint) in among,  # type: ignore[misc]
                    rules,
                )
    return found


def _credited(journey: Journey | None) -> object:
    """What an analyst of credits sees of ``journey``: how many touchpoints a touch has is nothing of it."""
    if journey is None:
        return None
    return journey.journey_id, journey.credits, [touch._replace(touchpoints=0) for touch in journey.touches]
