"""Shapley values of channels in two games over sets of channels.

Each journey counts by the set of its channels; how often and in which order they came does not matter.

shapley        worth of S = conversions of the journeys all of whose channels are in S. Zhao, Mahboobi, Bagheri, "Shapley Value
               Methods for Attribution Modeling in Online Advertising" (arXiv 1804.05327): its Shapley value is that each conversion
               is shared equally among the channels of its journey. Exact for any number of channels, never negative.
shapley_rate   worth of S = conversion rate of the journeys all of whose channels are in S, so journeys that don't convert
               count, too. Exact over all sets up to EXACT_CHANNELS, else the mean over sampled orders in which channels
               join (Castro, Gomez, Tejada, Computers & OR 36, 2009). A channel that lowers the rate has a negative share.
"""

from __future__ import annotations

from math import factorial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

EXACT_CHANNELS = 12
ORDERS = 1000
#: What is computed at once takes at most so many numbers.
BATCH_ELEMENTS = 4_000_000

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Rates(NamedTuple):
    """Shares by conversion rate (resamples x channels), adding up to 1, or all 0 where nothing converts; ``error`` is the
    standard error of sampling orders, None where all sets were counted."""

    shares: Floats
    error: Floats | None


def equal_shares(members: Bools) -> Floats:
    """What of a conversion each channel gets (sets x channels) in the game of conversions; ``members`` has no empty set."""
    return members / members.sum(axis=1, keepdims=True)


class RateGame:
    """The game of conversion rates among the sets ``members`` (sets x channels).

    ``random`` draws the orders where there are more than ``exact_channels``: the same ones for all resamples.
    """

    def __init__(
        self,
        members: Bools,
        random: np.random.Generator,
        exact_channels: int = EXACT_CHANNELS,
        orders: int = ORDERS,
    ) -> None:
        self._channels = members.shape[1]
        self.exact = self._channels <= exact_channels
        self._coalitions = _all_coalitions(self._channels) if self.exact else None
        if not self.exact:
            drawn = random.permuted(np.tile(np.arange(self._channels), (orders, 1)), axis=1)
            # The place at which each channel joins in each order; the first n of an order are those at places below n.
            self._places = np.argsort(drawn, axis=1)
        self._orders = orders
        self._members = members

    def shares(self, converting: Floats, journeys: Floats) -> Rates:
        """Shares for the numbers of ``converting`` and of all ``journeys`` of each set (resamples x sets)."""
        return self._counted(converting, journeys) if self.exact else self._sampled(converting, journeys)

    def _counted(self, converting: Floats, journeys: Floats) -> Rates:
        assert self._coalitions is not None  # noqa: S101 - it is where the game is exact
        within = _within(self._members, self._coalitions)
        weights = _weights(self._coalitions)
        at_once = max(1, BATCH_ELEMENTS // len(weights))
        values = [
            _rates(converting[at : at + at_once] @ within, journeys[at : at + at_once] @ within) @ weights
            for at in range(0, len(converting), at_once)
        ]
        return Rates(_normalised(np.concatenate(values)), None)

    def _sampled(self, converting: Floats, journeys: Floats) -> Rates:
        """Each order gives each channel what it adds to those before it; channels' places turn that into columns."""
        total, squares = np.zeros((2, len(converting), self._channels))
        for places in self._places:
            sizes = np.arange(self._channels + 1)
            coalitions = places[None, :] < sizes[:, None]
            within = _within(self._members, coalitions)
            added = np.diff(_rates(converting @ within, journeys @ within), axis=1)[:, places]
            total += added
            squares += added**2
        mean = total / self._orders
        variance = np.maximum(squares / self._orders - mean**2, 0) / max(1, self._orders - 1)
        worth = mean.sum(axis=1, keepdims=True)
        error = np.divide(np.sqrt(variance), worth, out=np.zeros_like(mean), where=worth > 0)
        return Rates(_normalised(mean), error)


def _all_coalitions(channels: int) -> Bools:
    numbers = np.arange(2**channels)
    return (numbers[:, None] >> np.arange(channels) & 1).astype(bool)


def _within(members: Bools, coalitions: Bools) -> Floats:
    """1 where a set lies in a coalition (sets x coalitions): none of its members is outside."""
    outside = members.astype(np.float32) @ (~coalitions).astype(np.float32).T
    return (outside == 0).astype(np.float64)


def _weights(coalitions: Bools) -> Floats:
    """What the worth of each coalition counts for each channel's value (coalitions x channels), after Shapley (1953)."""
    channels = coalitions.shape[1]
    sizes = coalitions.sum(axis=1)
    joining = [factorial(n) * factorial(channels - n - 1) / factorial(channels) for n in range(channels)]
    with_it = np.array([0.0, *joining])[sizes][:, None]
    without_it = np.array([*joining, 0.0])[sizes][:, None]
    return np.where(coalitions, with_it, -without_it)


def _rates(converting: Floats, journeys: Floats) -> Floats:
    return np.divide(converting, journeys, out=np.zeros_like(converting), where=journeys > 0)


def _normalised(values: Floats) -> Floats:
    total = values.sum(axis=1, keepdims=True)
    return np.divide(values, total, out=np.zeros_like(values), where=total > 0)
