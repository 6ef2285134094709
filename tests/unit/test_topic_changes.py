"""What differs between a broker's topics and the declared ones, and what must not be changed."""

import pytest

from streams.topic_admin import Change, Found, compare
from streams.topics import Topic, declared

KEYED = Topic("visits", "customer", ("session",), 4, "compact,delete", 1000)
UNKEYED = Topic("dead", "origin", ("dead_letter",), 4, "delete", 1000, keyed=False)


def as_declared(topic: Topic, partitions: int | None = None, **config: str) -> dict[str, Found]:
    settings = {**topic.config, **{name.replace("_", "."): value for name, value in config.items()}}
    return {topic.name: Found(partitions or topic.partitions, settings)}


def test_nothing_differs_where_all_is_as_declared() -> None:
    topics = declared(12, 3)
    found = {name: there for topic in topics for name, there in as_declared(topic).items()}
    assert compare(found, topics) == []


def test_a_missing_topic_is_created_with_all_its_settings() -> None:
    (change,) = compare({}, [KEYED])
    assert change.kind == "create"
    assert change.text == (
        "visits: create with 4 partitions, cleanup.policy=compact,delete, "
        "message.timestamp.type=LogAppendTime, retention.ms=1000, max.message.bytes=4194352"
    )


def test_a_setting_that_differs_is_changed_and_others_are_left_alone() -> None:
    found = as_declared(KEYED, retention_ms="5", segment_ms="77", cleanup_policy="delete,compact")
    assert compare(found, [KEYED]) == [Change("config", "visits", "retention.ms", "5", "1000")]
    assert compare(found, [KEYED])[0].text == "visits: retention.ms from 5 to 1000"


@pytest.mark.parametrize("partitions", [1, 3, 5, 12])
def test_other_partitions_of_a_keyed_topic_are_refused_because_keys_would_move(partitions: int) -> None:
    (change,) = compare(as_declared(KEYED, partitions), [KEYED])
    assert "keys would move to other partitions" in change.refusal
    assert change.text.startswith(f"visits: has {partitions} partitions, declared are 4: keys would move")


def test_a_topic_without_keys_gets_more_partitions_but_never_fewer() -> None:
    (more,) = compare(as_declared(UNKEYED, 3), [UNKEYED])
    assert (more.refusal, more.text) == ("", "dead: partitions from 3 to 4")
    (fewer,) = compare(as_declared(UNKEYED, 5), [UNKEYED])
    assert "takes no partitions away" in fewer.refusal


def test_topics_that_nobody_declared_are_left_alone() -> None:
    assert compare({**as_declared(KEYED), "others": Found(1, {})}, [KEYED]) == []
