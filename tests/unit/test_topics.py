"""What must hold for the declared topics, whatever their partitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.registry import registry
from streams import topics
from streams.domain.rules import DAY_MS
from streams.domain.vocabulary import CHANNELS
from streams.topics import channel_of, declared, touchpoint_topic

COUNTS = st.integers(1, 200)


@given(COUNTS, COUNTS)
def test_every_topic_is_declared_once(n: int, m: int) -> None:
    names = [topic.name for topic in declared(n, m)]
    assert len(names) == len(set(names))


@given(COUNTS, COUNTS)
def test_what_one_task_reads_together_has_the_same_number_of_partitions(n: int, m: int) -> None:
    partitions = {topic.name: topic.partitions for topic in declared(n, m)}
    assert {partitions[name] for name in (*topics.TOUCHPOINTS, topics.ASSIGNMENTS)} == {n}
    ours = (topics.ACTIVITY, topics.JOURNEYS, topics.SESSIONS, topics.JOURNEY_CHANGES)
    assert {partitions[name] for name in ours} == {m}


@given(COUNTS, COUNTS)
def test_who_is_who_is_decided_and_told_in_one_order(n: int, m: int) -> None:
    partitions = {topic.name: topic.partitions for topic in declared(n, m)}
    assert {partitions[name] for name in (topics.LINKS, topics.IDENTITY_CHANGES, "identity-state-changelog")} == {1}


@given(COUNTS, COUNTS)
def test_only_dead_letters_and_late_touchpoints_may_get_more_partitions(n: int, m: int) -> None:
    assert {topic.name for topic in declared(n, m) if not topic.keyed} == {topics.DEAD, topics.LATE}


def test_every_record_has_a_schema_and_every_schema_a_topic() -> None:
    assert {record for topic in declared(1, 1) for record in topic.records} == set(registry().by_record)


@pytest.mark.parametrize(
    ("name", "cleanup", "days"),
    [
        *((name, "delete", 7) for name in topics.TOUCHPOINTS),
        (topics.DEAD, "delete", 30),
        (topics.LATE, "delete", 30),
        (topics.LINKS, "delete", 7),
        (topics.ASSIGNMENTS, "compact", None),
        (topics.IDENTITY_CHANGES, "delete", 30),
        (topics.ACTIVITY, "delete", 7),
        (topics.JOURNEYS, "compact,delete", 7),
        (topics.SESSIONS, "compact,delete", 7),
        (topics.JOURNEY_CHANGES, "delete", 30),
        (topics.ENGAGEMENT, "compact,delete", 7),
        (topics.OUTCOMES, "compact", None),
        ("intake-state-changelog", "compact", None),
        ("identity-state-changelog", "compact", None),
        ("customers-state-changelog", "compact", None),
    ],
)
def test_topics_are_kept_as_declared_and_state_for_ever(name: str, cleanup: str, days: int | None) -> None:
    (config,) = (topic.config for topic in declared(12, 12) if topic.name == name)
    assert config["cleanup.policy"] == cleanup
    assert config["retention.ms"] == ("-1" if days is None else str(days * DAY_MS))


def test_what_is_made_of_the_largest_touchpoint_fits_its_topic() -> None:
    largest = {topic.name: int(topic.config["max.message.bytes"]) for topic in declared(1, 1)}
    sources = {largest[name] for name in topics.TOUCHPOINTS}
    assert all(2 * max(sources) <= n for name, n in largest.items() if name not in topics.TOUCHPOINTS)


def test_receipt_is_dated_by_the_broker_on_every_topic() -> None:
    assert {topic.config["message.timestamp.type"] for topic in declared(1, 1)} == {"LogAppendTime"}


def test_each_channel_has_its_topic() -> None:
    assert [channel_of(touchpoint_topic(channel)) for channel in CHANNELS] == list(CHANNELS)
    assert [touchpoint_topic(channel) for channel in CHANNELS] == list(topics.TOUCHPOINTS)


@pytest.mark.parametrize("name", ["touchpoints.dead", "touchpoints.late", "touchpoints.", "web", "journeys"])
def test_other_topics_belong_to_no_channel(name: str) -> None:
    with pytest.raises(ValueError, match="is no touchpoint topic"):
        channel_of(name)
