"""Visits run across channels and remember where they came from."""

from streams.domain.rules import Rules
from streams.domain.visits import Origin, origin_of, split_visits
from tests.unit.builders import DAY, HOUR, MIDNIGHT, MINUTE, NOON, names, touch

RULES = Rules()


def test_an_opening_its_click_and_the_pages_that_follow_are_one_visit() -> None:
    #           0     10    11          41     71 min 1 ms
    #   email   o-----c                        |o
    #   web                 p-----------p
    visits = split_visits(
        [
            touch("o", NOON, "email"),
            touch("c", NOON + 10 * MINUTE, "email"),
            touch("p", NOON + 11 * MINUTE),
            touch("q", NOON + 41 * MINUTE),
            touch("r", NOON + 71 * MINUTE + 1, "email"),
        ],
        RULES,
    )
    assert [names(v) for v in visits] == ["o c p q", "r"]


def test_a_visit_of_over_24_hours_across_channels_is_cut_at_midnight_though_each_channel_is_short() -> None:
    #   web     00:00 ........ 14:00
    #   mobile                 14:10 ........ 00:10 of the next day
    web = [touch(f"w{t:02}", MIDNIGHT + t * 30 * MINUTE) for t in range(29)]
    mobile = [touch(f"m{t:02}", MIDNIGHT + 14 * HOUR + 10 * MINUTE + t * 30 * MINUTE, "mobile") for t in range(21)]
    visits = split_visits([*web, *mobile], RULES)
    assert [len(v) for v in visits] == [49, 1]
    assert visits[1][0].occurred_at == MIDNIGHT + DAY + 10 * MINUTE


def test_a_visit_came_from_its_first_touchpoint_with_an_acquisition() -> None:
    plain = touch("a", NOON, marketing_channel="Direct")
    mail = touch("b", NOON + 1, marketing_channel="Email", has_acquisition=True, campaign="spring", content="top")
    search = touch("c", NOON + 2, marketing_channel="Paid Search", has_acquisition=True, campaign="brand")
    assert origin_of([plain, mail, search]) == Origin("Email", "spring", "top")


def test_a_visit_without_acquisition_came_from_its_first_touchpoint() -> None:
    push = touch("a", NOON, "mobile", marketing_channel="Mobile Push Notifications")
    assert origin_of([push, touch("b", NOON + 1)]) == Origin("Mobile Push Notifications", "", "")
