"""One look at the broker: how far each group has read, how many members it has, which partitions lack a replica.

What follows from it is left to who asks: `omnijourney lag` for people, `streams.monitor` for Prometheus.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kafka.admin import KafkaAdminClient

from streams.broker import admin
from streams.kafka_access import KafkaAccess
from streams.offsets import Groups, Lag, read_lag

# It warns of Faust's members, whose metadata is none of its own kind; here they are only counted.
logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)


class Standing(NamedTuple):
    """``members`` by group; ``under_replicated``: by topic, partitions with fewer replicas in sync than they have;
    ``missing``: topics that a group reads, and that are not there or not ours to see. ``lag`` is of the others."""

    lag: Lag
    members: Mapping[str, int]
    under_replicated: Mapping[str, int]
    missing: frozenset[str] = frozenset()


def look(kafka: KafkaAccess | str, groups: Groups, topics: Iterable[str] = ()) -> Standing:
    """How ``groups`` and ``topics`` stand; topics that are not there are left out.

    Raises BrokerUnreachable; KafkaError where the broker does not tell.
    """
    with admin(kafka) as client:
        there = set(client.list_topics())
        missing = frozenset(topic for read in groups.values() for topic in read) - there
        known = {group: there.intersection(read) for group, read in groups.items()}
        replicas = _under_replicated(client, sorted(there.intersection(topics)))
        return Standing(read_lag(client, kafka, known), _members(client, groups), replicas, missing)


def _members(client: KafkaAdminClient, groups: Groups) -> dict[str, int]:
    # A group that nobody ever joined is described as dead, without members.
    return {group: len(found["members"]) for group, found in client.describe_groups(list(groups)).items()}


def _under_replicated(client: KafkaAdminClient, topics: list[str]) -> dict[str, int]:
    if not topics:
        return {}
    return {
        topic["name"]: sum(len(p["isr_nodes"]) < len(p["replica_nodes"]) for p in topic["partitions"])
        for topic in client.describe_topics(topics)
    }
