"""Changes of a conversion's credits, added up beside its credits by definition."""

from __future__ import annotations

from typing import Any

import pytest

from streams.domain.attribution import CreditModels, Touch
from streams.domain.journeys import Journey
from streams.domain.touchpoint import Conversion, Touchpoint
from streams.verification.changes import COLUMNS, compare_changes
from streams.verification.differences import Comparison

NOBODY = "00000000-0000-0000-0000-000000000000"
BOUGHT = Touchpoint(30, "p", "web", "cookie_id:a", "purchased", conversion=Conversion("purchase", 1, "EUR", ""))
#: Touches of the journey at their times, and the closing one.
EMAIL, DIRECT = (10, "email", "Email", "spring", ""), (30, "web", "Direct", "", "")
Shares = dict[tuple[Any, ...], float]
HALVES: Shares = {EMAIL: 0.5, DIRECT: 0.5}


def journey(id_: str, credits_: Shares) -> Journey:
    """One that BOUGHT closes, with the same shares under each model."""
    touches = tuple(Touch(*touch, 1) for touch in credits_)
    models = CreditModels(*[tuple(credits_.values())] * len(CreditModels._fields))
    return Journey(id_, "c", [BOUGHT], BOUGHT.conversion, 0, touches, models)


def change(version: int, before: tuple[str, Shares] | None, after: tuple[str, Shares] | None) -> tuple[Any, ...]:
    """A row of journey_changes about BOUGHT; each side is (journey, shares)."""
    head = ("web", "cookie_id:a", "p", 30, before[0] if before else NOBODY, after[0] if after else NOBODY)
    row = (*head, "late", f"cause-{version}", version, *side(before), *side(after))
    assert len(row) == len(COLUMNS)
    return row


def side(said: tuple[str, Shares] | None) -> list[list[Any]]:
    shares = said[1] if said else {}
    touches = [[touch[i] for touch in shares] for i in range(5)]
    return [*touches, *([*shares.values()] for _ in CreditModels._fields)]


def compared(journeys: list[Journey], *rows: tuple[Any, ...]) -> Comparison:
    comparison = Comparison("journey_changes", 10)
    compare_changes("c", journeys, rows, comparison)
    return comparison


def test_changes_add_up_to_the_credits_of_now_in_any_order() -> None:
    rows = [
        change(1, None, ("j1", {DIRECT: 1.0})),
        change(2, ("j1", {DIRECT: 1.0}), ("j2", {EMAIL: 0.1, DIRECT: 0.9})),
        change(3, ("j2", {EMAIL: 0.1, DIRECT: 0.9}), ("j2", HALVES)),
    ]
    for told in (rows, rows[::-1]):
        found = compared([journey("j2", HALVES)], *told)
        assert (found.equal, found.differs) == (1, False)


def test_a_conversion_that_moved_to_another_customer_adds_up_to_nothing() -> None:
    found = compared([], change(1, None, ("j1", HALVES)), change(2, ("j1", HALVES), None))
    assert (found.equal, found.differs) == (0, False)


def test_credits_that_ended_up_in_another_journey_are_told_with_all_changes() -> None:
    found = compared([journey("j2", {DIRECT: 1.0})], change(1, None, ("j1", {DIRECT: 1.0})))
    (difference,) = found.kept
    assert difference.kind == "different"
    assert difference.key == "conversion web p at 1970-01-01 00:00:00.030 UTC by cookie_id:a, of customer c"
    assert difference.cells[0].text == (
        "credit_first of Direct at 1970-01-01 00:00:00.030 UTC in journey j2: expected 1.0, found 0.0"
    )
    assert difference.trace == ("changes told: 1", f"  late of cause-1 (version 1): journey {NOBODY} became j1")


def test_a_change_that_was_told_twice_counts_twice() -> None:
    (difference,) = compared([journey("j", HALVES)], *[change(v, None, ("j", HALVES)) for v in (1, 2)]).kept
    assert (difference.kind, difference.cells[0].expected, difference.cells[0].found) == ("different", 0.5, 1.0)


def test_a_conversion_of_which_nobody_told_and_one_that_is_none() -> None:
    assert compared([journey("j", HALVES)]).counts == {"missing": 1, "extra": 0, "different": 0}
    assert compared([], change(1, None, ("j", HALVES))).counts == {"missing": 0, "extra": 1, "different": 0}


def test_a_touch_beyond_the_lookback_has_nothing_to_tell() -> None:
    found = compared([journey("j", {EMAIL: 0.0, DIRECT: 1.0})], change(1, None, ("j", {DIRECT: 1.0})))
    assert (found.equal, found.differs) == (1, False)


@pytest.mark.parametrize("column", ["after_touches_at", "after_touches_content", "after_credit_first"])
@pytest.mark.parametrize("by", [-1, 1])
def test_a_change_whose_arrays_differ_in_length_is_a_difference_and_the_others_are_compared(
    column: str, by: int
) -> None:
    row = [*change(1, None, ("j", HALVES))]
    at = COLUMNS.index(column)
    row[at] = row[at][:by] if by < 0 else [*row[at], row[at][0]]
    channel, via, _, *rest = change(1, None, ("j", HALVES))
    other = (channel, via, "q", *rest)
    found = compared([journey("j", HALVES)], tuple(row), other)
    uneven, extra = found.kept
    assert uneven.kind == "different"
    assert uneven.cells[0].text == f"length of {column}: expected 2, found {2 + by}"
    assert uneven.trace[0] == "changes told: 1"
    assert extra.key.startswith("conversion web q at ")


def test_a_change_of_which_nothing_can_be_added_up_is_there_all_the_same() -> None:
    row = [*change(1, None, ("j", HALVES))]
    row[COLUMNS.index("after_touches_at")] = []
    (difference,) = compared([journey("j", HALVES)], tuple(row)).kept
    assert (difference.kind, difference.cells[0].text) == (
        "different",
        "length of after_touches_at: expected 2, found 0",
    )
