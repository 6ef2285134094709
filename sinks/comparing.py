"""Tables of two databases on one server, row by row: the one that serves, and the one beside it.

Rows are compared by a hash of what they say, on the server; only of those that differ anything is read. Versions are
not compared, because they count on each pipeline's own topics. It is decided elsewhere which customers to leave out.
"""

# ruff: noqa: S608  (what queries are composed of stands here, too)

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sinks.clickhouse import ClickHouse, Row
from sinks.exchanging import BEGAN, RECEIVED, began
from sinks.pipelines import Pipeline
from sinks.streaming import stream

SERVING, BESIDE = 1, 2
_OFFSET = f"toInt64(bitAnd(version, {(1 << 48) - 1}))"
_AT = "toUnixTimestamp64Milli(occurred_at)"
_COUNTED = "channel, campaign, toStartOfHour(occurred_at, 'UTC'), currency, actor, intake_partition"
_LEFT = "(SELECT name FROM asked)"


class Compared(NamedTuple):
    """A table to compare: what its rows are told apart by, what else isn't compared beside the version, and which rows
    are of customers left out; ``{left}`` is the table of identifiers, or of customers, that are."""

    name: str
    key: str
    not_said: tuple[str, ...] = ()
    kept: str = "1"
    by_customer: bool = False


TABLES = (
    # A touchpoint that was produced again, for history that the sources no longer had, is the same one.
    Compared(
        "touchpoints",
        "channel, via, occurred_at, event_id",
        ("received_at", "backfill", "intake_partition"),
        f"via NOT IN {_LEFT}",
    ),
    Compared("identities", "namespace, value", (), f"concat(namespace, ':', value) NOT IN {_LEFT}"),
    Compared("identity_violations", "stronger, weaker", (), f"stronger NOT IN {_LEFT} AND weaker NOT IN {_LEFT}"),
    Compared("identity_corrections", "stronger, weaker, corrected_at, correction_id, kind"),
    Compared("journeys", "journey_id", (), f"customer_id NOT IN {_LEFT}", True),
    Compared("sessions", "session_id", (), f"customer_id NOT IN {_LEFT}", True),
    Compared(
        "engagement",
        "channel, campaign, hour, currency, actor, source_partition",
        (),
        "(channel, campaign, hour, currency, actor, source_partition) NOT IN (SELECT * FROM counted)",
    ),
)
#: Records by where they were read; their originals tell whose they are.
LETTERS = (
    Compared("dead_letters", "topic, partition, offset"),
    Compared("late_touchpoints", "topic, partition, offset"),
)


class Outside(NamedTuple):
    """A touchpoint that one of the two doesn't have: ``side`` has it; its ``offset`` is that of the record."""

    channel: str
    via: str
    side: int
    received_at: int
    partition: int
    offset: int


class Class(NamedTuple):
    """``rows`` of one kind: on both ``sides`` (3) or one, and whether they differ; the keys of the first."""

    sides: int
    differ: bool
    rows: int
    keys: Sequence[Row]


class TwoDatabases:
    """``serving`` and ``beside`` are addresses on one server. Raises Unreachable or Misconfigured."""

    def __init__(self, serving: str, beside: str) -> None:
        self._url = beside
        with ClickHouse(serving) as one, ClickHouse(beside) as other:
            self._of = {SERVING: f"`{one.database}`", BESIDE: f"`{other.database}`"}

    def one_sided(self) -> Iterator[Outside]:
        """Touchpoints that one of the two doesn't have."""
        key = "channel, via, occurred_at, event_id"
        union = " UNION ALL ".join(
            f"SELECT {key}, {side} AS side, received_at, intake_partition, {_OFFSET} AS offset"
            f" FROM {database}.touchpoints FINAL"
            for side, database in self._of.items()
        )
        sql = (
            f"SELECT channel, via, any(side), toUnixTimestamp64Milli(any(received_at)), any(intake_partition),"
            f" any(offset) FROM ({union}) GROUP BY {key} HAVING count() = 1"
        )
        return map(Outside._make, stream(self._url, sql))

    def pairs(self) -> Iterator[Row]:
        """(identifier, identifier): what stood together on a touchpoint, or was asserted by an operator, in either."""
        for database in self._of.values():
            yield from stream(
                self._url,
                f"SELECT DISTINCT via, arrayJoin(arraySlice(identifiers, 2)) FROM {database}.touchpoints"
                f" UNION DISTINCT SELECT stronger, weaker FROM {database}.identity_corrections",
            )

    def customers(self, names: Collection[str]) -> Iterator[str]:
        """Whose ``names`` are in either."""
        for database in self._of.values():
            joined = f"SELECT concat(namespace, ':', value) AS name, customer_id FROM {database}.identities FINAL"
            sql = (
                f"SELECT toString(customer_id) FROM ({joined}) WHERE name IN {_LEFT}"
                f" UNION DISTINCT SELECT toString(via_customer) FROM {database}.touchpoints"
                f" WHERE via IN {_LEFT} AND via NOT IN (SELECT name FROM ({joined}))"
            )
            for (customer,) in stream(self._url, sql, tables=[_asked(names, "String")]):
                yield customer

    def classes(self, table: Compared, names: Collection[str], customers: Collection[str], limit: int) -> list[Class]:
        """The rows of ``table`` by what became of them, those of ``names`` and ``customers`` left out."""
        left = _asked(customers, "UUID") if table.by_customer else _asked(names, "String")
        # No key of what is equal is asked for: that may be everyone.
        sql = (
            f"SELECT sides, differ, count(), groupArrayIf({limit})(tuple({table.key}), sides != 3 OR differ) FROM"
            f" (SELECT {table.key}, groupBitOr(side) AS sides, uniqExact(said) > 1 AS differ FROM"
            f" ({self._union(table)}) GROUP BY {table.key}) GROUP BY sides, differ"
        )
        return [Class(*row) for row in stream(self._url, f"{self._counted(table)} {sql}", tables=[left])]

    def letters(self, table: Compared, pipeline: Pipeline) -> Iterator[Row]:
        """(key ..., sides, whether they differ, original in hexadecimal) of what isn't equal, and ('', count) of the
        equal, of records of touchpoint topics received since ``pipeline`` began."""
        union = self._union(table, f"startsWith(topic, 'touchpoints.') AND {RECEIVED} >= {BEGAN}")
        sql = (
            f"SELECT {table.key}, groupBitOr(side) AS sides, uniqExact(said) > 1 AS differ, any(bytes)"
            f" FROM ({union}) GROUP BY {table.key}"
        )
        return stream(self._url, sql, began(pipeline))

    def row(self, table: Compared, side: int, key: Row) -> Mapping[str, Any]:
        """What the row with ``key`` says on ``side``."""
        columns = self._columns(table)
        conditions = " AND ".join(f"{column} = %(k{at})s" for at, column in enumerate(table.key.split(", ")))
        sql = f"SELECT {', '.join(columns)} FROM {self._of[side]}.{table.name} FINAL WHERE {conditions}"
        with ClickHouse(self._url) as client:
            (found,) = client.query(sql, {f"k{at}": value for at, value in enumerate(key)})
        return dict(zip(columns, found, strict=True))

    def _union(self, table: Compared, kept: str = "") -> str:
        said = ", ".join(self._columns(table))
        original = ", hex(original) AS bytes" if table in LETTERS else ""
        return " UNION ALL ".join(
            f"SELECT {table.key}, {side} AS side, sipHash128({said}) AS said{original}"
            f" FROM {database}.{table.name} FINAL WHERE {kept or table.kept}"
            for side, database in self._of.items()
        )

    def _counted(self, table: Compared) -> str:
        """The rows of engagement in which those that are left out count."""
        if table.name != "engagement":
            return ""
        union = " UNION DISTINCT ".join(
            f"SELECT DISTINCT {_COUNTED} FROM {database}.touchpoints FINAL WHERE via IN {_LEFT}"
            for database in self._of.values()
        )
        return f"WITH counted AS ({union})"

    def _columns(self, table: Compared) -> list[str]:
        """What its rows say."""
        with ClickHouse(self._url) as client:
            names = [name for name, *_ in client.query(f"DESCRIBE TABLE {self._of[BESIDE]}.{table.name}")]
        return [name for name in names if name not in ("version", "deleted", *table.not_said)]


def _asked(names: Collection[str], type_: str) -> dict[str, Any]:
    return {"name": "asked", "structure": [("name", type_)], "data": [(name,) for name in names]}
