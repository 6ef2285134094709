"""Tables of two databases on one server change places."""

# ruff: noqa: S608  (what queries are composed of stands here, too)

from __future__ import annotations

from sinks.clickhouse import ClickHouse
from sinks.tables import CORRECTIONS, TABLES, TOUCHPOINTS

#: What workers write; nothing else is theirs.
WRITTEN = tuple(dict.fromkeys((TOUCHPOINTS.name, CORRECTIONS.name, *(table.name for table in TABLES.values()))))


def exchange(client: ClickHouse, other: str) -> tuple[str, ...]:
    """Exchange the tables that workers write with those of database ``other``, in one statement; gives their names.

    Each is exchanged at once for who asks; between two of them a query may see one of each.
    """
    pairs = ", ".join(f"`{client.database}`.`{name}` AND `{other}`.`{name}`" for name in WRITTEN)
    client.query(f"EXCHANGE TABLES {pairs}")
    return WRITTEN


def carry_letters(client: ClickHouse, other: str, before: int) -> None:
    """Copy what was received ``before``, ms UTC, and could not be taken, or was late, to database ``other``.

    Copied twice, it is there once.
    """
    for table in ("dead_letters", "late_touchpoints"):
        client.query(
            f"INSERT INTO `{other}`.`{table}` SELECT * FROM `{client.database}`.`{table}` FINAL"
            " WHERE startsWith(topic, 'touchpoints.') AND received_at < fromUnixTimestamp64Milli(%(before)s)",
            {"before": before},
        )


def rerouted_on(url: str) -> set[tuple[str, int]]:
    """(topic, partition) of source partitions to which records came that belong elsewhere."""
    with ClickHouse(url) as client:
        rows = client.query("SELECT topic, partition FROM outcomes FINAL WHERE outcome = 'rerouted' AND records > 0")
    return {(topic, partition) for topic, partition in rows}
