"""Rows on their way to ClickHouse: collected while a batch is folded, inserted columnar, one block a table.

Unreachable     the same block again, with back-off, until it is in; nothing else is read meanwhile
Rejected        halves, down to the rows that stay refused; those become dead letters with their original bytes
Misconfigured   crash: a person must act
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from prometheus_client import Counter, Histogram

from sinks.clickhouse import ClickHouse, Rejected, Unreachable
from sinks.tables import TABLES, Table
from streams.runtime.stage import Record

ROWS = Counter("journey_sink_rows_total", "Rows inserted.", ["table"])
INSERT_SECONDS = Histogram("journey_sink_insert_seconds", "Seconds that an insert takes.", ["table"])
RETRIES = Counter("journey_sink_retries_total", "Inserts tried again because ClickHouse did not take them.")
REJECTED = Counter("journey_sink_rejected_total", "Rows that ClickHouse refuses, kept as dead letters.", ["table"])

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0

log = structlog.get_logger("sinks")


class Waiting(NamedTuple):
    """A row to insert, as decoded, and the record that it came from."""

    fields: Any
    origin: Record


class TableOutputs:
    """A stage's outputs to ClickHouse; ``epoch`` of the log for the versions of rows."""

    def __init__(self, url: str, epoch: int) -> None:
        self._clickhouse = ClickHouse(url)
        self._epoch = epoch
        self._waiting: dict[str, tuple[Table[Any], list[Waiting]]] = {}
        # The client serves one thread at a time.
        self._inserting = asyncio.Lock()

    def put(self, table: Table[Any], fields: object, origin: Record) -> None:
        """Have ``fields`` inserted into ``table`` with this batch."""
        self._waiting.setdefault(table.name, (table, []))[1].append(Waiting(fields, origin))

    def bury(self, origin: Record, reason: str, expected: str) -> None:
        """Have ``origin`` kept as a dead letter with this batch."""
        self.put(TABLES["dead_letter"], _letter(origin, reason, expected), origin)

    async def start(self) -> None:
        """Nothing to do: the connection is made by the first insert."""

    async def flush(self) -> None:
        """Insert everything collected; returns once ClickHouse has it."""
        waiting, self._waiting = self._waiting, {}
        for table, rows in waiting.values():
            await self._insert(table, rows)

    async def stop(self) -> None:
        """Close the connection, behind an insert that is still running."""
        async with self._inserting:
            self._clickhouse.close()

    async def _insert(self, table: Table[Any], rows: Sequence[Waiting]) -> None:
        try:
            await self._insert_in_time(table, [row.fields for row in rows])
        except Rejected as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                await self._insert(table, rows[:middle])
                await self._insert(table, rows[middle:])
            else:
                await self._bury_rejected(error, rows[0].origin)

    async def _insert_in_time(self, table: Table[Any], records: Sequence[Any]) -> None:
        pause = FIRST_PAUSE_S
        while True:
            started = time.perf_counter()
            try:
                data = table.columns_of(records, self._epoch)
                async with self._inserting:
                    await asyncio.to_thread(self._clickhouse.insert, table.name, table.columns, data)
            except Unreachable:
                RETRIES.inc()
                log.warning("clickhouse_away", table=table.name, rows=len(records), next_try_s=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                ROWS.labels(table.name).inc(len(records))
                INSERT_SECONDS.labels(table.name).observe(time.perf_counter() - started)
                return

    async def _bury_rejected(self, error: Rejected, origin: Record) -> None:
        REJECTED.labels(error.table).inc()
        # The server's message may quote values: where it is looked for, the original bytes are too.
        letter = _letter(origin, "rejected_by_clickhouse", f"a row that table {error.table} can hold")
        await self._insert_in_time(TABLES["dead_letter"], [letter])


def _letter(origin: Record, reason: str, expected: str) -> dict[str, object]:
    where = {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset}
    log.error("dead_letter", reason=reason, **where)
    return {
        "reason": reason,
        "field": "",
        "value": "",
        "expected": expected,
        "channel": "",
        **where,
        "received_at": origin.timestamp_ms,
        "key": origin.key,
        "original": origin.value,
    }
