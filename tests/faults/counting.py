"""A worker of a stage for tests with a fault in it: `python -m tests.faults.counting ORDERS`, these as JSON.

The fault strikes after one of the writes of a batch, by number from the start of the process; the signal that it sends
to its own process is SIGKILL, or SIGSTOP for one that wakes up later and goes on in the middle of that batch.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import msgspec
from aiokafka import AIOKafkaConsumer

from streams.kafka_access import KafkaAccess
from streams.runtime import logs, runner
from streams.runtime.faust_seam import ChangelogTable, Consumer
from streams.runtime.kafka_outputs import KafkaOutputs
from streams.runtime.state import PartitionChangelog
from streams.runtime.store import Store
from streams.runtime.worker import Worker, WorkerSettings
from tests.faults.hoarding import Hoarding
from tests.faults.stage import Counting, Topics

#: folded: nothing is written yet; then the outputs, the changelog and the store have the batch.
Point = Literal["folded", "emitted", "logged", "stored"]


class Fault(msgspec.Struct, frozen=True):
    """At ``point`` of the ``batch``-th batch."""

    point: Point
    batch: int
    signal: int = signal.SIGKILL


class Orders(msgspec.Struct, frozen=True):
    """How the worker runs; ``settings`` are those of a `WorkerSettings`. ``delay_s`` makes each batch slow, and
    ``seek_delay_s`` the step of a rebalance after which Faust empties its queues. Where partitions are assigned,
    ``ask_delay_s`` go by before the broker is asked for the ends of logs, and ``answer_delay_s`` before it answers."""

    app: str
    settings: dict[str, Any]
    stage: Literal["Counting", "Hoarding"] = "Counting"
    batch_records: int = runner.BATCH_RECORDS
    delay_s: float = 0.0
    seek_delay_s: float = 0.0
    ask_delay_s: float = 0.0
    answer_delay_s: float = 0.0
    fault: Fault | None = None

    @classmethod
    def of(cls, app: str, settings: WorkerSettings, **test: Any) -> Orders:
        return cls(app, {**asdict(settings), "folder": str(settings.folder)}, **test)

    def worker_settings(self) -> WorkerSettings:
        kafka, folder = KafkaAccess(**self.settings["kafka"]), Path(self.settings["folder"])
        return WorkerSettings(**{**self.settings, "kafka": kafka, "folder": folder})


class FaultyWrites:
    """Wraps the writes of a batch, so that the fault strikes and batches are slow, and steps of a rebalance."""

    def __init__(self, orders: Orders) -> None:
        self._fault = orders.fault
        self._delay_s = orders.delay_s
        self._seek_delay_s = orders.seek_delay_s
        self._ask_delay_s = orders.ask_delay_s
        self._answer_delay_s = orders.answer_delay_s
        self._passed: dict[Point, int] = {}
        self._flush, self._append, self._write = KafkaOutputs.flush, PartitionChangelog.append, Store.write
        self._seek = Consumer.perform_seek
        self._rebalance, self._ends = ChangelogTable.on_rebalance, AIOKafkaConsumer.end_offsets

    def install(self) -> None:
        faulty = self

        async def flush(outputs: KafkaOutputs, patient: Any) -> None:
            faulty.passes("folded")
            await asyncio.sleep(faulty._delay_s)
            await faulty._flush(outputs, patient)
            faulty.passes("emitted")

        async def append(changelog: PartitionChangelog, batch: Any, patient: Any) -> Any:
            applied = await faulty._append(changelog, batch, patient)
            faulty.passes("logged")
            return applied

        def write(store: Store, entries: Any, fence: Any, applied: Any) -> None:
            faulty._write(store, entries, fence, applied)
            if fence is not None:
                faulty.passes("stored")

        async def perform_seek(consumer: Consumer) -> None:
            await faulty._seek(consumer)
            await asyncio.sleep(faulty._seek_delay_s)

        async def on_rebalance(table: ChangelogTable, *args: Any) -> None:
            await asyncio.sleep(faulty._ask_delay_s)
            await faulty._rebalance(table, *args)

        async def end_offsets(consumer: AIOKafkaConsumer, logs: Any) -> Any:
            await asyncio.sleep(faulty._answer_delay_s)
            return await faulty._ends(consumer, logs)

        AIOKafkaConsumer.end_offsets = end_offsets
        ChangelogTable.on_rebalance = on_rebalance
        Consumer.perform_seek = perform_seek
        KafkaOutputs.flush = flush
        PartitionChangelog.append = append
        Store.write = write

    def passes(self, point: Point) -> None:
        """A batch has come to ``point``."""
        passed = self._passed[point] = self._passed.get(point, 0) + 1
        if self._fault is not None and self._fault.point == point and self._fault.batch == passed:
            os.kill(os.getpid(), self._fault.signal)


def main() -> None:
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    runner.BATCH_RECORDS = orders.batch_records
    FaultyWrites(orders).install()
    logs.configure("info", orders.app)
    stage = {"Counting": Counting, "Hoarding": Hoarding}[orders.stage]
    Worker(stage(Topics(orders.app)), None, orders.worker_settings()).run()


if __name__ == "__main__":
    main()
