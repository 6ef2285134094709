"""Whose tables a database has: the pipeline that writes them, and whether it serves. Guards against two that write one.

A database in which nobody ever said so belongs to the pipeline without a namespace, and serves.
"""

from __future__ import annotations

from typing import NamedTuple

from sinks.clickhouse import ClickHouse, Misconfigured

COLUMNS = ("since", "namespace", "serves", "reads_from", "said_by", "version")
_LAST = """
SELECT namespace, serves, toUnixTimestamp64Milli(reads_from) FROM pipelines FINAL ORDER BY since DESC LIMIT 1
"""


class Pipeline(NamedTuple):
    """``reads_from``: touchpoints received before it were not read, ms UTC."""

    namespace: str
    serves: bool
    reads_from: int


THE_FIRST = Pipeline("", True, 0)


def writer(client: ClickHouse) -> Pipeline:
    """Whose tables the client's database has."""
    rows = client.query(_LAST)
    return Pipeline(*rows[0]) if rows else THE_FIRST


def say_writer(client: ClickHouse, pipeline: Pipeline, by: str, at: int) -> None:
    """From ``at``, ms UTC, on they are those of ``pipeline``, as somebody had it."""
    row = (at, pipeline.namespace, pipeline.serves, pipeline.reads_from, by, at)
    client.insert("pipelines", COLUMNS, [[value] for value in row])


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
