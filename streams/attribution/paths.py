"""Sums over journeys that every model is a function of: how often each step, set of channels and credit was seen.

Rows are groups of customers (or of journeys) that are alike, columns are what is counted. So figures for any weights of
the customers, those of a resample, too, are one product of the weights and a sparse matrix.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import sparse

from streams.attribution.arrays import Bools, Floats, Matrix
from streams.attribution.markov import Edge, Network, network, steps

Column = TypeVar("Column")
#: Paths whose columns are kept in mind.
REMEMBERED = 65_536


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


def sum_up(groups: Iterable[Group], order: int, rule_models: int = 0) -> Sums:
    """The sums over ``groups``, for Markov models of ``order``. Journeys without a path are left out.

    Of a group some hundred bytes are kept, none of its names. The order of ``groups`` decides that of channels and
    columns: give them in one order for one result to the last bit.
    """
    summing = _Summing(order, rule_models)
    for group in groups:
        summing.add(group)
    return summing.sums()


class _Columns(dict[Column, int]):
    """Numbers of columns, given as they are met."""

    def __missing__(self, key: Column) -> int:
        self[key] = number = len(self)
        return number


class _Cells:
    """The cells of a sparse matrix, row by row: 1 each, or what ``values`` says where that is filled, too."""

    def __init__(self) -> None:
        self.columns = array("q")
        self.values = array("d")
        self._ends = array("q", [0])

    def end_row(self) -> None:
        self._ends.append(len(self.columns))

    def matrix(self, columns: int) -> Matrix:
        values = np.array(self.values) if self.values else np.ones(len(self.columns))
        place, ends = np.array(self.columns), np.array(self._ends)
        found = sparse.csr_matrix((values, place, ends), shape=(len(ends) - 1, columns))
        found.sum_duplicates()
        return found


class _Summing:
    """Sums as they grow."""

    def __init__(self, order: int, rule_models: int) -> None:
        self._order, self._rule_models = order, rule_models
        self._channels: _Columns[str] = _Columns()
        self._edges: _Columns[Edge] = _Columns()
        self._sets: _Columns[frozenset[int]] = _Columns()
        self._customers = array("d")
        self._steps, self._converting, self._journeys, self._credits = cells = [_Cells() for _ in range(4)]
        self._cells = cells
        # Most journeys have one of few paths.
        self._columns = lru_cache(REMEMBERED)(self._columns_of)

    def add(self, group: Group) -> None:
        self._customers.append(group.customers)
        for journey in group.journeys:
            if journey.path:
                self._add(journey)
        for cells in self._cells:
            cells.end_row()

    def _add(self, journey: Journey) -> None:
        edges, its_set, channels = self._columns(tuple(journey.path), journey.converts)
        self._steps.columns.extend(edges)
        self._journeys.columns.append(its_set)
        if journey.converts:
            self._converting.columns.append(its_set)
        if journey.credits:
            # A column a channel and model; `sums` turns them, when all channels are known.
            models = range(self._rule_models)
            self._credits.columns.extend([at * self._rule_models + model for model in models for at in channels])
            self._credits.values.extend(journey.credits)

    def _columns_of(self, path: tuple[str, ...], converts: bool) -> tuple[list[int], int, list[int]]:
        """The edges of a path, its set of channels, and its channels in the order of first appearance."""
        numbers = [self._channels[channel] for channel in path]
        distinct = list(dict.fromkeys(numbers))
        edges = [self._edges[edge] for edge in steps(numbers, converts, self._order)]
        return edges, self._sets[frozenset(distinct)], distinct

    def sums(self) -> Sums:
        channels, models = len(self._channels), self._rule_models
        members = np.zeros((len(self._sets), channels), bool)
        for its_members, at in self._sets.items():
            members[at, list(its_members)] = True
        by_model = np.arange(channels * models).reshape(channels, models).T.ravel()
        return Sums(
            tuple(self._channels),
            np.array(self._customers),
            network(list(self._edges), channels),
            members,
            self._steps.matrix(len(self._edges)),
            self._converting.matrix(len(self._sets)),
            self._journeys.matrix(len(self._sets)),
            self._credits.matrix(channels * models)[:, by_model],
        )
