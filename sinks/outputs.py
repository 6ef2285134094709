"""Rows on their way to ClickHouse: collected while a batch is folded, inserted columnar, one block a table.

Unreachable     the same block again, with back-off, until it is in or the runtime has no patience left
Rejected        halves, down to the rows that stay refused; those become dead letters with their original bytes
Misconfigured   crash: a person must act

An insert that hangs is left to itself: rows are upserts, so it does no harm if they get there after all.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from prometheus_client import Counter, Gauge, Histogram

from sinks.clickhouse import ClickHouse, Rejected, Unreachable
from sinks.client_thread import Call, ClientThread
from sinks.tables import TABLES, Data, Table, letter_data
from streams.runtime.outputs import Patience, Superseded
from streams.runtime.stage import Records

ROWS = Counter("journey_sink_rows_total", "Rows inserted.", ["table"])
INSERT_SECONDS = Histogram("journey_sink_insert_seconds", "Seconds that an insert takes.", ["table"])
RETRIES = Counter("journey_sink_retries_total", "Inserts tried again because ClickHouse did not take them.")
REJECTED = Counter("journey_sink_rejected_total", "Rows that ClickHouse refuses, kept as dead letters.", ["table"])
REACHABLE = Gauge("journey_sink_clickhouse_reachable", "1 where the last insert got an answer, 0 where it did not.")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
LOOK_S = 0.25
#: What an insert that runs is given to end by itself once patience is lost.
GRACE_S = 2.0

log = structlog.get_logger("sinks")
D = TypeVar("D")


@dataclass
class Block:
    """Rows of one table, a list of values a column, and in the same order the records that they came from."""

    table: Table[Any]
    data: Data
    origins: list[Records] = field(default_factory=list)

    def add(self, data: Data, origins: Records) -> None:
        for column, values in zip(self.data, data, strict=True):
            column += values
        self.origins.append(origins)

    def origin(self, row: int) -> Records:
        """The record that ``row`` came from."""
        for records in self.origins:
            if row < len(records):
                return Records(records.topic, records.partition, records[row : row + 1])
            row -= len(records)
        raise IndexError(row)


class TableOutputs:
    """A stage's outputs to ClickHouse; ``epoch`` of the log for the versions of rows."""

    def __init__(self, url: str, epoch: int) -> None:
        self._url = url
        self._epoch = epoch
        self._blocks: dict[str, Block] = {}
        self._client = ClientThread(url)

    def put(self, table: Table[D], decoded: D, origins: Records) -> None:
        """Have a row for each of ``origins``, decoded, inserted into ``table`` with this batch."""
        self._add(table, table.data_of(decoded, self._epoch), origins)

    def bury(self, origins: Records, reason: str, value: str, expected: str) -> None:
        """Have ``origins`` kept as dead letters with this batch."""
        self._add(TABLES["dead_letter"], self._letters(origins, reason, value, expected), origins)

    def _add(self, table: Table[Any], data: Data, origins: Records) -> None:
        if origins:
            block = self._blocks.setdefault(table.name, Block(table, [[] for _ in table.columns]))
            block.add(data, origins)

    async def start(self) -> None:
        """Start the client's thread; the connection is made by the first insert."""
        self._client.start()

    async def flush(self, patient: Patience) -> None:
        """Insert everything collected; return once ClickHouse has it. Superseded where ``patient()`` ends first."""
        blocks, self._blocks = self._blocks, {}
        for block in blocks.values():
            await self._insert(block, 0, len(block.data[0]), patient)

    def discard(self) -> None:
        """Throw away what was collected."""
        self._blocks.clear()

    async def stop(self) -> None:
        """Close the connection, behind an insert that is still running."""
        closing = self._client.submit(ClickHouse.close)
        self._client.end()
        await asyncio.wait({closing}, timeout=GRACE_S)

    async def _insert(self, block: Block, start: int, stop: int, patient: Patience) -> None:
        """Rows ``start`` to ``stop`` of ``block``."""
        whole = stop - start == len(block.data[0])
        data = block.data if whole else [column[start:stop] for column in block.data]
        try:
            await self._insert_in_time(block.table, data, patient)
        except Rejected as error:
            if stop - start > 1:
                middle = (start + stop) // 2
                await self._insert(block, start, middle, patient)
                await self._insert(block, middle, stop, patient)
            else:
                await self._bury_rejected(error, block.origin(start), patient)

    async def _insert_in_time(self, table: Table[Any], data: Data, patient: Patience) -> None:
        pause = FIRST_PAUSE_S
        while True:
            started = time.perf_counter()
            try:
                await self._call(lambda client: client.insert(table.name, table.columns, data), patient)
            except Unreachable as away:
                REACHABLE.set(0)
                RETRIES.inc()
                # The number tells a full disk (243) from a server that is away; the text may quote values.
                log.warning("clickhouse_away", table=table.name, rows=len(data[0]), code=away.code, next_try_s=pause)
                await _wait(pause, patient)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                REACHABLE.set(1)
                ROWS.labels(table.name).inc(len(data[0]))
                INSERT_SECONDS.labels(table.name).observe(time.perf_counter() - started)
                return

    async def _call(self, call: Call, patient: Patience) -> None:
        """Superseded where ``call`` hangs and nobody has the patience."""
        running = self._client.submit(call)
        impatient_s = 0.0
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=LOOK_S)
                impatient_s = 0.0 if patient() else impatient_s + LOOK_S
                if impatient_s > GRACE_S and not running.done():
                    self._client.end()
                    self._client = ClientThread(self._url)
                    self._client.start()
                    raise Superseded("ClickHouse does not answer")
            running.result()
        finally:
            # Where it still runs, nobody asks for its result any more.
            running.cancel()

    async def _bury_rejected(self, error: Rejected, origin: Records, patient: Patience) -> None:
        REJECTED.labels(error.table).inc()
        # The server's message may quote values: where it is looked for, the original bytes are too.
        letter = self._letters(origin, "rejected_by_clickhouse", "", f"a row that table {error.table} can hold")
        await self._insert_in_time(TABLES["dead_letter"], letter, patient)

    def _letters(self, origins: Records, reason: str, value: str, expected: str) -> Data:
        for record in origins:
            where = {"topic": origins.topic, "partition": origins.partition, "offset": record.offset}
            log.error("dead_letter", reason=reason, **where)
        return letter_data(origins, reason, value, expected, self._epoch)


async def _wait(seconds: float, patient: Patience) -> None:
    """Superseded where ``patient()`` ends before, or at the end."""
    until = time.monotonic() + seconds
    while patient():
        left = until - time.monotonic()
        if left <= 0:
            return
        await asyncio.sleep(min(left, LOOK_S))
    raise Superseded("ClickHouse is away")
