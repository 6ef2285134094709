"""Every model as a function of sums over customers: shares of all conversions by channel, for any weights of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from streams.attribution import markov
from streams.attribution.arrays import Floats, of_total
from streams.attribution.paths import Sums
from streams.attribution.shapley import RateGame, equal_shares
from streams.domain.attribution import CreditModels

RULES = CreditModels._fields
MARKOV, SHAPLEY, SHAPLEY_RATE = DATA_DRIVEN = ("markov", "shapley", "shapley_rate")


class Shares(NamedTuple):
    """Shares of all conversions (weights x channels), adding up to 1, or 0 where nothing converts. ``effects`` are
    Markov's removal effects, ``error`` the standard error of sampling; None where there is none."""

    shares: Floats
    effects: Floats | None = None
    error: Floats | None = None


#: Weights of the groups (resamples x groups) -> Shares.
Model = Callable[[Floats], Shares]


def data_driven(name: str, sums: Sums, random: np.random.Generator) -> Model:
    """The model ``name`` of DATA_DRIVEN; ``random`` draws orders where `shapley_rate` has to sample."""
    if name == MARKOV:
        return lambda weights: _markov(sums, weights)
    if name == SHAPLEY:
        equal = equal_shares(sums.members)
        return lambda weights: Shares(of_total((weights @ sums.converting) @ equal))
    game = RateGame(sums.members, random)
    return lambda weights: _by_rate(game, sums, weights)


def rule(name: str, sums: Sums) -> Model:
    """The rule model ``name`` of RULES: its credits added up."""
    at = RULES.index(name) * len(sums.channels)
    credits_ = sums.credits[:, at : at + len(sums.channels)]
    return lambda weights: Shares(of_total(weights @ credits_))


def conversions(sums: Sums, weights: Floats) -> Floats:
    """The number of conversions under each of ``weights`` (resamples)."""
    return np.asarray((weights @ sums.converting).sum(axis=1), np.float64)


def _markov(sums: Sums, weights: Floats) -> Shares:
    effects = markov.removal_effects(sums.network, weights @ sums.steps)
    return Shares(of_total(effects), effects)


def _by_rate(game: RateGame, sums: Sums, weights: Floats) -> Shares:
    rates = game.shares(weights @ sums.converting, weights @ sums.journeys)
    return Shares(rates.shares, error=rates.error)
