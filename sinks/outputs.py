"""Rows on their way to ClickHouse: collected while a batch is folded, inserted columnar, one block a table.

Unreachable     the same block again, with back-off, until it is in or the runtime has no patience left
Rejected        halves, down to the rows that stay refused; those become dead letters with their original bytes
Misconfigured   crash: a person must act

An insert that hangs is left to itself: rows are upserts, so it does no harm if they get there after all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import structlog

from sinks import metrics
from sinks.clickhouse import ClickHouse, Rejected, Unreachable
from sinks.client_thread import Call, ClientThread
from sinks.freshness import Freshness
from sinks.tables import TABLES, TOUCHPOINTS, Data, Table, letter_data
from streams.runtime.outputs import Patience, Superseded
from streams.runtime.stage import Record, Records

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

    def records(self, start: int, stop: int) -> Iterator[tuple[int, Record]]:
        """The partition and the record that each of these rows came from."""
        return islice(((records.partition, record) for records in self.origins for record in records), start, stop)

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
        self._freshness = Freshness()
        #: When the oldest of what is collected or being inserted was received by the broker, ms UTC.
        self._oldest: int | None = None

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
            received_at = origins[0].timestamp
            self._oldest = received_at if self._oldest is None else min(self._oldest, received_at)

    async def start(self) -> None:
        """Start the client's thread; the connection is made by the first insert."""
        metrics.OLDEST_UNFLUSHED.set_function(self._unflushed_s)
        self._client.start()

    def _unflushed_s(self) -> float:
        # Asked by another thread.
        oldest = self._oldest
        return 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)

    async def flush(self, patient: Patience) -> None:
        """Insert everything collected; return once ClickHouse has it. Superseded where ``patient()`` ends first."""
        blocks, self._blocks = self._blocks, {}
        for block in blocks.values():
            await self._insert(block, 0, len(block.data[0]), patient)
        self._oldest = None

    def discard(self) -> None:
        """Throw away what was collected."""
        self._blocks.clear()
        self._oldest = None

    async def stop(self) -> None:
        """Close the connection, behind an insert that is still running."""
        closing = self._client.submit(ClickHouse.close)
        self._client.end()
        await asyncio.wait({closing}, timeout=GRACE_S)

    async def _insert(self, block: Block, start: int, stop: int, patient: Patience) -> None:
        """Rows ``start`` to ``stop`` of ``block``."""
        whole = stop - start == len(block.data[0])
        data = block.data if whole else [column[start:stop] for column in block.data]
        size = sum([len(record.value or b"") for _, record in block.records(start, stop)])
        try:
            await self._insert_in_time(block.table, data, size, patient)
        except Rejected as error:
            if stop - start > 1:
                middle = (start + stop) // 2
                await self._insert(block, start, middle, patient)
                await self._insert(block, middle, stop, patient)
            else:
                await self._bury_rejected(error, block.origin(start), patient)
        else:
            if block.table is TOUCHPOINTS:
                partitions = (partition for partition, _ in block.records(start, stop))
                self._freshness.inserted(data, partitions, round(time.time() * 1000))

    async def _insert_in_time(self, table: Table[Any], data: Data, size: int, patient: Patience) -> None:
        """``size``: bytes of the records behind ``data``."""
        pause = FIRST_PAUSE_S
        while True:
            started = time.perf_counter()
            try:
                await self._call(lambda client: client.insert(table.name, table.columns, data), patient)
            except Unreachable as away:
                metrics.REACHABLE.set(0)
                metrics.RETRIES.inc()
                # The number tells a full disk (243) from a server that is away; the text may quote values.
                log.warning("clickhouse_away", table=table.name, rows=len(data[0]), code=away.code, next_try_s=pause)
                await _wait(pause, patient)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                metrics.REACHABLE.set(1)
                metrics.ROWS.labels(table.name).inc(len(data[0]))
                metrics.INSERT_ROWS.labels(table.name).observe(len(data[0]))
                metrics.BYTES.labels(table.name).inc(size)
                metrics.INSERT_SECONDS.labels(table.name).observe(time.perf_counter() - started)
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
        metrics.REJECTED.labels(error.table).inc()
        # The server's message may quote values: where it is looked for, the original bytes are too.
        letter = self._letters(origin, "rejected_by_clickhouse", "", f"a row that table {error.table} can hold")
        size = sum(len(record.value or b"") for record in origin)
        await self._insert_in_time(TABLES["dead_letter"], letter, size, patient)

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
