"""Whose tables a database has: the pipeline that writes them, and whether it serves. Guards against two that write one.

A database in which nobody ever said so belongs to the pipeline without a namespace, and serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sinks.clickhouse import ClickHouse, Misconfigured
from sinks.tables import WRITTEN

COLUMNS = ("since", "namespace", "serves", "reads_from", "begins", "tables", "said_by", "version")
_LAST = """
SELECT namespace, serves, toUnixTimestamp64Milli(reads_from), begins, tables FROM {database}.pipelines FINAL
ORDER BY since DESC LIMIT 1
"""


class Pipeline(NamedTuple):
    """``reads_from``: touchpoints received before it were not read, ms UTC; ``begins``: as much, of a topic-partition
    of which Kafka no longer had all. ``tables``: name -> UUID of those that were its own when it was said."""

    namespace: str
    serves: bool
    reads_from: int
    begins: Mapping[str, int] = {}
    tables: Mapping[str, str] = {}

    def begin(self, topic: str, partition: int) -> int:
        """Touchpoints of the partition that were received before it were not read, ms UTC."""
        return max(self.reads_from, self.begins.get(f"{topic}-{partition}", 0))


THE_FIRST = Pipeline("", True, 0)


def writer(client: ClickHouse) -> Pipeline:
    """Whose tables the client's database has."""
    return said_writer(client, client.database) or THE_FIRST


def said_writer(client: ClickHouse, database: str) -> Pipeline | None:
    """Whose tables ``database`` of the same server has; None where nobody said so."""
    if not client.query(f"EXISTS TABLE `{database}`.pipelines")[0][0]:
        return None
    rows = client.query(_LAST.format(database=f"`{database}`"))
    return Pipeline(*rows[0]) if rows else None


def say_writer(client: ClickHouse, pipeline: Pipeline, by: str, at: int) -> None:
    """From ``at``, ms UTC, on the tables that are there are those of ``pipeline``, as somebody had it."""
    ((last,),) = client.query("SELECT toUnixTimestamp64Milli(max(since)) FROM pipelines FINAL")
    since = max(at, last + 1)  # by whatever clock it was said before: the latest row holds
    told = (pipeline.namespace, pipeline.serves, pipeline.reads_from, {**pipeline.begins})
    row = (since, *told, table_ids(client, client.database), by, since)
    client.insert("pipelines", COLUMNS, [[value] for value in row])


def table_ids(client: ClickHouse, database: str) -> dict[str, str]:
    """Name -> UUID of the tables in ``database`` that workers write."""
    sql = "SELECT name, toString(uuid) FROM system.tables WHERE database = %(database)s AND name IN %(names)s"
    return dict(client.query(sql, {"database": database, "names": WRITTEN}))


def require_writer(url: str, namespace: str, live_namespace: str) -> None:
    """Misconfigured where the database of ``url`` is not for a sink of ``namespace`` to write."""
    with ClickHouse(url) as client:
        found = writer(client)
        if (found.namespace, found.serves) == (namespace, namespace == live_namespace):
            return
        serves = "serves" if found.serves else "does not serve"
        live = (
            f"OMNIJOURNEY_LIVE_NAMESPACE={found.namespace!r}" if found.serves else "another OMNIJOURNEY_LIVE_NAMESPACE"
        )
        raise Misconfigured(
            f"database {client.database!r} is written by the pipeline with OMNIJOURNEY_NAMESPACE={found.namespace!r},"
            f" which {serves}: expected that and {live}, found {namespace!r} and {live_namespace!r}"
        )
