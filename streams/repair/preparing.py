"""A pipeline beside the one that serves: its own topics, groups, state and database, its sources shared.

It begins with the touchpoints that were received from a moment on. How far each partition had got in event time by
then is known from the tables that serve and put into INTAKE's state, so that the same ones are late. What operators
said of pairs is told anew, whenever it was said. Nothing of what serves is written to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import RetriableError
from kafka.structs import OffsetAndMetadata

from sinks.clickhouse import ClickHouse, parse_address
from sinks.exchanging import exists
from sinks.migrate import migrate
from sinks.pipelines import Pipeline, said_writer, say_writer, writer
from sinks.verify import Tables
from sinks.watermarks import watermarks
from streams import composition, corrections, topic_admin
from streams.broker import admin, connect
from streams.config import PREFIX, Settings
from streams.runtime.changelog import changelog_of
from streams.runtime.store import FENCE, Fence
from streams.runtime.values import Values
from streams.stages.intake.entries import LAYOUT, WATERMARK, pack
from streams.topics import LINKS, TOUCHPOINTS, channel_of, physical
from streams.verification.identities import corrections as said_by

Begins = Mapping[TopicPartition, int]
#: The epoch of a state that no worker has written yet.
NO_GENERATION = -1


T = TypeVar("T")
#: How long a broker may take to find the coordinators of groups, which it does when first asked.
PATIENCE_S = 30.0
PAUSE_S = 0.25


class Prepared(NamedTuple):
    """Where the pipeline begins to read, and, of logs that Kafka no longer has whole from then on, when the first
    record that is left was received, ms UTC."""

    begins: Begins
    cut: Mapping[TopicPartition, int]


class NotApart(RuntimeError):
    """The command is for a pipeline beside the one that serves, or for one that isn't there. The operator must act."""


def require_apart(settings: Settings) -> None:
    """NotApart where ``settings`` are those of the pipeline that serves."""
    if settings.serves:
        raise NotApart(
            f"these are the settings of the pipeline that serves; set {PREFIX}NAMESPACE to a name for the other one,"
            f" such as next, and with it what that one is to do differently"
        )


def prepare(mine: Settings, serving: Settings, reads_from: int, by: str, now: int) -> Prepared:
    """Make topics, tables and the beginning of INTAKE's state for ``mine``.

    ``reads_from`` and ``now`` in ms UTC. Raises NotApart, also where there is such a pipeline already;
    BrokerUnreachable and Refused; Unreachable, Misconfigured and MigrationError; KafkaError.
    """
    require_apart(mine)
    _require_room(mine, serving)
    with admin(mine.kafka) as client:
        own = [topic.name for topic in composition.topics(mine) if topic.name not in TOUCHPOINTS]
        if left := sorted({*own} & {*client.list_topics()}):
            raise NotApart(f"there is a pipeline {mine.namespace!r} already ({left[0]} ...): `omnijourney replay drop`")
    for stage in composition.STAGES:
        composition.require_topics(stage, serving)
    with admin(mine.kafka) as client:
        first = first_received(client, mine.partitions, now)
        begins = _begins(client, mine.partitions, reads_from)
        oldest = client.list_partition_offsets(dict.fromkeys(begins, OffsetSpec.EARLIEST))
    later = {f"{log.topic}-{log.partition}": at for log, at in first.items() if at > reads_from}
    pipeline = Pipeline(mine.namespace, False, reads_from, later)
    # Tables first: where ClickHouse refuses, there are no topics yet, and prepare can be asked again.
    migrate(mine.clickhouse_url, cluster=mine.clickhouse_cluster)
    with ClickHouse(mine.clickhouse_url) as tables:
        say_writer(tables, pipeline, by, now)
    topic_admin.apply(mine.kafka, composition.topics(mine), mine.replication)
    with admin(mine.kafka) as client:
        if any(begins.values()):
            _begin_state(mine, begins, watermarks(serving.clickhouse_url, pipeline))
            _begin_group(client, physical("intake", mine.namespace), begins)
    tell_corrections(serving, mine)
    return Prepared(begins, {log: at for log, at in first.items() if at > reads_from and oldest[log].offset > 0})


def _require_room(mine: Settings, serving: Settings) -> None:
    """NotApart where a pipeline is beside already, or another serves than the settings say."""
    with ClickHouse(serving.clickhouse_url) as client:
        other = database_of(mine)
        if exists(client, other):
            found = said_writer(client, other)
            raise NotApart(f"database {other!r} is there already: {whose(found)}")
        serves = writer(client)
    if (serves.namespace, serves.serves) != (serving.namespace, True):
        raise NotApart(
            f"database {database_of(serving)!r} has the tables of pipeline {serves.namespace!r},"
            f" {PREFIX}LIVE_NAMESPACE says {serving.namespace!r}"
        )


def whose(found: Pipeline | None) -> str:
    """Whose a database beside is, and what to do about it."""
    if found is None:
        return (
            "nobody said whose it is. If it was left by a `replay prepare` that did not come to its end, and has"
            " nothing else, drop it by hand"
        )
    return (
        f"it is that of the pipeline {found.namespace!r}, and there is room for one:"
        f" `omnijourney replay drop` with {PREFIX}NAMESPACE={found.namespace}"
    )


def patiently(ask: Callable[[], T]) -> T:
    """What ``ask`` gives, asked again while the broker is not ready to tell; its RetriableError after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except RetriableError:
            if time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_S)


def first_received(client: KafkaAdminClient, partitions: int, now: int) -> Mapping[TopicPartition, int]:
    """When the first record was received that each source partition still has, ms UTC; ``now`` where it has none."""
    logs = [TopicPartition(topic, partition) for topic in TOUCHPOINTS for partition in range(partitions)]
    found = client.list_partition_offsets(dict.fromkeys(logs, 0))
    return {log: found[log].timestamp if found[log].offset >= 0 else now for log in logs}


def tell_corrections(of: Settings, to: Settings) -> int:
    """Say in the pipeline ``to`` what operators said in ``of``; how much that was. Said twice, it is said once."""
    said = [*said_by(Tables(of.clickhouse_url))]
    if said:
        corrections.send(to.kafka, physical(LINKS, to.namespace), said)
    return len(said)


def database_of(settings: Settings) -> str:
    """The name of the database that the pipeline writes."""
    return parse_address(settings.clickhouse_url).database


def _begins(client: KafkaAdminClient, partitions: int, at: int) -> Begins:
    """The first record that was received ``at`` or later; the end where there is none."""
    logs = [TopicPartition(topic, partition) for topic in TOUCHPOINTS for partition in range(partitions)]
    found = client.list_partition_offsets(dict.fromkeys(logs, at))
    ends = client.list_partition_offsets(dict.fromkeys(logs, OffsetSpec.LATEST))
    return {log: found[log].offset if found[log].offset >= 0 else ends[log].offset for log in logs}


def _begin_state(mine: Settings, begins: Begins, newest: Mapping[tuple[str, int], int]) -> None:
    """Write what INTAKE's state begins with to its changelog: how far each log counts as read, and its watermark."""
    changelog = physical(changelog_of("intake"), mine.namespace)
    values = Values(LAYOUT)
    producer = connect(KafkaProducer, mine.kafka, acks="all", metrics_enabled=False)
    try:
        for partition in range(mine.partitions):
            marks = {log.topic: newest.get((channel_of(log.topic), partition)) for log in begins}
            entries = [(pack(WATERMARK, topic), values.pack(at)) for topic, at in marks.items() if at is not None]
            read = {log.topic: offset for log, offset in begins.items() if log.partition == partition}
            fence = (FENCE, Fence(read, NO_GENERATION, LAYOUT.made_with).pack())
            for sent in [producer.send(changelog, value, key, partition=partition) for key, value in (*entries, fence)]:
                sent.get(timeout=corrections.DELIVERY_TIMEOUT_S)
    finally:
        producer.close(timeout=corrections.CLOSE_S)


def _begin_group(client: KafkaAdminClient, group: str, begins: Begins) -> None:
    # Beside the state, which says the same: a partition on which nothing comes would never be committed, and count as
    # behind for ever.
    offsets = {log: OffsetAndMetadata(offset, "", -1) for log, offset in begins.items()}
    for log, error in client.alter_group_offsets(group, offsets).items():
        if error.errno:
            raise error(f"{group} can't begin on {log.topic}-{log.partition}")
