"""The broker dies, or stands still, while touchpoints are produced: each is delivered once, or named as undelivered."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from deploy.local.stack import Stack
from schemas.codec import decode
from streams.producing.kafka_outlet import KafkaOutlet
from streams.producing.produce import produce
from streams.producing.rows import Failure, Row, Undelivered
from streams.topic_admin import apply
from streams.topics import Topic, declared

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

RECORDS = 40_000
PARTITIONS = 3


@pytest.fixture
def bootstrap(faulty_stack: Stack) -> str:
    """Where the broker is, with the touchpoint topics."""
    addresses = faulty_stack.status().addresses
    assert addresses is not None
    apply(addresses.kafka_bootstrap, sources(), 1)
    return addresses.kafka_bootstrap


def sources() -> tuple[Topic, ...]:
    return tuple(topic for topic in declared(PARTITIONS, 1) if topic.name.startswith("touchpoints."))


def rows(run: str, at: int, happens: Callable[[], None]) -> Iterator[Row]:
    """Touchpoints on the web; ``happens`` is called before the one ``at``."""
    for number in range(RECORDS):
        if number == at:
            happens()
        record: dict[str, Any] = {
            "event_id": f"{run}-{number:06}",
            "channel": "web",
            "occurred_at": number,
            "identifiers": [{"namespace": "cookie_id", "value": f"c{number % 50}"}],
            "action": "page_viewed",
            "properties": {"noise": os.urandom(100).hex()},
        }
        yield Row(run, number + 1, b"", record)


def read_back(bootstrap: str, run: str) -> list[list[int]]:
    """The numbers of a run's touchpoints, by partition, in the order of the log."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    try:
        partitions = [TopicPartition("touchpoints.web", number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        found: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}
        while any(consumer.position(place) < end for place, end in ends.items()):
            for place, records in consumer.poll(timeout_ms=1000).items():
                ids = (decode(record.value).record["event_id"] for record in records)
                found[place.partition] += [int(name[-6:]) for name in ids if name.startswith(run)]
        return list(found.values())
    finally:
        consumer.close()


def test_a_broker_that_is_killed_is_waited_for_and_nothing_is_doubled_or_lost(
    faulty_stack: Stack, bootstrap: str
) -> None:
    def kill() -> None:
        os.kill(faulty_stack.pid("kafka"), signal.SIGKILL)

    told: list[Failure] = []
    with KafkaOutlet(bootstrap) as outlet:
        result = produce(rows("killed", RECORDS // 2, kill), outlet, on_failure=told.append)
    assert (result.stopped, told) == ("", [])
    assert result.counts.total.sent == RECORDS
    faulty_stack.wait_ready("kafka")
    found = read_back(bootstrap, "killed")
    assert all(numbers == sorted(set(numbers)) for numbers in found)
    assert sorted(number for numbers in found for number in numbers) == list(range(RECORDS))


def test_where_the_broker_stands_still_the_run_ends_in_time_and_names_what_was_not_confirmed(
    faulty_stack: Stack, bootstrap: str
) -> None:
    pid = faulty_stack.pid("kafka")
    told: list[Failure] = []
    try:
        with KafkaOutlet(bootstrap, delivery_timeout_s=4.0) as outlet:
            freeze = rows("frozen", RECORDS // 2, lambda: os.kill(pid, signal.SIGSTOP))
            result = produce(freeze, outlet, on_failure=told.append)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert result.stopped == "Kafka did not take a touchpoint: no confirmation within 4 s"
    total = result.counts.total
    undelivered = {failure.line - 1 for failure in told if isinstance(failure, Undelivered)}
    assert total.sent + total.undelivered == total.read
    assert len(undelivered) == len(told) == total.undelivered > 0
    faulty_stack.wait_ready("kafka")
    found = read_back(bootstrap, "frozen")
    there = {number for numbers in found for number in numbers}
    # What was told as delivered is there; of the rest some may have arrived after all.
    assert set(range(total.read)) - undelivered <= there
