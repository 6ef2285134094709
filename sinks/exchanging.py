"""Tables of two databases on one server change places, and with them what says whose they are (`sinks.pipelines`)."""

# ruff: noqa: S608  (what queries are composed of stands here, too)

from __future__ import annotations

from collections.abc import Iterable

from sinks.clickhouse import ClickHouse
from sinks.pipelines import Pipeline, said_writer, table_ids
from sinks.tables import WRITTEN

#: The label goes first: a server that ends within the statement leaves labels that tell which tables are still to go.
EXCHANGED = ("pipelines", *WRITTEN)
RECEIVED = "toUnixTimestamp64Milli(received_at)"
#: When a pipeline began to read the partition of a row, ms UTC; asked with the parameters of `began`.
BEGAN = (
    "greatest(toInt64(%(reads_from)s),"
    " transform(concat(topic, '-', toString(partition)), %(logs)s, CAST(%(times)s, 'Array(Int64)'), toInt64(0)))"
)
NEWEST_MIGRATION = "SELECT max(version) FROM `{database}`.schema_versions"


def exchange(client: ClickHouse, other: str, names: Iterable[str] = EXCHANGED) -> None:
    """Exchange the tables with those of database ``other``, in one statement.

    Each is exchanged at once for who asks; between two of them a query may see one of each.
    """
    pairs = ", ".join(f"`{client.database}`.`{name}` AND `{other}`.`{name}`" for name in names)
    client.query(f"EXCHANGE TABLES {pairs}")


def misplaced(client: ClickHouse, other: str) -> list[str]:
    """Tables that by their label belong to this database and lie in the ``other``: an exchange was cut short."""
    label, lies = said_writer(client, client.database), table_ids(client, other)
    return [] if label is None else [name for name in WRITTEN if name in lies and label.tables.get(name) == lies[name]]


def schemas(client: ClickHouse, other: str) -> tuple[int, int]:
    """Newest migration that was applied to the one database and to the ``other``."""
    one, two = (client.query(NEWEST_MIGRATION.format(database=d))[0][0] for d in (client.database, other))
    return one, two


def exists(client: ClickHouse, database: str) -> bool:
    """Whether there is such a database."""
    return bool(client.query(f"EXISTS DATABASE `{database}`")[0][0])


def carry_letters(client: ClickHouse, other: str, pipeline: Pipeline) -> None:
    """Copy what was received before ``pipeline`` began, and could not be taken, or was late, to its database ``other``.

    Copied twice, it is there once.
    """
    for table in ("dead_letters", "late_touchpoints"):
        client.query(
            f"INSERT INTO `{other}`.`{table}` SELECT * FROM `{client.database}`.`{table}` FINAL"
            f" WHERE startsWith(topic, 'touchpoints.') AND {RECEIVED} < {BEGAN}",
            began(pipeline),
        )


def began(pipeline: Pipeline) -> dict[str, object]:
    """Parameters of `BEGAN`."""
    begins = {"": 0, **pipeline.begins}
    return {"reads_from": pipeline.reads_from, "logs": [*begins], "times": [*begins.values()]}


def rerouted_on(url: str) -> set[tuple[str, int]]:
    """(topic, partition) of source partitions to which records came that belong elsewhere."""
    with ClickHouse(url) as client:
        rows = client.query("SELECT topic, partition FROM outcomes FINAL WHERE outcome = 'rerouted' AND records > 0")
    return {(topic, partition) for topic, partition in rows}
