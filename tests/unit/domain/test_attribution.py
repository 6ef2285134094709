"""Credits under the eight models, with the figures of the definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.attribution import Touch, credit
from streams.domain.rules import Rules
from tests.unit.builders import DAY, NOON

RULES = Rules()
THIRD_OF_FIFTH = pytest.approx(0.2 / 3)


def touches(*ages: int, direct: str = "") -> list[Touch]:
    """Touches that began ``ages`` ms before NOON; ``direct`` marks those that are Direct with a d."""
    marks = direct.ljust(len(ages), ".")
    return [
        Touch(NOON - age, "web", "Direct" if mark == "d" else "Email", "", "", 1)
        for age, mark in zip(ages, marks, strict=True)
    ]


def days(n: int) -> list[Touch]:
    """``n`` touches, a day apart, the last at the conversion."""
    return touches(*(i * DAY for i in reversed(range(n))))


@pytest.mark.parametrize(
    ("model", "of_one", "of_two", "of_three", "of_five"),
    [
        ("first", (1,), (1, 0), (1, 0, 0), (1, 0, 0, 0, 0)),
        ("last", (1,), (0, 1), (0, 0, 1), (0, 0, 0, 0, 1)),
        ("last_non_direct", (1,), (0, 1), (0, 0, 1), (0, 0, 0, 0, 1)),
        ("linear", (1,), (0.5, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.2, 0.2, 0.2, 0.2, 0.2)),
        ("position", (1,), (0.5, 0.5), (0.4, 0.2, 0.4), (0.4, *[THIRD_OF_FIFTH] * 3, 0.4)),
        ("j_shaped", (1,), (0.25, 0.75), (0.2, 0.2, 0.6), (0.2, *[THIRD_OF_FIFTH] * 3, 0.6)),
        ("inverse_j", (1,), (0.75, 0.25), (0.6, 0.2, 0.2), (0.6, *[THIRD_OF_FIFTH] * 3, 0.2)),
    ],
)
def test_each_model_by_position_of_one_two_three_and_five_touches(
    model: str, of_one: tuple, of_two: tuple, of_three: tuple, of_five: tuple
) -> None:
    for n, expected in ((1, of_one), (2, of_two), (3, of_three), (5, of_five)):
        assert list(getattr(credit(days(n), NOON, RULES), model)) == list(expected)


@pytest.mark.parametrize(
    ("ages_in_weeks", "parts"),
    [([0], [1]), ([1, 0], [1, 2]), ([2, 1, 0], [1, 2, 4]), ([4, 3, 2, 1, 0], [1, 2, 4, 8, 16])],
)
def test_time_decay_halves_at_exactly_seven_days(ages_in_weeks: list[int], parts: list[int]) -> None:
    found = credit(touches(*(7 * DAY * age for age in ages_in_weeks)), NOON, RULES).time_decay
    assert list(found) == pytest.approx([part / sum(parts) for part in parts])


def test_the_half_life_is_a_setting_and_no_age_is_too_old_for_it() -> None:
    rules = Rules(half_life_ms=1, lookback_ms=400 * DAY)
    assert credit(touches(360 * DAY, 1, 0), NOON, rules).time_decay == pytest.approx((0, 1 / 3, 2 / 3))
    assert credit(touches(360 * DAY, 359 * DAY), NOON, rules).time_decay == (0, 1)


def test_last_non_direct_passes_over_direct_touches() -> None:
    assert credit(touches(3, 2, 1, 0, direct="..dd"), NOON, RULES).last_non_direct == (0, 1, 0, 0)
    assert credit(touches(3, 2, 1, 0, direct="d.dd"), NOON, RULES).last_non_direct == (0, 1, 0, 0)
    assert credit(touches(3, 2, 1, 0, direct="dddd"), NOON, RULES).last_non_direct == (0, 0, 0, 1)


def test_last_non_direct_does_not_look_behind_the_lookback() -> None:
    assert credit(touches(31 * DAY, 1, 0, direct=".dd"), NOON, RULES).last_non_direct == (0, 0, 1)


def test_a_touch_exactly_thirty_days_before_earns_and_one_a_millisecond_older_does_not() -> None:
    #   30 d 1 ms   30 d                          conversion
    #   |x          y-----------------------------z
    found = credit(touches(30 * DAY + 1, 30 * DAY, 0), NOON, RULES)
    assert found.first == (0, 1, 0)
    assert found.linear == (0, 0.5, 0.5)
    assert found.position == (0, 0.5, 0.5)
    assert found.j_shaped == (0, 0.25, 0.75)
    assert found.time_decay[0] == 0 < found.time_decay[1]


def test_the_closing_touch_counts_however_long_ago_its_visit_began() -> None:
    rules = Rules(lookback_ms=1000)
    for model in credit(touches(5000, 1001), NOON, rules):
        assert model == (0, 1)


def test_without_lookback_what_happened_at_the_conversion_itself_earns() -> None:
    assert credit(touches(1, 0, 0), NOON, Rules(lookback_ms=0)).linear == (0, 0.5, 0.5)


@given(
    st.lists(st.integers(0, 80 * DAY), min_size=1, max_size=60),
    st.integers(0, 90 * DAY),
    st.integers(1, 30 * DAY),
    st.text(alphabet="d.", min_size=60, max_size=60),
)
def test_credits_are_shares_that_sum_to_one_one_for_each_touch(
    ages: list[int], lookback: int, half_life: int, direct: str
) -> None:
    ages.sort(reverse=True)
    models = credit(
        touches(*ages, direct=direct[: len(ages)]), NOON, Rules(lookback_ms=lookback, half_life_ms=half_life)
    )
    for shares in models:
        assert len(shares) == len(ages)
        assert all(0 <= share <= 1 for share in shares)
        assert abs(sum(shares) - 1) < 1e-9
        assert all(share == 0 for share, age in zip(shares[:-1], ages, strict=False) if age > lookback)
