"""What an arrival reaches, and what it makes of the journeys that stood before it.

Each scenario arrives record by record; what is drawn below a timeline are the journeys after the last arrival.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

from hypothesis import given, settings

from streams.domain.journeys import first_orders, split_journeys
from streams.domain.restitch import History, reach
from streams.domain.rules import Rules
from streams.domain.runs import Run
from streams.domain.sessions import split_sessions
from streams.domain.touchpoint import Order, Touchpoint, order_of
from tests.unit.builders import DAY, MINUTE, NOON, names, purchase, touch
from tests.unit.histories import histories, rule_sets

RULES = Rules()


class ListHistory:
    """A `History` over a sorted list."""

    def __init__(self, *touchpoints: Touchpoint) -> None:
        self.ordered = sorted(touchpoints)

    def add(self, touchpoint: Touchpoint) -> None:
        insort(self.ordered, touchpoint)

    def since(self, order: Order) -> Iterator[Touchpoint]:
        return iter([t for t in self.ordered if order_of(t) >= order])

    def before(self, order: Order) -> Iterator[Touchpoint]:
        return iter([t for t in reversed(self.ordered) if order_of(t) < order])

    def converts(self, touchpoint: Touchpoint) -> bool:
        return first_orders(self.ordered)(touchpoint)


def reached(arrival: Touchpoint, *others: Touchpoint, rules: Rules = RULES) -> tuple[str, str]:
    """Names of the run and of the journeys' touchpoints that ``arrival`` reaches among ``others``."""
    history: History = ListHistory(arrival, *others)
    found = reach(history, order_of(arrival), rules)
    return names(found.run), names(found.journeys)


def test_an_arrival_alone_reaches_itself() -> None:
    assert reached(touch("x", NOON)) == ("x", "x")


def test_the_run_ends_at_gaps_of_over_thirty_minutes_and_the_journeys_at_gaps_of_over_thirty_days() -> None:
    #   -31 d   -1 d    -30 min   x   +30 min   +60 min 1 ms   ...   + 31 d
    #   a |      b         c------x-----d     |    e          |        f
    around = [touch("b", NOON - DAY), touch("c", NOON - 30 * MINUTE), touch("d", NOON + 30 * MINUTE)]
    around += [touch("a", NOON - 31 * DAY - 1), touch("e", NOON + 60 * MINUTE + 1)]
    around += [touch("f", NOON + 60 * MINUTE + 2 + 30 * DAY)]
    assert reached(touch("x", NOON), *around) == ("c x d", "b c x d e")


def test_journeys_end_at_closings_outside_the_run_and_run_on_behind_closings_inside_it() -> None:
    #   P|----a    b--x--Q|--c    d----R|---e       all that shares a touchpoint with the run b x Q c
    run = [touch("b", NOON - MINUTE), purchase("Q", NOON + MINUTE), touch("c", NOON + 2 * MINUTE)]
    left = [purchase("P", NOON - 2 * DAY), touch("a", NOON - DAY)]
    right = [touch("d", NOON + DAY), purchase("R", NOON + 2 * DAY), touch("e", NOON + 3 * DAY)]
    assert reached(touch("x", NOON), *left, *run, *right) == ("b x Q c", "a b x Q c d R")


def test_an_arrival_that_closes_reaches_what_was_its_journey_before() -> None:
    assert reached(purchase("X", NOON), touch("a", NOON - DAY), touch("b", NOON + DAY)) == ("X", "a X b")


def test_a_run_that_ends_in_a_closing_does_not_reach_the_next_journey() -> None:
    assert reached(touch("x", NOON), purchase("P", NOON + MINUTE), touch("b", NOON + DAY)) == ("x P", "x P")


def test_equal_times_do_not_hide_neighbours() -> None:
    same = [touch("a", NOON), touch("z", NOON), touch("x", NOON, "email")]
    assert reached(touch("x", NOON), *same) == ("a x x z", "a x x z")


def pieces(history: ListHistory, rules: Rules) -> tuple[set[tuple[Touchpoint, ...]], set[tuple[Touchpoint, ...]]]:
    """All sessions and journeys of ``history``, as sets of their touchpoints."""

    def frozen(runs: list[Run]) -> set[tuple[Touchpoint, ...]]:
        return {tuple(run) for run in runs}

    journeys = split_journeys(history.ordered, history.converts, rules)
    return frozen(split_sessions(history.ordered, rules)), frozen(journeys)


@given(histories(), rule_sets)
@settings(max_examples=200, deadline=None)
def test_whatever_an_arrival_changes_lies_in_its_reach_or_in_that_of_the_conversion_it_demotes(
    history: list[Touchpoint], rules: Rules
) -> None:
    known = ListHistory()
    for arrival in history:
        sessions_before, journeys_before = pieces(known, rules)
        counted_before = {t for t in known.ordered if known.converts(t)}
        known.add(arrival)
        sessions_after, journeys_after = pieces(known, rules)
        run: set[Touchpoint] = set()
        journeys: set[Touchpoint] = set()
        for at in (arrival, *(t for t in counted_before if not known.converts(t))):
            found = reach(known, order_of(at), rules)
            run.update(found.run)
            journeys.update(found.journeys)
        assert all(run.issuperset(piece) for piece in sessions_before ^ sessions_after)
        assert all(journeys.issuperset(piece) for piece in journeys_before ^ journeys_after)
        # Whole journeys, or what is stitched again would end where no journey does.
        assert all(journeys.issuperset(piece) or journeys.isdisjoint(piece) for piece in journeys_after)
