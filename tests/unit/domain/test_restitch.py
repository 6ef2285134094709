"""What an arrival reaches, and what it makes of the journeys that stood before it.

Each scenario arrives record by record; what is drawn below a timeline are the journeys after the last arrival.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.journeys import first_orders, split_journeys
from streams.domain.restitch import History, regions
from streams.domain.rules import Rules
from streams.domain.runs import Run
from streams.domain.sessions import split_sessions
from streams.domain.touchpoint import Order, Touchpoint, order_of
from tests.unit.builders import DAY, HOUR, MIDNIGHT, MINUTE, NOON, names, purchase, touch
from tests.unit.histories import histories, rule_sets

RULES = Rules()


class ListHistory:
    """A `History` over a sorted list."""

    def __init__(self, *touchpoints: Touchpoint) -> None:
        self.ordered = sorted(touchpoints)

    def since(self, order: Order) -> Iterator[Touchpoint]:
        return iter([t for t in self.ordered if order_of(t) >= order])

    def before(self, order: Order) -> Iterator[Touchpoint]:
        return iter([t for t in reversed(self.ordered) if order_of(t) < order])

    def converts(self, touchpoint: Touchpoint) -> bool:
        return first_orders(self.ordered)(touchpoint)


def reached(arrival: Touchpoint, *others: Touchpoint, rules: Rules = RULES) -> tuple[str, str, str]:
    """Names in margin, core and margin of the region around ``arrival`` among ``others``."""
    (region,) = regions(ListHistory(arrival, *others), {order_of(arrival): arrival}, rules)
    return names(region.left), names(region.core), names(region.right)


def test_an_arrival_alone_reaches_itself() -> None:
    assert reached(touch("x", NOON)) == ("", "x", "")


def test_the_run_ends_at_gaps_of_over_thirty_minutes_and_the_journeys_at_gaps_of_over_thirty_days() -> None:
    #   -31 d   -1 d    -30 min   x   +30 min   +60 min 1 ms   ...   + 31 d
    #   a |      b         c------x-----d     |    e          |        f
    around = [touch("b", NOON - DAY), touch("c", NOON - 30 * MINUTE), touch("d", NOON + 30 * MINUTE)]
    around += [touch("a", NOON - 31 * DAY - 1), touch("e", NOON + 60 * MINUTE + 1)]
    around += [touch("f", NOON + 60 * MINUTE + 2 + 30 * DAY)]
    assert reached(touch("x", NOON), *around) == ("", "b c x d e", "")


def test_journeys_end_at_closings_outside_the_run_and_run_on_behind_closings_inside_it() -> None:
    #   P|----a    b--x--Q|--c    d----R|---e       all that shares a touchpoint with the run b x Q c
    run = [touch("b", NOON - MINUTE), purchase("Q", NOON + MINUTE), touch("c", NOON + 2 * MINUTE)]
    left = [purchase("P", NOON - 2 * DAY), touch("a", NOON - DAY)]
    right = [touch("d", NOON + DAY), purchase("R", NOON + 2 * DAY), touch("e", NOON + 3 * DAY)]
    assert reached(touch("x", NOON), *left, *run, *right) == ("", "a b x Q c d R", "")


def test_an_arrival_that_closes_reaches_what_was_its_journey_before() -> None:
    assert reached(purchase("X", NOON), touch("a", NOON - DAY), touch("b", NOON + DAY)) == ("", "a X b", "")


def test_a_run_that_ends_in_a_closing_does_not_reach_the_next_journey() -> None:
    assert reached(touch("x", NOON), purchase("P", NOON + MINUTE), touch("b", NOON + DAY)) == ("", "x P", "")


def test_the_margin_has_the_rest_of_visits_that_go_on_behind_a_closing() -> None:
    #   a--P|--b      and two days later x: b's visit began with a
    others = [touch("a", NOON), purchase("P", NOON + MINUTE), touch("b", NOON + 2 * MINUTE)]
    assert reached(touch("x", NOON + 2 * DAY), *others) == ("a P", "b x", "")


def test_equal_times_do_not_hide_neighbours() -> None:
    same = [touch("a", NOON), touch("z", NOON), touch("x", NOON, "email")]
    assert reached(touch("x", NOON), *same) == ("", "a x x z", "")


def test_near_changes_share_a_region_and_far_ones_have_their_own() -> None:
    history = [touch("a", NOON), touch("x", NOON + DAY), touch("b", NOON + 2 * DAY), touch("y", NOON + 3 * DAY)]
    history += [touch("z", NOON + 90 * DAY)]
    changed = {order_of(t): t for t in history if t.event_id in "xyz"}
    assert [names(region.core) for region in regions(ListHistory(*history), changed, RULES)] == ["a x b y", "z"]


def test_a_long_journey_is_reached_up_to_the_next_midnight_behind_what_is_long_by_itself() -> None:
    #   a touchpoint an hour; of more than 3 a journey is cut at midnights, whatever x does
    hours = [touch(f"e{i:02}", MIDNIGHT + i * HOUR) for i in range(72)]
    _, core, _ = reached(touch("x", MIDNIGHT + 36 * HOUR + 1), *hours, rules=Rules(long_journey=3))
    assert (core[:3], core[-3:]) == ("e24", "e47")


def test_a_long_run_is_reached_as_far_as_a_session_of_the_changes_channel_may_go_on() -> None:
    #   every ten minutes, most on e-mail; a web session around midnight is not cut, because it is short
    times = [MIDNIGHT - 12 * HOUR + i * 10 * MINUTE for i in range(24 * 6)]
    run = [touch(f"e{i:03}", at, "web" if abs(at - MIDNIGHT) < HOUR else "email") for i, at in enumerate(times)]
    rules = Rules(long_run_ms=2 * HOUR, long_journey=3)
    assert reached(touch("x", MIDNIGHT + 6 * HOUR, "email"), *run, rules=rules)[1].startswith("e072")
    assert reached(touch("x", MIDNIGHT + HOUR, "web"), *run, rules=rules)[1].startswith("e000")


def pieces(history: ListHistory, rules: Rules) -> tuple[set[tuple[Touchpoint, ...]], set[tuple[Touchpoint, ...]]]:
    """All sessions and journeys of ``history``, as sets of their touchpoints."""

    def frozen(runs: list[Run]) -> set[tuple[Touchpoint, ...]]:
        return {tuple(run) for run in runs}

    journeys = split_journeys(history.ordered, history.converts, rules)
    return frozen(split_sessions(history.ordered, rules)), frozen(journeys)


@given(histories(), rule_sets, st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_whatever_changes_change_lies_in_their_regions_which_end_where_journeys_do(
    history: list[Touchpoint], rules: Rules, random: Random
) -> None:
    before = ListHistory(*(t for t in sorted(history) if random.random() < 0.7))
    after = ListHistory(*(t for t in sorted(history) if t in before.ordered or random.random() < 0.7))
    changed = {
        order_of(t): t for t in after.ordered if t not in before.ordered or before.converts(t) != after.converts(t)
    }
    if random.random() < 0.5:
        # What is true of what comes is true of what goes.
        reaching: History = Both(after, before)
        before, after = after, before
    else:
        reaching = after
    found = list(regions(reaching, changed, rules))
    assert {t for region in found for t in region.core} >= set(changed.values())
    (sessions_before, journeys_before), (sessions_after, journeys_after) = pieces(before, rules), pieces(after, rules)
    for piece in (sessions_before ^ sessions_after) | (journeys_before ^ journeys_after):
        assert any(set(region.core).issuperset(piece) for region in found)
    for piece in journeys_before | journeys_after:
        assert all(set(region.core).issuperset(piece) or set(region.core).isdisjoint(piece) for region in found)


class Both(ListHistory):
    """What was there, seen from what is left: of an order's conversions the first that is left converts."""

    def __init__(self, was: ListHistory, now: ListHistory) -> None:
        super().__init__(*was.ordered)
        self._now = now

    def converts(self, touchpoint: Touchpoint) -> bool:
        return touchpoint in self._now.ordered and self._now.converts(touchpoint)
