"""Producing into a real broker, read back record by record."""

import gzip
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.partitioner.default import murmur2

from deploy.local.processes import Addresses
from schemas.codec import decode
from streams.broker import BrokerUnreachable, TopicMissing, admin
from streams.domain.vocabulary import CHANNELS
from streams.producing import kafka_outlet as outlet
from streams.producing.counts import ChannelCounts, Counts
from streams.producing.produce import produce_files, produce_records
from streams.producing.rows import Failure, Reject, Undelivered
from streams.topics import TOUCHPOINTS

pytestmark = pytest.mark.stack
PARTITIONS = 3


@pytest.fixture
def topics(stack: Addresses, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Touchpoint topics of this test's own, by channel; producing is pointed at them."""
    prefix = f"test-{uuid.uuid4().hex[:8]}"
    names = {channel: f"{prefix}.{channel}" for channel in CHANNELS}
    with admin(stack.kafka_bootstrap) as client:
        wanted = {name: {"num_partitions": PARTITIONS, "replication_factor": 1} for name in names.values()}
        client.create_topics(wanted, wait_for_metadata=True)
        monkeypatch.setattr(outlet, "TOUCHPOINTS", tuple(names.values()))
        monkeypatch.setattr(outlet, "touchpoint_topic", names.__getitem__)
        yield names
        client.delete_topics(list(names.values()))


def touchpoint(number: int) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "channel": CHANNELS[number % 5],
        "occurred_at": 1431857114000 + number,
        "identifiers": [
            {"namespace": "cookie_id", "value": f"c{number % 17}"},
            {"namespace": "user_id", "value": f"ü-{number % 7}"},
        ],
        "action": "page_viewed",
        "properties": {"padding": "x" * (number % 50)},
    }


def read_back(bootstrap: str, topics: dict[str, str]) -> list[Any]:
    """All records of ``topics``, in the order of their partitions."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    try:
        partitions = [TopicPartition(name, p) for name in topics.values() for p in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        found = []
        while any(consumer.position(tp) < end for tp, end in ends.items()):
            for records in consumer.poll(timeout_ms=1000).values():
                found += records
        return found
    finally:
        consumer.close()


def test_every_line_of_a_file_arrives_once_where_its_key_belongs(
    stack: Addresses, topics: dict[str, str], tmp_path: Path
) -> None:
    touchpoints = [touchpoint(n) for n in range(5000)]
    lines = [json.dumps(t).encode() for t in touchpoints]
    (tmp_path / "in.ndjson.gz").write_bytes(gzip.compress(b"\n".join([*lines[:2000], b"no JSON", *lines[2000:]])))
    told, seen = list[Failure](), list[Counts]()
    result = produce_files(
        [str(tmp_path / "in.ndjson.gz")], stack.kafka_bootstrap, on_failure=told.append, on_progress=seen.append
    )

    assert [failure.line for failure in told if isinstance(failure, Reject)] == [2001]
    assert result.counts.by_channel == {
        **{channel: ChannelCounts(read=1000, sent=1000) for channel in CHANNELS},
        "": ChannelCounts(read=1, rejected=1),
    }
    assert seen[-1].by_channel == result.counts.by_channel
    records = read_back(stack.kafka_bootstrap, topics)
    decoded = [decode(record.value).record for record in records]
    sent = {t["event_id"]: t for t in touchpoints}
    assert sorted(d["event_id"] for d in decoded) == sorted(sent)
    for record, back in zip(records, decoded, strict=True):
        given = sent[back["event_id"]]
        assert {name: back[name] for name in given} == given
        assert record.topic == topics[given["channel"]]
        assert record.key.decode() == f"user_id:{given['identifiers'][1]['value']}"
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % PARTITIONS


def test_touchpoints_with_one_key_stay_in_their_order(stack: Addresses, topics: dict[str, str]) -> None:
    same = [{**touchpoint(n * 35), "channel": "email"} for n in range(3000)]
    assert produce_records(iter(same), stack.kafka_bootstrap).complete
    records = read_back(stack.kafka_bootstrap, topics)
    assert [decode(record.value).record["event_id"] for record in records] == [t["event_id"] for t in same]


def test_what_kafka_does_not_take_is_named_and_counts_still_say_what_arrived(
    stack: Addresses, topics: dict[str, str]
) -> None:
    small = {"max.message.bytes": "2000"}
    with admin(stack.kafka_bootstrap) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics["web"], small)])
    records = [{**touchpoint(n), "channel": "web"} for n in range(2000)]
    records[700]["properties"] = {"noise": "".join(uuid.uuid4().hex for _ in range(200))}
    told: list[Failure] = []
    result = produce_records(records, stack.kafka_bootstrap, on_failure=told.append)
    undelivered = {failure.line - 1 for failure in told if isinstance(failure, Undelivered)}
    assert 700 in undelivered
    assert result.stopped
    total = result.counts.total
    assert (total.sent + total.undelivered, total.undelivered) == (total.read, len(undelivered))
    back = {decode(record.value).record["event_id"] for record in read_back(stack.kafka_bootstrap, topics)}
    assert back == {f"e{n}" for n in set(range(total.read)) - undelivered}


def test_a_dry_run_sends_nothing(stack: Addresses, topics: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "in").write_text(json.dumps(touchpoint(1)))
    assert produce_files([str(tmp_path / "in")], stack.kafka_bootstrap, dry_run=True).complete
    assert read_back(stack.kafka_bootstrap, topics) == []


def test_topics_that_were_not_applied_are_named_with_the_command_before_anything_is_sent(
    stack: Addresses, topics: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "TOUCHPOINTS", (topics["web"], "test-nowhere.web"))
    with pytest.raises(TopicMissing, match=r"^no topic test-nowhere\.web at .*run `omnijourney topics apply` first$"):
        produce_records([touchpoint(1)], stack.kafka_bootstrap)
    assert read_back(stack.kafka_bootstrap, topics) == []


def test_an_unreachable_broker_is_one_error() -> None:
    with pytest.raises(BrokerUnreachable):
        produce_records([touchpoint(1)], "127.0.0.1:1")


def test_the_declared_touchpoint_topics_are_those_that_are_produced_to() -> None:
    assert outlet.TOUCHPOINTS == TOUCHPOINTS
    assert tuple(map(outlet.touchpoint_topic, CHANNELS)) == TOUCHPOINTS
