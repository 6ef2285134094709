"""The days of the page, how time goes by on it, and the days before."""

from datetime import UTC, date, datetime

import pytest

from sinks.page.figures import Extent, WrongPeriod, choose_period
from sinks.page.period import DAY, MONTH, WEEK, Period

FIRST = datetime(2026, 3, 2, 0, 23, tzinfo=UTC)
NEWEST = datetime(2026, 3, 30, 0, 1, tzinfo=UTC)
EXTENT = Extent(100, FIRST, NEWEST, NEWEST)
TODAY = date(2026, 11, 22)
MARCH = Period(date(2026, 3, 2), date(2026, 3, 29))


def test_both_ends_are_included() -> None:
    assert MARCH.days == 28
    assert MARCH.parameters == {"since": "2026-03-02", "until": "2026-03-30"}


def test_the_period_before_is_as_long_and_ends_the_day_before() -> None:
    assert MARCH.before == Period(date(2026, 2, 2), date(2026, 3, 1))
    assert Period(date(2026, 3, 1), date(2026, 3, 1)).before == Period(date(2026, 2, 28), date(2026, 2, 28))


@pytest.mark.parametrize(
    ("until", "unit", "buckets", "second"),
    [
        (date(2026, 5, 2), DAY, 62, date(2026, 3, 3)),
        (date(2026, 5, 3), WEEK, 9, date(2026, 3, 9)),
        (date(2028, 2, 29), WEEK, 105, date(2026, 3, 9)),
        (date(2028, 3, 1), MONTH, 25, date(2026, 4, 1)),
    ],
)
def test_time_goes_by_day_then_week_then_month(until: date, unit: object, buckets: int, second: date) -> None:
    period = Period(date(2026, 3, 2), until)
    assert (period.unit, len(period.buckets()), period.buckets()[1]) == (unit, buckets, second)


def test_a_bucket_begins_before_the_period_where_its_unit_does() -> None:
    wednesday = Period(date(2026, 3, 4), date(2026, 7, 1))
    assert wednesday.buckets()[0] == date(2026, 3, 2)
    assert wednesday.buckets()[-1] == date(2026, 6, 29)
    years = Period(date(2020, 1, 31), date(2026, 12, 31))
    assert years.buckets()[:3] == [date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)]
    assert len(years.buckets()) == 84


def test_cohorts_are_weeks_for_half_a_year_and_months_beyond() -> None:
    assert Period(date(2026, 1, 1), date(2026, 7, 1)).cohort_unit == WEEK
    assert Period(date(2026, 1, 1), date(2026, 7, 2)).cohort_unit == MONTH


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, MARCH),
        (date(2026, 3, 10), None, Period(date(2026, 3, 10), date(2026, 3, 29))),
        (None, date(2026, 3, 10), Period(date(2026, 3, 2), date(2026, 3, 10))),
        (None, date(2026, 2, 1), Period(date(2026, 2, 1), date(2026, 2, 1))),
        (date(2026, 4, 5), None, Period(date(2026, 4, 5), date(2026, 4, 5))),
        (date(2026, 4, 5), date(2026, 4, 5), Period(date(2026, 4, 5), date(2026, 4, 5))),
    ],
)
def test_an_open_end_is_the_first_or_the_last_complete_day(
    since: date | None, until: date | None, expected: Period
) -> None:
    assert choose_period(since, until, EXTENT, TODAY) == expected


def test_one_day_of_touchpoints_is_shown_though_it_goes_on() -> None:
    day = Extent(1, NEWEST, NEWEST, NEWEST)
    assert choose_period(None, None, day, TODAY) == Period(date(2026, 3, 30), date(2026, 3, 30))


def test_without_touchpoints_it_is_today() -> None:
    assert choose_period(None, None, None, TODAY) == Period(TODAY, TODAY)


def test_an_end_before_the_beginning_is_named() -> None:
    with pytest.raises(WrongPeriod, match=r"^since 2026-03-02 is after until 2026-03-01; expected"):
        choose_period(date(2026, 3, 2), date(2026, 3, 1), EXTENT, TODAY)
