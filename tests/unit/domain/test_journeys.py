"""Journeys: where they begin, what closes them, what their touches are.

Timelines are in days unless they say otherwise; P is a purchase, which closes; G a goal, which doesn't.
"""

import pytest

from streams.domain.attribution import CreditModels, Touch
from streams.domain.ids import row_id
from streams.domain.journeys import Journey
from streams.domain.rules import Rules
from streams.domain.stitch import stitch
from streams.domain.touchpoint import Touchpoint, is_journey_forming
from tests.unit.builders import CUSTOMER, DAY, HOUR, MIDNIGHT, MINUTE, NOON, goal, names, purchase, touch

RULES = Rules()


def journeys_of(*touchpoints: Touchpoint, rules: Rules = RULES) -> tuple[Journey, ...]:
    return stitch(CUSTOMER, touchpoints, rules).journeys


def drawn(*touchpoints: Touchpoint, rules: Rules = RULES) -> list[str]:
    """Each journey's event_ids, a ! where it converted."""
    return [names(j.touchpoints) + ("!" if j.conversion else "") for j in journeys_of(*touchpoints, rules=rules)]


def test_a_gap_of_exactly_thirty_days_stays_one_journey_and_a_millisecond_more_starts_anew() -> None:
    #   0         30        60 d 1 ms
    #   a---------b---------|c
    run = [touch("a", NOON), touch("b", NOON + 30 * DAY), touch("c", NOON + 60 * DAY + 1)]
    assert drawn(*run) == ["a b", "c"]


def test_a_closing_conversion_belongs_to_the_journey_that_it_closes() -> None:
    #   0    3    5      40     42
    #   a----b----P|     c------P|
    run = [touch("a", NOON), touch("b", NOON + 3 * DAY), purchase("P", NOON + 5 * DAY)]
    run += [touch("c", NOON + 40 * DAY), purchase("Q", NOON + 42 * DAY)]
    assert drawn(*run) == ["a b P!", "c Q!"]


def test_a_conversion_without_anything_before_is_a_journey_of_its_own() -> None:
    #   0    1
    #   P|   a
    first, rest = journeys_of(purchase("P", NOON), touch("a", NOON + DAY))
    assert names(first.touchpoints) == "P"
    assert names(rest.touchpoints) == "a"
    assert all(shares == (1.0,) for shares in first.credits)
    assert len(first.touches) == 1


def test_two_conversions_in_a_row_are_two_journeys_in_one_visit() -> None:
    #   0       1 min   2 min
    #   a-------P|------Q|        one visit, so Q's only touch came from where a came from
    came = {"has_acquisition": True, "marketing_channel": "Email", "campaign": "spring"}
    run = [touch("a", NOON, **came), purchase("P", NOON + MINUTE, "1"), purchase("Q", NOON + 2 * MINUTE, "2")]
    assert drawn(*run) == ["a P!", "Q!"]
    second = journeys_of(*run)[1]
    assert second.touches == (Touch(NOON + 2 * MINUTE, "web", "Email", "spring", "", 1),)


def test_a_purchase_without_order_always_converts() -> None:
    assert drawn(purchase("P", NOON), purchase("Q", NOON + 1), touch("a", NOON + 2)) == ["P!", "Q!", "a"]


def test_the_same_order_again_is_a_plain_touchpoint() -> None:
    #   0    1         2        3
    #   a----P(o1)|----P(o1)----b
    run = [touch("a", NOON), purchase("P", NOON + DAY, "o1"), purchase("P2", NOON + 2 * DAY, "o1")]
    assert drawn(*run, touch("b", NOON + 3 * DAY)) == ["a P!", "P2 b"]
    assert journeys_of(*run)[1].goals == 0


def test_an_order_counts_once_across_journeys_far_apart() -> None:
    run = [purchase("P", NOON, "o1"), touch("a", NOON + 90 * DAY), purchase("P2", NOON + 91 * DAY, "o1")]
    assert drawn(*run) == ["P!", "a P2"]


def test_the_same_order_under_another_type_is_another_conversion() -> None:
    booked = touch("g", NOON, conversion=purchase("x", 0, "o1").conversion._replace(type="booking"))  # type: ignore[union-attr]
    rules = Rules(closing_conversions=frozenset({"purchase", "booking"}))
    assert drawn(booked, purchase("P", NOON + 1, "o1"), rules=rules) == ["g!", "P!"]


def test_of_equal_times_the_smaller_event_id_converts_whatever_its_channel() -> None:
    run = [purchase("b", NOON, "o1", "email"), purchase("a", NOON, "o1", "web")]
    assert drawn(*run) == ["a!", "b"]
    tied = [purchase("a", NOON, "o1", "web"), purchase("a", NOON, "o1", "email")]
    assert [j.touchpoints[0].channel for j in journeys_of(*tied) if j.conversion] == ["email"]


def test_a_touchpoint_at_the_moment_of_the_conversion_is_before_it_or_behind_it_by_event_id() -> None:
    assert drawn(touch("a", NOON), purchase("b", NOON), touch("c", NOON)) == ["a b!", "c"]


def test_a_goal_is_counted_and_does_not_close() -> None:
    #   0    1    2    3
    #   a----G----b----P|
    run = [touch("a", NOON), goal("G", NOON + DAY), touch("b", NOON + 2 * DAY), purchase("P", NOON + 3 * DAY)]
    (journey,) = journeys_of(*run)
    assert names(journey.touchpoints) == "a G b P"
    assert (journey.goals, journey.conversion) == (1, run[-1].conversion)


def test_a_goal_at_the_end_leaves_the_journey_open_without_credits() -> None:
    (journey,) = journeys_of(touch("a", NOON), goal("G", NOON + DAY))
    assert (journey.goals, journey.conversion, journey.credits) == (1, None, CreditModels())


def test_a_goal_of_one_order_counts_once() -> None:
    (journey,) = journeys_of(goal("G", NOON, "r1"), goal("G2", NOON + 1, "r1"), goal("G3", NOON + 2))
    assert journey.goals == 2


def test_which_types_close_is_a_setting() -> None:
    rules = Rules(closing_conversions=frozenset({"registration"}))
    assert drawn(purchase("P", NOON), goal("G", NOON + 1), touch("a", NOON + 2), rules=rules) == ["P G!", "a"]


def test_machine_and_outbound_touchpoints_in_between_neither_bridge_nor_convert() -> None:
    #   0        20 machine     40 sent       60
    #   a----------x-------------x------------b        without the two there is a gap of 60 days
    arrivals = [
        (touch("a", NOON), "inbound", "human"),
        (purchase("x", NOON + 20 * DAY), "inbound", "machine"),
        (touch("y", NOON + 40 * DAY, "email", action="sent"), "outbound", "human"),
        (touch("b", NOON + 60 * DAY), "inbound", "suspect"),
    ]
    assert drawn(*(t for t, direction, actor in arrivals if is_journey_forming(direction, actor))) == ["a", "b"]


@pytest.mark.parametrize(("count", "journeys"), [(1_000, 1), (1_001, 2)])
def test_a_journey_of_over_a_thousand_touchpoints_is_cut_at_midnight_and_one_of_exactly_a_thousand_is_not(
    count: int, journeys: int
) -> None:
    #   23:59:00  every 100 ms  ... 00:00 ...
    run = [touch(f"e{i:04}", MIDNIGHT - MINUTE + i * 100) for i in range(count)]
    found = journeys_of(*run)
    assert [len(j.touchpoints) for j in found] == [600, 401] if journeys == 2 else [1000]
    assert found[-1].touches == (
        Touch(found[-1].touchpoints[0].occurred_at, "web", "Direct", "", "", len(found[-1].touchpoints)),
    )


def test_only_the_last_piece_of_a_long_journey_holds_the_conversion() -> None:
    #   day 1   day 2   day 3        with journeys of more than 3 cut
    #   a b   | c     | d P |
    rules = Rules(long_journey=3)
    run = [touch("a", NOON), touch("b", NOON + 1), touch("c", NOON + DAY), touch("d", NOON + 2 * DAY)]
    run.append(purchase("P", NOON + 2 * DAY + HOUR))
    assert drawn(*run, rules=rules) == ["a b", "c", "d P!"]
    assert [len(j.credits.linear) for j in journeys_of(*run, rules=rules)] == [0, 0, 2]


def test_closings_and_gaps_come_before_the_count_of_a_long_journey() -> None:
    #   23:58 a P|  00:01 b c d: five touchpoints, but three in no journey at most
    rules = Rules(long_journey=3)
    run = [touch("a", MIDNIGHT - 2), purchase("P", MIDNIGHT - 1), touch("b", MIDNIGHT - 1, via="z:z")]
    run += [touch("c", MIDNIGHT), touch("d", MIDNIGHT + 1)]
    assert drawn(*run, rules=rules) == ["a P!", "b c d"]


def test_ten_pages_of_one_visit_are_one_touch_dated_by_the_first() -> None:
    pages = [touch(f"p{i}", NOON + i * MINUTE) for i in range(10)]
    (journey,) = journeys_of(*pages, purchase("q", NOON + 2 * DAY))
    assert journey.touches == (
        Touch(NOON, "web", "Direct", "", "", 10),
        Touch(NOON + 2 * DAY, "web", "Direct", "", "", 1),
    )
    assert journey.credits.linear == (0.5, 0.5)


def test_a_touch_has_its_first_touchpoints_channel_and_its_visits_origin() -> None:
    opened = touch("o", NOON, "email", marketing_channel="Email")
    landing = touch(
        "p", NOON + MINUTE, has_acquisition=True, marketing_channel="Paid Search", campaign="brand", content="a"
    )
    (journey,) = journeys_of(opened, landing)
    assert journey.touches == (Touch(NOON, "email", "Paid Search", "brand", "a", 2),)


def test_what_follows_a_conversion_in_its_visit_is_a_touch_of_the_next_journey_with_the_visits_origin() -> None:
    #   visit   12:00   12:10   12:20           next day
    #           a-------P|      b----------------Q|       b's touch came by e-mail, like its visit
    mail = {"has_acquisition": True, "marketing_channel": "Email", "campaign": "spring"}
    run = [touch("a", NOON, **mail), purchase("P", NOON + 10 * MINUTE), touch("b", NOON + 20 * MINUTE)]
    first, second = journeys_of(*run, purchase("Q", NOON + DAY))
    assert first.touches == (Touch(NOON, "web", "Email", "spring", "", 2),)
    assert second.touches == (
        Touch(NOON + 20 * MINUTE, "web", "Email", "spring", "", 1),
        Touch(NOON + DAY, "web", "Direct", "", "", 1),
    )
    assert second.credits.last_non_direct == (1, 0)


def test_what_follows_a_conversion_gives_its_visits_origin_back_to_the_journey_that_it_closed() -> None:
    #   a Direct --- P| --- b from an advertisement: all one visit, whose first acquisition is b's
    advert = {"has_acquisition": True, "marketing_channel": "Display", "campaign": "banner"}
    first, second = journeys_of(touch("a", NOON), purchase("P", NOON + 1), touch("b", NOON + 2, **advert))
    assert [t.marketing_channel for t in (*first.touches, *second.touches)] == ["Display", "Display"]


def test_lookback_counts_back_from_the_conversion_to_the_beginning_of_each_touch() -> None:
    #   -30 d 1 ms    -30 d + 10 min     ...    -10 d     0
    #   a---(one visit)---b                     c         P        the touch of a and b began too early
    run = [touch("a", NOON - 30 * DAY - 1), touch("b", NOON - 30 * DAY + 10 * MINUTE)]
    run += [touch("c", NOON - 10 * DAY), purchase("P", NOON)]
    (journey,) = journeys_of(*run)
    assert journey.credits.linear == (0, 0.5, 0.5)
    (moved,) = journeys_of(run[0]._replace(occurred_at=NOON - 30 * DAY), *run[1:])
    assert moved.credits.linear == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_a_journey_is_named_after_its_customer_and_first_touchpoint() -> None:
    (journey,) = journeys_of(touch("a", NOON, "email"), touch("b", NOON + 1))
    assert journey.journey_id == row_id(CUSTOMER, "email", "cookie_id:annas-cookie", "a")
    assert journey.customer_id == CUSTOMER
