"""Views over customers on rows made by hand: first visits, acquisition, retention, overlap, funnel, timeline."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from sinks.clickhouse import ClickHouse, Misconfigured
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id, uuid5
from tests.integration.filled import database
from tests.integration.rows import HOUR_MS, NOON_MS, insert, insert_touchpoints, journey, rows, session, touchpoint

pytestmark = pytest.mark.stack

ANNA, COOKIE, BERT = Identifier("user_id", "anna"), Identifier("cookie_id", "a"), Identifier("cookie_id", "b")
EMAIL, DIRECT = ("email", "Email"), ("web", "Direct")


@pytest.fixture
def client(stack: Any) -> Iterator[ClickHouse]:
    """A client of an empty database of the test's own."""
    with database(stack, "customer_views") as url, ClickHouse(url) as client:
        yield client


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def customer(name: str) -> str:
    return uuid5("customer", name)


@pytest.mark.parametrize("view", ["first_visits", "new_customers", "retention_cohorts", "channel_overlap"])
def test_without_customers_a_view_has_no_rows(client: ClickHouse, view: str) -> None:
    assert rows(client, view) == []


def test_a_customer_was_won_by_the_first_touch_of_the_first_journey(client: ClickHouse) -> None:
    insert(
        client,
        "journey",
        journey("late", DIRECT, customer_id=customer("anna"), started_at=ms("2026-03-31T00:00")),
        journey(
            "early",
            EMAIL,
            DIRECT,
            customer_id=customer("anna"),
            started_at=ms("2026-02-28T23:59:59.999"),
            converted=False,
        ),
        journey("bert", DIRECT, started_at=ms("2026-03-01T00:00"), converted=False),
    )
    anna, bert = rows(client, "first_visits", "ORDER BY at")
    assert anna == {
        "customer_id": UUID(customer("anna")),
        "at": datetime(2026, 2, 28, 23, 59, 59, 999_000, tzinfo=UTC),
        "marketing_channel": "Email",
        "campaign": "spring",
        "conversions": 1,
    }
    assert (bert["marketing_channel"], bert["conversions"]) == ("Direct", 0)
    assert rows(client, "new_customers", "ORDER BY day") == [
        {"day": date(2026, 2, 28), "marketing_channel": "Email", "customers": 1, "buyers": 1, "buyer_share": 1.0},
        {"day": date(2026, 3, 1), "marketing_channel": "Direct", "customers": 1, "buyers": 0, "buyer_share": 0.0},
    ]


def test_an_earlier_journey_that_comes_to_light_moves_the_customer_to_its_day(client: ClickHouse) -> None:
    found = "SELECT day, marketing_channel, customers FROM new_customers"
    insert(client, "journey", journey("a", DIRECT, started_at=ms("2026-03-02T12:00")))
    assert client.query(found) == [(date(2026, 3, 2), "Direct", 1)]
    insert(client, "journey", journey("b", EMAIL, customer_id=customer("a"), started_at=ms("2026-03-01T12:00")))
    assert client.query(found) == [(date(2026, 3, 1), "Email", 1)]


def visits(client: ClickHouse, name: str, marketing_channel: str, *times: str) -> None:
    """Sessions of one minute, and the journey that begins with the first of them."""
    starts = [ms(time) for time in times]
    made = [session(f"{name} {at}", customer_id=customer(name), started_at=at, ended_at=at + 60_000) for at in starts]
    insert(client, "session", *made)
    insert(client, "journey", journey(name, ("web", marketing_channel), started_at=min(starts)))


def retained(client: ClickHouse, period: str) -> list[tuple[Any, ...]]:
    return client.query(
        "SELECT cohort, marketing_channel, periods_later, customers, active, complete FROM retention_cohorts"
        " WHERE period = %(period)s ORDER BY cohort, marketing_channel, periods_later",
        {"period": period},
    )


def test_a_cohort_counts_who_came_back_in_each_later_week_and_month(client: ClickHouse) -> None:
    """Weeks from Monday 2 March: anna 0, 0 and 2; bert 0; carl, on another channel, 1 and, over midnight, 2."""
    visits(client, "anna", "Email", "2026-03-02T00:00", "2026-03-08T23:00", "2026-03-17T12:00")
    visits(client, "bert", "Email", "2026-03-05T12:00")
    visits(client, "carl", "Direct", "2026-03-09T12:00", "2026-03-15T23:59:30")
    march_2, march_9 = date(2026, 3, 2), date(2026, 3, 9)
    assert retained(client, "week") == [
        (march_2, "Email", 0, 2, 2, True),
        (march_2, "Email", 1, 2, 0, True),
        (march_2, "Email", 2, 2, 1, False),
        (march_9, "Direct", 0, 1, 1, True),
        (march_9, "Direct", 1, 1, 1, False),
    ]
    march = date(2026, 3, 1)
    assert retained(client, "month") == [(march, "Direct", 0, 1, 1, False), (march, "Email", 0, 2, 2, False)]


def test_months_of_cohorts_are_calendar_months_over_the_new_year(client: ClickHouse) -> None:
    visits(client, "anna", "Email", "2025-12-31T23:58", "2026-02-01T00:00")
    assert retained(client, "month") == [
        (date(2025, 12, 1), "Email", 0, 1, 1, True),
        (date(2025, 12, 1), "Email", 1, 1, 0, True),
        (date(2025, 12, 1), "Email", 2, 1, 1, False),
    ]
    assert client.query("SELECT retention FROM retention_cohorts WHERE period = 'month' AND periods_later = 1") == [
        (0.0,)
    ]


def test_customers_are_told_apart_by_the_set_of_their_channels(client: ClickHouse) -> None:
    channels = {"anna": ("web", "email", "web"), "bert": ("email", "web"), "carl": ("web",), "dora": ("service",)}
    for name, used in channels.items():
        made = [session(f"{name} {i}", customer_id=customer(name), channel=channel) for i, channel in enumerate(used)]
        insert(client, "session", *made)
        insert(client, "journey", journey(name, (used[0], "Direct"), converted=name in ("anna", "carl")))
    assert rows(client, "channel_overlap", "ORDER BY channels") == [
        {"channels": ["email", "web"], "customers": 2, "share": 0.5, "buyers": 1, "buyer_share": 0.5},
        {"channels": ["service"], "customers": 1, "share": 0.25, "buyers": 0, "buyer_share": 0.0},
        {"channels": ["web"], "customers": 1, "share": 0.25, "buyers": 1, "buyer_share": 1.0},
    ]


def act(client: ClickHouse, who: Identifier, *actions: tuple[str, int], **fields: Any) -> None:
    """Touchpoints of (action or channel.action, milliseconds after noon)."""
    made = []
    for number, (name, at) in enumerate(actions):
        channel, _, action = name.rpartition(".")
        told = {"channel": channel or "web", "action": action, "occurred_at": NOON_MS + at}
        known = who._asdict()
        made.append(touchpoint(f"{who.value}{number}", via=known, identifiers=[known], **told, **fields))
    insert_touchpoints(client, *made)


def funnel(client: ClickHouse, steps: Sequence[str], seconds: int = 3600) -> list[int]:
    call = f"funnel(steps = {list(steps)}, window_seconds = {seconds})"
    return [customers for (customers,) in client.query(f"SELECT customers FROM {call} ORDER BY step")]  # noqa: S608 - composed of what stands here


STEPS = ("product_viewed", "cart_added", "purchased")


def test_a_funnel_counts_customers_step_by_step_with_their_shares(client: ClickHouse) -> None:
    act(client, Identifier("cookie_id", "1"), ("product_viewed", 0), ("cart_added", 1), ("purchased", 2))
    act(client, Identifier("cookie_id", "2"), ("product_viewed", 0), ("product_viewed", 1), ("purchased", 2))
    act(client, Identifier("cookie_id", "3"), ("product_viewed", 5), ("cart_added", 9))
    act(client, Identifier("cookie_id", "4"), ("cart_added", 0), ("product_viewed", 1), ("purchased", 2))
    act(client, Identifier("cookie_id", "5"), ("purchased", 0))
    found = client.query(
        f"SELECT * FROM funnel(steps = {list(STEPS)}, window_seconds = 60) ORDER BY step"  # noqa: S608 - composed of what stands here
    )
    assert found == [
        (1, "product_viewed", 4, 1.0, None),
        (2, "cart_added", 2, 0.5, 0.5),
        (3, "purchased", 1, 0.25, 0.5),
    ]


def test_a_funnel_of_nobody_has_all_its_steps_and_no_shares(client: ClickHouse) -> None:
    empty = [(1, "product_viewed", 0, None, None), (2, "purchased", 0, None, None)]
    query = "SELECT * FROM funnel(steps = ['product_viewed', 'purchased'], window_seconds = 60) ORDER BY step"
    assert client.query(query) == empty
    act(client, COOKIE, ("purchased", 0))
    assert client.query(query) == empty


def test_the_window_of_a_funnel_is_inclusive_to_the_millisecond_and_counts_from_the_first_step(
    client: ClickHouse,
) -> None:
    act(client, COOKIE, ("product_viewed", 0), ("cart_added", 30_000), ("purchased", 60_000))
    assert funnel(client, STEPS, 60) == [1, 1, 1]
    act(client, BERT, ("product_viewed", 0), ("cart_added", 30_000), ("purchased", 60_001))
    assert funnel(client, STEPS, 60) == [2, 2, 1]


def test_of_several_beginnings_the_one_that_leads_furthest_counts(client: ClickHouse) -> None:
    act(
        client,
        COOKIE,
        ("product_viewed", 0),
        ("product_viewed", 50_000),
        ("cart_added", 70_000),
        ("purchased", 105_000),
    )
    assert funnel(client, STEPS, 60) == [1, 1, 1]


@pytest.mark.parametrize("first", [0, 1])
def test_steps_at_the_same_millisecond_do_not_follow_each_other_in_any_order_of_rows(
    client: ClickHouse, first: int
) -> None:
    at_once = [("product_viewed", 0), ("cart_added", 0)]
    act(client, COOKIE, *(at_once if first else at_once[::-1]), ("purchased", 1))
    assert funnel(client, STEPS) == [1, 0, 0]
    assert funnel(client, ("cart_added", "purchased")) == [1, 1]


def test_an_earlier_beginning_counts_although_another_stands_at_the_same_millisecond(client: ClickHouse) -> None:
    act(client, COOKIE, ("product_viewed", 0), ("product_viewed", 9), ("cart_added", 9))
    assert funnel(client, STEPS) == [1, 1, 0]


def test_one_touchpoint_is_not_two_steps(client: ClickHouse) -> None:
    twice = ("page_viewed", "web.page_viewed")
    act(client, COOKIE, ("page_viewed", 0))
    assert funnel(client, twice) == [1, 0]
    act(client, BERT, ("page_viewed", 0), ("page_viewed", 1))
    assert funnel(client, twice) == [2, 1]


def test_a_step_may_name_its_channel_and_the_way_may_cross_channels(client: ClickHouse) -> None:
    act(client, COOKIE, ("email.clicked", 0), ("mobile.product_viewed", 1), ("web.product_viewed", 2))
    assert funnel(client, ("email.clicked", "web.product_viewed")) == [1, 1]
    assert funnel(client, ("email.clicked", "web.product_viewed", "mobile.product_viewed")) == [1, 1, 0]
    assert funnel(client, ("clicked", "product_viewed", "product_viewed")) == [1, 1, 1]


def test_machines_are_in_no_funnel_and_what_the_company_sends_is(client: ClickHouse) -> None:
    act(client, COOKIE, ("email.opened", 1), ("email.clicked", 2), actor="machine")
    act(client, BERT, ("email.delivered", 0), direction="outbound")
    assert funnel(client, ("delivered", "opened", "clicked")) == [1, 0, 0]


def test_a_funnel_follows_the_customer_over_identifiers_as_they_are_now(client: ClickHouse) -> None:
    act(client, COOKIE, ("product_viewed", 0))
    act(client, ANNA, ("cart_added", 1))
    assert funnel(client, STEPS) == [1, 0, 0]
    insert(client, "assignment", {"identifier": COOKIE._asdict(), "customer": customer_id(ANNA), "version": 1})
    assert funnel(client, STEPS) == [1, 1, 0]


@pytest.mark.parametrize("steps", [[], ["purchased"] * 11])
def test_a_funnel_takes_one_to_ten_steps(client: ClickHouse, steps: list[str]) -> None:
    with pytest.raises(Misconfigured, match="funnel takes 1 to 10 steps"):
        funnel(client, steps)
    assert funnel(client, ["purchased"] * 10) == [0] * 10


def timeline(client: ClickHouse, who: str) -> list[tuple[str, str]]:
    found = client.query(
        "SELECT via, action FROM customer_timeline(customer = %(who)s) ORDER BY occurred_at, event_id, channel, via",
        {"who": who},
    )
    return [(via, action) for via, action in found]


def test_a_timeline_is_found_by_any_identifier_and_by_the_customer(client: ClickHouse) -> None:
    act(client, COOKIE, ("page_viewed", 0), ("page_viewed", HOUR_MS), actor="machine")
    act(client, ANNA, ("email.sent", 30 * 60_000), direction="outbound")
    act(client, BERT, ("page_viewed", 0))
    insert(client, "assignment", {"identifier": COOKIE._asdict(), "customer": customer_id(ANNA), "version": 1})
    whole = [(COOKIE.text, "page_viewed"), (ANNA.text, "sent"), (COOKIE.text, "page_viewed")]
    assert timeline(client, ANNA.text) == timeline(client, COOKIE.text) == timeline(client, customer_id(ANNA)) == whole
    assert timeline(client, BERT.text) == timeline(client, customer_id(BERT)) == [(BERT.text, "page_viewed")]


def test_a_customer_that_went_up_in_another_has_no_timeline_any_more(client: ClickHouse) -> None:
    act(client, COOKIE, ("page_viewed", 0))
    assert len(timeline(client, customer_id(COOKIE))) == 1
    insert(client, "assignment", {"identifier": COOKIE._asdict(), "customer": customer_id(ANNA), "version": 1})
    assert timeline(client, customer_id(COOKIE)) == []


@pytest.mark.parametrize("who", ["cookie_id:nobody", "", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_nobody_has_an_empty_timeline(client: ClickHouse, who: str) -> None:
    act(client, COOKIE, ("page_viewed", 0))
    assert timeline(client, who) == []
