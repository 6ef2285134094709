"""One stage over the batches that Faust hands it: the order of work in a batch, and what is skipped.

    1 skip what the state holds already   2 fold   3 emit what was touched   4 flush outputs   5 Faust acknowledges

State is in memory and folded again from the beginning at every start, so a crash at any point loses nothing: outputs
are upserts, and folding the same log writes the same rows again. A partition that comes back to this process goes on
from its fence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from faust.types import TP

from streams.runtime import metrics
from streams.runtime.outputs import Port
from streams.runtime.stage import Record, Stage
from streams.runtime.state import MemoryState

P = TypeVar("P", bound=Port)

TURN_RECORDS = 200


class MissingRecords(RuntimeError):
    """The log goes on behind where it must: folding on would leave records out and put wrong rows over right ones.

    A restart folds again from offset 0. Where that is gone from the broker, the operator must act (docs/operations.md).
    """

    quotes_no_data = True


class Folding(Generic[P]):
    """Runs ``stage`` with its states, one a partition, and its ``outputs``."""

    def __init__(self, stage: Stage[P], outputs: P) -> None:
        self.stage = stage
        self.outputs = outputs
        self._states: dict[int, MemoryState] = {}

    def next_offset(self, tp: TP) -> int | None:
        """Where to go on reading ``tp``; 0 for a partition not folded yet, None for a stage that keeps no state."""
        if not self.stage.keeps_state:
            return None
        state = self._states.get(tp.partition)
        return 0 if state is None else state.fences.get(tp.topic, -1) + 1

    async def run(self, records: Iterable[Record]) -> None:
        """One batch: ``records`` of any of our partitions, each partition in order."""
        started = time.perf_counter()
        count = 0
        partitions = set()
        for chunk in chunks(records):
            fresh = self._fresh(chunk)
            for part in (fresh[i : i + TURN_RECORDS] for i in range(0, len(fresh), TURN_RECORDS)):
                state = self._state(part[0].partition)
                self.stage.fold(part, state, self.outputs)
                state.fences[part[0].topic] = part[-1].offset
                partitions.add(part[0].partition)
                count += len(part)
                metrics.RECORDS.labels(self.stage.name, part[0].topic).inc(len(part))
                # A turn of the loop for heartbeats and probes, however long the batch takes.
                await asyncio.sleep(0)
        for partition in sorted(partitions):
            state = self._states[partition]
            self.stage.emit(state.take_changed(), state, self.outputs)
            if self.stage.keeps_state:
                metrics.STATE_ENTRIES.labels(self.stage.name, partition).set(len(state))
        await self.outputs.flush()
        metrics.BATCH_SECONDS.labels(self.stage.name).observe(time.perf_counter() - started)
        metrics.BATCH_RECORDS.labels(self.stage.name).observe(count)

    def _state(self, partition: int) -> MemoryState:
        return self._states.setdefault(partition, MemoryState(partition))

    def _fresh(self, chunk: list[Record]) -> list[Record]:
        if not self.stage.keeps_state:
            return chunk
        log = f"{chunk[0].topic}-{chunk[0].partition}"
        fence = self._state(chunk[0].partition).fences.get(chunk[0].topic, -1)
        fresh = [record for record in chunk if record.offset > fence]
        # Inputs of stages with state are kept whole, neither compacted nor transactional: offsets begin at 0, no holes.
        for expected, record in enumerate(fresh, fence + 1):
            if record.offset != expected:
                raise MissingRecords(f"{log}: found offset {record.offset}, expected {expected}")
        return fresh


def chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    """``records`` by topic and partition, each in order, so that a stage gets long chunks of one log."""
    by_log: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        by_log.setdefault((record.topic, record.partition), []).append(record)
    yield from by_log.values()
