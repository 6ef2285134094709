"""The pipeline beside takes the place of the one that serves, and back: their databases exchange tables.

Analysts, dashboards and grants go on asking the same names. The pipeline that served keeps its topics, its state and,
under the other database's name, its tables; so the way back is the same step once more. What touches no worker's table
stays where it is: spend, runs of attribution, the record of replays.

Refused while a worker of either runs, or where anything would be lost:
    touchpoints that serve and that the other never read, and can't any more
    records on a wrong partition that the other has read and the serving one has not: they would be re-sent by neither
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from kafka import TopicPartition

from sinks.clickhouse import ClickHouse
from sinks.comparing import SERVING, Outside, TwoDatabases
from sinks.exchanging import carry_letters, exchange, misplaced, rerouted_on, schemas
from sinks.pipelines import Pipeline, said_writer, say_writer, writer
from sinks.tables import WRITTEN
from streams import composition
from streams.broker import admin
from streams.config import PREFIX, Settings
from streams.offsets import lag
from streams.repair.comparing import Read
from streams.repair.preparing import (
    NotApart,
    database_of,
    first_received,
    patiently,
    require_apart,
    tell_corrections,
)
from streams.topics import TOUCHPOINTS, physical, touchpoint_topic


class NotYet(RuntimeError):
    """The pipelines can't be exchanged as they are; the message says what to do. The operator must act."""


def sources_read(settings: Settings) -> Read:
    """(topic, partition) -> the offset up to which the pipeline's INTAKE has committed."""
    groups = {physical("intake", settings.namespace): TOUCHPOINTS}
    found = patiently(lambda: lag(settings.kafka, groups))
    return {(place.topic, place.partition): position.committed for place, position in found.items()}


def require_pipeline(mine: Settings, serving: Settings) -> Pipeline:
    """The pipeline beside, as its database has it; NotApart where there is none, or another serves, and NotYet where
    an exchange was cut short."""
    require_apart(mine)
    here, there = _labels(mine, serving)
    if there is None:
        raise NotApart(
            f"there is no pipeline in database {database_of(mine)!r}: `omnijourney replay prepare` makes one"
        )
    if here.serves and not there.serves:
        if (here.namespace, there.namespace) == (serving.namespace, mine.namespace):
            return there
        raise NotApart(
            f"pipeline {here.namespace!r} serves and {there.namespace!r} is beside it, expected {serving.namespace!r}"
            f" ({PREFIX}LIVE_NAMESPACE) and {mine.namespace!r} ({PREFIX}NAMESPACE)"
        )
    raise NotYet(
        f"an exchange of {here.namespace!r} and {there.namespace!r} was cut short: `omnijourney replay switch` with"
        f" {PREFIX}NAMESPACE={here.namespace} and {PREFIX}LIVE_NAMESPACE={there.namespace} ends it"
    )


def _labels(mine: Settings, serving: Settings) -> tuple[Pipeline, Pipeline | None]:
    """Whose tables the database that serves has, and the one beside."""
    with ClickHouse(serving.clickhouse_url) as client:
        return writer(client), said_writer(client, database_of(mine))


def switch(mine: Settings, serving: Settings, by: str, now: int) -> Sequence[str]:
    """Exchange the tables, or go on where an exchange was cut short; gives their names. ``now`` in ms UTC.

    Raises NotApart; NotYet before anything is changed; BrokerUnreachable; Unreachable and Misconfigured.
    """
    if serving.clickhouse_cluster:
        # A Distributed table goes on pointing at the local ones of its database, and so would later migrations.
        raise NotYet("tables of a cluster can't be exchanged: nothing is done")
    require_apart(mine)
    other = database_of(mine)
    begun = _is_begun(mine, serving)
    _require_at_rest([mine, serving])
    with ClickHouse(serving.clickhouse_url) as client:
        if not begun:
            _prepare_exchange(client, mine, serving, now)
            # Whose the tables are, and which, so that a later one sees what an exchange left undone.
            say_writer(client, writer(client), by, now)
            exchange(client, other)
        if left := misplaced(client, other):
            exchange(client, other, left)
        with ClickHouse(mine.clickhouse_url) as beside:
            say_writer(client, writer(client)._replace(serves=True), by, now)
            say_writer(beside, writer(beside)._replace(serves=False), by, now)
    return WRITTEN


def _is_begun(mine: Settings, serving: Settings) -> bool:
    """Whether the labels say that the two are being exchanged: `mine` lies where people ask, and not all is done."""
    here, there = _labels(mine, serving)
    if there is not None and (here.namespace, there.namespace) == (mine.namespace, serving.namespace) and there.serves:
        return True
    if here == (mine.namespace, True, *here[2:]):
        raise NotYet(
            f"pipeline {mine.namespace!r} serves already; its workers are started with"
            f" {PREFIX}LIVE_NAMESPACE={mine.namespace}"
        )
    require_pipeline(mine, serving)
    return False


def _prepare_exchange(client: ClickHouse, mine: Settings, serving: Settings, now: int) -> None:
    """Refuse what would lose anything, then bring over what the other pipeline can't have."""
    other = database_of(mine)
    if astray := {*misplaced(client, other)}:
        raise NotYet(f"of {', '.join(sorted(astray))} another table lies in {other!r} than its label says")
    one, two = schemas(client, other)
    if one != two:
        raise NotYet(
            f"database {client.database!r} is at migration {one} and {other!r} at {two}, which must be the same:"
            " `omnijourney migrate` of the newer release with the settings of the older one"
        )
    pipeline = require_pipeline(mine, serving)
    _require_read(sources_read(mine), sources_read(serving), rerouted_on(mine.clickhouse_url))
    _require_whole(mine, serving, pipeline, now)
    tell_corrections(serving, mine)
    carry_letters(client, other, pipeline)


def _require_at_rest(pipelines: Sequence[Settings]) -> None:
    for settings in pipelines:
        names = [*composition.groups(settings)]
        with admin(settings.kafka) as client:
            described = patiently(partial(client.describe_groups, names))
        running = [name for name in names if described[name]["members"]]
        if running:
            raise NotYet(
                f"workers of {', '.join(running)} are running: stop those of both pipelines, this one's first; one"
                f" with {PREFIX}INSTANCE_ID counts as running for 10 s more"
            )


def _require_read(mine: Read, serving: Read, rerouted: Collection[tuple[str, int]]) -> None:
    ahead = [f"{topic}-{n}" for (topic, n), at in mine.items() if (topic, n) in rerouted and serving[topic, n] < at]
    if ahead:
        raise NotYet(
            f"INTAKE of the pipeline that serves is behind this one's on {', '.join(sorted(ahead))}: what came there"
            f" though it belongs elsewhere would be re-sent by neither; run it until it has caught up"
        )


def _require_whole(mine: Settings, serving: Settings, pipeline: Pipeline, now: int) -> None:
    """NotYet where touchpoints that people see are not in the other's tables, and it can't read them any more."""
    with admin(mine.kafka) as client:
        kept = first_received(client, mine.partitions, now)
    group = physical("intake", mine.namespace)
    with admin(mine.kafka) as client:
        commits = patiently(lambda: client.list_group_offsets({group: None})[group])

    def is_gone(one: Outside) -> bool:
        log = TopicPartition(touchpoint_topic(one.channel), one.partition)
        if one.side != SERVING:
            return False
        unread = log not in commits or commits[log].offset <= one.offset
        return one.received_at < pipeline.begin(*log) or (unread and one.received_at < kept[log])

    missing = sum(map(is_gone, TwoDatabases(serving.clickhouse_url, mine.clickhouse_url).one_sided()))
    if missing:
        raise NotYet(
            f"{missing:,} touchpoints in database {database_of(serving)!r} were received before this pipeline began to"
            f" read, or are no longer in Kafka and it has not read them. They would be gone: produce them again from"
            f" their files with --backfill (for the pipeline that serves they are duplicates), and let both read them"
        )


def live_variables(mine: Settings) -> Mapping[str, str]:
    """The settings with which the workers of ``mine`` serve from now on."""
    return {f"{PREFIX}NAMESPACE": mine.namespace, f"{PREFIX}LIVE_NAMESPACE": mine.namespace}
