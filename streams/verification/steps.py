"""Each journey-forming touchpoint of a customer stands in exactly one of its live journeys.

Rows of journeys hold their first 1,000 steps: what of a longer journey lies behind them is taken to be there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from streams.domain.touchpoint import Order
from streams.verification.differences import COLUMNS_SHOWN, Cell, Comparison, Difference
from streams.verification.traces import time_text, touchpoint_text


class Steps(NamedTuple):
    """A live journey as its row has it, as far as all of its arrays reach. ``cut`` where that isn't all of its
    touchpoints; ``uneven``: its arrays that are longer or shorter than the others."""

    journey: str
    ended_at: int
    cut: bool
    orders: Sequence[Order]
    uneven: Sequence[Cell] = ()

    @property
    def text(self) -> str:
        """For people."""
        if not self.orders:
            return f"journey {self.journey}, which has no steps"
        return f"journey {self.journey}, {time_text(self.orders[0].occurred_at)} to {time_text(self.ended_at)}"


def compare_steps(
    customer: str, touchpoints: Sequence[Order], journeys: Sequence[Steps], comparison: Comparison
) -> None:
    """Compare the customer's journey-forming ``touchpoints`` (each once) with the steps of its ``journeys``."""
    for journey in journeys:
        if journey.uneven:
            key = f"journey {journey.journey} of customer {customer}"
            comparison.add(Difference("different", key, (*journey.uneven[:COLUMNS_SHOWN],)))
    steps = [*chain.from_iterable(journey.orders for journey in journeys)]
    if len(steps) == len(touchpoints) and {*steps} == {*touchpoints}:
        comparison.equal += len(steps)
        return
    for difference in _differences(customer, touchpoints, journeys):
        comparison.add(difference)
    comparison.equal += len({*steps} & {*touchpoints})


def _differences(customer: str, touchpoints: Iterable[Order], journeys: Sequence[Steps]) -> Iterator[Difference]:
    where: defaultdict[Order, list[Steps]] = defaultdict(list)
    for journey in journeys:
        for order in journey.orders:
            where[order].append(journey)
    forming = {*touchpoints}
    for order in sorted(forming | where.keys()):
        key = f"touchpoint {touchpoint_text(order)}, of customer {customer}"
        trace = tuple(f"in {journey.text}" for journey in where[order])
        if order not in forming:
            yield Difference("extra", f"{key}: no such touchpoint forms a journey", trace=trace)
        elif len(trace) > 1:
            yield Difference("extra", f"{key}: in {len(trace)} journeys", trace=trace)
        elif not trace and not any(_may_hold(journey, order) for journey in journeys):
            yield Difference("missing", f"{key}: in no journey")


def _may_hold(journey: Steps, order: Order) -> bool:
    # Without any step nothing says where it began.
    behind = journey.cut and bool(journey.orders) and journey.orders[-1] < order
    return behind and order.occurred_at <= journey.ended_at
