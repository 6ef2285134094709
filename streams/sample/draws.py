"""Decides how chance is drawn, so that one seed gives the same bytes everywhere; what is drawn is up to the callers.

Only seeding, uniform numbers, arithmetic and integers are used. Logarithms, powers and the sine may differ in the last
digit between C libraries, so skewed quantities (delays, dwell times) are drawn from quantile tables.
"""

from bisect import bisect
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

T = TypeVar("T")


def name_token(length: int, *parts: object) -> str:
    """Return `length` hex digits that stand for `parts` and nothing else: a made-up cookie, device or click id."""
    return blake2b("/".join(map(str, parts)).encode(), digest_size=16).hexdigest()[:length]


def make_rng(*parts: object) -> Random:
    """Return a generator of its own for `parts`, independent of every other and of Python's hash seed."""
    return Random(int(name_token(16, *parts), 16))  # noqa: S311  a simulation, no secret


def draw(rng: Random, quantiles: Sequence[float]) -> int:
    """Draw from the distribution whose equally spaced quantiles are given, linear in between, rounded down."""
    place = rng.random() * (len(quantiles) - 1)
    index = int(place)
    low = quantiles[index]
    return int(low + (quantiles[index + 1] - low) * (place - index))


def draw_count(rng: Random, mean: float) -> int:
    """Draw how often something happens: geometric with this mean, so busier days than a Poisson process has."""
    again = mean / (1.0 + mean)
    count = 0
    while rng.random() < again:
        count += 1
    return count


class Weighted(Generic[T]):
    """Values with weights, of which `pick` draws one."""

    def __init__(self, *choices: tuple[T, float]) -> None:
        self._values = tuple(value for value, _ in choices)
        self._limits = tuple(accumulate(weight for _, weight in choices))

    def pick(self, rng: Random) -> T:
        return self._values[bisect(self._limits, rng.random() * self._limits[-1], 0, len(self._limits) - 1)]
