"""What a touchpoint behind all others goes on with or begins, told from the end of the history alone.

- goes on with a session, visit or journey      | begins another
"""

from __future__ import annotations

from hypothesis import given, settings

from streams.domain.journeys import first_orders, is_closing, split_stretches
from streams.domain.rules import Rules
from streams.domain.runs import split_at_gaps
from streams.domain.tail import Tail, begin, follow, tail_of
from streams.domain.touchpoint import Touchpoint
from tests.unit.builders import DAY, HOUR, MIDNIGHT, MINUTE, NOON, goal, purchase, touch
from tests.unit.histories import histories, rule_sets

RULES = Rules()
SHORT = Rules(long_journey=3, long_run_ms=HOUR)


def tail(*touchpoints: Touchpoint, rules: Rules = RULES) -> Tail:
    """The end of a history that holds ``touchpoints``."""
    ordered = sorted(touchpoints)
    converts = first_orders(ordered)
    run = split_at_gaps(ordered, rules.session_gap_ms)[-1]
    stretch = split_stretches(ordered, converts, rules)[-1]
    return tail_of(run, stretch, is_closing(ordered[-1], rules) and converts(ordered[-1]), rules)


def then(before: Tail, touchpoint: Touchpoint, rules: Rules = RULES) -> Tail | None:
    return follow(before, touchpoint, is_closing(touchpoint, rules), rules)


def begun(before: Tail, touchpoint: Touchpoint, rules: Rules = RULES) -> str:
    """What ``touchpoint`` begins: session, visit, journey."""
    after = then(before, touchpoint, rules)
    assert after is not None
    (session,) = [run for run in after.sessions if run.first.channel == touchpoint.channel]
    firsts = {"session": session.first, "visit": after.visit.first, "journey": after.journey}
    return " ".join(name for name, first in firsts.items() if first == touchpoint[:4])


def test_within_thirty_minutes_all_go_on_and_behind_them_session_and_visit_begin() -> None:
    #   0 -30 min- 30 min      30 min 1 ms      30 days      30 days 1 ms
    before = tail(touch("a", NOON))
    assert begun(before, touch("x", NOON + 30 * MINUTE)) == ""
    assert begun(before, touch("x", NOON + 30 * MINUTE + 1)) == "session visit"
    assert begun(before, touch("x", NOON + 30 * DAY)) == "session visit"
    assert begun(before, touch("x", NOON + 30 * DAY + 1)) == "session visit journey"


def test_another_channel_begins_a_session_of_its_own_within_the_visit() -> None:
    assert begun(tail(touch("a", NOON)), touch("x", NOON + 1, "email")) == "session"


def test_a_session_goes_on_across_touchpoints_on_other_channels() -> None:
    #   web a ---- email b ---- web x
    before = tail(touch("a", NOON), touch("b", NOON + 20 * MINUTE, "email"))
    assert begun(before, touch("x", NOON + 30 * MINUTE)) == ""
    assert begun(before, touch("x", NOON + 40 * MINUTE)) == "session"


def test_behind_a_closing_conversion_a_journey_begins_and_behind_a_goal_it_goes_on() -> None:
    assert begun(tail(purchase("P", NOON)), touch("x", NOON + 1)) == "journey"
    assert begun(tail(goal("G", NOON)), touch("x", NOON + 1)) == ""


def test_a_first_acquisition_in_a_visit_changes_more_than_its_journey_can_tell() -> None:
    came = {"has_acquisition": True, "marketing_channel": "Email"}
    assert then(tail(touch("a", NOON)), touch("x", NOON + 1, **came)) is None
    assert then(tail(touch("a", NOON, **came)), touch("x", NOON + 1, **came)) is not None
    assert then(tail(touch("a", NOON)), touch("x", NOON + HOUR, **came)) is not None


def test_what_becomes_too_long_is_not_followed_and_what_is_already_begins_anew_at_midnight() -> None:
    #   22:30   23:00   23:30 | 0:00       the run lasts over an hour from the fourth touchpoint on
    evening = [touch(f"e{i}", MIDNIGHT - (3 - i) * 30 * MINUTE) for i in range(3)]
    assert then(tail(*evening, rules=SHORT), touch("x", MIDNIGHT), SHORT) is None
    long = tail(*evening, touch("e3", MIDNIGHT - 1), rules=SHORT)
    assert begun(long, touch("x", MIDNIGHT), SHORT) == "session visit journey"
    assert begun(tail(*evening, touch("e3", MIDNIGHT), rules=SHORT), touch("x", MIDNIGHT + 1), SHORT) == ""


def test_the_thousand_and_first_touchpoint_of_a_journey_is_not_followed() -> None:
    journey = [touch(f"e{i}", NOON + i * DAY) for i in range(3)]
    assert then(tail(*journey, rules=SHORT), touch("x", NOON + 3 * DAY), SHORT) is None
    assert then(tail(*journey[:2], rules=SHORT), touch("x", NOON + 3 * DAY), SHORT) is not None


@given(histories(), rule_sets)
@settings(max_examples=300)
def test_what_follows_ends_as_the_whole_history_does(history: list[Touchpoint], rules: Rules) -> None:
    ordered = sorted(history)
    for count in range(1, len(ordered)):
        known, last = ordered[: count + 1], ordered[count]
        closes = is_closing(last, rules) and first_orders(known)(last)
        after = follow(tail(*ordered[:count], rules=rules), last, closes, rules)
        assert after is None or after == tail(*known, rules=rules)


@given(histories(), rule_sets)
@settings(max_examples=100)
def test_a_history_begins_with_the_tail_of_its_first_touchpoint(history: list[Touchpoint], rules: Rules) -> None:
    for touchpoint in history:
        assert begin(touchpoint, is_closing(touchpoint, rules)) == tail(touchpoint, rules=rules)
