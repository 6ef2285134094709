"""Views of engagement, sessions, activity, dialogue and satisfaction, on rows whose answers are worked out by hand."""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import fmean, stdev
from typing import Any
from uuid import UUID, uuid4

import pytest
from scipy.stats import binomtest

from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id, uuid5
from tests.integration import filled
from tests.integration.rows import DAY_MS, HOUR_MS, engaged, insert, insert_touchpoints, rows, session, touchpoint

pytestmark = pytest.mark.stack

DAY = date(2026, 3, 1)
#: 2026-03-01 00:00 UTC.
DAY_START_MS = 1_772_323_200_000
MINUTE_MS = 60_000
ENGAGEMENT = ("engagement_hourly", "engagement_daily", "engagement_by_campaign")
SESSIONS = ("sessions_hourly", "sessions_daily", "sessions_by_campaign")
FIRST_RESPONSE = ("first_response_hourly", "first_response_daily", "first_response_by_campaign")
ACTIONS = (
    *("sent", "delivered", "bounced", "opened", "clicked", "complained", "unsubscribed"),
    *("page_viewed", "screen_viewed", "push_delivered", "push_opened"),
    *("impression_shown", "reacted", "commented", "shared", "link_clicked"),
)
RATES = {
    "human_share": None,
    "delivery_rate": None,
    "open_rate": None,
    "open_rate_of_sent": None,
    "click_through_rate": None,
    "click_to_open_rate": None,
    "email_bounce_rate": None,
    "complaint_rate": None,
    "unsubscribe_rate": None,
    "push_click_rate": None,
    "social_engagement_rate": None,
    "amplification_rate": None,
    "conversation_rate": None,
}


@pytest.fixture(scope="module")
def database(stack: Any) -> Iterator[ClickHouse]:
    url = f"{stack.clickhouse_url.rpartition('/')[0]}/engagement_{uuid4().hex[:12]}"
    migrate(url)
    with ClickHouse(url) as client:
        yield client
        client.query(f"DROP DATABASE `{client.database}`")


@pytest.fixture
def client(database: ClickHouse) -> ClickHouse:
    """A client of empty tables."""
    for table in ("engagement", "sessions", "journeys", "touchpoints", "identities"):
        database.query(f"TRUNCATE TABLE {table}")
    return database


def at(days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> int:
    """Milliseconds of a time counted from 2026-03-01 00:00 UTC."""
    return DAY_START_MS + round(days * DAY_MS + hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1000)


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def only(client: ClickHouse, view: str, clauses: str = "") -> dict[str, Any]:
    """The one row of a view."""
    [row] = rows(client, view, clauses)
    return row


def picked(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def said(
    event_id: str, at_ms: int, channel: str = "web", who: str = "a", **fields: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """An inbound touchpoint of the cookie ``who``, judged human; ``fields`` make it another."""
    cookie = {"namespace": "cookie_id", "value": who}
    made = {"via": cookie, "identifiers": [cookie], "received_at": at_ms}
    return touchpoint(event_id, occurred_at=at_ms, channel=channel, **(made | fields))


def told(event_id: str, at_ms: int, channel: str = "web", who: str = "a", **fields: Any) -> Any:
    """An outbound touchpoint, made by a human of the company."""
    return said(event_id, at_ms, channel, who, **({"direction": "outbound"} | fields))


def customer(who: str) -> str:
    """The customer of a cookie that is joined with no other."""
    return customer_id(Identifier("cookie_id", who))


def test_rates_of_email_divide_humans_by_what_was_sent_over_partitions_and_actors(client: ClickHouse) -> None:
    insert(
        client,
        "engagement",
        engaged(outbound=11, touchpoints=11, actions={"sent": 6, "delivered": 4, "bounced": 1}),
        engaged(source_partition=1, outbound=8, touchpoints=8, actions={"sent": 4, "delivered": 4}),
        engaged(source_partition=2, inbound=5, unique_openers=2, actions={"opened": 4, "complained": 1}),
        engaged(source_partition=3, inbound=3, unique_clickers=1, actions={"clicked": 2, "unsubscribed": 1}),
        engaged(actor="suspect", inbound=3, actions={"opened": 3}),
        engaged(actor="machine", inbound=29, actions={"opened": 20, "clicked": 5, "complained": 4}),
    )
    for view in ENGAGEMENT:
        row = only(client, view)
        assert picked(row, "sent", "delivered", "bounced", "unique_openers", "unique_clickers") == (10, 8, 1, 2, 1)
        assert picked(row, "human_opens", "suspect_opens", "machine_opens") == (4, 3, 20)
        assert picked(row, "human_clicks", "suspect_clicks", "machine_clicks") == (2, 0, 5)
        assert picked(row, "complaints", "unsubscriptions", "outbound") == (1, 1, 19)
        assert {name: row[name] for name in RATES} == RATES | {
            "human_share": 8 / 40,
            "delivery_rate": 0.8,
            "open_rate": 0.25,
            "open_rate_of_sent": 0.2,
            "click_through_rate": 0.125,
            "click_to_open_rate": 0.5,
            "email_bounce_rate": 0.1,
            "complaint_rate": 0.125,
            "unsubscribe_rate": 0.125,
        }


def test_machines_alone_open_nothing_and_nothing_sent_has_no_rate(client: ClickHouse) -> None:
    insert(
        client,
        "engagement",
        engaged(outbound=2, actions={"delivered": 2}),
        engaged(actor="machine", inbound=2, actions={"opened": 2}),
        engaged(campaign="nothing", outbound=1, actions={"deferred": 1}),
    )
    for view in ENGAGEMENT:
        spring, nothing = rows(client, view, "ORDER BY campaign DESC")
        assert picked(spring, "open_rate", "human_share", "delivery_rate", "click_to_open_rate") == (0, 0, None, None)
        assert {name: nothing[name] for name in RATES} == RATES


def test_an_opening_that_moves_to_an_earlier_hour_stays_one(client: ClickHouse) -> None:
    nine, eleven = at(hours=9), at(hours=11)
    insert(client, "engagement", engaged(hour=eleven, inbound=1, unique_openers=1, actions={"opened": 1}))
    insert(
        client,
        "engagement",
        engaged(hour=eleven, version=2, inbound=1, unique_openers=0, actions={"opened": 1}),
        engaged(hour=nine, version=2, inbound=1, unique_openers=1, actions={"opened": 1}),
    )
    hourly = client.query("SELECT hour, unique_openers, human_opens FROM engagement_hourly ORDER BY hour")
    assert hourly == [(moment(nine), 1, 1), (moment(eleven), 0, 1)]
    for view in ("engagement_daily", "engagement_by_campaign"):
        assert picked(only(client, view), "unique_openers", "human_opens") == (1, 2)


def test_a_verdict_that_rises_moves_counts_and_a_deleted_row_counts_no_more(client: ClickHouse) -> None:
    insert(
        client,
        "engagement",
        engaged(inbound=2, actions={"opened": 2}, unique_openers=2),
        engaged(source_partition=1, outbound=4, actions={"delivered": 4}),
        engaged(campaign="gone", inbound=5, actions={"opened": 5}),
    )
    insert(
        client,
        "engagement",
        engaged(version=2, inbound=1, actions={"opened": 1}, unique_openers=1),
        engaged(version=2, actor="suspect", inbound=1, actions={"opened": 1}),
    )
    client.query(
        "INSERT INTO engagement (channel, campaign, hour, actor, version, deleted)"
        " SELECT channel, campaign, hour, actor, 2, 1 FROM engagement WHERE campaign = 'gone'"
    )
    for view in ENGAGEMENT:
        row = only(client, view)
        assert picked(row, "campaign", "human_opens", "suspect_opens", "open_rate") == ("spring", 1, 1, 0.25)
        assert row["human_share"] == 0.5


def test_columns_of_one_channel_are_zero_on_the_others(client: ClickHouse) -> None:
    everything = {"sent": 1, "opened": 1, "push_opened": 1, "shared": 1, "link_clicked": 1, "impression_shown": 1}
    insert(
        client,
        "engagement",
        engaged(channel="web", inbound=6, unique_openers=1, actions=everything | {"page_viewed": 7}),
        engaged(channel="mobile", inbound=6, unique_openers=3, actions=everything | {"screen_viewed": 9}),
        engaged(channel="service", inbound=6, actions=everything | {"page_viewed": 5}),
    )
    found = {row["channel"]: row for row in rows(client, "engagement_daily")}
    names = ("sent", "human_opens", "unique_openers", "shares", "social_clicks", "impressions")
    for channel in ("web", "mobile", "service"):
        assert picked(found[channel], *names) == (0, 0, 0, 0, 0, 0), channel
        assert found[channel]["social_engagement_rate"] is None
    mobile = ("human_page_views", "push_opened", "unique_push_openers")
    assert [picked(found[channel], *mobile) for channel in ("web", "mobile", "service")] == [
        (7, 0, 0),
        (9, 1, 3),
        (0, 0, 0),
    ]


def test_rates_of_push_and_social_take_humans_over_what_was_shown(client: ClickHouse) -> None:
    human = {"reacted": 5, "commented": 3, "shared": 2, "link_clicked": 10, "followed": 99}
    insert(
        client,
        "engagement",
        engaged(channel="mobile", outbound=16, actions={"push_delivered": 8, "push_sent": 8}),
        engaged(channel="mobile", source_partition=1, inbound=2, actions={"push_opened": 2}),
        engaged(channel="mobile", actor="suspect", inbound=1, actions={"push_opened": 1}),
        engaged(channel="social", outbound=200, actions={"impression_shown": 150}),
        engaged(
            channel="social", actor="machine", outbound=50, inbound=9, actions={"impression_shown": 50, "shared": 9}
        ),
        engaged(channel="social", source_partition=1, inbound=119, actions=human),
    )
    for view in ENGAGEMENT:
        mobile, social = rows(client, view, "ORDER BY channel")
        assert picked(mobile, "push_delivered", "push_opened", "push_click_rate") == (8, 2, 0.25)
        assert picked(social, "impressions", "reactions", "comments", "shares", "social_clicks") == (200, 5, 3, 2, 10)
        assert picked(social, "social_engagement_rate", "amplification_rate", "conversation_rate") == (0.1, 0.01, 0.015)


def test_revenue_stays_with_its_currency_and_clicks_beside_it(client: ClickHouse) -> None:
    insert(
        client,
        "engagement",
        engaged(inbound=5, actions={"clicked": 5}),
        engaged(inbound=1, currency="EUR", conversions=1, revenue_micros=19_990_000),
        engaged(inbound=1, currency="EUR", hour=at(hours=1), conversions=1, revenue_micros=10_000_000),
        engaged(inbound=1, currency="JPY", source_partition=1, conversions=1, revenue_micros=5_000_000_000),
        engaged(inbound=1, currency="EUR", actor="suspect", conversions=1, revenue_micros=1),
        engaged(inbound=2, source_partition=1, conversions=2),
    )
    row = only(client, "engagement_by_campaign")
    assert row["human_revenue"] == {"EUR": Decimal("29.99"), "JPY": Decimal(5000)}
    assert row["suspect_revenue"] == {"EUR": Decimal("0.000001")}
    assert row["machine_revenue"] == {}
    assert picked(row, "human_conversions", "suspect_conversions", "human_inbound") == (5, 1, 10)
    found = rows(client, "revenue_daily", "ORDER BY day, currency")
    shown = ("currency", "human_conversions", "suspect_conversions", "human_revenue", "suspect_revenue")
    assert [picked(row, *shown) for row in found] == [
        ("EUR", 1, 0, Decimal(10), 0),
        ("", 2, 0, 0, 0),
        ("EUR", 1, 1, Decimal("19.99"), Decimal("0.000001")),
        ("JPY", 1, 0, Decimal(5000), 0),
    ]


def test_capped_totals_of_partitions_add_up_beyond_64_bits(client: ClickHouse) -> None:
    largest = 2**63 - 1
    for actor in ("human", "suspect", "machine"):
        sold = {"actor": actor, "currency": "EUR", "inbound": 1, "conversions": 1}
        insert(
            client,
            "engagement",
            engaged(revenue_micros=largest, engaged_ms=largest, **sold),
            engaged(revenue_micros=1_000_000, engaged_ms=1_000, source_partition=1, **sold),
        )
    revenue = Decimal("9223372036855.775807")
    for view in ENGAGEMENT:
        row = only(client, view)
        for actor in ("human", "suspect", "machine"):
            assert row[f"{actor}_revenue"] == {"EUR": revenue}
            assert row[f"{actor}_engaged_seconds"] == pytest.approx(2**63 / 1000)
    row = only(client, "revenue_daily")
    assert picked(row, "human_revenue", "suspect_revenue", "machine_revenue") == (revenue, revenue, revenue)


def test_capped_sessions_add_up_beyond_64_bits(client: ClickHouse) -> None:
    capped = {"started_at": at(), "engaged": True, "engaged_ms": 2**63 - 1, "campaign": "spring"}
    insert(client, "session", session("one", **capped), session("other", **capped))
    for view in SESSIONS:
        assert only(client, view)["engaged_seconds"] == pytest.approx(2**64 / 1000)


def test_days_and_campaigns_are_the_sums_of_their_hours_in_every_column(client: ClickHouse) -> None:
    written = [
        engaged(
            channel=channel,
            campaign=campaign,
            hour=at(hours=hour),
            actor=actor,
            currency=currency,
            source_partition=hour % 3,
            touchpoints=hour + 2,
            inbound=hour + 1,
            outbound=1,
            unique_openers=hour % 2 if actor == "human" else 0,
            unique_clickers=hour % 3 if actor == "human" else 0,
            engaged_ms=hour * 1000,
            conversions=hour % 4,
            revenue_micros=hour * 1_000_000 if currency else 0,
            actions=dict.fromkeys(ACTIONS, hour + 1),
        )
        for channel in ("email", "web", "mobile", "social")
        for campaign in ("", "spring")
        for hour in (22, 23, 24, 25, 49)
        for actor in ("human", "suspect", "machine")
        for currency in ("", "EUR")
    ]
    insert(client, "engagement", *written)
    described = client.query("DESCRIBE TABLE engagement_daily")
    names = [name for name, type_, *_ in described if type_.startswith(("Int64", "Float64", "Map"))]
    assert len(names) == 43
    sums = ", ".join(f"sum{'Map' if name.endswith(('_revenue', '_actions')) else ''}({name})" for name in names)
    days, campaigns = [
        client.query(f"SELECT {of}, {sums} FROM engagement_hourly GROUP BY ALL ORDER BY ALL")  # noqa: S608 - composed of what stands here
        for of in ("toDate(hour), channel, campaign", "channel, campaign")
    ]
    assert all(any(row[2 + at] for row in campaigns) for at in range(len(names)))
    listed = ", ".join(names)
    daily = f"SELECT day, channel, campaign, {listed} FROM engagement_daily ORDER BY 1, 2, 3"  # noqa: S608 - composed of what stands here
    by_campaign = f"SELECT channel, campaign, {listed} FROM engagement_by_campaign ORDER BY 1, 2"  # noqa: S608 - composed of what stands here
    assert client.query(daily) == days
    assert client.query(by_campaign) == campaigns
    assert len(days) == 3 * len(campaigns) == 24


def test_engaged_time_of_sessions_is_the_customers_and_that_of_engagement_what_was_reported(client: ClickHouse) -> None:
    insert(
        client,
        "engagement",
        engaged(channel="web", engaged_ms=9_000),
        engaged(channel="web", actor="machine", engaged_ms=400_000),
    )
    # Two halves of one session, until a login tells that both cookies are one customer's.
    half = {"engaged": False, "page_views": 1, "started_at": at(hours=23, minutes=50), "campaign": "spring"}
    insert(
        client,
        "session",
        session("left", engaged_ms=6_000, **half),
        session("right", engaged_ms=4_500, **half | {"started_at": at(days=1, minutes=5)}),
    )
    before = [
        picked(row, "day", "sessions", "engaged_sessions", "bounce_rate", "engaged_seconds") for row in days(client)
    ]
    assert before == [(DAY, 1, 0, 1, 6), (DAY + timedelta(days=1), 1, 0, 1, 4.5)]
    whole = half | {"engaged": True, "page_views": 2}
    insert(
        client,
        "session",
        session("left", version=2, engaged_ms=10_500, **whole),
        session("right", version=2, deleted=True),
    )
    for view in SESSIONS:
        row = only(client, view)
        assert picked(row, "sessions", "engaged_sessions", "bounce_rate", "page_views") == (1, 1, 0, 2)
        assert picked(row, "engaged_seconds", "campaign", "customers") == (10.5, "spring", 1)
    assert only(client, "sessions_hourly")["hour"] == moment(at(hours=23))
    reported = ("human_engaged_seconds", "machine_engaged_seconds")
    assert picked(only(client, "engagement_daily"), *reported) == (9, 400)


def days(client: ClickHouse) -> list[dict[str, Any]]:
    return rows(client, "sessions_daily", "ORDER BY day")


def test_sessions_bounce_on_web_and_mobile_alone_and_customers_are_counted_once(client: ClickHouse) -> None:
    one = {"customer_id": uuid5("customer", "one"), "engaged_ms": 30_000}
    insert(
        client,
        "session",
        *[session(f"web {n}", started_at=at(hours=n), engaged=n == 0, **one) for n in range(4)],
        session("app", channel="mobile", started_at=at(), engaged_ms=61_500, engaged=True),
        session("mail", channel="email", started_at=at(), engaged=False),
        session("paid", started_at=at(), marketing_channel="Paid Search", campaign="brand", engaged=False),
    )
    found = rows(client, "sessions_daily", "ORDER BY channel, campaign")
    assert [
        picked(
            row, "channel", "campaign", "sessions", "engaged_sessions", "bounce_rate", "customers", "engaged_seconds"
        )
        for row in found
    ] == [
        ("email", "", 1, 0, None, 1, 1.5),
        ("mobile", "", 1, 1, 0, 1, 61.5),
        ("web", "", 4, 1, 0.75, 1, 120),
        ("web", "brand", 1, 0, 1, 1, 1.5),
    ]
    for view in SESSIONS:
        sums = "sum(sessions), sum(engaged_sessions), sum(touchpoints), sum(page_views), sum(engaged_seconds)"
        assert client.query(f"SELECT {sums} FROM {view}") == [(7, 2, 21, 14, 184.5)]  # noqa: S608 - composed of what stands here


def activity(client: ClickHouse, channel: str) -> dict[int, tuple[int, int, int]]:
    """Day of March -> (daily, weekly, monthly) active."""
    figures = rows(client, "active_customers_daily", f"WHERE channel = '{channel}'")
    return {
        (row["day"] - DAY).days + 1: (row["daily_active"], row["weekly_active"], row["monthly_active"])
        for row in figures
    }


def visited(name: str, at_ms: int, channel: str = "web", who: str = "a", **fields: Any) -> dict[str, Any]:
    """A session of the cookie ``who``; of one touchpoint where ``fields`` don't say otherwise."""
    made = {"channel": channel, "customer_id": customer(who), "started_at": at_ms, "ended_at": at_ms}
    return session(name, **(made | fields))


def test_a_customer_is_active_for_a_day_for_7_and_for_30_days(client: ClickHouse) -> None:
    insert(
        client,
        "session",
        visited("first", at(hours=23, minutes=59, seconds=59.999)),
        visited("again", at(days=9), who="a"),
        visited("twice", at(days=9, hours=1), who="a"),
        visited("other", at(days=39), who="b"),
    )
    found = activity(client, "web")
    assert found[1] == (1, 1, 1)
    assert [found[day] for day in (7, 8, 9)] == [(0, 1, 1), (0, 0, 1), (0, 0, 1)]
    assert [found[day] for day in (10, 16, 17)] == [(1, 1, 1), (0, 1, 1), (0, 0, 1)]
    assert [found[day] for day in (39, 40)] == [(0, 0, 1), (1, 1, 1)]
    assert sorted(found) == list(range(1, 41))
    assert activity(client, "all") == found


def test_a_day_without_anybody_in_its_window_has_no_row(client: ClickHouse) -> None:
    insert(client, "session", visited("first", at()), visited("late", at(days=40)))
    assert sorted(activity(client, "web")) == [*range(1, 31), 41]


def test_sessions_have_touchpoints_on_the_days_of_their_ends_and_no_other(client: ClickHouse) -> None:
    """Through the domain's own sessions: what the views read of sessions is what the touchpoints say."""
    browser = "cookie_id:restless"
    day_1 = DAY_START_MS - filled.START_MS
    filled.fill(
        client,
        [
            # 61 hours without a gap of 30 minutes, from 09:00 of the first to 22:00 of the third.
            *[filled.touchpoint(f"r{n}", n * 20 * MINUTE_MS, "web", "page_viewed", browser) for n in range(61 * 3 + 1)],
            # Over the midnight between the fifth and the sixth: one session, two days.
            *[
                filled.touchpoint(
                    f"m{n}", day_1 + 5 * DAY_MS + n * 10 * MINUTE_MS, "mobile", "screen_viewed", "user_id:m"
                )
                for n in (-1, 1)
            ],
        ],
    )
    sessions = client.query(
        "SELECT channel, toDate(started_at), toDate(ended_at) FROM sessions FINAL ORDER BY started_at"
    )
    days = [DAY + timedelta(days=n) for n in range(6)]
    assert sessions == [*[("web", day, day) for day in days[:3]], ("mobile", days[4], days[5])]
    spoken = "direction = 'inbound' AND actor != 'machine'"
    for channel, active in (("web", {1, 2, 3}), ("mobile", {5, 6})):
        asked = (
            f"SELECT DISTINCT toDayOfMonth(occurred_at) FROM touchpoints FINAL WHERE channel = '{channel}' AND {spoken}"  # noqa: S608 - composed of what stands here
        )
        assert {day for (day,) in client.query(asked)} == active
        assert {day for day, (daily, _, _) in activity(client, channel).items() if daily} == active


def test_suspects_are_active_and_machines_and_what_the_company_sends_are_not(client: ClickHouse) -> None:
    def mail(event_id: str, at_ms: int, action: str, who: str, **fields: Any) -> dict[str, Any]:
        return filled.touchpoint(event_id, at_ms, "email", action, f"user_id:{who}", message_id=f"to {who}", **fields)

    filled.fill(
        client,
        [
            mail("human delivered", 0, "delivered", "human"),
            mail("human opened", HOUR_MS, "opened", "human"),
            mail("suspect delivered", 0, "delivered", "suspect"),
            mail("suspect opened", 1500, "opened", "suspect"),
            mail("machine delivered", 0, "delivered", "machine"),
            mail("machine opened", HOUR_MS, "opened", "machine", provider_machine=True),
            mail("quiet delivered", 0, "delivered", "quiet"),
        ],
    )
    actors = client.query("SELECT actor FROM touchpoints FINAL WHERE action = 'opened' ORDER BY actor")
    assert actors == [("human",), ("machine",), ("suspect",)]
    assert activity(client, "all") == activity(client, "email") == {1: (2, 2, 2)}


def test_two_cookies_of_one_customer_are_one_as_soon_as_that_is_known(client: ClickHouse) -> None:
    before = [
        visited("a", at(), "web", who="a"),
        visited("b", at(), "web", who="b"),
        visited("c", at(days=1), "mobile", who="c"),
    ]
    insert(client, "session", *before)
    assert activity(client, "all") == {1: (2, 2, 2), 2: (1, 3, 3)}
    # What becomes of the sessions of customers who were joined: deleted under the old, there under the new.
    moved = [
        one | {"session_id": uuid5("moved", one["session_id"]), "customer_id": customer("a")} for one in before[1:]
    ]
    gone = [one | {"version": 2, "deleted": True} for one in before[1:]]
    insert(client, "session", *moved, *gone)
    assert activity(client, "web") == {1: (1, 1, 1), 2: (0, 1, 1)}
    assert activity(client, "mobile") == {2: (1, 1, 1)}
    assert activity(client, "all") == {1: (1, 1, 1), 2: (1, 1, 1)}


def test_weeks_begin_on_monday_and_months_on_the_first(client: ClickHouse) -> None:
    # The first of March 2026 is a Sunday.
    insert(
        client,
        "session",
        visited("sunday", at(hours=23)),
        visited("monday", at(days=1)),
        visited("app", at(days=1), "mobile"),
        visited("other", at(days=7, hours=23), who="b"),
        visited("april", at(days=31), who="b"),
        # From Sunday to Monday, and from March to April.
        visited("over sunday", at(days=7, hours=23, minutes=50), who="c", ended_at=at(days=8, minutes=5)),
        visited("over march", at(days=30, hours=23, minutes=50), "mobile", who="d", ended_at=at(days=31, minutes=5)),
    )
    sunday, monday, second, april = (DAY + timedelta(days=n) for n in (-6, 1, 8, 29))
    shown = "SELECT * FROM active_customers_{} ORDER BY 1, 2"
    assert client.query(shown.format("weekly")) == [
        *[(sunday, channel, 1) for channel in ("all", "web")],
        *[(monday, "all", 3), (monday, "mobile", 1), (monday, "web", 3)],
        *[(second, channel, 1) for channel in ("all", "web")],
        *[(april, "all", 2), (april, "mobile", 1), (april, "web", 1)],
    ]
    assert client.query(shown.format("monthly")) == [
        *[(DAY, "all", 4), (DAY, "mobile", 2), (DAY, "web", 3)],
        *[(date(2026, 4, 1), "all", 2), (date(2026, 4, 1), "mobile", 1), (date(2026, 4, 1), "web", 1)],
    ]


def test_stickiness_divides_the_days_customers_by_those_of_its_30_days(client: ClickHouse) -> None:
    insert(
        client,
        "session",
        *[visited(f"e{n}", at(days=n), "mobile", who=f"c{n}") for n in range(4)],
        visited("back", at(days=3), "mobile", who="c0"),
    )
    found = client.query("SELECT day, stickiness FROM active_customers_daily WHERE channel = 'mobile' ORDER BY day")
    assert [stickiness for _, stickiness in found] == [1, 1 / 2, 1 / 3, 2 / 4]


def test_a_bots_answer_does_not_stop_the_clock(client: ClickHouse) -> None:
    chat = {"channel": "service", "thread_id": "chat", "mode": "synchronous"}
    insert_touchpoints(
        client,
        said("ask", at(), action="chat_started", campaign="spring", **chat),
        told("bot", at(seconds=2), action="chat_answered", actor="machine", **chat),
        said("more", at(seconds=30), action="chat_message", **chat),
        told("human", at(seconds=90.5), action="chat_answered", **chat),
        told("later", at(hours=2), action="chat_answered", **chat),
    )
    row = only(client, "threads")
    assert picked(row, "channel", "thread_id", "started_by", "mode", "campaign") == (
        "service",
        "chat",
        "customer",
        "synchronous",
        "spring",
    )
    assert picked(row, "inbound", "human_outbound", "machine_outbound", "answered") == (2, 2, 1, True)
    assert picked(row, "started_at", "first_answered_at", "last_at") == (
        moment(at()),
        moment(at(seconds=90.5)),
        moment(at(hours=2)),
    )
    assert row["first_response_seconds"] == 90.5
    assert row["customer_id"] == UUID(customer("a"))


def test_threads_that_the_company_started_count_for_no_response(client: ClickHouse) -> None:
    def thread(name: str) -> dict[str, Any]:
        return {"channel": "service", "thread_id": name, "mode": "asynchronous"}

    insert_touchpoints(
        client,
        told("offer", at(), **thread("by us")),
        said("reply", at(hours=1), **thread("by us")),
        told("answer", at(hours=2), **thread("by us")),
        told("greeting", at(), actor="machine", **thread("by our bot")),
        said("hello", at(minutes=1), **thread("by our bot")),
        said("away", at(), actor="machine", **thread("out of office")),
        told("call", at(minutes=1), **thread("out of office")),
        said("spam", at(), actor="machine", **thread("machine alone")),
        said("b tie", at(), **thread("tie")),
        told("c tie", at(), **thread("tie")),
        said("nothing", at(hours=1), **thread("unanswered")),
        told("bot", at(hours=2), actor="machine", **thread("unanswered")),
        said("elsewhere", at(hours=1), **thread("unanswered") | {"channel": "social"}),
    )
    found = {
        (row["channel"], row["thread_id"]): picked(row, "started_by", "answered", "first_response_seconds")
        for row in rows(client, "threads")
    }
    assert found == {
        ("service", "by us"): ("company", False, None),
        ("service", "by our bot"): ("company", False, None),
        ("service", "out of office"): ("company", False, None),
        ("service", "tie"): ("customer", True, 0),
        ("service", "unanswered"): ("customer", False, None),
        ("social", "unanswered"): ("customer", False, None),
    }
    for view in FIRST_RESPONSE:
        figures = client.query(f"SELECT channel, sum(threads), sum(answered) FROM {view} GROUP BY 1 ORDER BY 1")  # noqa: S608 - composed of what stands here
        assert figures == [("service", 2, 1), ("social", 1, 0)]


def test_first_response_has_median_and_90th_percentile_apart_by_mode(client: ClickHouse) -> None:
    waits = (30, 60, 61, 3600, 3601, 86_400, 86_401)
    for n, wait in enumerate(waits):
        thread = {"channel": "service", "thread_id": f"letter {n}", "mode": "asynchronous"}
        insert_touchpoints(
            client, said(f"ask {n}", at(hours=n), **thread), told(f"yes {n}", at(hours=n, seconds=wait), **thread)
        )
    for n in range(3):
        silent = {"channel": "service", "thread_id": f"silent {n}", "mode": "asynchronous"}
        insert_touchpoints(client, said(f"silent {n}", at(hours=n), **silent))
    call = {"channel": "service", "thread_id": "call", "mode": "synchronous"}
    insert_touchpoints(client, said("call", at(days=1), **call))
    for view in ("first_response_daily", "first_response_by_campaign"):
        letters, calls = rows(client, view, "ORDER BY mode")
        counts = ("threads", "answered", "answered_within_minute", "answered_within_hour", "answered_within_day")
        assert picked(letters, *counts) == (10, 7, 2, 4, 6)
        shares = ("answered_share", "answered_share_minute", "answered_share_hour", "answered_share_day")
        assert picked(letters, *shares) == (0.7, 0.2, 0.4, 0.6)
        assert letters["first_response_median_seconds"] == 3600
        # Between the sixth and the seventh of seven: 0.9 * 6 = 5.4.
        assert letters["first_response_p90_seconds"] == pytest.approx(86_400.4)
        assert picked(calls, "threads", "answered_share", "answered_share_hour") == (1, 0, 0)
        assert picked(calls, "first_response_median_seconds", "first_response_p90_seconds") == (None, None)
    hourly = client.query("SELECT hour, threads, answered FROM first_response_hourly ORDER BY hour LIMIT 4")
    assert hourly == [(moment(at(hours=n)), threads, 1) for n, threads in enumerate((2, 2, 2, 1))]


def test_reciprocity_of_a_day_looks_back_30_days(client: ClickHouse) -> None:
    def day(n: int, inbound: int, outbound: int, **fields: Any) -> dict[str, Any]:
        return engaged(hour=at(days=n), inbound=inbound, outbound=outbound, **fields)

    insert(
        client,
        "engagement",
        day(0, 4, 0),
        day(1, 2, 2, campaign="other"),
        day(1, 99, 0, actor="machine"),
        day(1, 50, 0, actor="suspect"),
        day(29, 1, 10),
        day(30, 1, 0),
        engaged(channel="web", hour=at(days=30), inbound=3),
    )
    found = client.query(
        "SELECT channel, day, inbound_30_days, outbound_30_days, reciprocity FROM dialogue_daily ORDER BY 1, 2"
    )
    assert found == [
        ("email", DAY, 4, 0, 0),
        ("email", DAY + timedelta(days=1), 6, 2, pytest.approx(1 / 3)),
        ("email", DAY + timedelta(days=29), 7, 12, pytest.approx(7 / 12)),
        ("email", DAY + timedelta(days=30), 4, 12, pytest.approx(1 / 3)),
        ("web", DAY + timedelta(days=30), 3, 0, 0),
    ]


def test_what_the_company_says_is_answered_about_the_same_message_or_thread_or_on_the_channel(
    client: ClickHouse,
) -> None:
    insert_touchpoints(
        client,
        told("m1 sent", at(), "email", message_id="m1"),
        told("m1 delivered", at(seconds=1), "email", message_id="m1"),
        said("m1 opened", at(hours=1), "email", message_id="m1"),
        told("m2 sent", at(minutes=1), "email", message_id="m2"),
        said("m2 prefetched", at(minutes=2), "email", message_id="m2", actor="machine"),
        said("m2 of another", at(hours=3), "email", who="b", message_id="m2"),
        told("t1", at(), "service", thread_id="t1"),
        said("t1 reply", at(hours=1), "service", thread_id="t1"),
        told("t1 last word", at(hours=2), "service", thread_id="t1"),
        told("banner", at(), "web"),
        said("page", at(hours=5), "web"),
        told("banner again", at(hours=6), "web"),
        told("too old", at(days=-29), "web"),
    )
    found = {row["channel"]: row for row in rows(client, "dialogue_by_channel")}
    names = ("inbound", "outbound", "unanswered_outbound", "customers")
    assert {channel: picked(row, *names) for channel, row in found.items()} == {
        "email": (2, 3, 1, 2),
        "service": (1, 2, 1, 1),
        "web": (1, 3, 1, 1),
    }
    assert found["email"]["talk_at_ratio"] == pytest.approx(1 / 3)
    assert found["email"]["reciprocity"] == pytest.approx(2 / 3)
    insert_touchpoints(client, said("newest", at(days=1), "social", who="c"))
    found = {row["channel"]: row for row in rows(client, "dialogue_by_channel")}
    assert picked(found["web"], *names) == (1, 2, 1, 1)
    assert picked(found["social"], "reciprocity", "talk_at_ratio") == (0, None)
    customers = rows(client, "dialogue_by_customer", "WHERE channel = 'email' ORDER BY outbound DESC")
    assert [picked(row, "customer_id", "reciprocity", "talk_at_ratio") for row in customers] == [
        (UUID(customer("a")), pytest.approx(1 / 3), pytest.approx(1 / 3)),
        (UUID(customer("b")), 0, None),
    ]


def unanswered(client: ClickHouse) -> dict[str, tuple[int, int, int]]:
    """Inbound, outbound and unanswered outbound touchpoints by channel."""
    names = ("inbound", "outbound", "unanswered_outbound")
    return {row["channel"]: picked(row, *names) for row in rows(client, "dialogue_by_channel")}


def test_a_message_sent_is_answered_about_itself_alone(client: ClickHouse) -> None:
    insert_touchpoints(
        client,
        told("m1", at(), "email", message_id="m1", thread_id="t1"),
        told("m2", at(), "email", message_id="m2", thread_id="t1"),
        told("m3", at(), "email", message_id="m3"),
        said("m1 opened", at(hours=1), "email", message_id="m1"),
        said("reply", at(hours=2), "email", message_id="reply", thread_id="t1"),
        said("in the thread", at(hours=3), "email", thread_id="t1"),
        said("something", at(hours=4), "email"),
        # Names of threads are no names of messages.
        said("like m3", at(hours=5), "email", thread_id="m3"),
    )
    assert unanswered(client) == {"email": (5, 3, 2)}


def test_a_thread_is_answered_by_what_has_a_message_of_its_own(client: ClickHouse) -> None:
    insert_touchpoints(
        client,
        told("t1", at(), "service", thread_id="t1"),
        said("t1 reply", at(hours=1), "service", thread_id="t1", message_id="m1"),
        told("t1 later", at(hours=2), "service", thread_id="t1"),
        told("t2", at(), "service", thread_id="t2"),
        said("like t2", at(hours=3), "service", message_id="t2"),
        said("something", at(hours=4), "service"),
        told("t3", at(), "service", thread_id="t3"),
        said("t3 of another", at(hours=1), "service", who="b", thread_id="t3", message_id="m3"),
        said("t3 elsewhere", at(hours=1), "social", thread_id="t3", message_id="m3"),
    )
    assert unanswered(client) == {"service": (4, 4, 3), "social": (1, 0, 0)}


@pytest.mark.parametrize("about", [{}, {"message_id": "m"}, {"thread_id": "t"}, {"message_id": "m", "thread_id": "t"}])
def test_what_is_of_no_message_and_no_thread_is_answered_by_anything_later(
    client: ClickHouse, about: dict[str, str]
) -> None:
    insert_touchpoints(
        client,
        told("banner", at(), "web"),
        said("anything", at(hours=1), "web", **about),
        told("banner at once", at(hours=1), "web"),
        said("a machine", at(hours=2), "web", actor="machine", **about),
        told("to another", at(), "web", who="b"),
    )
    assert unanswered(client) == {"web": (1, 3, 2)}
    shown = "SELECT outbound, unanswered_outbound FROM dialogue_by_customer ORDER BY outbound"
    assert client.query(shown) == [(1, 1), (2, 1)]


def answered(metric: str, *scores: int, month: int = 0, **fields: Any) -> list[Any]:
    return [
        said(
            f"{metric} {month} {n}",
            at(days=31 * month, minutes=n),
            "service",
            action="survey_answered",
            satisfaction={"metric": metric, "score": score},
            **fields,
        )
        for n, score in enumerate(scores)
    ]


def test_satisfaction_comes_with_its_number_of_answers_and_an_interval(client: ClickHouse) -> None:
    nps = (10, 9, 9, 9, 8, 7, 6, 0)
    csat = (5, 4, 4, 4, 4, 4, 4, 3, 3, 2, 1, 1, 1)
    acsi = (30, 3, 21, 15)
    insert_touchpoints(client, *answered("nps", *nps), *answered("csat", *csat), *answered("acsi", *acsi))
    insert_touchpoints(client, *answered("nps", 10, 10, month=1), *answered("acsi", 12, month=1))
    insert_touchpoints(client, *answered("nps", 0, 0, 0, 0, month=2, actor="machine"))
    found = {(row["month"].month, row["metric"]): row for row in rows(client, "satisfaction_monthly")}
    assert sorted(found) == [(3, "acsi"), (3, "csat"), (3, "nps"), (4, "acsi"), (4, "nps")]
    shown = ("answers", "favourable", "unfavourable", "satisfaction")
    assert picked(found[3, "nps"], *shown) == (8, 4, 2, 25)
    # Rocks (2016): 3/4 to promoters and detractors each, 3 to n, so 4.75 and 2.75 of 11.
    width = 1.959964 * math.sqrt((7.5 / 11 - (2 / 11) ** 2) / 11)
    assert picked(found[3, "nps"], "low", "high") == pytest.approx((100 * (2 / 11 - width), 100 * (2 / 11 + width)))
    assert picked(found[3, "csat"], *shown) == (13, 7, 6, pytest.approx(700 / 13))
    wilson = binomtest(7, 13).proportion_ci(method="wilson")
    assert picked(found[3, "csat"], "low", "high") == pytest.approx((100 * wilson.low, 100 * wilson.high), rel=1e-6)
    index = [(score - 3) / 27 * 100 for score in acsi]
    error = 1.959964 * stdev(index) / 2
    assert picked(found[3, "acsi"], *shown) == (4, 2, 2, pytest.approx(fmean(index)))
    assert picked(found[3, "acsi"], "low", "high") == pytest.approx(
        (max(0, fmean(index) - error), min(100, fmean(index) + error))
    )
    assert picked(found[4, "acsi"], "answers", "low", "high") == (1, None, None)
    assert picked(found[4, "nps"], "satisfaction", "high") == (100, pytest.approx(100))
