"""Engagement: which row a touchpoint adds to, what it adds, and where uniques count."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.engagement import (
    CLICKERS,
    LARGEST,
    NOTHING,
    OPENERS,
    EngagementKey,
    HumanEvent,
    Share,
    Totals,
    add,
    add_unique,
    hour_of,
    insert,
    unique_key,
    unique_of,
)
from tests.unit.builders import HOUR, MINUTE, NOON


def test_an_hour_begins_with_its_first_millisecond() -> None:
    assert [hour_of(at) - NOON for at in (NOON - 1, NOON, NOON + HOUR - 1, NOON + HOUR)] == [-HOUR, 0, 0, HOUR]


def test_what_touchpoints_add() -> None:
    totals = add(NOTHING, "opened", "inbound", Share(1, engaged_ms=5, conversions=1, revenue_micros=7))
    totals = add(totals, "delivered", "outbound", Share(2))
    totals = add(totals, "custom_thing", "inbound", Share(1, engaged_ms=2))
    assert totals == Totals(4, 2, 2, 0, 0, 7, 1, 7, {"opened": 1, "delivered": 2, "custom_thing": 1})


def test_adding_leaves_the_totals_that_were_there_untouched() -> None:
    before = add(NOTHING, "opened", "inbound", Share(1))
    add(before, "opened", "inbound", Share(1))
    assert before.actions == {"opened": 1}
    assert NOTHING.actions == {}


def test_sums_stop_at_the_largest_that_tables_hold() -> None:
    most = add(NOTHING, "purchased", "inbound", Share(1, LARGEST, 1, LARGEST))
    most = add(most, "purchased", "inbound", Share(1, 1, 1, 1))
    assert (most.engaged_ms, most.revenue_micros, most.conversions) == (LARGEST, LARGEST, 2)


def test_a_unique_is_added_and_taken_away_again() -> None:
    once = add_unique(NOTHING, OPENERS, 1)
    assert (once.unique_openers, once.unique_clickers) == (1, 0)
    assert add_unique(once, OPENERS, -1) == NOTHING


shares = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["inbound", "outbound"]), st.integers(0, 9).map(lambda ms: Share(1, ms))
)


@given(st.lists(shares, max_size=8), st.randoms())
def test_totals_do_not_depend_on_the_order_of_adding(given_: list[tuple[str, str, Share]], random: Random) -> None:
    def total(of: list[tuple[str, str, Share]]) -> Totals:
        totals = NOTHING
        for share in of:
            totals = add(totals, *share)
        return totals

    assert total(random.sample(given_, len(given_))) == total(given_)


@pytest.mark.parametrize(
    ("channel", "action", "actor", "expected"),
    [
        ("email", "opened", "human", OPENERS),
        ("email", "clicked", "human", CLICKERS),
        ("mobile", "push_opened", "human", OPENERS),
        ("email", "opened", "machine", None),
        ("email", "opened", "suspect", None),
        ("email", "delivered", "human", None),
        ("web", "link_clicked", "human", None),
    ],
)
def test_only_people_who_open_or_click_a_message_are_unique(
    channel: str, action: str, actor: str, expected: str | None
) -> None:
    assert unique_of(channel, action, actor) == expected


def test_a_unique_counts_in_the_row_of_the_messages_earliest_event() -> None:
    event = HumanEvent(NOON + 59 * MINUTE, "e1", "spring", "EUR")
    assert unique_key("email", event) == EngagementKey("email", "spring", NOON, "EUR", "human")


events = st.builds(HumanEvent, st.integers(0, 3), st.sampled_from("ab"), st.sampled_from("cd"), st.just(""))


@given(st.lists(events))
def test_a_messages_events_are_a_sorted_set(given_: list[HumanEvent]) -> None:
    kept: tuple[HumanEvent, ...] = ()
    for event in given_:
        kept = insert(kept, event)
    assert list(kept) == sorted(set(given_))
