"""Views over journeys on rows made by hand: paths, transitions, time to convert, assists; the figures counted on paper.

a    Email > Email > Direct       bought for 10 EUR    two hours
b    Email > Direct               bought for 5 EUR     one hour
c    Email > Direct               nothing, long ago
d    Direct                       bought for 7 USD     at once
e    Email                        nothing, may go on
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from sinks.clickhouse import ClickHouse
from streams.domain.ids import uuid5
from tests.integration.filled import database
from tests.integration.rows import DAY_MS, NOON_MS, insert, journey, rows, tombstone

pytestmark = pytest.mark.stack

EMAIL, DIRECT = ("email", "Email"), ("web", "Direct")
HOUR = 1 / 24
JOURNEY_VIEWS = ("journeys_now", "journey_paths", "journey_transitions", "time_to_convert", "assisted_conversions")


@pytest.fixture
def client(stack: Any) -> Iterator[ClickHouse]:
    """A client of an empty database of the test's own."""
    with database(stack, "journey_views") as url, ClickHouse(url) as client:
        yield client


def fill(client: ClickHouse) -> None:
    """The five journeys of the module's docstring; ``c`` and ``a`` are of one customer."""
    now_ms = client.query("SELECT toUnixTimestamp64Milli(now64(3))")[0][0]
    insert(
        client,
        "journey",
        journey("a", EMAIL, EMAIL, DIRECT),
        journey("b", EMAIL, DIRECT, value_micros=5_000_000),
        journey(
            "c", EMAIL, DIRECT, converted=False, customer_id=uuid5("customer", "a"), started_at=NOON_MS - 90 * DAY_MS
        ),
        journey("d", DIRECT, value_micros=7_000_000, currency="USD"),
        journey("e", EMAIL, converted=False, started_at=now_ms - DAY_MS),
    )


@pytest.mark.parametrize("view", JOURNEY_VIEWS)
def test_without_journeys_a_view_has_no_rows(client: ClickHouse, view: str) -> None:
    assert rows(client, view) == []


@pytest.mark.parametrize("view", JOURNEY_VIEWS)
def test_a_deleted_journey_counts_nowhere(client: ClickHouse, view: str) -> None:
    insert(client, "journey", journey("gone", EMAIL, DIRECT))
    insert(client, "journey", tombstone("gone", version=2))
    assert rows(client, view) == []


def test_a_path_counts_its_journeys_whatever_the_repeats(client: ClickHouse) -> None:
    fill(client)
    assert rows(client, "journey_paths", "ORDER BY path") == [
        {
            "path": "Direct",
            "journeys": 1,
            "share": pytest.approx(0.2),
            "customers": 1,
            "open": 0,
            "conversions": 1,
            "conversion_rate": 1.0,
            "median_days": 0.0,
            "value": {"USD": Decimal(7)},
        },
        {
            "path": "Email",
            "journeys": 1,
            "share": pytest.approx(0.2),
            "customers": 1,
            "open": 1,
            "conversions": 0,
            "conversion_rate": 0.0,
            "median_days": None,
            "value": {},
        },
        {
            "path": "Email > Direct",
            "journeys": 3,
            "share": pytest.approx(0.6),
            "customers": 2,
            "open": 0,
            "conversions": 2,
            "conversion_rate": pytest.approx(2 / 3),
            "median_days": pytest.approx(1.5 * HOUR),
            "value": {"EUR": Decimal(15)},
        },
    ]


def test_a_journey_bears_its_paths(client: ClickHouse) -> None:
    fill(client)
    found = {row["journey_id"]: (row["path"], row["channel_path"]) for row in rows(client, "journeys_now")}
    assert found[UUID(uuid5("journey", "a"))] == ("Email > Direct", "email > web")
    assert found[UUID(uuid5("journey", "e"))] == ("Email", "email")


def test_transitions_lead_from_the_start_to_a_conversion_or_none(client: ClickHouse) -> None:
    fill(client)
    found = client.query(
        "SELECT step, from, to, journeys, customers, share, drop_off FROM journey_transitions ORDER BY step, from, to"
    )
    assert found == [
        (0, "start", "Direct", 1, 1, pytest.approx(1 / 5), 0.0),
        (0, "start", "Email", 4, 3, pytest.approx(4 / 5), 0.0),
        (1, "Direct", "conversion", 1, 1, 1.0, 0.0),
        (1, "Email", "Direct", 3, 2, pytest.approx(3 / 4), pytest.approx(1 / 4)),
        (1, "Email", "no conversion", 1, 1, pytest.approx(1 / 4), pytest.approx(1 / 4)),
        (2, "Direct", "conversion", 2, 2, pytest.approx(2 / 3), pytest.approx(1 / 3)),
        (2, "Direct", "no conversion", 1, 1, pytest.approx(1 / 3), pytest.approx(1 / 3)),
    ]


def test_as_many_journeys_leave_a_place_as_came_to_it(client: ClickHouse) -> None:
    fill(client)
    arrived = client.query(
        "SELECT step + 1, to, sum(journeys) FROM journey_transitions"
        " WHERE to NOT IN ('conversion', 'no conversion') GROUP BY 1, 2 ORDER BY 1, 2"
    )
    left = client.query(
        "SELECT step, from, sum(journeys) FROM journey_transitions WHERE step > 0 GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert arrived == left == [(1, "Direct", 1), (1, "Email", 4), (2, "Direct", 3)]


def test_a_filter_on_the_step_changes_no_share(client: ClickHouse) -> None:
    fill(client)
    every = rows(client, "journey_transitions", "ORDER BY step, from, to")
    assert rows(client, "journey_transitions", "WHERE step = 1 ORDER BY step, from, to") == every[2:5]


def test_time_to_convert_has_quantiles_between_the_values(client: ClickHouse) -> None:
    """Journeys of n touches take n - 1 hours: Email 0, 1, 3 and 8 hours; Direct one of none."""
    lengths = (1, 2, 4, 9)
    insert(client, "journey", *[journey(f"{n}", *[EMAIL] * n) for n in lengths], journey("d", DIRECT, EMAIL))
    insert(client, "journey", journey("open", *[EMAIL] * 50, converted=False))
    direct, email = rows(client, "time_to_convert", "ORDER BY marketing_channel")
    assert email == {
        "conversion_type": "purchase",
        "marketing_channel": "Email",
        "conversions": 4,
        # Of 0, 1, 3, 8: at places 0.75, 1.5, 2.25 and 2.7 from 0.
        "days_25": pytest.approx(0.75 * HOUR),
        "days_50": pytest.approx(2 * HOUR),
        "days_75": pytest.approx((3 + 0.25 * 5) * HOUR),
        "days_90": pytest.approx((3 + 0.7 * 5) * HOUR),
        "median_touches": 3.0,
    }
    assert (direct["conversions"], direct["days_25"], direct["days_90"]) == (
        1,
        pytest.approx(HOUR),
        pytest.approx(HOUR),
    )


def test_an_assist_is_a_touch_before_the_last_and_counts_once_a_conversion(client: ClickHouse) -> None:
    fill(client)
    found = rows(client, "assisted_conversions", "ORDER BY marketing_channel")
    assert found == [
        {
            "conversion_type": "purchase",
            "marketing_channel": "Direct",
            "assists": 0,
            "last_touch_conversions": 3,
            "assist_ratio": 0.0,
            "assisted_value": {},
            "last_touch_value": {"EUR": Decimal(15), "USD": Decimal(7)},
        },
        {
            "conversion_type": "purchase",
            "marketing_channel": "Email",
            "assists": 2,
            "last_touch_conversions": 0,
            "assist_ratio": None,
            "assisted_value": {"EUR": Decimal(15)},
            "last_touch_value": {},
        },
    ]


def test_a_marketing_channel_may_assist_itself_and_none_beyond_the_lookback_assists(client: ClickHouse) -> None:
    both = journey("a", DIRECT, EMAIL, DIRECT)
    old = journey("b", ("social", "Organic Social"), DIRECT)
    insert(client, "journey", both, old | {"credit_linear": [0.0, 1.0], "credit_first": [0.0, 1.0]})
    found = client.query(
        "SELECT marketing_channel, assists, last_touch_conversions FROM assisted_conversions ORDER BY 1"
    )
    assert found == [("Direct", 1, 2), ("Email", 1, 0)]
