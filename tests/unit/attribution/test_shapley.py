"""Both games beside all orders in which channels can join, one by one."""

from itertools import permutations

import numpy as np
import pytest

from streams.attribution.models import data_driven
from streams.attribution.paths import Group, Journey, sum_up
from streams.attribution.shapley import RateGame
from tests.unit.attribution.drawn import groups


def worth(found: list[Group], coalition: set[str], by_rate: bool) -> float:
    """Conversions, or conversions a journey, of the journeys that have no channel outside ``coalition``."""
    within = [
        (group.customers, journey.converts)
        for group in found
        for journey in group.journeys
        if set(journey.path) <= coalition
    ]
    journeys = sum(times for times, _ in within)
    converting = sum(times for times, converts in within if converts)
    return converting / journeys if by_rate and journeys else float(converting)


def in_all_orders(found: list[Group], channels: tuple[str, ...], by_rate: bool) -> dict[str, float]:
    orders = list(permutations(channels))
    value = dict.fromkeys(channels, 0.0)
    for order in orders:
        for at, channel in enumerate(order):
            added = worth(found, {*order[: at + 1]}, by_rate) - worth(found, {*order[:at]}, by_rate)
            value[channel] += added / len(orders)
    return value


@pytest.mark.parametrize("by_rate", [False, True], ids=["shapley", "shapley_rate"])
@pytest.mark.parametrize(("seed", "channels"), [(1, 2), (2, 4), (3, 5), (4, 6)])
def test_values_are_means_over_all_orders(seed: int, channels: int, by_rate: bool) -> None:
    found = groups(seed, channels)
    sums = sum_up(found, 1)
    model = data_driven("shapley_rate" if by_rate else "shapley", sums, np.random.default_rng(1))
    shares = model(sums.customers[None])
    values = in_all_orders(found, sums.channels, by_rate)
    total = worth(found, set(sums.channels), by_rate)
    expected = {channel: value / total for channel, value in values.items()}
    assert shares.error is None
    assert dict(zip(sums.channels, shares.shares[0], strict=True)) == pytest.approx(expected, abs=1e-12)


def test_sampled_orders_come_as_near_as_their_standard_error_says() -> None:
    sums = sum_up(groups(4, 6), 1)
    counts = [sums.customers[None] @ matrix for matrix in (sums.converting, sums.journeys)]
    exact = RateGame(sums.members, np.random.default_rng(0)).shares(*counts)
    off = []
    for seed in range(60):
        sampled = RateGame(sums.members, np.random.default_rng(seed), exact_channels=5, orders=200).shares(*counts)
        assert sampled.error is not None
        assert sampled.shares.sum() == pytest.approx(1)
        off.append((sampled.shares - exact.shares)[0] / sampled.error[0])
    # In units of the reported error: mean 0, deviation 1.
    assert np.mean(off, axis=0) == pytest.approx(np.zeros(6), abs=0.45)
    assert np.std(off, axis=0) == pytest.approx(np.ones(6), abs=0.35)


def test_a_resample_is_sampled_as_if_it_were_alone_in_however_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = sum_up(groups(4, 6), 1)
    weights = np.random.default_rng(1).integers(0, 3, (7, len(sums.customers))).astype(float)
    counts = [weights @ matrix for matrix in (sums.converting, sums.journeys)]
    whole = RateGame(sums.members, np.random.default_rng(1), exact_channels=5, orders=90).shares(*counts)
    monkeypatch.setattr("streams.attribution.shapley.BATCH_ELEMENTS", 400)
    pieces = RateGame(sums.members, np.random.default_rng(1), exact_channels=5, orders=90).shares(*counts)
    assert pieces.shares == pytest.approx(whole.shares, abs=1e-12)
    assert pieces.error == pytest.approx(whole.error, abs=1e-9)


def test_a_channel_that_lowers_the_rate_has_a_negative_share_by_rate_alone() -> None:
    """By hand: v(Email) = 1/2, v(Display) = 0, v(both) = 1/4. Of 1/4 Email gets (1/2 + 1/4) / 2, Display -1/4 / 2."""
    found = [
        Group(1, [Journey(("Email",), True)]),
        Group(1, [Journey(("Email",), False)]),
        Group(2, [Journey(("Display",), False)]),
    ]
    sums = sum_up(found, 1)
    rate, conversions = (
        data_driven(model, sums, np.random.default_rng(1))(sums.customers[None]).shares[0]
        for model in ("shapley_rate", "shapley")
    )
    assert rate == pytest.approx([1.5, -0.5])
    assert conversions == pytest.approx([1.0, 0.0])
