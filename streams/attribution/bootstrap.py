"""How sure the credits are: the same models over customers drawn again, with replacement.

Customers are drawn, not journeys, since the journeys of one customer are not independent. To draw as many customers as
there are is to draw how often each group of alike customers comes (a multinomial): a resample costs a number a group.
Source: Efron, Tibshirani, "An Introduction to the Bootstrap" (1993), percentile intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from streams.attribution.arrays import Floats
from streams.attribution.models import Model, conversions
from streams.attribution.paths import Sums

RESAMPLES = 2000
LEVEL = 0.95
#: Weights drawn at once: 32 MB.
BATCH_ELEMENTS = 4_000_000


class Interval(NamedTuple):
    """Conversions credited to each channel: as seen, and the limits that LEVEL of the resamples lie within."""

    credits: Floats
    low: Floats
    high: Floats
    error: Floats | None


def intervals(
    sums: Sums, models: Mapping[str, Model], random: np.random.Generator, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """For each of ``models`` its credits in conversions with their interval; ``random`` draws the resamples."""
    drawn: dict[str, list[Floats]] = {name: [] for name in models}
    for weights in draw(sums.customers, random, resamples):
        total = conversions(sums, weights)[:, None]
        for name, model in models.items():
            drawn[name].append(model(weights).shares * total)
    return {name: _interval(sums, model, np.concatenate(drawn[name])) for name, model in models.items()}


def draw(customers: Floats, random: np.random.Generator, resamples: int) -> Iterator[Floats]:
    """Weights of the groups (some resamples x groups), until there are ``resamples``."""
    total = round(customers.sum())
    at_once = max(1, BATCH_ELEMENTS // max(1, len(customers)))
    for at in range(0, resamples, at_once):
        size = min(at_once, resamples - at)
        yield random.multinomial(total, customers / customers.sum(), size=size).astype(np.float64)


def _interval(sums: Sums, model: Model, drawn: Floats) -> Interval:
    seen = sums.customers[None, :]
    total = conversions(sums, seen)[0]
    found = model(seen)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Interval(found.shares[0] * total, low, high, None if found.error is None else found.error[0] * total)
