"""What does not come as it should: wrongly keyed, late, twice, and bytes that are no record; before and after a kill.

web, one customer   newest   3 days behind   1 ms more   newest again   wrong key   wrong key and late
                    accepted    accepted       late       duplicate      rerouted   rerouted
                                                                         accepted   late
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.partitioner.default import murmur2

from schemas.codec import encode
from sinks.clickhouse import ClickHouse
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.local import PARTITIONS, LocalPipeline
from streams.topics import ACTIVITY, ASSIGNMENTS, CHANNELS, IDENTITY_CHANGES, LINKS, TOUCHPOINTS

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

DAY_MS = 86_400_000
BUDGET_MS = 3 * DAY_MS
TABLES = (
    *("touchpoints", "journeys", "sessions", "engagement", "outcomes", "dead_letters", "late_touchpoints"),
    *("identities", "identity_changes", "journey_changes"),
)
TOPICS = (*TOUCHPOINTS, LINKS, ASSIGNMENTS, IDENTITY_CHANGES, ACTIVITY)
STATEFUL = ("intake", "identity", "customers")
SHORT = random.Random(1).randbytes(300)
LONG = random.Random(2).randbytes(1_040_000)
VIA, OTHER_VIA = "cookie_id:a", "cookie_id:b"
#: On touchpoints of both: they are one customer's.
CLICK = "click_id:c"

#: What becomes of each that `send_all` sends, by hand.
OUTCOMES = {
    ("web", "accepted", ""): 4,
    ("web", "duplicate", ""): 1,
    ("web", "late", ""): 2,
    ("web", "dead", "undecodable"): 1,
    ("web", "rerouted", ""): 2,
    ("email", "accepted", ""): 1,
    ("email", "dead", "undecodable"): 1,
    ("email", "rerouted", ""): 1,
}
REROUTED = 3


class Sent(NamedTuple):
    """A record as it came to lie on its topic; ``received_at`` is the broker's time, ms UTC."""

    topic: str
    partition: int
    offset: int
    received_at: int
    value: bytes


@dataclass
class Scene:
    """A pipeline that has taken everything; ``sent`` by name, ``now`` is the newest event time, ms UTC."""

    pipeline: LocalPipeline
    now: int
    sent: dict[str, Sent] = field(default_factory=dict)


def home_of(key: str) -> int:
    """The partition that producers put ``key`` on."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % PARTITIONS


def key_away_from(via: str) -> str:
    """A key that lies on another partition than ``via``."""
    return next(key for key in (f"elsewhere:{n}" for n in count()) if home_of(key) != home_of(via))


def touchpoint(
    event_id: str, via: str, occurred_at: int, *others: str, channel: str = "web", backfill: bool = False
) -> bytes:
    record = {
        "event_id": event_id,
        "channel": channel,
        "occurred_at": occurred_at,
        "identifiers": [dict(zip(("namespace", "value"), text.split(":"), strict=True)) for text in (via, *others)],
        "action": "page_viewed" if channel == "web" else "opened",
        "user_agent": "Mozilla/5.0",
        "backfill": backfill,
    }
    return encode("touchpoint", record)


def send_all(scene: Scene) -> None:
    """One after the other: where the order is not given by the partition, it is by the acknowledgement."""
    now, away, other_away = scene.now, key_away_from(VIA), key_away_from(OTHER_VIA)
    newest = touchpoint("newest", VIA, now, CLICK)
    records = {
        "newest": ("touchpoints.web", VIA, newest),
        "at the budget": ("touchpoints.web", VIA, touchpoint("at the budget", VIA, now - BUDGET_MS)),
        "late": ("touchpoints.web", VIA, touchpoint("late", VIA, now - BUDGET_MS - 1)),
        "old backfill": ("touchpoints.web", VIA, touchpoint("old backfill", VIA, now - 2 * BUDGET_MS, backfill=True)),
        "newest again": ("touchpoints.web", VIA, newest),
        "wrong key": ("touchpoints.web", away, touchpoint("wrong key", VIA, now - 1000)),
        "wrong key and late": ("touchpoints.web", away, touchpoint("wrong key and late", VIA, now - BUDGET_MS - 7)),
        "mail": ("touchpoints.email", other_away, touchpoint("mail", OTHER_VIA, now - 2000, CLICK, channel="email")),
        "short garbage": ("touchpoints.web", "garbage", SHORT),
        "long garbage": ("touchpoints.email", "garbage", LONG),
        "foreign": (ACTIVITY, "foreign", b"hello"),
    }
    producer = KafkaProducer(
        bootstrap_servers=scene.pipeline.settings.kafka_bootstrap, acks="all", max_request_size=2_000_000
    )
    try:
        for name, (topic, key, value) in records.items():
            found = producer.send(topic, value, key.encode(), partition=home_of(key)).get(timeout=20)
            scene.sent[name] = Sent(topic, found.partition, found.offset, found.timestamp, value)
    finally:
        producer.close()


@pytest.fixture(scope="module")
def scene(local_pipeline: Any) -> Iterator[Scene]:
    with local_pipeline("astray") as pipeline:
        scene = Scene(pipeline, int(time.time() * 1000))
        send_all(scene)
        pipeline.drain(40)
        yield scene


@pytest.fixture
def clickhouse(scene: Scene) -> Iterator[ClickHouse]:
    with ClickHouse(scene.pipeline.settings.clickhouse_url) as client:
        yield client


def records_on(bootstrap: str, topic: str) -> int:
    """Ends minus beginnings of all partitions."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        return sum(consumer.end_offsets(partitions).values()) - sum(consumer.beginning_offsets(partitions).values())
    finally:
        consumer.close()


def outcomes(clickhouse: ClickHouse) -> dict[tuple[str, str, str], int]:
    rows = clickhouse.query("SELECT channel, outcome, reason, sum(records) FROM outcomes FINAL GROUP BY ALL")
    return {row[:3]: row[3] for row in rows}


def contents(clickhouse: ClickHouse) -> dict[str, list[str]]:
    """Every row of every table, all columns, in order."""
    shown = "SELECT hex(toString(tuple(*))) AS row FROM {} FINAL ORDER BY row"
    return {
        table: [bytes.fromhex(row).decode("utf-8", "replace") for (row,) in clickhouse.query(shown.format(table))]
        for table in TABLES
    }


def test_outcomes_add_up_to_what_lies_on_the_topics(scene: Scene, clickhouse: ClickHouse) -> None:
    found = outcomes(clickhouse)
    assert found == OUTCOMES
    bootstrap = scene.pipeline.settings.kafka_bootstrap
    for channel in CHANNELS:
        counted = sum(records for key, records in found.items() if key[0] == channel)
        assert counted == records_on(bootstrap, f"touchpoints.{channel}")


def test_accepted_ones_are_touchpoints_with_the_time_of_their_first_receipt(
    scene: Scene, clickhouse: ClickHouse
) -> None:
    rows = clickhouse.query(
        "SELECT event_id, channel, via, intake_partition, toUnixTimestamp64Milli(received_at) FROM touchpoints FINAL"
    )
    names = {"newest": VIA, "at the budget": VIA, "old backfill": VIA, "wrong key": VIA, "mail": OTHER_VIA}
    assert sorted(rows) == sorted(
        (name, scene.sent[name].topic.removeprefix("touchpoints."), via, home_of(via), scene.sent[name].received_at)
        for name, via in names.items()
    )


def test_late_ones_are_kept_with_how_late_and_their_bytes(scene: Scene, clickhouse: ClickHouse) -> None:
    rows = clickhouse.query(
        "SELECT event_id, late_by_ms, topic, partition, hex(original), toUnixTimestamp64Milli(received_at)"
        " FROM late_touchpoints FINAL"
    )
    wanted = {"late": BUDGET_MS + 1, "wrong key and late": BUDGET_MS + 7}
    assert sorted(rows) == sorted(
        (
            name,
            late_by_ms,
            "touchpoints.web",
            home_of(VIA),
            scene.sent[name].value.hex().upper(),
            scene.sent[name].received_at,
        )
        for name, late_by_ms in wanted.items()
    )


def test_garbage_is_a_dead_letter_with_its_bytes_wherever_it_was_sent(scene: Scene, clickhouse: ClickHouse) -> None:
    rows = clickhouse.query(
        "SELECT reason, topic, partition, offset, hex(original), toUnixTimestamp64Milli(received_at)"
        " FROM dead_letters FINAL"
    )
    garbage = [scene.sent[name] for name in ("short garbage", "long garbage", "foreign")]
    assert sorted(rows) == sorted(
        ("undecodable", s.topic, s.partition, s.offset, s.value.hex().upper(), s.received_at) for s in garbage
    )


def test_who_shares_a_click_is_one_customer_and_the_earlier_names_it(clickhouse: ClickHouse) -> None:
    rows = clickhouse.query("SELECT DISTINCT via, toString(customer_id) FROM touchpoints_now ORDER BY via")
    named = customer_id(Identifier(*OTHER_VIA.split(":")))
    assert rows == [(VIA, named), (OTHER_VIA, named)]
    assert clickhouse.query("SELECT DISTINCT toString(customer_id) FROM journeys FINAL") == [(named,)]


def test_a_kill_of_all_that_keep_state_and_the_loss_of_their_disks_change_no_row_of_any_table(
    scene: Scene, clickhouse: ClickHouse, wait_until: Any
) -> None:
    """State comes back from the changelogs, so nothing is rerouted, told or sent on again."""
    pipeline, bootstrap = scene.pipeline, scene.pipeline.settings.kafka_bootstrap
    before = contents(clickhouse)
    assert all(before.values())
    on_topics = {topic: records_on(bootstrap, topic) for topic in TOPICS}
    for stage in STATEFUL:
        pid = pipeline.stack.pid(stage)
        os.kill(pid, signal.SIGSTOP)
        shutil.rmtree(pipeline.stack.folder / "state" / stage)
        os.kill(pid, signal.SIGKILL)
    for stage in STATEFUL:
        wait_until(lambda stage=stage: restarts(pipeline, stage) == 1, 10, f"{stage} has ended")
    pipeline.stack.wait_ready(*STATEFUL)
    pipeline.drain(40)
    assert contents(clickhouse) == before
    assert {topic: records_on(bootstrap, topic) for topic in TOPICS} == on_topics
    assert [restarts(pipeline, name) for name in ("kafka", *STATEFUL, "sink")] == [0, 1, 1, 1, 0]


def restarts(pipeline: LocalPipeline, process: str) -> int:
    state = pipeline.stack.status().process(process)
    assert state is not None
    return state.restarts
