"""The days that the page is about, and the equal period before them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

_DAY = timedelta(days=1)
#: Up to so many days, time goes by day, then by week, then by month: never more than about a hundred points.
DAYS_BY_DAY = 62
DAYS_BY_WEEK = 730
#: Customers are cohorts of a week up to so many days, of a month beyond.
DAYS_OF_WEEKLY_COHORTS = 182


class Unit(NamedTuple):
    """A length of time, and the function of ClickHouse that gives the beginning of the one around a time."""

    name: str
    bucket: str


DAY = Unit("day", "toStartOfDay")
WEEK = Unit("week", "toMonday")
MONTH = Unit("month", "toStartOfMonth")


class Period(NamedTuple):
    """Days in UTC, both ends included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many they are."""
        return (self.until - self.since).days + 1

    @property
    def before(self) -> Period:
        """As many days, just before."""
        return Period(self.since - _DAY * self.days, self.since - _DAY)

    @property
    def parameters(self) -> dict[str, str]:
        """``since`` and ``until`` of a query as ISO days, UTC, the second not included.

        Text, since the driver would write times in the time zone of the server or session.
        """
        return {"since": self.since.isoformat(), "until": (self.until + _DAY).isoformat()}

    @property
    def unit(self) -> Unit:
        """By what the page shows time."""
        return DAY if self.days <= DAYS_BY_DAY else WEEK if self.days <= DAYS_BY_WEEK else MONTH

    @property
    def cohort_unit(self) -> Unit:
        """How long those who came at one time are one cohort."""
        return WEEK if self.days <= DAYS_OF_WEEKLY_COHORTS else MONTH

    def buckets(self) -> list[date]:
        """The beginning of each unit that has a day in the period, in order."""
        found, at = [], first_day(self.since, self.unit)
        while at <= self.until:
            found.append(at)
            at = next_first_day(at, self.unit)
        return found


def first_day(day: date, unit: Unit) -> date:
    """The first day of the unit around ``day``; weeks begin on Monday."""
    if unit == WEEK:
        return day - _DAY * day.weekday()
    return day.replace(day=1) if unit == MONTH else day


def next_first_day(first: date, unit: Unit) -> date:
    """The first day of the unit after the one that begins on ``first``."""
    if unit == MONTH:
        return first_day(first + _DAY * 31, MONTH)
    return first + _DAY * (7 if unit == WEEK else 1)
