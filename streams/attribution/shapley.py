"""Shapley values of channels in two games over sets of channels.

Each journey counts by the set of its channels; how often and in which order they came does not matter.

shapley        worth of S = conversions of the journeys all of whose channels are in S. Zhao, Mahboobi, Bagheri,
               "Shapley Value Methods for Attribution Modeling in Online Advertising" (arXiv 1804.05327): its Shapley
               value is that each conversion is shared equally among the channels of its journey. Exact for any
               number of channels, never negative.
shapley_rate   worth of S = conversion rate of the journeys all of whose channels are in S, so journeys that don't
               convert count, too. Exact over all sets up to EXACT_CHANNELS, else the mean over sampled orders in which
               channels join (Castro, Gomez, Tejada, Computers & OR 36, 2009). Negative for what lowers the rate.
"""

from __future__ import annotations

from math import factorial
from typing import NamedTuple

import numpy as np
from scipy import sparse

from streams.attribution.arrays import Bools, Floats, divided, of_total

EXACT_CHANNELS = 12
ORDERS = 1000
#: What is computed at once takes at most so many numbers.
BATCH_ELEMENTS = 4_000_000


class Rates(NamedTuple):
    """Shares by conversion rate (resamples x channels), adding up to 1, or all 0 where nothing converts; ``error`` is
    the standard error of sampling orders, None where all sets were counted."""

    shares: Floats
    error: Floats | None


def equal_shares(members: Bools) -> Floats:
    """What of a conversion each channel gets (sets x channels) in the game of conversions; no set is empty."""
    return of_total(members.astype(np.float64))


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
        channels = members.shape[1]
        self._find = _Counted(members) if channels <= exact_channels else _Sampled(members, random, orders)

    def shares(self, converting: Floats, journeys: Floats) -> Rates:
        """Shares for the numbers of ``converting`` and of all ``journeys`` of each set (resamples x sets)."""
        at_once = max(1, BATCH_ELEMENTS // self._find.elements)
        batches = [slice(at, at + at_once) for at in range(0, len(converting), at_once)]
        found = [self._find(converting[batch], journeys[batch]) for batch in batches]
        values = np.concatenate([value for value, _ in found])
        variances = np.concatenate([variance for _, variance in found])
        worth = values.sum(axis=1, keepdims=True)
        error = divided(np.sqrt(variances), worth) if isinstance(self._find, _Sampled) else None
        return Rates(divided(values, worth), error)


class _Counted:
    """Over all coalitions: values, and variances that are 0."""

    def __init__(self, members: Bools) -> None:
        coalitions = _all_coalitions(members.shape[1])
        # A set lies in a coalition where none of its members is outside.
        outside = members.astype(np.float32) @ (~coalitions).astype(np.float32).T
        self._within = (outside == 0).astype(np.float64)
        self._weights = _weights(coalitions)
        self.elements = len(coalitions)

    def __call__(self, converting: Floats, journeys: Floats) -> tuple[Floats, Floats]:
        values = divided(converting @ self._within, journeys @ self._within) @ self._weights
        return values, np.zeros_like(values)


class _Sampled:
    """Over orders in which channels join: means of what each adds to the worth of those before it, and variances of the
    means. A set is complete when the last of its members joins, so the worth of an order's beginnings is a running sum.
    """

    def __init__(self, members: Bools, random: np.random.Generator, orders: int) -> None:
        channels = members.shape[1]
        #: The place at which each channel joins, in each order.
        self._places = random.permuted(np.tile(np.arange(channels, dtype=np.int16), (orders, 1)), axis=1)
        self._complete = np.stack([np.where(members, places, -1).max(axis=1) for places in self._places])
        self._at_once = max(1, BATCH_ELEMENTS // len(members))
        self.elements = min(orders, self._at_once) * channels

    def __call__(self, converting: Floats, journeys: Floats) -> tuple[Floats, Floats]:
        orders, channels = self._places.shape
        total, squares = np.zeros((2, len(converting), channels))
        for at in range(0, orders, self._at_once):
            places = self._places[at : at + self._at_once]
            joined = self._joined(at, len(places))
            rates = divided(*(self._worth(counts @ joined, len(places)) for counts in (converting, journeys)))
            added = np.diff(rates, axis=2, prepend=0.0)
            by_channel = np.take_along_axis(added, np.broadcast_to(places, added.shape).astype(np.int64), axis=2)
            total += by_channel.sum(axis=1)
            squares += (by_channel**2).sum(axis=1)
        mean = total / orders
        return mean, np.maximum(squares / orders - mean**2, 0.0) / max(1, orders - 1)

    def _joined(self, at: int, orders: int) -> sparse.csr_matrix:
        """1 for each set at the place that completes it (sets x places, order by order)."""
        channels = self._places.shape[1]
        complete = self._complete[at : at + orders].astype(np.int64)
        columns = (complete + channels * np.arange(orders)[:, None]).ravel()
        sets = np.tile(np.arange(complete.shape[1]), orders)
        return sparse.csr_matrix((np.ones(len(columns)), (sets, columns)), shape=(complete.shape[1], orders * channels))

    def _worth(self, counts: Floats, orders: int) -> Floats:
        return counts.reshape(len(counts), orders, -1).cumsum(axis=2)


def _all_coalitions(channels: int) -> Bools:
    numbers = np.arange(2**channels)
    return (numbers[:, None] >> np.arange(channels) & 1).astype(bool)


def _weights(coalitions: Bools) -> Floats:
    """What the worth of each coalition counts for each channel's value (coalitions x channels); Shapley (1953)."""
    channels = coalitions.shape[1]
    sizes = coalitions.sum(axis=1)
    joining = [factorial(n) * factorial(channels - n - 1) / factorial(channels) for n in range(channels)]
    with_it = np.array([0.0, *joining])[sizes][:, None]
    without_it = np.array([*joining, 0.0])[sizes][:, None]
    weights: Floats = np.where(coalitions, with_it, -without_it)
    return weights
