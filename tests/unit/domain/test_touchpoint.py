"""The total order of touchpoints, and which of them form journeys."""

from hypothesis import given
from hypothesis import strategies as st

from streams.domain.touchpoint import Order, is_journey_forming, order_of
from tests.unit.builders import MIDNIGHT, touch


def test_equal_times_are_ordered_by_event_id_then_channel_then_via() -> None:
    a = touch("a", MIDNIGHT, "web", via="user_id:2")
    by_event = touch("b", MIDNIGHT, "email", via="cookie_id:1")
    by_channel = touch("b", MIDNIGHT, "web", via="cookie_id:1")
    by_via = touch("b", MIDNIGHT, "web", via="user_id:1")
    later = touch("a", MIDNIGHT + 1, "email", via="cookie_id:0")
    assert sorted([later, by_via, by_channel, by_event, a], key=order_of) == [a, by_event, by_channel, by_via, later]


def test_nothing_but_these_four_decides_the_order() -> None:
    one = touch("a", MIDNIGHT, action="page_viewed", engaged_ms=5)
    other = touch("a", MIDNIGHT, action="searched", engaged_ms=4)
    assert order_of(one) == order_of(other) == Order(MIDNIGHT, "a", "web", one.via)


@given(st.lists(st.builds(touch, st.text(), st.integers(0, 3), st.sampled_from(["web", "email"]))))
def test_touchpoints_sort_as_their_order_does(touchpoints: list) -> None:
    assert sorted(touchpoints) == sorted(touchpoints, key=order_of)


def test_only_inbound_touchpoints_that_no_machine_made_form_journeys() -> None:
    assert is_journey_forming("inbound", "human")
    assert is_journey_forming("inbound", "suspect")
    assert not is_journey_forming("inbound", "machine")
    assert not is_journey_forming("outbound", "human")
    assert not is_journey_forming("outbound", "machine")
