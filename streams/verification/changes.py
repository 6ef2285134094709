"""What the log of journey_changes says that each conversion's credits are, all changes added up.

    change 1   nothing     -> 1.0 Email             Email         1.0
    change 2   1.0 Email   -> 0.5 Email, 0.5 Direct Email  -1.0 + 0.5,  Direct 0.5
    ------------------------------------------------------------------------------
    credits by definition     0.5 Email, 0.5 Direct

So credits are compared by customer and conversion: one that has moved to another customer adds up to nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from sinks.clickhouse import Row
from streams.domain.attribution import CreditModels
from streams.domain.journeys import Journey
from streams.domain.touchpoint import Order, order_of
from streams.verification.differences import COLUMNS_SHOWN, Cell, Comparison, Difference, kind_of, uneven
from streams.verification.traces import time_text, touchpoint_text

#: What adding up and taking away again may leave of nothing.
NOTHING_LEFT = 1e-9
CHANGES_SHOWN = 6
_TOUCH = ("at", "channel", "marketing_channel", "campaign", "content")
_HEAD = ("conversion_channel", "conversion_via", "conversion_event_id", "converted_at", "journey_before")
_WHY = ("journey_after", "cause", "cause_event_id", "version")
_SIDE = (*(f"touches_{name}" for name in _TOUCH), *(f"credit_{model}" for model in CreditModels._fields))
#: What is read of each change, in this order.
COLUMNS = (*_HEAD, *_WHY, *(f"before_{name}" for name in _SIDE), *(f"after_{name}" for name in _SIDE))
#: Changes that are about no conversion don't add up to anything.
ABOUT_A_CONVERSION = "conversion_channel != ''"


class Touched(NamedTuple):
    """A touch of a journey, as far as credits know it."""

    journey: str
    at: int
    channel: str
    marketing_channel: str
    campaign: str
    content: str


#: The shares of each touch under each of the models.
Shares = dict[Touched, Sequence[float]]


class Change(NamedTuple):
    """One row of journey_changes."""

    conversion: Order
    journey_before: str
    journey_after: str
    cause: str
    cause_event_id: str
    version: int
    before: Sequence[Any]
    after: Sequence[Any]

    @classmethod
    def of(cls, row: Row) -> Change:
        """The change in a row that begins with `COLUMNS`."""
        channel, via, event_id, at, before, after, cause, cause_event_id, version, *sides = row
        conversion, end = Order(at, event_id, channel, via), 2 * len(_SIDE)
        return cls(conversion, before, after, cause, cause_event_id, version, sides[: end // 2], sides[end // 2 : end])

    @property
    def text(self) -> str:
        """For people."""
        cause = f"{self.cause} of {self.cause_event_id} (version {self.version})"
        return f"{cause}: journey {self.journey_before} became {self.journey_after}"


def compare_changes(customer: str, journeys: Iterable[Journey], rows: Iterable[Row], comparison: Comparison) -> None:
    """Compare the credits of each conversion of ``journeys``, which are all of the customer's by definition, with its
    changes added up."""
    expected = {order_of(j.touchpoints[-1]): _credits(j) for j in journeys if j.conversion is not None}
    changes: defaultdict[Order, list[Change]] = defaultdict(list)
    for row in rows:
        change = Change.of(row)
        changes[change.conversion].append(change)
    for conversion in [*expected, *(one for one in changes if one not in expected)]:
        told = changes.get(conversion, [])
        _compare(customer, conversion, expected.get(conversion, {}), told, comparison)


def _compare(customer: str, conversion: Order, expected: Shares, told: list[Change], comparison: Comparison) -> None:
    found = _added_up(told)
    lengths = [*chain.from_iterable(map(_uneven, told))]
    cells = tuple(islice(chain(lengths, _differing(expected, found)), COLUMNS_SHOWN))
    if not cells:
        comparison.equal += bool(expected)
        return
    key = f"conversion {touchpoint_text(conversion)}, of customer {customer}"
    comparison.add(Difference(kind_of(bool(expected), bool(found or lengths)), key, cells), lambda _: _told(told))


def _credits(journey: Journey) -> Shares:
    return {
        Touched(journey.journey_id, *touch[:5]): shares
        for touch, shares in zip(journey.touches, zip(*journey.credits, strict=True), strict=True)
    }


def _added_up(changes: Iterable[Change]) -> Shares:
    """The shares that are left of all ``changes``."""
    sums: defaultdict[Touched, list[float]] = defaultdict(lambda: [0.0] * len(CreditModels._fields))
    for change in changes:
        for journey, side, sign in (
            (change.journey_before, change.before, -1),
            (change.journey_after, change.after, 1),
        ):
            for touch, shares in _touches(journey, side):
                sums[touch] = [total + sign * share for total, share in zip(sums[touch], shares, strict=True)]
    return {touch: shares for touch, shares in sums.items() if any(abs(share) > NOTHING_LEFT for share in shares)}


def _touches(journey: str, side: Sequence[Any]) -> Iterator[tuple[Touched, Sequence[float]]]:
    touches, shares_of = side[: len(_TOUCH)], side[len(_TOUCH) :]
    # Where it closed no journey there are neither touches nor credits. What is uneven is told by itself.
    for touch, shares in zip(zip(*touches, strict=False), zip(*shares_of, strict=False), strict=False):
        yield Touched(journey, *touch), shares


def _uneven(change: Change) -> Iterator[Cell]:
    for name, side in (("before", change.before), ("after", change.after)):
        yield from uneven({f"{name}_{column}": array for column, array in zip(_SIDE, side, strict=True)})


def _differing(expected: Shares, found: Mapping[Touched, Sequence[float]]) -> Iterator[Cell]:
    none = [0.0] * len(CreditModels._fields)
    for touch in dict.fromkeys(chain(expected, found)):
        shares = zip(CreditModels._fields, expected.get(touch, none), found.get(touch, none), strict=True)
        for model, one, other in shares:
            if abs(one - other) > NOTHING_LEFT:
                where = f"{touch.marketing_channel} at {time_text(touch.at)} in journey {touch.journey}"
                yield Cell(f"credit_{model} of {where}", one, other)


def _told(changes: Sequence[Change]) -> Iterator[str]:
    yield f"changes told: {len(changes):,}"
    ordered = sorted(changes, key=lambda change: change.version)
    yield from (f"  {change.text}" for change in ordered[-CHANGES_SHOWN:])
