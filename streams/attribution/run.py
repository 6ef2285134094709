"""One run of a data-driven model: from paths added up to credits in conversions and value, with what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """Credits by descending share, name and currency. ``sampled_orders`` is 0 where the figures are exact."""

    counts: Counts
    credits: Sequence[Credit]
    sampled_orders: int


def run(rows: Sequence[Seen], model: str, order: int, random: np.random.Generator) -> Run:
    """``model`` (of DATA_DRIVEN; ``order`` is Markov's) over ``rows``; ``random`` is used where it has to sample."""
    seen = [row for row in rows if row.path]
    sums = sum_up((Group(row.journeys, [Journey(row.path, row.converts)]) for row in seen), order)
    found = data_driven(model, sums, random)(sums.customers[None])
    sampled = ORDERS if found.error is not None else 0
    return Run(count(rows), _credits(sums, seen, model, found), sampled)


def count(rows: Iterable[Seen]) -> Counts:
    """The counts over ``rows``."""
    journeys = open_journeys = conversions = covered = 0
    paths = set()
    for row in rows:
        journeys += row.journeys
        open_journeys += row.open_journeys
        paths.add(tuple(row.path))
        if row.converts:
            conversions += row.journeys
            covered += row.journeys if any(row.path) else 0
    return Counts(journeys, open_journeys, conversions, len(paths - {()}), covered)


def _credits(sums: Sums, seen: Sequence[Seen], model: str, found: Shares) -> list[Credit]:
    credits_ = []
    for currency in sorted({row.currency for row in seen if row.converts}):
        of_it = [row.converts and row.currency == currency for row in seen]
        conversions = _spread(sums, np.where(of_it, [row.journeys for row in seen], 0), model, found)
        values = _spread(sums, np.where(of_it, [row.value_micros for row in seen], 0), model, found)
        credits_ += [
            Credit(
                name,
                currency,
                float(conversions[at]),
                micros,
                float(found.shares[0, at]),
                None if found.error is None else float(found.error[0, at]),
                None if found.effects is None else float(found.effects[0, at]),
            )
            for at, (name, micros) in enumerate(zip(sums.channels, _whole(values), strict=True))
        ]
    return sorted(credits_, key=lambda credit: (-credit.share, credit.name, credit.currency))


def _spread(sums: Sums, amounts: Floats, model: str, found: Shares) -> Floats:
    """``amounts`` of converting rows by channel: by conversion under `shapley`, else by share."""
    by_set: Floats = amounts @ sums.converting
    return by_set @ equal_shares(sums.members) if model == SHAPLEY else found.shares[0] * by_set.sum()


def _whole(amounts: Floats) -> list[int]:
    """``amounts`` rounded so that none is off by 1 or more and their sum is rounded, too."""
    return [int(part) for part in np.diff(np.round(np.cumsum([0.0, *amounts])))]
