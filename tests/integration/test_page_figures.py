"""The page on hand-made rows: days of UTC in any time zone, medians and the funnel as the views have them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sinks.clickhouse import ClickHouse
from sinks.page import read_extent, read_figures
from sinks.page.period import Period
from tests.integration.filled import DAY_MS, HOUR_MS, database, fill, touchpoint

pytestmark = pytest.mark.stack

MADE_AT = datetime(2026, 4, 1, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
STEPS = ["product_viewed", "cart_added", "checkout_started", "purchased"]


@pytest.fixture
def url(stack: Any) -> Iterator[str]:
    with database(stack, "figures") as url:
        yield url


def figures(client: ClickHouse, since: date = FIRST, until: date = LAST) -> Any:
    return read_figures(client, Period(since, until), read_extent(client), MADE_AT)


def filled(url: str, records: list[dict[str, Any]], until: date = LAST) -> Any:
    """The page's figures of the tables, filled with ``records`` before."""
    with ClickHouse(url) as client:
        fill(client, records)
        return figures(client, until=until)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_days_are_utc_whatever_the_time_zone_of_the_server(url: str, zone: str) -> None:
    """09:00 UTC each day: of another day's 24 hours at 14 hours before UTC and at 11 behind."""
    bought = {"type": "purchase", "value_micros": 10_000_000, "currency": "EUR"}
    records = [touchpoint(f"v{day}", day * DAY_MS, "web", "page_viewed", f"cookie_id:c{day}") for day in (0, 1, 2)]
    for day in (0, 2):
        closing = {"conversion": {**bought, "order_id": f"o{day}"}}
        records.append(
            touchpoint(f"p{day}", day * DAY_MS + HOUR_MS, "web", "purchased", f"cookie_id:c{day}", **closing)
        )
    with ClickHouse(url) as here, ClickHouse(f"{url}?session_timezone={zone}") as there:
        fill(here, records)
        # What such a server tells at the handshake; the driver writes aware times after it.
        there._connected().connection.server_info.timezone = zone
        for since, until, customers, conversions in (
            (date(2026, 3, 1), date(2026, 3, 1), 1, 1),
            (date(2026, 3, 3), date(2026, 3, 3), 1, 1),
            (date(2026, 3, 1), date(2026, 3, 2), 2, 1),
        ):
            found = figures(there, since, until)
            assert found == figures(here, since, until)
            now = found["headline"]["now"]
            assert [now[name] for name in ("active_customers", "new_customers", "conversions")] == [
                customers,
                customers,
                conversions,
            ]


def test_medians_lie_between_two_journeys_and_are_exact_to_the_millisecond(url: str) -> None:
    """One day, and two days and 500 ms: 1.5 days and 250 ms."""
    records = []
    for name, lasts in (("a", DAY_MS), ("b", 2 * DAY_MS + 500)):
        bought = {"type": "purchase", "value_micros": 10_000_000, "currency": "EUR", "order_id": name}
        records += [
            touchpoint(f"v{name}", 0, "web", "page_viewed", f"cookie_id:{name}"),
            touchpoint(f"p{name}", lasts, "web", "purchased", f"cookie_id:{name}", conversion=bought),
        ]
    found = filled(url, records)
    expected = pytest.approx((1.5 * DAY_MS + 250) / DAY_MS, rel=1e-12)
    assert found["journeys"]["median_days"] == expected
    assert [path["median_days"] for path in found["paths"]] == [expected]
    with ClickHouse(url) as client:
        assert client.query("SELECT days_50 FROM time_to_convert") == [(expected,)]
        assert client.query("SELECT median_days FROM journey_paths") == [(expected,)]


def customers(found: Any) -> dict[str, int]:
    return {step["step"]: step["customers"] for step in found["funnel"]["steps"]}


def test_steps_at_the_same_time_do_not_follow_each_other_in_page_and_view(url: str) -> None:
    """Each takes one step more than the one before; the last two take two steps at one time, told in both orders."""
    ways = {
        "one": [("product_viewed", 1)],
        "two": [("product_viewed", 1), ("cart_added", 2)],
        "three": [("product_viewed", 1), ("cart_added", 2), ("checkout_started", 3)],
        "early": [("cart_added", 1), ("product_viewed", 1)],
        "late": [("product_viewed", 1), ("cart_added", 2), ("checkout_started", 2)],
    }
    records = [
        touchpoint(f"{name}{at}", when, "web", action, f"cookie_id:{name}")
        for name, steps in ways.items()
        for at, (action, when) in enumerate(steps)
    ]
    expected = {"product_viewed": 5, "cart_added": 3, "checkout_started": 1}
    assert customers(filled(url, records)) == {"visit": 5, **expected}
    with ClickHouse(url) as client:
        rows = client.query(
            "SELECT name, customers FROM funnel(steps = %(steps)s, window_seconds = 2592000) ORDER BY step",
            {"steps": STEPS},
        )
    assert dict(rows) == {**expected, "purchased": 0}


def test_the_window_of_the_funnel_includes_its_last_millisecond(url: str) -> None:
    """March's window of 30 days after a first visit, or a first product viewed where nobody visited."""
    month = 30 * DAY_MS
    for channel, steps in (("web", {"visit": 2}), ("social", {})):
        with ClickHouse(url) as client:
            client.query("TRUNCATE TABLE touchpoints")
        records = [
            touchpoint(f"{name}{action}", when, channel, action, f"cookie_id:{name}")
            for name, lasts in (("in", month), ("out", month + 1))
            for action, when in (("product_viewed", 0), ("cart_added", lasts))
        ]
        expected = {**steps, "product_viewed": 2, "cart_added": 1}
        assert customers(filled(url, records, date(2026, 4, 1))) == expected
