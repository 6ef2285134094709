"""A customer's sessions and journeys from all their touchpoints: the batch definition.

What the stream arrives at record by record (`streams.domain.restitch`) must always equal this: tests and `verify`
compare with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from streams.domain.journeys import Journey, first_orders, journey_of, split_journeys, visit_of_each
from streams.domain.rules import Rules
from streams.domain.sessions import Session, session_of, split_sessions
from streams.domain.touchpoint import Touchpoint, order_of


class Stitched(NamedTuple):
    """Sessions by channel and time, journeys by time."""

    sessions: tuple[Session, ...]
    journeys: tuple[Journey, ...]


def stitch(customer: str, touchpoints: Iterable[Touchpoint], rules: Rules) -> Stitched:
    """Stitch journey-forming touchpoints of one customer, given in any order and any number of times."""
    ordered = [*{order_of(t): t for t in sorted(touchpoints)}.values()]
    converts = first_orders(ordered)
    visits = iter(visit_of_each(ordered, rules))
    return Stitched(
        tuple(session_of(customer, run, converts) for run in split_sessions(ordered, rules)),
        tuple(
            journey_of(customer, run, [*islice(visits, len(run))], converts, rules)
            for run in split_journeys(ordered, converts, rules)
        ),
    )
