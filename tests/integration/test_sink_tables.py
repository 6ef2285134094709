"""Tables and views on a real ClickHouse: what is written is read back, with versions, tombstones and duplicates."""

import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.report import WIDTH, report
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id, uuid5
from tests.integration.rows import (
    CREDITS,
    DAY_MS,
    HOUR_MS,
    NOON,
    NOON_MS,
    engaged,
    fill,
    insert,
    insert_touchpoints,
    journey,
    rows,
    session,
    tombstone,
    touchpoint,
)

pytestmark = pytest.mark.stack


@pytest.fixture
def client(stack: Any) -> Iterator[ClickHouse]:
    """A client of a migrated database of the test's own."""
    url = f"{stack.clickhouse_url.rpartition('/')[0]}/tables_{uuid4().hex[:12]}"
    migrate(url)
    with ClickHouse(url) as client:
        yield client
        client.query(f"DROP DATABASE `{client.database}`")


def test_a_touchpoint_with_everything_reads_back_to_the_millisecond(client: ClickHouse) -> None:
    acquisition = {
        "source": "newsletter",
        "medium": "email",
        "campaign": " Frühling ☀ ",
        "content": " b",
        "term": "shoes",
        "click_id": "g1",
        "referrer": "https://example.org/",
        "url": "https://shop.example/?a=b",
    }
    everything: dict[str, Any] = {
        "acquisition": acquisition,
        "message_id": "m1",
        "thread_id": "t1",
        "conversion": {"type": "purchase", "value_micros": 19_990_001, "currency": "EUR", "order_id": "o1"},
        "sentiment": -1000,
        "satisfaction": {"metric": "nps", "score": 10},
        "user_agent": "Mozilla/5.0",
        "provider_machine": True,
        "link": "https://shop.example/x",
        "engaged_ms": 12_000,
        "backfill": True,
        "properties": {"path": "/", "größe": "42"},
        # As INTAKE cleaned them.
        "campaign": "Frühling ☀",
        "content": "b",
    }
    insert_touchpoints(client, touchpoint(**everything))
    [row] = rows(client, "touchpoints", "FINAL")
    assert row == {
        "channel": "web",
        "via": "cookie_id:a",
        "occurred_at": NOON,
        "event_id": "e1",
        "via_customer": UUID(customer_id(Identifier("cookie_id", "a"))),
        "action": "page_viewed",
        "direction": "inbound",
        "mode": "asynchronous",
        "actor": "human",
        "rules_version": "1",
        "marketing_channel": "Direct",
        "has_acquisition": False,
        **acquisition,
        "campaign": "Frühling ☀",
        "content": "b",
        "message_id": "m1",
        "thread_id": "t1",
        "link": "https://shop.example/x",
        "conversion_type": "purchase",
        "value_micros": 19_990_001,
        "currency": "EUR",
        "order_id": "o1",
        "sentiment": -1000,
        "satisfaction_metric": "nps",
        "satisfaction_score": 10,
        "engaged_ms": 12_000,
        "user_agent": "Mozilla/5.0",
        "provider_machine": True,
        "backfill": True,
        "identifiers": ["cookie_id:a"],
        "properties": {"path": "/", "größe": "42"},
        "received_at": NOON + timedelta(milliseconds=7),
        "intake_partition": 2,
        "version": 5,
        "deleted": 0,
    }


def test_a_bare_touchpoint_has_empty_text_and_null_answers(client: ClickHouse) -> None:
    insert_touchpoints(client, touchpoint())
    [row] = rows(client, "touchpoints", "FINAL")
    assert {row[name] for name in ("source", "campaign", "message_id", "conversion_type", "user_agent")} == {""}
    assert {row[name] for name in ("sentiment", "satisfaction_score", "engaged_ms")} == {None}


def test_a_touchpoint_written_twice_is_one(client: ClickHouse) -> None:
    insert_touchpoints(client, touchpoint(), touchpoint("e2"))
    insert_touchpoints(client, touchpoint())
    assert client.query("SELECT count(), sum(version) FROM touchpoints FINAL") == [(2, 10)]


def test_a_dead_letter_keeps_its_bytes(client: ClickHouse) -> None:
    original = bytes(range(256))
    letter = {
        "reason": "undecodable",
        "field": "",
        "value": "",
        "expected": "Avro",
        "channel": "web",
        "topic": "touchpoints.web",
        "partition": 1,
        "offset": 9,
        "received_at": NOON_MS,
        "key": None,
        "original": original,
    }
    late = {
        "channel": "web",
        "event_id": "e",
        "occurred_at": NOON_MS - DAY_MS,
        "late_by_ms": 5,
        "topic": "touchpoints.web",
        "partition": 1,
        "offset": 10,
        "received_at": NOON_MS,
        "key": b"cookie_id:a",
        "original": original,
    }
    insert(client, "dead_letter", letter, letter)
    insert(client, "late_touchpoint", late)
    read = "SELECT hex(original), key, partition, offset, version, received_at FROM {} FINAL"
    assert client.query(read.format("dead_letters")) == [(original.hex().upper(), None, 1, 9, 9, NOON)]
    assert client.query(read.format("late_touchpoints")) == [(original.hex().upper(), "cookie_id:a", 1, 10, 10, NOON)]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 3, 1)])
def test_the_highest_version_of_a_journey_counts_in_any_order(client: ClickHouse, order: tuple[int, ...]) -> None:
    for version in order:
        insert(client, "journey", journey("a", *[("web", "Direct")] * version, version=version))
    assert client.query("SELECT touchpoints, touches FROM journeys_now") == [(3, 3)]
    assert client.query("SELECT count(), max(position) FROM journey_steps") == [(3, 3)]
    assert client.query("SELECT conversions, value FROM attribution_by_channel WHERE model = 'linear'") == [
        (1.0, Decimal(10))
    ]


@pytest.mark.parametrize("late_row_first", [False, True])
def test_a_deleted_journey_is_gone_from_every_view_for_good(client: ClickHouse, late_row_first: bool) -> None:
    insert(client, "journey", journey("kept", ("web", "Direct"), ("email", "Email")))
    written = [journey("gone", ("web", "Direct"), version=4), tombstone("gone", version=5)]
    for row in reversed(written) if late_row_first else written:
        insert(client, "journey", row)
    client.query("OPTIMIZE TABLE journeys FINAL")
    insert(client, "journey", journey("gone", ("web", "Direct"), version=4))
    views = ("journeys_now", "journey_steps", "journey_touches", "attributions")
    for view in views:
        ids = {row["journey_id"] for row in rows(client, view)}
        assert ids == {UUID(uuid5("journey", "kept"))}, view
    assert client.query("SELECT sum(journeys) FROM attribution_by_channel WHERE model = 'first'") == [(1,)]


def test_a_journey_that_is_deleted_and_comes_back_is_there(client: ClickHouse) -> None:
    insert(client, "journey", journey("a", ("web", "Direct"), version=1))
    insert(client, "journey", tombstone("a", version=2))
    insert(client, "journey", journey("a", ("web", "Direct"), ("web", "Direct"), version=3))
    assert client.query("SELECT touchpoints FROM journeys_now") == [(2,)]


def test_merging_parts_changes_no_figure(client: ClickHouse) -> None:
    for version in (1, 2):
        insert(client, "journey", journey("a", *[("web", "Direct")] * version, version=version))
        insert(client, "engagement", engaged(version=version, inbound=version))
    insert(client, "journey", journey("gone", ("web", "Direct")))
    insert(client, "journey", tombstone("gone", version=2))
    figures = "SELECT (SELECT sum(touchpoints) FROM journeys_now), (SELECT sum(human_inbound) FROM engagement_daily)"
    before = client.query(figures)
    for table in ("journeys", "engagement"):
        client.query(f"OPTIMIZE TABLE {table} FINAL")
    assert before == client.query(figures) == [(2, 2)]


def test_a_journey_ends_after_more_than_thirty_days_without_touchpoint(client: ClickHouse) -> None:
    now_ms = client.query("SELECT toUnixTimestamp64Milli(now64(3))")[0][0]
    ages = {"ended": 30 * DAY_MS + 1000, "open": 30 * DAY_MS - 60_000, "converted": 90 * DAY_MS}
    for status, age in ages.items():
        insert(
            client,
            "journey",
            journey(status, ("web", "Direct"), started_at=now_ms - age, converted=status == "converted"),
        )
    found: dict[UUID, str] = dict(client.query("SELECT journey_id, status FROM journeys_now"))
    assert found == {UUID(uuid5("journey", status)): status for status in ages}


def test_values_are_exact_decimals(client: ClickHouse) -> None:
    insert(client, "journey", journey("a", ("web", "Direct"), value_micros=9_007_199_254_740_993))
    assert client.query("SELECT value FROM journeys_now") == [(Decimal("9007199254.740993"),)]
    assert client.query("SELECT value FROM journey_paths") == [({"EUR": Decimal("9007199254.740993")},)]


def test_steps_and_touches_keep_their_order_and_times(client: ClickHouse) -> None:
    insert(client, "journey", journey("a", ("email", "Email"), ("web", "Email"), ("web", "Direct")))
    steps = client.query("SELECT position, at, since_start_seconds, channel, event_id FROM journey_steps ORDER BY 1")
    assert steps == [
        (1, NOON, 0.0, "email", "e0"),
        (2, NOON + timedelta(hours=1), 3600.0, "web", "e1"),
        (3, NOON + timedelta(hours=2), 7200.0, "web", "e2"),
    ]
    touches = client.query(
        "SELECT position, marketing_channel, touchpoints, credit_first, credit_last FROM journey_touches ORDER BY 1"
    )
    assert touches == [(1, "Email", 1, 1.0, 0.0), (2, "Email", 1, 0.0, 0.0), (3, "Direct", 1, 0.0, 1.0)]


def test_consecutive_repeats_in_a_path_are_one_and_later_ones_are_not(client: ClickHouse) -> None:
    touches = [("email", "Email"), ("web", "Email"), ("web", "Direct"), ("web", "Email")]
    insert(client, "journey", journey("a", *touches))
    assert client.query("SELECT path, channel_path, touches, duration_seconds FROM journeys_now") == [
        ("Email > Direct > Email", "email > web", 4, 3 * 3600.0)
    ]


def test_credits_of_every_model_add_up_to_the_conversions_and_their_value(client: ClickHouse) -> None:
    thirds = [("web", "Direct"), ("email", "Email"), ("social", "Organic Social")]
    insert(
        client,
        "journey",
        journey("a", *thirds, value_micros=100_000_001),
        journey("b", *thirds[:2]),
        journey("usd", ("web", "Direct"), currency="USD"),
        journey("open", *thirds, converted=False),
    )
    totals = client.query(
        "SELECT model, currency, sum(conversions), sum(value) FROM attribution_by_channel GROUP BY model, currency"
    )
    assert len(totals) == 2 * len(CREDITS)
    for model, currency, conversions, value in totals:
        assert model in CREDITS
        assert conversions == pytest.approx(2 if currency == "EUR" else 1, abs=1e-8)
        expected = Decimal("110.000001") if currency == "EUR" else Decimal(10)
        assert abs(value - expected) <= Decimal("0.000003"), model
    linear = "SELECT marketing_channel, conversions, journeys FROM attribution_by_channel"
    where = " WHERE model = 'linear' AND currency = 'EUR' ORDER BY 1"
    assert client.query(linear + where) == [
        ("Direct", pytest.approx(5 / 6), 2),
        ("Email", pytest.approx(5 / 6), 2),
        ("Organic Social", pytest.approx(1 / 3), 1),
    ]


def test_touches_without_credit_are_no_attributions(client: ClickHouse) -> None:
    insert(client, "journey", journey("a", ("web", "Direct"), ("email", "Email")))
    found = client.query("SELECT marketing_channel, credit, value FROM attributions WHERE model = 'last'")
    assert found == [("Email", 1.0, Decimal(10))]


def test_engagement_adds_partitions_replaces_versions_and_tells_actors_apart(client: ClickHouse) -> None:
    insert(
        client,
        "engagement",
        engaged(touchpoints=99, inbound=99, version=1),
        engaged(source_partition=1, outbound=10, actions={"sent": 5, "delivered": 4, "bounced": 1}),
        engaged(actor="machine", inbound=7, engaged_ms=500, actions={"opened": 7}),
        engaged(actor="suspect", inbound=1, conversions=1, actions={"opened": 1}),
    )
    human = engaged(version=2, touchpoints=3, inbound=3, unique_openers=2, unique_clickers=1, engaged_ms=2500)
    insert(client, "engagement", human | {"actions": {"opened": 2, "clicked": 1, "unsubscribed": 1}})
    for view in ("engagement_hourly", "engagement_daily", "engagement_by_campaign"):
        [row] = rows(client, view)
        assert (row["human_inbound"], row["suspect_inbound"], row["machine_inbound"], row["outbound"]) == (3, 1, 7, 10)
        assert (row["human_engaged_seconds"], row["machine_engaged_seconds"]) == (2.5, 0.5)
        assert (row["human_conversions"], row["suspect_conversions"]) == (0, 1)
        assert row["machine_actions"] == {"opened": 7}
        assert row["human_actions"]["opened"] == 2
        assert row["human_share"] == pytest.approx(3 / 11)
        assert (row["delivery_rate"], row["open_rate"], row["open_rate_of_sent"]) == pytest.approx((0.8, 0.5, 0.4))
        assert (row["click_through_rate"], row["click_to_open_rate"]) == pytest.approx((0.25, 0.5))
        assert (row["email_bounce_rate"], row["unsubscribe_rate"], row["complaint_rate"]) == pytest.approx(
            (0.2, 0.25, 0)
        )


def test_rates_over_no_denominator_are_null(client: ClickHouse) -> None:
    insert(client, "engagement", engaged(channel="service", outbound=1, actions={"call_placed": 1}))
    for view in ("engagement_hourly", "engagement_daily", "engagement_by_campaign"):
        [row] = rows(client, view)
        rates = {name: value for name, value in row.items() if name.endswith(("_rate", "_share", "_of_sent"))}
        assert len(rates) == 13
        assert set(rates.values()) == {None}


def test_push_and_social_rates_count_humans_over_what_was_shown(client: ClickHouse) -> None:
    insert(
        client,
        "engagement",
        engaged(channel="mobile", outbound=8, actions={"push_delivered": 8}),
        engaged(channel="mobile", source_partition=1, inbound=2, actions={"push_opened": 2}),
        engaged(channel="mobile", actor="machine", inbound=5, actions={"push_opened": 5}),
        engaged(channel="social", outbound=100, actions={"impression_shown": 100}),
        engaged(
            channel="social",
            source_partition=1,
            inbound=10,
            actions={"reacted": 4, "commented": 3, "shared": 2, "link_clicked": 1, "followed": 9},
        ),
    )
    social = {row["channel"]: row for row in rows(client, "engagement_daily")}
    assert social["mobile"]["push_click_rate"] == pytest.approx(0.25)
    assert social["social"]["social_engagement_rate"] == pytest.approx(0.1)
    assert social["social"]["amplification_rate"] == pytest.approx(0.02)
    assert social["social"]["conversation_rate"] == pytest.approx(0.03)


def test_revenue_is_per_currency_beside_counts_that_have_none(client: ClickHouse) -> None:
    insert(
        client,
        "engagement",
        engaged(inbound=5),
        engaged(currency="EUR", inbound=1, conversions=1, revenue_micros=10_500_000),
        engaged(currency="EUR", source_partition=1, inbound=1, conversions=1, revenue_micros=1),
        engaged(currency="USD", inbound=1, conversions=1, revenue_micros=-2_000_000),
        engaged(currency="EUR", actor="machine", inbound=1, conversions=1, revenue_micros=77_000_000),
    )
    [row] = rows(client, "engagement_daily")
    assert row["human_revenue"] == {"EUR": Decimal("10.500001"), "USD": Decimal(-2)}
    assert row["machine_revenue"] == {"EUR": Decimal(77)}
    assert (row["human_inbound"], row["human_conversions"]) == (8, 3)


def test_a_day_is_the_sum_of_its_hours_and_ends_at_midnight_utc(client: ClickHouse) -> None:
    midnight = NOON_MS // DAY_MS * DAY_MS + DAY_MS
    hours = [midnight - HOUR_MS, midnight, midnight + HOUR_MS]
    insert(
        client,
        "engagement",
        *[engaged(hour=hour, inbound=2**i, actions={"clicked": 1}) for i, hour in enumerate(hours)],
    )
    assert client.query("SELECT day, human_inbound, human_actions['clicked'] FROM engagement_daily ORDER BY day") == [
        (date(2026, 3, 31), 1, 1),
        (date(2026, 4, 1), 6, 2),
    ]
    assert client.query(
        "SELECT human_inbound, dateDiff('hour', first_hour, last_hour) FROM engagement_by_campaign"
    ) == [(7, 2)]


def test_sessions_bounce_where_there_are_pages(client: ClickHouse) -> None:
    insert(client, "session", session("a", version=1, engaged=True), session("gone"), session("c"))
    insert(client, "session", session("a", version=2, engaged=False), session("gone", version=2, deleted=True))
    insert(client, "session", session("d", channel="email", engaged=False, page_views=0))
    found = rows(client, "sessions_daily", "ORDER BY channel DESC")
    web, email = found
    assert (web["day"], web["sessions"], web["engaged_sessions"], web["customers"]) == (date(2026, 3, 31), 2, 1, 2)
    assert (web["bounce_rate"], web["page_views"], web["engaged_seconds"]) == (0.5, 4, 3.0)
    assert (email["sessions"], email["bounce_rate"]) == (1, None)


def rendered(client: ClickHouse) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=file, width=WIDTH)
    for part in report(client):
        console.print(part)
    file.seek(0)
    return file.read()


def test_the_report_is_plain_ascii_in_a_hundred_columns_with_whole_figures(client: ClickHouse) -> None:
    fill(client)
    text = rendered(client)
    assert max(map(len, text.splitlines())) <= WIDTH
    for figure in ("12,345,678", "12,345,680", "1,234,567.89 EUR", "80.0 %", "Machines made 1 of 4", "Email > Direct"):
        assert figure in text, figure
    assert "email page viewed > web page viewed > service page viewed 10.00 EUR (2 h 0 min)" in text


def section(text: str, title: str) -> list[list[str]]:
    """The rows of a section, split where two blanks stand; without title, headings and the line below them."""
    lines = text.split(f"\n{title}\n")[1].split("\n\n")[0].splitlines()
    return [re.split(r" {2,}", line.strip()) for line in lines[2:]]


def test_the_report_counts_a_visitor_of_two_days_once(client: ClickHouse) -> None:
    again = session("again", customer_id=uuid5("customer", "a"), started_at=NOON_MS + DAY_MS, ended_at=NOON_MS + DAY_MS)
    social = {"marketing_channel": "Organic Social", "page_views": 1, "engaged": False}
    insert(
        client,
        "session",
        session("a"),
        again | {"engaged": False, "page_views": 1},
        session("b", **social),
        session("c", marketing_channel="Email", channel="email"),
        session("gone", **social, deleted=True),
    )
    assert section(rendered(client), "Web sessions by marketing channel") == [
        ["Direct", "2", "1", "50.0 %", "3", "1"],
        ["Organic Social", "1", "0", "100.0 %", "1", "1"],
    ]


def test_the_report_keeps_a_currency_together_the_highest_value_first(client: ClickHouse) -> None:
    cheap = [journey(f"cheap {n}", ("web", "Direct"), value_micros=1_000_000) for n in range(2)]
    dear = journey("dear", ("email", "Email"), value_micros=90_000_000)
    dollars = journey("dollars", ("web", "Referral"), value_micros=900_000_000, currency="USD")
    insert(client, "journey", *cheap, dear, dollars)
    assert section(rendered(client), "Conversions and value by marketing channel") == [
        ["Email", "EUR", "1.0", "90.00", "1.0", "90.00"],
        ["Direct", "EUR", "2.0", "2.00", "2.0", "2.00"],
        ["Referral", "USD", "1.0", "900.00", "1.0", "900.00"],
    ]


def test_the_report_of_an_empty_database_says_so(client: ClickHouse) -> None:
    text = rendered(client)
    assert text.count("none yet") == 5
    assert text.count("no conversion yet") == 1
