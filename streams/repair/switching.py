"""The pipeline beside takes the place of the one that serves, and back: their databases exchange tables.

Analysts, dashboards and grants go on asking the same names. The pipeline that served keeps its topics, its state and,
under the other database's name, its tables; so the way back is the same step once more. What touches no worker's table
stays where it is: spend, runs of attribution, the record of replays.

Refused while a worker of either runs, or where anything would be lost:
    touchpoints that serve and that the other never read
    records on a wrong partition that the other has read and the serving one has not: they would be re-sent by neither
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sinks.clickhouse import ClickHouse
from sinks.comparing import SERVING, TwoDatabases
from sinks.exchanging import carry_letters, exchange, rerouted_on
from sinks.pipelines import Pipeline, say_writer, writer
from streams import composition
from streams.broker import admin
from streams.config import PREFIX, Settings
from streams.offsets import lag
from streams.repair.comparing import Read
from streams.repair.preparing import NotApart, database_of, require_apart, tell_corrections
from streams.topics import TOUCHPOINTS, physical


class NotYet(RuntimeError):
    """The pipelines can't be exchanged as they are; the message says what to do. The operator must act."""


def sources_read(settings: Settings) -> Read:
    """(topic, partition) -> the offset up to which the pipeline's INTAKE has committed."""
    groups = {physical("intake", settings.namespace): TOUCHPOINTS}
    found = lag(settings.kafka, groups)
    return {(place.topic, place.partition): position.committed for place, position in found.items()}


def require_pipeline(mine: Settings) -> Pipeline:
    """The pipeline beside, as its database has it; NotApart where there is none."""
    require_apart(mine)
    with ClickHouse(mine.clickhouse_url) as client:
        found = writer(client)
    if (found.namespace, found.serves) != (mine.namespace, False):
        raise NotApart(f"database {database_of(mine)!r} is not that of a pipeline {mine.namespace!r} beside another")
    return found


def switch(mine: Settings, serving: Settings, by: str, now: int) -> Sequence[str]:
    """Exchange the tables; gives their names. ``now`` in ms UTC.

    Raises NotApart; NotYet before anything is changed; BrokerUnreachable; Unreachable and Misconfigured.
    """
    if serving.clickhouse_cluster:
        # A Distributed table goes on pointing at the local ones of its database, and so would later migrations.
        raise NotYet(
            "tables of a cluster can't be exchanged: point analysts and the workers of the new pipeline at database"
            f" {database_of(mine)!r} instead"
        )
    pipeline = require_pipeline(mine)
    _require_at_rest([mine, serving])
    _require_read(sources_read(mine), sources_read(serving), rerouted_on(mine.clickhouse_url))
    _require_whole(mine, serving, pipeline)
    tell_corrections(serving, mine)
    with ClickHouse(serving.clickhouse_url) as client:
        carry_letters(client, database_of(mine), pipeline.reads_from)
        was = writer(client)
        exchanged = exchange(client, database_of(mine))
        say_writer(client, pipeline._replace(serves=True), by, now)
    with ClickHouse(mine.clickhouse_url) as client:
        say_writer(client, was._replace(serves=False), by, now)
    return exchanged


def _require_at_rest(pipelines: Sequence[Settings]) -> None:
    for settings in pipelines:
        names = [*composition.groups(settings)]
        with admin(settings.kafka) as client:
            described = client.describe_groups(names)
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


def _require_whole(mine: Settings, serving: Settings, pipeline: Pipeline) -> None:
    databases = TwoDatabases(serving.clickhouse_url, mine.clickhouse_url)
    missing = sum(one.side == SERVING and one.received_at < pipeline.reads_from for one in databases.one_sided())
    if missing:
        raise NotYet(
            f"{missing:,} touchpoints in database {database_of(serving)!r} were received before this pipeline began to"
            f" read, and would be gone: produce them again from their files with --backfill (for the pipeline that"
            f" serves they are duplicates), and let both read them"
        )


def live_variables(mine: Settings) -> Mapping[str, str]:
    """The settings with which the workers of ``mine`` serve from now on."""
    return {f"{PREFIX}NAMESPACE": mine.namespace, f"{PREFIX}LIVE_NAMESPACE": mine.namespace}
