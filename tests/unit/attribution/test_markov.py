"""The closed form beside a walk through the chain, step by step, with the channel taken out."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from streams.attribution import markov
from streams.attribution.models import data_driven
from streams.attribution.paths import Group, Journey, sum_up
from tests.unit.attribution.drawn import groups

CONVERSION, NULL = "conversion", "null"


def walked(found: list[Group], order: int, without: str | None = None) -> float:
    """P(conversion): mass is moved along the chain until none is left; states with ``without`` in them lead to null."""
    seen: dict[object, Counter[object]] = defaultdict(Counter)
    for group in found:
        for journey in group.journeys:
            path = list(journey.path)
            states = [tuple(path[max(0, at - order) : at]) for at in range(len(path) + 1)]
            for here, there in zip(states, [*states[1:], CONVERSION if journey.converts else NULL], strict=True):
                seen[here][there] += group.customers
    mass: dict[object, float] = {(): 1.0}
    converted = 0.0
    while sum(mass.values()) > 1e-15:
        moved: dict[object, float] = defaultdict(float)
        for state, amount in mass.items():
            for there, times in seen[state].items():
                part = amount * times / seen[state].total()
                if there == CONVERSION:
                    converted += part
                elif there != NULL and without not in there:  # type: ignore[operator]
                    moved[there] += part
        mass = moved
    return converted


@pytest.mark.parametrize("dense_states", [200, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_removal_effects_are_those_of_a_walk_without_the_channel(seed: int, order: int, dense_states: int) -> None:
    found = groups(seed)
    sums = sum_up(found, order)
    effects = markov.removal_effects(sums.network, sums.customers[None] @ sums.steps, dense_states)[0]
    whole = walked(found, order)
    expected = {channel: 1 - walked(found, order, channel) / whole for channel in sums.channels}
    assert dict(zip(sums.channels, effects, strict=True)) == pytest.approx(expected, abs=1e-9)


def test_a_chain_of_more_states_than_are_solved_at_once_is_the_same() -> None:
    found = groups(5, channels=6, number=400)
    sums = sum_up(found, 3)
    assert len(sums.network.last) > 100
    counts = sums.customers[None] @ sums.steps
    dense = markov.removal_effects(sums.network, counts, dense_states=10_000)
    assert markov.removal_effects(sums.network, counts, dense_states=0) == pytest.approx(dense, abs=1e-9)


def test_order_one_is_computed_by_hand() -> None:
    """Direct > Email converts once, Direct alone once of two: P = 2/3. Without Email 1/3 is left, without Direct 0."""
    found = [
        Group(1, [Journey(("Direct", "Email"), True)]),
        Group(1, [Journey(("Direct",), True)]),
        Group(1, [Journey(("Direct",), False)]),
    ]
    sums = sum_up(found, 1)
    [effects] = markov.removal_effects(sums.network, sums.customers[None] @ sums.steps)
    assert effects == pytest.approx([1.0, 0.5])


def test_a_higher_order_sees_what_came_before() -> None:
    """Email converts behind Display and never alone: order 1 can't tell, order 2 finds nothing left without Display."""
    found = [
        Group(10, [Journey(("Display", "Email"), True)]),
        Group(10, [Journey(("Email",), False)]),
    ]
    effects = []
    for order in (1, 2):
        sums = sum_up(found, order)
        [of_order] = markov.removal_effects(sums.network, sums.customers[None] @ sums.steps)
        effects.append(dict(zip(sums.channels, of_order, strict=True)))
    assert effects[0] == pytest.approx({"Display": 0.5, "Email": 1.0})
    assert effects[1] == pytest.approx({"Display": 1.0, "Email": 1.0})


def test_each_resample_is_solved_as_if_it_were_alone() -> None:
    sums = sum_up(groups(7), 2)
    weights = np.random.default_rng(1).integers(0, 3, (50, len(sums.customers))).astype(float)
    model = data_driven("markov", sums, np.random.default_rng(1))
    alone = np.concatenate([model(row[None]).shares for row in weights])
    assert model(weights).shares == pytest.approx(alone, abs=1e-12)


def test_without_conversions_nothing_is_credited() -> None:
    sums = sum_up([Group(3, [Journey(("Direct", "Email"), False)])], 1)
    found = data_driven("markov", sums, np.random.default_rng(1))(sums.customers[None])
    assert found.shares.tolist() == [[0.0, 0.0]]
