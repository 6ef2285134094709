"""One run of a data-driven model: from paths added up to credits in conversions and value, with what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from streams.attribution.arrays import Floats
from streams.attribution.models import SHAPLEY, Shares, data_driven
from streams.attribution.paths import Group, Journey, Sums, sum_up
from streams.attribution.shapley import ORDERS, equal_shares


class Seen(NamedTuple):
    """``journeys`` of one ``path``, converting in one ``currency`` or not; ``open_journeys`` may still go on."""

    path: Sequence[str]
    converts: bool
    currency: str
    journeys: int
    value_micros: int
    open_journeys: int


class Credit(NamedTuple):
    """What a channel gets of the conversions in one currency. ``share`` is that of all conversions."""

    name: str
    currency: str
    conversions: float
    value_micros: int
    share: float
    share_error: float | None
    removal_effect: float | None


class Counts(NamedTuple):
    """What a run rests on; ``covered`` are conversions whose path names at least one channel."""

    journeys: int
    open_journeys: int
    conversions: int
    paths: int
    covered: int


class Run(NamedTuple):
    """Credits by descending share, name and currency, none where nothing converts. ``sampled_orders`` is 0 where the
    figures are exact."""

    counts: Counts
    credits: Sequence[Credit]
    sampled_orders: int


def run(rows: Iterable[Seen], model: str, order: int, random: np.random.Generator) -> Run:
    """``model`` (of DATA_DRIVEN; ``order`` is Markov's) over ``rows`` in the order of paths, which are read once;
    ``random`` is used where it has to sample."""
    counting = _Counting()
    sums = sum_up(counting.groups(rows), order)
    if not counting.money:
        return Run(counting.counts, [], 0)
    found = data_driven(model, sums, random)(sums.customers[None])
    credits_ = [
        credit
        for currency in sorted(counting.money)
        for credit in _credits(sums, currency, counting.money[currency], model, found)
    ]
    by_share = sorted(credits_, key=lambda credit: (-credit.share, credit.name, credit.currency))
    return Run(counting.counts, by_share, ORDERS if found.error is not None else 0)


def count(rows: Iterable[Seen]) -> Counts:
    """The counts over ``rows`` in the order of paths."""
    counting = _Counting()
    for _ in counting.groups(rows):
        pass
    return counting.counts


class _Converting(NamedTuple):
    """Rows that convert in a currency: their places among those with a path, journeys and value."""

    places: list[int]
    journeys: list[int]
    micros: list[int]


class _Counting:
    """Counts rows on their way to be added up."""

    def __init__(self) -> None:
        self.conversions = 0
        self.money: dict[str, _Converting] = {}
        self._journeys = self._open_journeys = self._paths = self._covered = 0

    @property
    def counts(self) -> Counts:
        """Of what has gone by."""
        return Counts(self._journeys, self._open_journeys, self.conversions, self._paths, self._covered)

    def groups(self, rows: Iterable[Seen]) -> Iterator[Group]:
        """A group a row that has a path."""
        place, before = 0, None
        for row in rows:
            self._journeys += row.journeys
            self._open_journeys += row.open_journeys
            if row.converts:
                self.conversions += row.journeys
                self._covered += row.journeys if any(row.path) else 0
            if row.path:
                self._paths += row.path != before
                if row.converts:
                    money = self.money.setdefault(row.currency, _Converting([], [], []))
                    for kept, value in zip(money, (place, row.journeys, row.value_micros), strict=True):
                        kept.append(value)
                yield Group(row.journeys, [Journey(row.path, row.converts)])
                place, before = place + 1, row.path


def _credits(sums: Sums, currency: str, money: _Converting, model: str, found: Shares) -> Iterator[Credit]:
    conversions, values = (_spread(sums, money.places, of_it, model, found) for of_it in (money.journeys, money.micros))
    for at, (name, micros) in enumerate(zip(sums.channels, _whole(values), strict=True)):
        yield Credit(
            name,
            currency,
            float(conversions[at]),
            micros,
            float(found.shares[0, at]),
            None if found.error is None else float(found.error[0, at]),
            None if found.effects is None else float(found.effects[0, at]),
        )


def _spread(sums: Sums, places: Sequence[int], of_them: Sequence[int], model: str, found: Shares) -> Floats:
    """What converting rows have by channel: conversion by conversion under `shapley`, else by share."""
    amounts = np.zeros(len(sums.customers))
    amounts[places] = of_them
    by_set: Floats = amounts @ sums.converting
    return by_set @ equal_shares(sums.members) if model == SHAPLEY else found.shares[0] * by_set.sum()


def _whole(amounts: Floats) -> list[int]:
    """``amounts`` rounded so that none is off by 1 or more and their sum is rounded, too."""
    return [int(part) for part in np.diff(np.round(np.cumsum([0.0, *amounts])))]
