"""Each journey-forming touchpoint stands in exactly one journey."""

from __future__ import annotations

from streams.domain.touchpoint import Order
from streams.verification.differences import Cell, Comparison
from streams.verification.steps import Steps, compare_steps

A, B, C, D = (Order(at, f"e{at}", "web", "cookie_id:a") for at in range(1, 5))


def steps(journey: str, *orders: Order, cut_until: int = 0) -> Steps:
    return Steps(journey, max(cut_until, *(order.occurred_at for order in orders)), bool(cut_until), orders)


def compared(touchpoints: list[Order], *journeys: Steps) -> Comparison:
    comparison = Comparison("journey_steps", 10)
    compare_steps("c", touchpoints, journeys, comparison)
    return comparison


def said(comparison: Comparison) -> list[str]:
    return [difference.text.partition(" UTC")[0] for difference in comparison.kept]


def test_each_in_one_journey() -> None:
    found = compared([C, A, B], steps("j1", A, B), steps("j2", C))
    assert (found.equal, found.differs) == (3, False)


def test_one_in_two_journeys_names_both() -> None:
    found = compared([A, B], steps("j1", A, B), steps("j2", B))
    assert said(found) == ["extra     touchpoint web e2 at 1970-01-01 00:00:00.002"]
    assert [line.partition(",")[0] for line in found.kept[0].trace] == ["in journey j1", "in journey j2"]


def test_one_twice_in_a_journey_and_one_in_none() -> None:
    """As many steps as touchpoints are no proof."""
    found = compared([A, B], steps("j1", A, A))
    assert [difference.key.rpartition(": ")[2] for difference in found.kept] == ["in 2 journeys", "in no journey"]


def test_a_step_that_forms_no_journey() -> None:
    assert said(compared([A], steps("j1", A, B))) == ["extra     touchpoint web e2 at 1970-01-01 00:00:00.002"]


def test_what_lies_behind_the_steps_of_a_long_journey_is_taken_to_be_there() -> None:
    found = compared([A, B, C, D], steps("j1", A, B, cut_until=3))
    assert [difference.key.partition(" at")[0] for difference in found.kept] == ["touchpoint web e4"]
    assert compared([A, B, C], steps("j1", A, C, cut_until=3)).counts["missing"] == 1


def test_a_journey_without_any_step_holds_nothing() -> None:
    found = compared([A], Steps("j1", 9, cut=True, orders=()))
    assert [difference.key.rpartition(": ")[2] for difference in found.kept] == ["in no journey"]


def test_a_journey_whose_arrays_differ_in_length_is_told_by_itself() -> None:
    found = compared([A, B, C], steps("j1", A)._replace(uneven=[Cell("length of steps_via", 2, 1)]), steps("j2", B, C))
    (difference,) = found.kept
    assert difference.text == "different journey j1 of customer c; length of steps_via: expected 2, found 1"
    assert found.equal == 3
