"""Dead letters and late touchpoints, replayed on a running pipeline.

sent, drained --> dry run --> replay --set --> drained --> replay --> replay --again --> drained
                  nothing     what was foreseen           nothing     duplicates        nothing
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas.codec import encode
from sinks.clickhouse import ClickHouse
from sinks.outputs import letter_data
from sinks.tables import TABLES
from streams.cli import main
from streams.local import LocalPipeline
from streams.runtime.stage import PlainRecord, Records
from streams.topics import TOUCHPOINTS
from tests.integration.filled import touchpoint as fields_of
from tests.unit.sinks.plain_records import bare

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
DRAIN_S = 60
KEYS = {
    "touchpoints": "(channel, via, occurred_at, event_id)",
    "engagement": "(channel, campaign, hour, currency, actor, source_partition)",
    "outcomes": "(topic, partition, outcome, reason)",
    "identities": "(namespace, value)",
    "identity_violations": "(stronger, weaker)",
    "journeys": "journey_id",
    "sessions": "session_id",
}
CHANGED = re.compile(r"^(\w+) +([0-9]+)$", re.MULTILINE)


def sent(event_id: str, at_ms: int, *identifiers: str, **more: Any) -> dict[str, Any]:
    return fields_of(event_id, at_ms, "web", more.pop("action", "page_viewed"), *identifiers, **more)


def bought(event_id: str, at_ms: int, *identifiers: str, currency: str = "EUR") -> dict[str, Any]:
    conversion = {"type": "purchase", "value_micros": 20_000_000, "currency": currency, "order_id": event_id}
    return sent(event_id, at_ms, *identifiers, action="purchased", conversion=conversion)


#: One partition each, so that what is late is late: the newest of each stands before.
RECORDS = [
    sent("ann 1", 0, "cookie_id:ann"),
    sent("ann 2", 40 * HOUR_MS, "cookie_id:ann"),
    sent("ben 1", 41 * HOUR_MS, "cookie_id:ben", "click_id:k"),
    # Takes ann's two journeys' purchase, and by the click ben's history.
    bought("ann buys", 42 * HOUR_MS, "cookie_id:ann", "click_id:k", currency="euro"),
    bought("cem buys", 42 * HOUR_MS, "cookie_id:cem", currency="€"),
    sent("cem again", 43 * HOUR_MS, "cookie_id:cem"),
    {**sent("cem again", 43 * HOUR_MS, "cookie_id:cem"), "link": "https://other.example.com"},
    sent("no one", 0, "email_sha256:"),
    sent("ann 9", 10 * 24 * HOUR_MS, "cookie_id:ann"),
    sent("ann late", 30 * HOUR_MS, "cookie_id:ann"),
]


@pytest.fixture(scope="module")
def pipeline(local_pipeline: Any) -> Iterator[LocalPipeline]:
    with local_pipeline("letters", OMNIJOURNEY_SESSION_GAP_MS=str(HOUR_MS)) as pipeline:
        producer = KafkaProducer(bootstrap_servers=pipeline.settings.kafka_bootstrap, acks="all")
        try:
            for record in RECORDS:
                key = ":".join(record["identifiers"][0].values())
                producer.send("touchpoints.web", encode("touchpoint", record), key.encode()).get(timeout=20)
            producer.send("touchpoints.web", b"garbage", b"garbage").get(timeout=20)
        finally:
            producer.close()
        pipeline.drain(DRAIN_S)
        yield pipeline


@pytest.fixture
def clickhouse(pipeline: LocalPipeline) -> Iterator[ClickHouse]:
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        yield client


def run(pipeline: LocalPipeline, *arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments), env=pipeline.variables)
    assert result.exit_code == exit_code, result.output
    return result


def contents(clickhouse: ClickHouse) -> dict[str, dict[str, str]]:
    """Table -> key -> hash of the row but for version and times of receipt, which a replay may move."""
    told = "* EXCEPT (version, deleted)"
    return {
        table: dict(
            clickhouse.query(
                f"SELECT toString({key}) AS key, toString(sipHash128(tuple(*))) FROM (SELECT {told} FROM {table} FINAL)"  # noqa: S608 - composed of what stands here
            )
        )
        for table, key in KEYS.items()
    }


def changed(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> dict[str, int]:
    return {
        table: sum(before[table].get(key) != after[table].get(key) for key in {*before[table], *after[table]})
        for table in KEYS
    }


def ends(pipeline: LocalPipeline) -> dict[TopicPartition, int]:
    consumer = KafkaConsumer(bootstrap_servers=pipeline.settings.kafka_bootstrap)
    try:
        logs = [TopicPartition(topic, n) for topic in TOUCHPOINTS for n in consumer.partitions_for_topic(topic) or ()]
        return dict(consumer.end_offsets(logs))
    finally:
        consumer.close()


def verify(pipeline: LocalPipeline) -> None:
    assert "all equal" in run(pipeline, "verify").output


def test_list_counts_letters_by_reason_and_names_them_on_request(pipeline: LocalPipeline) -> None:
    told = run(pipeline, "dead", "list", "--each", "10").output
    assert re.search(r"invalid +conversion.currency +touchpoints.web +2 +0 ", told)
    for reason in ("conflicting_duplicate", "no_identifier", "undecodable"):
        assert re.search(rf"{reason} .*touchpoints.web +1 +0 ", told)
    assert len(re.findall(r"^touchpoints\.web-\d-\d+ ", told, re.MULTILINE)) == 5
    assert "ann" not in told
    assert "(no rows)" in run(pipeline, "dead", "list", "--channel", "email").output
    assert "(no rows)" in run(pipeline, "dead", "list", "--until", "2026-03-01").output
    assert re.search(r"late +occurred_at +touchpoints.web +1 ", run(pipeline, "late", "list").output)


def test_show_tells_all_of_one_and_gives_its_bytes_back(pipeline: LocalPipeline, tmp_path: Any) -> None:
    listed = run(pipeline, "dead", "list", "--each", "9", "--reason", "undecodable").output
    (id_,) = re.findall(r"^touchpoints\.web-\d-\d+", listed, re.MULTILINE)
    assert "garbage" in run(pipeline, "dead", "show", id_).output
    run(pipeline, "dead", "show", id_, "--original", str(tmp_path / "bytes"))
    assert (tmp_path / "bytes").read_bytes() == b"garbage"
    assert "found none" in run(pipeline, "dead", "show", "touchpoints.web-0-999999", exit_code=1).output


def test_a_dry_run_foresees_every_row_that_a_replay_changes_and_changes_none(
    pipeline: LocalPipeline, clickhouse: ClickHouse
) -> None:
    """Ann's purchase joins ben, ends a journey and credits his visit: five tables change, and only as foretold."""
    mend = ("--reason", "invalid", "--set", "conversion.currency=EUR")
    before, lay = contents(clickhouse), ends(pipeline)
    told = run(pipeline, "dead", "replay", *mend, "--dry-run").output
    assert "2 would be accepted" in told
    assert (contents(clickhouse), ends(pipeline)) == (before, lay)
    foreseen = {table: int(rows) for table, rows in CHANGED.findall(told)}
    assert "2 accepted: sent again" in run(pipeline, "dead", "replay", *mend).output
    pipeline.drain(DRAIN_S)
    assert changed(before, contents(clickhouse)) == foreseen
    assert foreseen["identities"] == 1
    assert foreseen["journeys"] >= 3
    verify(pipeline)


def test_a_second_replay_finds_nothing_to_do_and_one_that_is_asked_for_finds_duplicates(
    pipeline: LocalPipeline, clickhouse: ClickHouse
) -> None:
    mend = ("--reason", "invalid", "--set", "conversion.currency=EUR")
    before, lay = contents(clickhouse), ends(pipeline)
    assert run(pipeline, "dead", "replay", *mend).output.startswith("0 read")
    again = run(pipeline, "dead", "replay", *mend, "--again").output
    assert "0 accepted" in again
    assert "2 duplicate" in again
    pipeline.drain(DRAIN_S)
    assert (contents(clickhouse), ends(pipeline)) == (before, lay)
    logged = clickhouse.query(
        "SELECT outcome, mended, selection, replayed_by != '', count() FROM replays FINAL"
        " WHERE kind = 'dead' GROUP BY ALL ORDER BY outcome"
    )
    assert logged == [(outcome, ["conversion.currency"], "reason=invalid", 1, 2) for outcome in ("duplicate", "sent")]


def test_what_is_still_dead_is_told_and_stays(pipeline: LocalPipeline) -> None:
    lay = ends(pipeline)
    told = run(pipeline, "dead", "replay", exit_code=1).output
    for reason in ("conflicting_duplicate, event_id", "no_identifier, identifiers", "undecodable"):
        assert f"1 still dead: {reason}" in told
    assert ends(pipeline) == lay
    wrong = ("dead", "replay", "--reason", "no_identifier", "--set", "occurred_at=soon", "--dry-run")
    assert "refused: occurred_at: found 'soon'" in run(pipeline, *wrong, exit_code=1).output


def test_late_touchpoints_are_taken_as_history(pipeline: LocalPipeline, clickhouse: ClickHouse) -> None:
    before = contents(clickhouse)
    told = run(pipeline, "late", "replay", "--dry-run").output
    assert "1 would be accepted" in told
    run(pipeline, "late", "replay")
    pipeline.drain(DRAIN_S)
    assert changed(before, contents(clickhouse)) == {t: int(n) for t, n in CHANGED.findall(told)}
    assert clickhouse.query("SELECT backfill FROM touchpoints FINAL WHERE event_id = 'ann late'") == [(True,)]
    assert run(pipeline, "late", "replay").output.startswith("0 read")
    verify(pipeline)


def test_a_row_that_clickhouse_refused_is_inserted_again_and_never_over_a_newer_one(
    pipeline: LocalPipeline, clickhouse: ClickHouse
) -> None:
    row = {"topic": "touchpoints.web", "channel": "web", "outcome": "repaired", "reason": ""}
    table = TABLES["dead_letter"]
    for offset, version in ((90, 5), (91, 3)):
        value = encode("outcome", bare("outcome", **row, partition=0, records=version, version=version))
        record = PlainRecord(offset, round(time.time() * 1000), b"key", value)
        letters = letter_data(Records("outcomes", 0, [record]), "rejected_by_clickhouse", "", "a row", 0)
        clickhouse.insert(table.name, table.columns, letters)
    read = "SELECT records FROM outcomes FINAL WHERE outcome = 'repaired'"
    chosen = ("dead", "replay", "--reason", "rejected_by_clickhouse")
    assert "2 rows would be inserted again" in run(pipeline, *chosen, "--dry-run").output
    assert clickhouse.query(read) == []
    assert "2 rows inserted again" in run(pipeline, *chosen).output
    assert clickhouse.query(read) == [(5,)]
    clickhouse.query("ALTER TABLE outcomes DELETE WHERE outcome = 'repaired' SETTINGS mutations_sync = 1")


def test_every_record_has_one_outcome_still(pipeline: LocalPipeline, clickhouse: ClickHouse) -> None:
    rows = clickhouse.query("SELECT topic, partition, sum(records) FROM outcomes FINAL GROUP BY ALL")
    assert {TopicPartition(t, p): n for t, p, n in rows} == {log: n for log, n in ends(pipeline).items() if n}
