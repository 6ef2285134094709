"""How far each group has read, and whether all of them have caught up.

The pipeline is drained when for every group committed equals end on all its topics, twice in a row with unchanged
ends: one look could fall between a stage's commit and what it is about to send. That holds for stages that feed
themselves and each other, too (CUSTOMERS; INTAKE and IDENTITY): a record that is sent on a circle moves an end before
what caused it is committed. What the records mean is not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import RetriableError

from streams.broker import TopicMissing, admin
from streams.kafka_access import KafkaAccess

POLL_S = 0.25

Groups: TypeAlias = Mapping[str, Iterable[str]]


class Place(NamedTuple):
    """A partition as a group reads it; ``topic`` and ``partition`` as Kafka names them."""

    group: str
    topic: str
    partition: int


class Position(NamedTuple):
    """Offsets: ``committed`` is the next one that the group reads, the partition's beginning where it has no commit."""

    committed: int
    end: int

    @property
    def behind(self) -> int:
        """Records that the group has still to read."""
        return self.end - self.committed


Lag: TypeAlias = Mapping[Place, Position]


def lag(kafka: KafkaAccess | str, groups: Groups) -> Lag:
    """Where every group stands on every partition of its topics.

    A partition that is empty, or that retention has emptied, needs no commit: its beginning is its end. Raises
    BrokerUnreachable; TopicMissing; KafkaError where the broker does not tell.
    """
    with admin(kafka) as client:
        return read_lag(client, kafka, groups)


def read_lag(client: KafkaAdminClient, kafka: KafkaAccess | str, groups: Groups) -> Lag:
    """As `lag`, asked through ``client`` of the broker of ``kafka``."""
    missing = {topic for topics in groups.values() for topic in topics} - set(client.list_topics())
    if missing:
        raise TopicMissing(kafka, missing)
    return _read(client, groups)


def wait_until_drained(
    kafka: KafkaAccess | str,
    groups: Groups,
    timeout_s: float,
    on_progress: Callable[[Lag], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Return once all groups have caught up; ``on_progress`` gets what was read at each look.

    ``clock`` is monotonic, in seconds. Raises TimeoutError, naming what lags, after ``timeout_s``; BrokerUnreachable
    and TopicMissing as `lag` does.
    """
    deadline = clock() + timeout_s
    wanted = {group: sorted(topics) for group, topics in groups.items()}
    before: Lag | None = None
    while True:
        now = _look(kafka, wanted)
        if now is not None:
            on_progress(now)
            if drained(before, now):
                return
            before = now
        if clock() >= deadline:
            raise TimeoutError(_describe(before, timeout_s))
        pause(POLL_S)


def drained(before: Lag | None, now: Lag) -> bool:
    """True where two looks in a row found every group at the end, and the ends have not moved in between."""
    return before is not None and dict(before) == dict(now) and all(p.committed == p.end for p in now.values())


def _look(kafka: KafkaAccess | str, groups: Groups) -> Lag | None:
    # Each look connects anew (15 ms): a client keeps the coordinators it once found, also where they have moved.
    try:
        return lag(kafka, groups)
    except RetriableError:
        # A broker that makes its offsets topic on first use, a leader that moves: the next look decides.
        return None


def _read(client: KafkaAdminClient, groups: Groups) -> Lag:
    wanted = {group: list(topics) for group, topics in groups.items()}
    partitions = _partitions(client, {topic for topics in wanted.values() for topic in topics})
    everything = [tp for tps in partitions.values() for tp in tps]
    begins = client.list_partition_offsets(dict.fromkeys(everything, OffsetSpec.EARLIEST))
    # Commits are read before the ends: a commit can then only look older than it is, never newer than its end.
    commits = {group: client.list_group_offsets({group: None})[group] for group in wanted}
    ends = client.list_partition_offsets(dict.fromkeys(everything, OffsetSpec.LATEST))
    found = {}
    for group, topics in wanted.items():
        for tp in (tp for topic in topics for tp in partitions[topic]):
            commit = commits[group].get(tp)
            committed = max(commit.offset if commit is not None else -1, begins[tp].offset)
            found[Place(group, tp.topic, tp.partition)] = Position(committed, ends[tp].offset)
    return found


def _partitions(client: KafkaAdminClient, topics: set[str]) -> dict[str, list[TopicPartition]]:
    return {
        described["name"]: [TopicPartition(described["name"], p["partition_index"]) for p in described["partitions"]]
        for described in client.describe_topics(sorted(topics))
    }


def _describe(last: Lag | None, timeout_s: float) -> str:
    if last is None:
        return f"not drained after {timeout_s:g} s: the broker does not tell its offsets"
    late: dict[tuple[str, str], int] = {}
    for place, position in last.items():
        if position.committed != position.end:
            late[place[:2]] = late.get(place[:2], 0) + position.behind
    named = "; ".join(f"{group} is {n} behind on {topic}" for (group, topic), n in sorted(late.items()))
    return f"not drained after {timeout_s:g} s: {named or 'all caught up, but new records keep coming'}"
