"""Lag and draining of real consumer groups."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from deploy.local.processes import Addresses
from streams import monitor
from streams.broker import TopicMissing, admin
from streams.offsets import Lag, Place, Position, lag, wait_until_drained

pytestmark = pytest.mark.stack

Send = Callable[[int, int], None]
Commit = Callable[[int, int], None]


@pytest.fixture
def topic(stack: Addresses) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    with admin(stack.kafka_bootstrap) as client:
        client.create_topics({name: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)
        yield name
        client.delete_topics([name])


@pytest.fixture
def group() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def send(stack: Addresses, topic: str) -> Iterator[Send]:
    """Sends a number of records to a partition and waits until they are there."""
    producer = KafkaProducer(bootstrap_servers=stack.kafka_bootstrap)

    def send_records(partition: int, count: int) -> None:
        for future in [producer.send(topic, b"x", partition=partition) for _ in range(count)]:
            future.get(10)

    yield send_records
    producer.close()


@pytest.fixture
def commit(stack: Addresses, topic: str, group: str) -> Iterator[Commit]:
    """Commits an offset of a partition as a worker would."""
    consumer = KafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, group_id=group, enable_auto_commit=False)

    def commit_offset(partition: int, offset: int) -> None:
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        consumer.commit({tp: OffsetAndMetadata(offset, "", -1)})

    yield commit_offset
    consumer.close()


def test_lag_is_told_for_every_partition_also_where_nothing_was_committed(
    stack: Addresses, topic: str, group: str, send: Send, commit: Commit
) -> None:
    send(0, 5)
    send(1, 3)
    commit(0, 2)
    found = lag(stack.kafka_bootstrap, {group: [topic]})
    assert found == {Place(group, topic, 0): Position(2, 5), Place(group, topic, 1): Position(0, 3)}
    assert [position.behind for position in found.values()] == [3, 3]


def test_empty_partitions_and_emptied_ones_need_no_commit(stack: Addresses, topic: str, group: str, send: Send) -> None:
    send(0, 5)
    with admin(stack.kafka_bootstrap) as client:
        client.delete_records({TopicPartition(topic, 0): 5})
    assert lag(stack.kafka_bootstrap, {group: [topic]}) == {
        Place(group, topic, 0): Position(5, 5),
        Place(group, topic, 1): Position(0, 0),
    }
    wait_until_drained(stack.kafka_bootstrap, {group: [topic]}, 10)


def test_waiting_ends_when_the_last_record_was_committed_and_seen_twice(
    stack: Addresses, topic: str, group: str, send: Send, commit: Commit
) -> None:
    send(0, 5)
    seen: list[Lag] = []

    def work(_: float) -> None:
        # In the place of pauses: a worker that takes one record between two looks.
        committed = min(5, len(seen))
        commit(0, committed)

    wait_until_drained(stack.kafka_bootstrap, {group: [topic]}, 60, seen.append, pause=work)
    assert [look[Place(group, topic, 0)].committed for look in seen] == [0, 1, 2, 3, 4, 5, 5]


def test_a_timeout_names_who_lags_on_what(stack: Addresses, topic: str, group: str, send: Send) -> None:
    send(0, 5)
    now = iter(range(100))
    with pytest.raises(TimeoutError, match=f"^not drained after 3 s: {group} is 5 behind on {topic}$"):
        wait_until_drained(stack.kafka_bootstrap, {group: [topic]}, 3, clock=lambda: float(next(now)))


def test_a_missing_topic_is_named(stack: Addresses, group: str) -> None:
    with pytest.raises(TopicMissing, match=r"no topic test-nowhere at .*topics apply"):
        wait_until_drained(stack.kafka_bootstrap, {group: ["test-nowhere"]}, 10)


def test_a_missing_topic_does_not_say_that_the_broker_is_away(
    stack: Addresses, topic: str, group: str, send: Send, commit: Commit
) -> None:
    send(0, 5)
    commit(0, 0)
    watching = monitor.kafka(stack.kafka_bootstrap, {group: [topic, "test-nowhere"]}, [topic], 10)
    watching.look()
    told = [sample for metric in watching.collect() for sample in metric.samples]
    assert {one.name: one.value for one in told if not one.labels} == {
        "journey_kafka_reachable": 1,
        "journey_kafka_missing_topics": 1,
    }
    lag = [one for one in told if one.name == "journey_group_lag_records"]
    assert {one.labels["topic"] for one in lag} == {topic}
    assert sum(one.value for one in lag) == 5
