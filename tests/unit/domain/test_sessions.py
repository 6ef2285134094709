"""Sessions: one channel, gaps of at most 30 minutes, GA4's engagement."""

import pytest

from streams.domain.ids import row_id
from streams.domain.journeys import first_orders
from streams.domain.rules import Rules
from streams.domain.sessions import Session, session_of, split_sessions
from streams.domain.touchpoint import Touchpoint
from tests.unit.builders import CUSTOMER, DAY, HOUR, MIDNIGHT, MINUTE, NOON, goal, names, purchase, touch

RULES = Rules()


def session(*touchpoints: Touchpoint) -> Session:
    return session_of(CUSTOMER, touchpoints, first_orders(touchpoints))


def test_gap_of_exactly_thirty_minutes_stays_one_session_and_a_millisecond_more_starts_anew() -> None:
    #         0        30 min     60 min 1 ms
    #   web   a---------b---------|c
    run = [touch("a", NOON), touch("b", NOON + 30 * MINUTE), touch("c", NOON + 60 * MINUTE + 1)]
    assert [names(s) for s in split_sessions(run, RULES)] == ["a b", "c"]


def test_another_channel_neither_extends_nor_cuts_a_session() -> None:
    #           0      20     40        80 min
    #   web     a------------b----------|d        c doesn't bridge b and d
    #   mobile         x--------------c
    run = [touch("a", NOON), touch("x", NOON + 20 * MINUTE, "mobile"), touch("b", NOON + 25 * MINUTE)]
    run += [touch("c", NOON + 50 * MINUTE, "mobile"), touch("d", NOON + 80 * MINUTE)]
    assert [names(s) for s in split_sessions(run, RULES)] == ["x c", "a b", "d"]


@pytest.mark.parametrize(("lasts", "sessions"), [(DAY, 1), (DAY + 1, 2)])
def test_a_session_over_24_hours_is_cut_at_midnight_and_one_of_exactly_24_is_not(lasts: int, sessions: int) -> None:
    times = [*range(NOON, NOON + lasts, 30 * MINUTE), NOON + lasts]
    found = split_sessions([touch(f"{i:03}", at) for i, at in enumerate(times)], RULES)
    assert len(found) == sessions
    assert [s[0].occurred_at for s in found] == [NOON, MIDNIGHT + DAY][:sessions]


def test_a_run_of_three_days_is_cut_at_each_midnight() -> None:
    times = range(NOON, NOON + 3 * DAY, 30 * MINUTE)
    found = split_sessions([touch(f"{i:03}", at) for i, at in enumerate(times)], RULES)
    assert [len(s) for s in found] == [24, 48, 48, 24]


def test_a_session_has_its_figures() -> None:
    found = session(
        touch("a", NOON, marketing_channel="Referral", engaged_ms=4_000),
        touch("b", NOON + MINUTE, action="searched", engaged_ms=3_000),
        touch("c", NOON + HOUR, has_acquisition=True, marketing_channel="Email", campaign="spring", content="top"),
        goal("d", NOON + HOUR),
    )
    assert found == Session(
        session_id=row_id(CUSTOMER, "web", "cookie_id:annas-cookie", "a"),
        customer_id=CUSTOMER,
        channel="web",
        started_at=NOON,
        ended_at=NOON + HOUR,
        touchpoints=4,
        page_views=2,
        engaged_ms=7_000,
        conversions=1,
        engaged=True,
        marketing_channel="Email",
        campaign="spring",
        content="top",
    )


@pytest.mark.parametrize(
    ("touchpoints", "engaged"),
    [
        ([touch("a", NOON)], False),
        ([touch("a", NOON), touch("b", NOON + 1)], True),
        ([touch("a", NOON), touch("b", NOON + 1, action="searched")], False),
        (
            [touch("a", NOON, "mobile", action="screen_viewed"), touch("b", NOON, "mobile", action="screen_viewed")],
            True,
        ),
        ([touch("a", NOON, engaged_ms=9_999)], False),
        ([touch("a", NOON, engaged_ms=10_000)], True),
        ([touch("a", NOON, engaged_ms=5_000), touch("b", NOON, action="searched", engaged_ms=5_000)], True),
        ([goal("a", NOON)], True),
        ([purchase("a", NOON)], True),
    ],
)
def test_engaged_is_two_views_or_ten_seconds_or_a_conversion(touchpoints: list[Touchpoint], engaged: bool) -> None:
    assert session(*touchpoints).engaged is engaged


def test_the_second_conversion_of_an_order_is_none_in_its_session() -> None:
    first, again = purchase("a", NOON, "o-1"), purchase("b", NOON + 5 * HOUR, "o-1")
    converts = first_orders([first, again])
    assert session_of(CUSTOMER, [first], converts).conversions == 1
    second = session_of(CUSTOMER, [again], converts)
    assert (second.conversions, second.engaged) == (0, False)
