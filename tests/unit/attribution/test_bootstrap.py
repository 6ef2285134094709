"""Resamples: as many customers as there are, and intervals as statistics books have them."""

import numpy as np
import pytest

from streams.attribution import bootstrap
from streams.attribution.bootstrap import draw, intervals
from streams.attribution.models import DATA_DRIVEN, RULES, data_driven, rule
from streams.attribution.paths import Group, Journey, sum_up
from tests.unit.attribution.drawn import groups


def one_touch(channel: str, converts: bool) -> Journey:
    return Journey((channel,), converts, (1.0,) * len(RULES) if converts else ())


def test_every_resample_has_as_many_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BATCH_ELEMENTS", 30)
    drawn = list(draw(np.array([5.0, 3.0, 2.0]), np.random.default_rng(1), 25))
    assert [len(batch) for batch in drawn] == [10, 10, 5]
    assert {row.sum() for batch in drawn for row in batch} == {10.0}


def test_the_interval_of_a_count_is_the_binomial_s() -> None:
    """90 of 900 customers converted: 90 +- 1.96 * sqrt(900 * 0.1 * 0.9), which is 17.6."""
    found = [Group(90, [one_touch("Email", True)]), Group(810, [one_touch("Email", False)])]
    sums = sum_up(found, 1, len(RULES))
    for interval in intervals(sums, {"last": rule("last", sums)}, np.random.default_rng(1)).values():
        assert interval.credits == pytest.approx([90.0])
        assert interval.low == pytest.approx([90 - 17.6], abs=2)
        assert interval.high == pytest.approx([90 + 17.6], abs=2)


def test_journeys_of_one_customer_stand_or_fall_together() -> None:
    """Ten customers with nine conversions each vary three times as much as ninety with one."""
    many = [Group(90, [one_touch("Email", True)]), Group(810, [one_touch("Email", False)])]
    few = [Group(10, [one_touch("Email", True)] * 9), Group(890, [one_touch("Email", False)])]
    widths = []
    for found in (many, few):
        sums = sum_up(found, 1, len(RULES))
        interval = intervals(sums, {"last": rule("last", sums)}, np.random.default_rng(1))["last"]
        widths.append(interval.high[0] - interval.low[0])
    assert widths[1] / widths[0] == pytest.approx(3.15, rel=0.1)


def test_all_models_credit_the_same_conversions_and_the_same_seed_gives_the_same_intervals() -> None:
    found = [
        group._replace(
            journeys=[
                # Rule models by hand: all of each credit to the first of the distinct channels.
                journey._replace(credits=([1.0] + [0.0] * (len(set(journey.path)) - 1)) * len(RULES))
                if journey.converts
                else journey
                for journey in group.journeys
            ]
        )
        for group in groups(1)
    ]
    sums = sum_up(found, 2, len(RULES))
    conversions = sum(group.customers for group in found for journey in group.journeys if journey.converts)

    def compared() -> dict[str, bootstrap.Interval]:
        random = np.random.default_rng(3)
        models = {name: rule(name, sums) for name in RULES}
        models |= {name: data_driven(name, sums, random) for name in DATA_DRIVEN}
        return intervals(sums, models, random, resamples=100)

    first, second = compared(), compared()
    for name, interval in first.items():
        assert interval.credits.sum() == pytest.approx(conversions), name
        assert (interval.low <= interval.high).all()
        assert np.array_equal(interval.low, second[name].low)


def test_credits_of_rule_models_go_to_their_channels() -> None:
    """first to Email, last to Direct, all others half and half; Direct comes up earlier in another journey."""
    credits_ = [0.5] * (2 * len(RULES))
    credits_[:2], credits_[2:4] = [1.0, 0.0], [0.0, 1.0]
    found = [
        Group(4, [Journey(("Direct",), False)]),
        Group(3, [Journey(("Email", "Direct"), True, credits_)]),
    ]
    sums = sum_up(found, 1, len(RULES))
    seen = {name: rule(name, sums)(sums.customers[None]).shares[0].tolist() for name in RULES}
    assert sums.channels == ("Direct", "Email")
    assert seen["first"] == [0.0, 1.0]
    assert seen["last"] == [1.0, 0.0]
    assert seen["linear"] == [0.5, 0.5]
