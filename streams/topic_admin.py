"""Bring the broker's topics to what `streams.topics` declares, or show what that would change.

Decides what differs and what must be refused: a keyed topic never gets another number of partitions, because its keys
would move away from their state and their order. Topics that nobody declared, settings that we don't declare, and the
replicas of topics that exist are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from streams.broker import admin
from streams.kafka_access import KafkaAccess
from streams.topics import Topic


class Refused(RuntimeError):
    """The broker's topics cannot be brought to what is declared; nothing was changed. One line for each reason."""


class Found(NamedTuple):
    """A topic as the broker has it; ``config`` holds at least the settings that we declare."""

    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``found`` is '' for a topic to be created; ``refusal`` says why it must not be made, or ''."""

    kind: Literal["create", "config", "partitions"]
    topic: str
    setting: str
    found: str
    wanted: str
    refusal: str = ""

    @property
    def text(self) -> str:
        """The difference in one line for people."""
        if self.refusal:
            return f"{self.topic}: has {self.found} {self.setting}, declared are {self.wanted}: {self.refusal}"
        if self.kind == "create":
            return f"{self.topic}: create with {self.wanted}"
        return f"{self.topic}: {self.setting} from {self.found or 'unset'} to {self.wanted}"


def diff(kafka: KafkaAccess | str, topics: Sequence[Topic]) -> list[Change]:
    """What `apply` would change, and what it would refuse; empty where the broker has what is declared.

    Raises BrokerUnreachable.
    """
    with admin(kafka) as client:
        return compare(_read(client, topics), topics)


def apply(kafka: KafkaAccess | str, topics: Sequence[Topic], replication: int) -> list[Change]:
    """Make the changes of `diff` and return them; a second run changes nothing and returns [].

    New topics get ``replication`` replicas. Raises BrokerUnreachable, and Refused before anything is changed where a
    difference must not be made; Refused with the broker's own words where the broker does not want to.
    """
    with admin(kafka) as client:
        changes = compare(_read(client, topics), topics)
        refusals = [change.text for change in changes if change.refusal]
        if refusals:
            raise Refused("\n".join(refusals))
        declared = {topic.name: topic for topic in topics}
        try:
            _create(client, [declared[c.topic] for c in changes if c.kind == "create"], replication)
            _configure(client, [c for c in changes if c.kind == "config"])
            _add_partitions(client, [c for c in changes if c.kind == "partitions"])
        except KafkaError as error:
            raise Refused(f"the broker refuses: {error}") from error
        return changes


def compare(found: Mapping[str, Found], topics: Iterable[Topic]) -> list[Change]:
    """The differences between the broker's topics by name and the declared ones, in the order of declaration."""
    changes = []
    for topic in topics:
        there = found.get(topic.name)
        if there is None:
            settings = ", ".join(f"{name}={value}" for name, value in topic.config.items())
            wanted = f"{topic.partitions} partitions, {settings}"
            changes.append(Change("create", topic.name, "", "", wanted))
            continue
        if there.partitions != topic.partitions:
            refusal = _refusal(topic, there.partitions)
            changes.append(
                Change("partitions", topic.name, "partitions", str(there.partitions), str(topic.partitions), refusal)
            )
        for name, value in topic.config.items():
            has = there.config.get(name, "")
            if _settled(has) != _settled(value):
                changes.append(Change("config", topic.name, name, has, value))
    return changes


def _refusal(topic: Topic, partitions: int) -> str:
    if topic.keyed:
        return (
            "keys would move to other partitions, away from their order and state; declare what it has or make it anew"
        )
    return (
        "Kafka takes no partitions away; declare what it has or make it anew" if partitions > topic.partitions else ""
    )


def _settled(value: str) -> frozenset[str]:
    # "compact,delete" is a set: brokers may give it back in either order.
    return frozenset(part.strip() for part in value.split(","))


def _read(client: KafkaAdminClient, topics: Sequence[Topic]) -> dict[str, Found]:
    names = {topic.name for topic in topics} & set(client.list_topics())
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, t.name, list(t.config)) for t in topics if t.name in names]
    configs = client.describe_configs(resources, config_filter="all")["topic"]
    return {
        described["name"]: Found(
            len(described["partitions"]),
            {name: entry["value"] or "" for name, entry in configs[described["name"]].items()},
        )
        for described in client.describe_topics(sorted(names))
    }


def _create(client: KafkaAdminClient, topics: Sequence[Topic], replication: int) -> None:
    if not topics:
        return
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication,
            "configs": dict(topic.config),
        }
        for topic in topics
    }
    answer = client.create_topics(wanted, raise_errors=False)
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        # Somebody else may apply the same declarations at the same moment.
        if topic["error_code"] and error is not TopicAlreadyExistsError:
            raise Refused(
                f"{topic['name']}: the broker refuses to create it: {topic.get('error_message') or error.__name__}"
            )
    client.wait_for_topics(list(wanted))


def _configure(client: KafkaAdminClient, changes: Sequence[Change]) -> None:
    by_topic: dict[str, dict[str, str]] = {}
    for change in changes:
        by_topic.setdefault(change.topic, {})[change.setting] = change.wanted
    if not by_topic:
        return
    answer = client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, n, c) for n, c in by_topic.items()])
    for name, result in answer["topic"].items():
        if result != "OK":
            raise Refused(f"{name}: the broker refuses its settings: {result}")


def _add_partitions(client: KafkaAdminClient, changes: Sequence[Change]) -> None:
    if changes:
        client.create_partitions({change.topic: int(change.wanted) for change in changes})
        client.wait_for_topics([change.topic for change in changes])
