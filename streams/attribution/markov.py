"""The Markov model of any order: journeys as an absorbing chain, and what each channel's removal would cost.

A state is the last ``order`` channels of a path (fewer at its beginning); the empty one is the start. A path leads from
the start over its channels to conversion or null. Paths come without consecutive repeats, so no state leads to itself.
Source: Anderl, Becker, von Wangenheim, Schumann, "Mapping the customer journey", IJRM 33 (2016): removal effect of c =
1 - P(conversion, with c leading to null) / P(conversion), credits in proportion to the removal effects.

Solved in closed form. With Q between the states and r into conversion, h = (I - Q)^-1 r are the probabilities to
convert. Up to DENSE_STATES states N = (I - Q)^-1 is computed once, and for the states C that a removal takes away
P(conversion without C) = h_0 - N_0C (N_CC)^-1 h_C, exactly (the inverse of a block). Above, Q is sparse, and h_0 is the
sum of e_0 Q^n r over n, for all removals at once, until the mass that is still on its way is NEGLIGIBLE: what is left
out is less than that. Factors of I - Q would fill up: almost every state of a higher order is reached from every other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from streams.attribution.arrays import Floats, Ints, divided

DENSE_STATES = 200
NEGLIGIBLE = 1e-16
CONVERSION, NULL = -1, -2
#: What of a batch is solved at once takes at most so many matrix elements.
BATCH_ELEMENTS = 4_000_000

State = tuple[int, ...]


class Edge(NamedTuple):
    """One step: from a state to a state, or to CONVERSION or NULL as the only element."""

    source: State
    target: State


class Network(NamedTuple):
    """The steps that are seen, in the order of their counts.

    ``sources`` and ``targets`` index the states (0 is the start), ``targets`` are CONVERSION or NULL at a path's end;
    ``last`` is the channel that each state ends with, -1 of the start.
    """

    channels: int
    sources: Ints
    targets: Ints
    last: Ints


def steps(path: Sequence[int], converts: bool, order: int) -> Iterator[Edge]:
    """The steps of ``path``, channels without consecutive repeats."""
    state: State = ()
    for channel in path:
        following = (*state, channel)[-order:]
        yield Edge(state, following)
        state = following
    yield Edge(state, (CONVERSION if converts else NULL,))


def network(edges: Sequence[Edge], channels: int) -> Network:
    """The network of distinct ``edges``."""
    states = dict.fromkeys([(), *(edge.source for edge in edges)])
    index = {state: at for at, state in enumerate(states)}
    ends = {(CONVERSION,): CONVERSION, (NULL,): NULL}
    return Network(
        channels,
        np.array([index[edge.source] for edge in edges], np.int64),
        np.array([ends[edge.target] if edge.target in ends else index[edge.target] for edge in edges], np.int64),
        np.array([state[-1] if state else -1 for state in states], np.int64),
    )


def removal_effects(network: Network, counts: Floats, dense_states: int = DENSE_STATES) -> Floats:
    """Removal effects (resamples x channels) for ``counts`` of each edge (resamples x edges), from 0 to 1.

    All 0 where nothing converts. Removing a channel takes away the states that contain it; none of them is reached but
    over one that ends with it, so those are enough.
    """
    solve = _dense if len(network.last) <= dense_states else _sparse
    at_once = max(1, BATCH_ELEMENTS // len(network.last) ** 2)
    batches = [solve(network, counts[at : at + at_once]) for at in range(0, len(counts), at_once)]
    return np.concatenate(batches)


def _probabilities(network: Network, counts: Floats) -> Floats:
    """Of each edge, among those that leave the same state."""
    edges = len(network.sources)
    leaving = sparse.csr_matrix((np.ones(edges), (np.arange(edges), network.sources)))
    return divided(counts, (counts @ leaving)[:, network.sources])


def _dense(network: Network, counts: Floats) -> Floats:
    probabilities = _probabilities(network, counts)
    states = len(network.last)
    inner, converting = network.targets >= 0, network.targets == CONVERSION
    system = np.broadcast_to(np.eye(states), (len(counts), states, states)).copy()
    system[:, network.sources[inner], network.targets[inner]] -= probabilities[:, inner]
    into = np.zeros((len(counts), states, 1))
    into[:, network.sources[converting], 0] = probabilities[:, converting]
    fundamental = np.linalg.inv(system)
    converts = fundamental @ into
    lost = np.zeros((len(counts), network.channels))
    for channel in range(network.channels):
        taken = np.flatnonzero(network.last == channel)
        within = fundamental[:, taken[:, None], taken]
        lost[:, channel] = (fundamental[:, :1, taken] @ np.linalg.solve(within, converts[:, taken]))[:, 0, 0]
    return _of_all(lost, converts[:, 0])


def _sparse(network: Network, counts: Floats) -> Floats:
    return np.concatenate([_sparse_one(network, row) for row in _probabilities(network, counts)])


def _sparse_one(network: Network, probabilities: Floats) -> Floats:
    states, channels = len(network.last), network.channels
    inner, converting = network.targets >= 0, network.targets == CONVERSION
    moves = sparse.csr_matrix(
        (probabilities[inner], (network.targets[inner], network.sources[inner])), shape=(states, states)
    )
    into = np.zeros(states)
    into[network.sources[converting]] = probabilities[converting]
    # A column a channel that is taken away; the last takes none.
    kept = network.last[:, None] != np.arange(channels + 1)
    mass, converted = np.zeros((states, channels + 1)), np.zeros(channels + 1)
    mass[0] = 1.0
    while mass.sum(axis=0).max() > NEGLIGIBLE:
        converted += into @ mass
        mass = kept * (moves @ mass)
    return _of_all(converted[None, -1:] - converted[None, :-1], converted[None, -1:])


def _of_all(lost: Floats, whole: Floats) -> Floats:
    """``lost`` as a share of ``whole``. Rounding may leave what is nothing a little below 0."""
    return np.clip(divided(lost, whole), 0.0, 1.0)
