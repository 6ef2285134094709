"""Figures that others published, computed again."""

import numpy as np
import pytest

from streams.attribution.models import data_driven
from streams.attribution.paths import Group, Journey, Sums, sum_up


def seen(order: int = 1, **paths: tuple[int, int]) -> Sums:
    """Paths as ``a_b_c=(converting, not converting)``."""
    groups = [
        Group(times, [Journey(path.split("_"), converts)])
        for path, counts in paths.items()
        for converts, times in zip((True, False), counts, strict=True)
        if times
    ]
    return sum_up(groups, order)


def test_markov_of_three_paths_as_analyzecore_and_jerednel_have_it() -> None:
    """S. Bryl, analyzecore.com 2016/08/03 attribution-model-r-part-1; figures as printed in the readme of
    github.com/jerednel/markov-chain-attribution: removal effects 0.5, 1, 1; conversions 0.2, 0.4, 0.4."""
    sums = seen(cone_ctwo_cthree=(1, 0), cone=(0, 1), ctwo_cthree=(0, 1))
    found = data_driven("markov", sums, np.random.default_rng(1))(sums.customers[None])
    assert sums.channels == ("cone", "ctwo", "cthree")
    assert found.effects is not None
    assert found.effects[0] == pytest.approx([0.5, 1.0, 1.0])
    assert found.shares[0] == pytest.approx([0.2, 0.4, 0.4])


def test_shapley_of_three_channels_as_published() -> None:
    """Facebook, Organic, LinkedIn of towardsdatascience.com data-driven-marketing-attribution-1a28d2e613a0; figures as
    printed in github.com/tomgorb/misc, Data Driven Attribution.ipynb: 0.455, 0.205, 0.34 of 100 conversions."""
    sums = seen(F=(20, 0), O=(10, 0), L=(17, 0), F_O=(17, 0), F_L=(30, 0), F_L_O=(6, 0))
    found = data_driven("shapley", sums, np.random.default_rng(1))(sums.customers[None])
    assert dict(zip(sums.channels, found.shares[0], strict=True)) == pytest.approx({"F": 0.455, "O": 0.205, "L": 0.34})


def test_the_worked_example_of_the_documentation() -> None:
    """docs/attribution.md works it out by hand."""
    sums = seen(Direct_Email=(1, 0), Direct=(1, 1))
    expected = {"markov": (4 / 3, 2 / 3), "shapley": (1.5, 0.5), "shapley_rate": (1.75, 0.25)}
    for name, credits_ in expected.items():
        found = data_driven(name, sums, np.random.default_rng(1))(sums.customers[None])
        assert sums.channels == ("Direct", "Email")
        assert found.shares[0] * 2 == pytest.approx(credits_), name
