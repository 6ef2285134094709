"""Sums over journeys that every model is a function of: how often each step, set of channels and credit was seen.

Rows are groups of customers (or of journeys) that are alike, columns are what is counted. So figures for any weights of
the customers, those of a resample, too, are one product of the weights and a sparse matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import sparse

from streams.attribution.arrays import Bools, Floats, Matrix
from streams.attribution.markov import Edge, Network, network, steps

Column = TypeVar("Column")


class Journey(NamedTuple):
    """A journey as the models see it: channels of its touches in the lookback in order, consecutive repeats being one;
    ``credits`` are those of the rule models, model by model, to each distinct channel in the order of first appearance.
    """

    path: Sequence[str]
    converts: bool
    credits: Sequence[float] = ()


class Group(NamedTuple):
    """``customers`` who had the same ``journeys``."""

    customers: int
    journeys: Sequence[Journey]


class Sums(NamedTuple):
    """Rows are groups. ``steps`` has a column an edge of ``network``, ``converting`` and ``journeys`` one a set of
    ``members`` (sets x channels), ``credits`` one a rule model and channel, model by model."""

    channels: tuple[str, ...]
    customers: Floats
    network: Network
    members: Bools
    steps: Matrix
    converting: Matrix
    journeys: Matrix
    credits: Matrix


class _Columns(dict[Column, int]):
    """Numbers of columns, given as they are met."""

    def __missing__(self, key: Column) -> int:
        self[key] = number = len(self)
        return number


class _Cells:
    """The cells of a sparse matrix, row by row: 1 each, or what ``values`` says where that is filled, too."""

    def __init__(self) -> None:
        self.columns: list[int] = []
        self.values: list[float] = []
        self._ends = [0]

    def end_row(self) -> None:
        self._ends.append(len(self.columns))

    def matrix(self, columns: int) -> Matrix:
        values = np.array(self.values) if self.values else np.ones(len(self.columns))
        found = sparse.csr_matrix((values, self.columns, self._ends), shape=(len(self._ends) - 1, columns))
        found.sum_duplicates()
        return found


def sum_up(groups: Iterable[Group], order: int, rule_models: int = 0) -> Sums:
    """The sums over ``groups``, for Markov models of ``order``. Journeys without a path are left out.

    The order of ``groups`` decides that of channels and columns: give them in one order for one result to the last bit.
    """
    channels: _Columns[str] = _Columns()
    edges: _Columns[Edge] = _Columns()
    sets: _Columns[frozenset[int]] = _Columns()
    stepping, converting, journeys, crediting = _Cells(), _Cells(), _Cells(), _Cells()
    customers: list[int] = []
    seen = _remembered(lambda path, converts: _columns_of(path, converts, order, channels, edges, sets))
    for group in groups:
        customers.append(group.customers)
        for journey in group.journeys:
            if not journey.path:
                continue
            path_edges, its_set, its_channels = seen(tuple(journey.path), journey.converts)
            stepping.columns += path_edges
            journeys.columns.append(its_set)
            if journey.converts:
                converting.columns.append(its_set)
            if journey.credits:
                # A column a channel and model; by model and channel below, when all channels are known.
                crediting.columns += [at * rule_models + m for m in range(rule_models) for at in its_channels]
                crediting.values += journey.credits
        for cells in (stepping, converting, journeys, crediting):
            cells.end_row()
    by_model = np.arange(len(channels) * rule_models).reshape(len(channels), rule_models).T.ravel()
    members = np.zeros((len(sets), len(channels)), bool)
    for its_members, at in sets.items():
        members[at, list(its_members)] = True
    return Sums(
        tuple(channels),
        np.array(customers, np.float64),
        network(list(edges), len(channels)),
        members,
        stepping.matrix(len(edges)),
        converting.matrix(len(sets)),
        journeys.matrix(len(sets)),
        crediting.matrix(len(by_model))[:, by_model],
    )


_Seen = tuple[Sequence[int], int, Sequence[int]]


def _columns_of(
    path: tuple[str, ...],
    converts: bool,
    order: int,
    channels: _Columns[str],
    edges: _Columns[Edge],
    sets: _Columns[frozenset[int]],
) -> _Seen:
    numbers = [channels[channel] for channel in path]
    distinct = list(dict.fromkeys(numbers))
    return [edges[edge] for edge in steps(numbers, converts, order)], sets[frozenset(distinct)], distinct


def _remembered(find: Callable[[tuple[str, ...], bool], _Seen]) -> Callable[[tuple[str, ...], bool], _Seen]:
    """``find``, asked once for each path: most journeys have one of few."""
    known: dict[tuple[tuple[str, ...], bool], _Seen] = {}

    def found(path: tuple[str, ...], converts: bool) -> _Seen:
        key = (path, converts)
        if key not in known:
            known[key] = find(path, converts)
        return known[key]

    return found
