"""Rule-based credits: how much of a conversion each touch earned, under eight models.

Credits of one conversion sum to 1. Touches that began more than the lookback before the conversion earn nothing; one
that began exactly the lookback before still earns. The closing touch always counts. Sources: position is Google's
and dbt Labs' 40-20-40; J-shaped, inverse J and time decay (half-life 7 days) are Adobe Analytics' models.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from streams.domain.rules import Rules

DIRECT = "Direct"
#: What position, J-shaped and inverse J leave to all touches between the first and the last.
BETWEEN = 0.2
Credits = tuple[float, ...]


class Touch(NamedTuple):
    """The part of a visit that lies in a journey; ``at`` is its first touchpoint's time in ms UTC."""

    at: int
    channel: str
    marketing_channel: str
    campaign: str
    content: str
    touchpoints: int


class CreditModels(NamedTuple):
    """For each model one credit per touch, in the order of the touches. All empty without a conversion."""

    first: Credits = ()
    last: Credits = ()
    last_non_direct: Credits = ()
    linear: Credits = ()
    position: Credits = ()
    j_shaped: Credits = ()
    inverse_j: Credits = ()
    time_decay: Credits = ()


def credit(touches: Sequence[Touch], converted_at: int, rules: Rules) -> CreditModels:
    """Credits of ``touches`` (in order, the last is the closing one) for the conversion at ``converted_at`` (ms)."""
    earliest = converted_at - rules.lookback_ms
    outside = next((i for i, t in enumerate(touches[:-1]) if t.at >= earliest), len(touches) - 1)
    inside = touches[outside:]
    n = len(inside)

    def spread(weights: Sequence[float]) -> Credits:
        return (0.0,) * outside + tuple(weights)

    return CreditModels(
        first=spread(_one(n, 0)),
        last=spread(_one(n, n - 1)),
        last_non_direct=spread(_one(n, _last_non_direct(inside))),
        linear=spread([1 / n] * n),
        position=spread(_shaped(n, 0.4, 0.4, pair=(0.5, 0.5))),
        j_shaped=spread(_shaped(n, 0.2, 0.6, pair=(0.25, 0.75))),
        inverse_j=spread(_shaped(n, 0.6, 0.2, pair=(0.75, 0.25))),
        time_decay=spread(_decay([converted_at - t.at for t in inside], rules.half_life_ms)),
    )


def _one(n: int, index: int) -> list[float]:
    return [1.0 if i == index else 0.0 for i in range(n)]


def _last_non_direct(touches: Sequence[Touch]) -> int:
    last = len(touches) - 1
    return next((i for i in range(last, -1, -1) if touches[i].marketing_channel != DIRECT), last)


def _shaped(n: int, first: float, last: float, *, pair: tuple[float, float]) -> list[float]:
    if n == 1:
        return [1.0]
    if n == 2:
        return list(pair)
    return [first, *[BETWEEN / (n - 2)] * (n - 2), last]


def _decay(ages_ms: Sequence[int], half_life_ms: int) -> list[float]:
    # Relative to the youngest touch, so that no weight vanishes whatever the half-life.
    youngest = min(ages_ms)
    weights = [2.0 ** (-(age - youngest) / half_life_ms) for age in ages_ms]
    total = fsum(weights)
    return [weight / total for weight in weights]
