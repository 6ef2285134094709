"""Late and future: on the boundary, and a millisecond beyond."""

from hypothesis import given
from hypothesis import strategies as st

from streams.domain.lateness import advance, is_future, late_by
from tests.unit.builders import DAY, MINUTE, NOON

BUDGET = 3 * DAY


def test_three_days_behind_the_watermark_is_in_time_and_a_millisecond_more_is_late() -> None:
    assert late_by(NOON - BUDGET, NOON, BUDGET, backfill=False) == 0
    assert late_by(NOON - BUDGET - 1, NOON, BUDGET, backfill=False) == BUDGET + 1


def test_backfill_is_never_late_and_neither_is_the_first() -> None:
    assert late_by(0, NOON, BUDGET, backfill=True) == 0
    assert late_by(0, None, BUDGET, backfill=False) == 0


def test_nothing_ahead_of_the_watermark_is_late_even_without_a_budget() -> None:
    assert late_by(NOON, NOON, 0, backfill=False) == 0
    assert late_by(NOON + 1, NOON, 0, backfill=False) == 0
    assert late_by(NOON - 1, NOON, 0, backfill=False) == 1


def test_ten_minutes_after_its_receipt_is_believed_and_a_millisecond_more_is_the_future() -> None:
    assert not is_future(NOON + 10 * MINUTE, NOON, 10 * MINUTE)
    assert is_future(NOON + 10 * MINUTE + 1, NOON, 10 * MINUTE)
    assert not is_future(0, NOON, 10 * MINUTE)


@given(st.lists(st.integers(), min_size=1))
def test_the_watermark_is_the_highest_time_in_whatever_order(times: list[int]) -> None:
    watermark: int | None = None
    for occurred_at in times:
        watermark = advance(watermark, occurred_at)
    assert watermark == max(times)
