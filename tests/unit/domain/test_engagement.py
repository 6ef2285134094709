"""Engagement: which row a touchpoint adds to, what it adds, and where uniques count."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from streams.domain.engagement import (
    LARGEST,
    NOTHING,
    OPENERS,
    EngagementKey,
    Share,
    Totals,
    add,
    add_unique,
    hour_of,
    unique_key,
)
from streams.domain.verdicts import Deed
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


def test_sums_are_exact_beyond_the_largest_that_tables_hold() -> None:
    most = add(NOTHING, "purchased", "inbound", Share(1, LARGEST, 1, LARGEST))
    most = add(most, "purchased", "inbound", Share(1, 1, 1, 1))
    assert (most.engaged_ms, most.revenue_micros, most.conversions) == (2**63, 2**63, 2)
    assert add(most, "purchased", "inbound", Share(-1, -LARGEST, -1, -LARGEST))[5:8] == (1, 1, 1)


def test_what_is_taken_away_leaves_no_trace() -> None:
    before = add(NOTHING, "opened", "inbound", Share(1, 3))
    after = add(before, "clicked", "inbound", Share(2, engaged_ms=5, conversions=1, revenue_micros=7))
    assert add(after, "clicked", "inbound", Share(-2, -5, -1, -7)) == before


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


def test_a_unique_counts_in_the_row_of_the_messages_earliest_event() -> None:
    deed = Deed(NOON + 59 * MINUTE, "e1", "spring", "EUR", "human")
    assert unique_key("email", deed) == EngagementKey("email", "spring", NOON, "EUR", "human")
