"""Files that others made, through mappings written as a new user would, into ClickHouse; counted a second time here.

The figures are derived from the files by plain means (csv, DuckDB's own sums in tests/data/others/README.md), and stand
at the asserts as well.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sinks.clickhouse import ClickHouse
from streams.producing.counts import ChannelCounts
from streams.producing.mapping.reading import read_mapping
from streams.producing.produce import Result, produce_files

pytestmark = pytest.mark.stack

OTHERS = Path(__file__).parent.parent / "data" / "others"
SHOP, GAME = OTHERS / "ecom.csv.gz", OTHERS / "game_revenue.parquet"
DRAIN_S = 90


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """What producing said, by file."""
    return {}


@pytest.fixture(scope="module")
def clickhouse(local_pipeline: Any, results: dict[str, Result]) -> Iterator[ClickHouse]:
    """The tables of a pipeline that has taken both files."""
    with local_pipeline("mapping") as pipeline:
        for file in (SHOP, GAME):
            mapping = read_mapping(str(OTHERS / f"{file.name.split('.')[0]}.toml"))
            bootstrap = pipeline.settings.kafka_bootstrap
            results[file.name] = produce_files([str(file)], bootstrap, mapping=mapping, backfill=True)
        pipeline.drain(DRAIN_S)
        with ClickHouse(pipeline.settings.clickhouse_url) as client:
            yield client


def shop() -> list[dict[str, str]]:
    with gzip.open(SHOP, "rt", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["event"] != "checkout_bug"]


def event_of(row: dict[str, str]) -> tuple[str, str, str, str]:
    return row["user_id"], row["session_id"], row["timestamp"], row["event"]


def game() -> list[dict[str, Any]]:
    return [dict(row) for row in pq.read_table(GAME).to_pylist()]


def test_every_row_is_accounted_for(clickhouse: ClickHouse, results: dict[str, Result]) -> None:
    by_channel = results[SHOP.name].counts.by_channel
    assert by_channel["web"] == ChannelCounts(read=30_829, sent=30_785, skipped=44)
    assert by_channel["service"] == ChannelCounts(read=277, sent=277)
    assert results[GAME.name].counts.by_channel == {"mobile": ChannelCounts(read=2_000, sent=2_000)}
    assert len(shop()) == 30_785 + 277
    assert all(result.complete for result in results.values())


def test_intake_accepts_each_event_once_and_nothing_is_late_or_dead(clickhouse: ClickHouse) -> None:
    rows = clickhouse.query("SELECT channel, outcome, sum(records) FROM outcomes FINAL GROUP BY ALL")
    events = Counter("service" if event_of(row)[3] == "support_chat" else "web" for row in shop())
    once = Counter("service" if event[3] == "support_chat" else "web" for event in {event_of(row) for row in shop()})
    wanted = {("web", "accepted", once["web"]), ("web", "duplicate", events["web"] - once["web"])}
    wanted |= {("service", "accepted", once["service"]), ("mobile", "accepted", 2_000)}
    assert set(rows) == wanted
    assert clickhouse.query("SELECT count() FROM touchpoints FINAL") == [(31_032 + 2_000,)]


def test_customers_are_the_files_users(clickhouse: ClickHouse) -> None:
    users = {f"user_id:{row['user_id']}" for row in shop()} | {f"user_id:{row['player_id']}" for row in game()}
    found = {via for (via,) in clickhouse.query("SELECT DISTINCT via FROM touchpoints FINAL")}
    assert found == users
    assert len(users) == 600 + 76


def test_conversions_and_their_value_to_the_micro(clickhouse: ClickHouse) -> None:
    rows = clickhouse.query(
        "SELECT channel, conversion_type, currency, count(), sum(value_micros) FROM touchpoints FINAL"
        " WHERE conversion_type != '' GROUP BY ALL"
    )
    paid = Counter[str]()
    for row in game():
        # What DuckDB stored as a double has at most five decimals in the source.
        paid[row["item_type"]] += round(row["item_revenue"] * 1_000_000)
    assert set(rows) == {
        ("web", "purchase", "", 470, 0),
        ("mobile", "purchase", "USD", 447, paid["iap"]),
        ("mobile", "ad", "USD", 1_553, paid["ad"]),
    }
    assert paid["iap"] + paid["ad"] == 8_687_117_910


def test_times_and_origins_are_those_of_the_rows(clickhouse: ClickHouse) -> None:
    ((first, last),) = clickhouse.query(
        "SELECT toString(min(occurred_at)), toString(max(occurred_at)) FROM touchpoints FINAL WHERE channel != 'mobile'"
    )
    times = sorted(row["timestamp"] for row in shop())
    assert (first, last) == (f"{times[0]}.000", f"{times[-1]}.000")
    rows = clickhouse.query(
        "SELECT marketing_channel, count() FROM touchpoints FINAL WHERE channel = 'web' GROUP BY ALL"
    )
    named = {
        "organic": "Organic Search",
        "paid_search": "Paid Search",
        "email": "Email",
        "social": "Organic Social",
        "direct": "Direct",
    }
    events = {event_of(row): row["acquisition_channel"] for row in shop() if row["event"] != "support_chat"}
    assert dict(rows) == Counter(named[origin] for origin in events.values())
