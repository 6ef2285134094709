"""Rows of engagement added up from touchpoints that come in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, cast

import pytest

from sinks.verify import Tables
from streams.domain.engagement import HOUR_MS, LARGEST, Totals
from streams.verification.differences import Comparison
from streams.verification.engagement import OutOfOrder, compare_engagement

Row = tuple[Any, ...]
NOUGHT = Totals(0, 0, 0, 0, 0, 0, 0, 0, {})  # type: ignore[arg-type]


def touchpoint(at: int, action: str = "opened", campaign: str = "", **money: int) -> Row:
    engaged_ms, value = money.get("engaged_ms", 0), money.get("value_micros")
    return (
        "email",
        campaign,
        at,
        "EUR" if value else "",
        "human",
        0,
        action,
        "inbound",
        engaged_ms,
        bool(value),
        value or 0,
    )


class Counted:
    """What the server would send."""

    def __init__(self, touchpoints: Iterable[Row], messages: Iterable[Row], rows: Iterable[Row]) -> None:
        self._touchpoints, self._messages, self._rows = touchpoints, messages, rows

    def measured(self, _hours: Collection[int] | None) -> Iterable[Row]:
        return self._touchpoints

    def messages(self, channel: str, actions: list[str], _hours: Collection[int] | None) -> Iterable[Row]:
        return self._messages if (channel, actions) == ("email", ["opened"]) else ()

    def totals(self, columns: tuple[str, ...], _hours: Collection[int] | None) -> Iterable[Row]:
        assert columns == Totals._fields
        return self._rows

    def touchpoints_in(self, _row: dict[str, object], _limit: int) -> list[Row]:
        return []


def compared(
    touchpoints: Iterable[Row], messages: Iterable[Row], rows: Iterable[Row], hours: Collection[int] | None = None
) -> Comparison:
    comparison = Comparison("engagement", 10)
    compare_engagement(cast(Tables, Counted(touchpoints, messages, rows)), hours, comparison)
    return comparison


def row(hour: int, campaign: str = "", currency: str = "", **totals: Any) -> Row:
    return ("email", campaign, hour * HOUR_MS, currency, "human", 0, *NOUGHT._replace(**totals))


def test_touchpoints_of_an_hour_add_up_and_a_message_counts_in_its_earliest() -> None:
    touchpoints = [touchpoint(1), touchpoint(HOUR_MS - 1, engaged_ms=5), touchpoint(HOUR_MS)]
    messages = [(0, [(HOUR_MS, "b", "", ""), (1, "a", "", "")])]
    first = row(0, touchpoints=2, inbound=2, unique_openers=1, engaged_ms=5, actions={"opened": 2})
    found = compared(touchpoints, messages, [first, row(1, touchpoints=1, inbound=1, actions={"opened": 1})])
    assert (found.equal, found.differs) == (2, False)


def test_each_campaign_and_currency_has_its_row() -> None:
    touchpoints = [touchpoint(1), touchpoint(1, value_micros=7), touchpoint(1, campaign="spring")]
    bought = {"conversions": 1, "revenue_micros": 7}
    one = {"touchpoints": 1, "inbound": 1, "actions": {"opened": 1}}
    rows = [row(0, **one), row(0, currency="EUR", **one, **bought), row(0, campaign="spring", **one)]
    assert not compared(touchpoints, [], rows).differs
    assert compared(touchpoints, [], rows[:2]).counts == {"missing": 1, "extra": 0, "different": 0}
    assert compared(touchpoints[:2], [], rows).counts == {"missing": 0, "extra": 1, "different": 0}


def test_zeros_are_no_row_and_an_action_counted_zero_times_is_none() -> None:
    found = compared([touchpoint(1)], [], [row(0, touchpoints=1, inbound=1, actions={"opened": 1, "clicked": 0})])
    assert (found.equal, found.differs) == (1, False)
    assert compared([], [], [row(0, actions={"opened": 0})]).counts == {"missing": 0, "extra": 0, "different": 0}


def test_more_than_a_table_holds_is_the_most_that_it_holds() -> None:
    touchpoints = [touchpoint(1, value_micros=LARGEST), touchpoint(2, value_micros=LARGEST)]
    much = row(
        0, currency="EUR", touchpoints=2, inbound=2, conversions=2, revenue_micros=LARGEST, actions={"opened": 2}
    )
    assert not compared(touchpoints, [], [much]).differs


def test_a_message_whose_earliest_lies_in_another_hour_counts_there() -> None:
    messages = [(0, [(1, "a", "", ""), (HOUR_MS, "b", "", "")])]
    second = row(1, touchpoints=1, inbound=1, actions={"opened": 1})
    assert not compared([touchpoint(HOUR_MS)], messages, [second], hours={HOUR_MS}).differs


def test_an_order_that_is_not_that_of_the_rows_is_refused() -> None:
    with pytest.raises(OutOfOrder):
        compared([touchpoint(HOUR_MS), touchpoint(1)], [], [])
