"""Declared topics on a real broker: created, changed, refused; every change is read back."""

import uuid
from collections.abc import Mapping
from dataclasses import replace

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from deploy.local.processes import Addresses
from streams.broker import admin
from streams.domain.rules import DAY_MS
from streams.topic_admin import Refused, apply, diff
from streams.topics import Topic, declared

pytestmark = pytest.mark.stack


@pytest.fixture
def topics() -> tuple[Topic, ...]:
    """Every declared topic, with few partitions and under names of this test's own."""
    prefix = f"test-{uuid.uuid4().hex[:8]}."
    return tuple(replace(topic, name=prefix + topic.name) for topic in declared(3, 2))


def partitions_of(bootstrap: str, topics: tuple[Topic, ...]) -> dict[str, int]:
    with admin(bootstrap) as client:
        wanted = {topic.name for topic in topics}
        return {t["name"]: len(t["partitions"]) for t in client.describe_topics() if t["name"] in wanted}


def settings_of(bootstrap: str, topic: Topic) -> Mapping[str, str]:
    with admin(bootstrap) as client:
        found = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)], config_filter="all")
    return {name: entry["value"] for name, entry in found["topic"][topic.name].items()}


def test_topics_are_created_as_declared_and_a_second_run_changes_nothing(
    stack: Addresses, topics: tuple[Topic, ...]
) -> None:
    announced = diff(stack.kafka_bootstrap, topics)
    assert partitions_of(stack.kafka_bootstrap, topics) == {}
    assert apply(stack.kafka_bootstrap, topics, 1) == announced
    assert partitions_of(stack.kafka_bootstrap, topics) == {topic.name: topic.partitions for topic in topics}
    for topic in topics:
        assert dict(topic.config).items() <= settings_of(stack.kafka_bootstrap, topic).items()
    assert diff(stack.kafka_bootstrap, topics) == []
    assert apply(stack.kafka_bootstrap, topics, 1) == []


def test_a_setting_that_somebody_changed_is_brought_back_and_others_stay(
    stack: Addresses, topics: tuple[Topic, ...]
) -> None:
    topic = topics[0]
    apply(stack.kafka_bootstrap, [topic], 1)
    changed = {"retention.ms": "5000", "segment.ms": "77777"}
    with admin(stack.kafka_bootstrap) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, changed)])
    (change,) = apply(stack.kafka_bootstrap, [topic], 1)
    assert change.text == f"{topic.name}: retention.ms from 5000 to {7 * DAY_MS}"
    settings = settings_of(stack.kafka_bootstrap, topic)
    assert (settings["retention.ms"], settings["segment.ms"]) == (str(7 * DAY_MS), "77777")


@pytest.mark.parametrize("partitions", [2, 4])
def test_other_partitions_of_a_keyed_topic_are_refused_and_nothing_at_all_is_changed(
    stack: Addresses, topics: tuple[Topic, ...], partitions: int
) -> None:
    keyed, missing, unkeyed = topics[0], topics[1], next(topic for topic in topics if not topic.keyed)
    apply(stack.kafka_bootstrap, [keyed, unkeyed], 1)
    wanted = [replace(keyed, partitions=partitions, retention_ms=5000), missing, replace(unkeyed, partitions=9)]
    with pytest.raises(Refused, match=r"has 3 partitions, declared are \d: keys would move"):
        apply(stack.kafka_bootstrap, wanted, 1)
    assert partitions_of(stack.kafka_bootstrap, topics) == {keyed.name: 3, unkeyed.name: 3}
    assert settings_of(stack.kafka_bootstrap, keyed)["retention.ms"] == str(7 * DAY_MS)


def test_a_topic_without_keys_gets_more_partitions(stack: Addresses, topics: tuple[Topic, ...]) -> None:
    unkeyed = next(topic for topic in topics if not topic.keyed)
    apply(stack.kafka_bootstrap, [unkeyed], 1)
    more = replace(unkeyed, partitions=5)
    assert [c.text for c in apply(stack.kafka_bootstrap, [more], 1)] == [f"{unkeyed.name}: partitions from 3 to 5"]
    assert partitions_of(stack.kafka_bootstrap, topics) == {unkeyed.name: 5}
    assert diff(stack.kafka_bootstrap, [more]) == []


def test_what_the_broker_does_not_want_is_told_in_its_words(stack: Addresses, topics: tuple[Topic, ...]) -> None:
    with pytest.raises(Refused, match=r"the broker refuses to create it: .*replicat"):
        apply(stack.kafka_bootstrap, topics[:1], 9)
    apply(stack.kafka_bootstrap, topics[:1], 1)
    with pytest.raises(Refused, match=r"refuses its settings: .*cleanup\.policy"):
        apply(stack.kafka_bootstrap, [replace(topics[0], cleanup="shred")], 1)
