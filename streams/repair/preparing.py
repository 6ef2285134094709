"""A pipeline beside the one that serves: its own topics, groups, state and database, its sources shared.

It begins with the touchpoints that were received from a moment on. How far each partition had got in event time by
then is known from the tables that serve and put into INTAKE's state, so that the same ones are late. What operators
said of pairs is told anew, whenever it was said. Nothing of what serves is written to.
"""

from __future__ import annotations

from collections.abc import Mapping

from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.structs import OffsetAndMetadata

from sinks.clickhouse import ClickHouse, parse_address
from sinks.migrate import migrate
from sinks.pipelines import Pipeline, say_writer
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


class NotApart(RuntimeError):
    """The command is for a pipeline beside the one that serves, or for one that isn't there. The operator must act."""


def require_apart(settings: Settings) -> None:
    """NotApart where ``settings`` are those of the pipeline that serves."""
    if settings.serves:
        raise NotApart(
            f"these are the settings of the pipeline that serves; set {PREFIX}NAMESPACE to a name for the other one,"
            f" such as next, and with it what that one is to do differently"
        )


def prepare(mine: Settings, serving: Settings, reads_from: int, by: str, now: int) -> Begins:
    """Make topics, tables and the beginning of INTAKE's state for ``mine``; gives where it begins to read.

    ``reads_from`` and ``now`` in ms UTC. Raises NotApart, also where there is such a pipeline already;
    BrokerUnreachable and Refused; Unreachable, Misconfigured and MigrationError; KafkaError.
    """
    require_apart(mine)
    with admin(mine.kafka) as client:
        own = [topic.name for topic in composition.topics(mine) if topic.name not in TOUCHPOINTS]
        if left := sorted({*own} & {*client.list_topics()}):
            raise NotApart(f"there is a pipeline {mine.namespace!r} already ({left[0]} ...): `omnijourney replay drop`")
    for stage in composition.STAGES:
        composition.require_topics(stage, serving)
    # Tables first: where ClickHouse refuses, there are no topics yet, and prepare can be asked again.
    migrate(mine.clickhouse_url, cluster=mine.clickhouse_cluster)
    with ClickHouse(mine.clickhouse_url) as tables:
        say_writer(tables, Pipeline(mine.namespace, False, reads_from), by, now)
    topic_admin.apply(mine.kafka, composition.topics(mine), mine.replication)
    with admin(mine.kafka) as client:
        begins = _begins(client, mine.partitions, reads_from)
        if any(begins.values()):
            _begin_state(mine, begins, watermarks(serving.clickhouse_url, reads_from))
            _begin_group(client, physical("intake", mine.namespace), begins)
    tell_corrections(serving, mine)
    return begins


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
