"""Engagement: which row a touchpoint adds to, what it adds, and where uniques count."""

from dataclasses import asdict
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.engagement import (
    CLICKERS,
    OPENERS,
    Counted,
    EngagementKey,
    HumanEvent,
    Totals,
    add,
    hour_of,
    human_event,
    insert,
    key_of,
    unique_key,
    unique_of,
)
from tests.unit.builders import HOUR, MINUTE, NOON


def counted(**fields: Any) -> Counted:
    opened = Counted("email", "opened", "inbound", "human", NOON, "e1", "v", "m1", "spring", 0, False, 0, "")
    return opened._replace(**fields)


def test_an_hour_begins_with_its_first_millisecond() -> None:
    assert [hour_of(at) - NOON for at in (NOON - 1, NOON, NOON + HOUR - 1, NOON + HOUR)] == [-HOUR, 0, 0, HOUR]


def test_a_touchpoint_adds_to_the_row_of_its_channel_campaign_hour_currency_and_actor() -> None:
    bought = counted(occurred_at=NOON + 59 * MINUTE, currency="EUR", actor="suspect")
    assert key_of(bought) == EngagementKey("email", "spring", NOON, "EUR", "suspect")


def test_what_a_touchpoint_adds() -> None:
    totals = add(Totals(), counted(engaged_ms=5, is_conversion=True, value_micros=7, currency="EUR"))
    totals = add(totals, counted(action="delivered", direction="outbound"))
    totals = add(totals, counted(action="custom_thing", engaged_ms=2))
    assert totals == Totals(3, 2, 1, 0, 0, 7, 1, 7, {"opened": 1, "delivered": 1, "custom_thing": 1})


def test_adding_leaves_the_totals_that_were_there_untouched() -> None:
    before = Totals(actions={"opened": 1})
    add(before, counted())
    assert before == Totals(actions={"opened": 1})


@given(
    st.lists(st.builds(counted, action=st.sampled_from("abc"), engaged_ms=st.integers(0, 9)), max_size=8), st.randoms()
)
def test_totals_do_not_depend_on_the_order_of_adding(touchpoints: list[Counted], random: Random) -> None:
    def total(of: list[Counted]) -> dict[str, Any]:
        totals = Totals()
        for touchpoint in of:
            totals = add(totals, touchpoint)
        return asdict(totals)

    shuffled = random.sample(touchpoints, len(touchpoints))
    assert total(shuffled) == total(touchpoints)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, OPENERS),
        ({"action": "clicked"}, CLICKERS),
        ({"channel": "mobile", "action": "push_opened"}, OPENERS),
        ({"actor": "machine"}, None),
        ({"actor": "suspect"}, None),
        ({"action": "delivered"}, None),
        ({"channel": "web", "action": "link_clicked"}, None),
    ],
)
def test_only_people_who_open_or_click_a_message_are_unique(fields: dict[str, str], expected: str | None) -> None:
    assert unique_of(counted(**fields)) == expected


def test_a_unique_counts_in_the_row_of_the_messages_earliest_event() -> None:
    event = human_event(counted(occurred_at=NOON + 1, currency="EUR"))
    assert unique_key("email", event) == EngagementKey("email", "spring", NOON, "EUR", "human")


events = st.builds(HumanEvent, st.integers(0, 3), st.sampled_from("ab"), st.sampled_from("cd"), st.just(""))


@given(st.lists(events))
def test_a_messages_events_are_a_sorted_set(given_: list[HumanEvent]) -> None:
    kept: tuple[HumanEvent, ...] = ()
    for event in given_:
        kept = insert(kept, event)
    assert list(kept) == sorted(set(given_))
