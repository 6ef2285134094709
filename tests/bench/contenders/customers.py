"""CUSTOMERS as it is, in a worker of its own on all partitions of customers.activity, with its defaults throughout.

It writes to the topic that it reads: what moves is read again, and is work of the same clock.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import NamedTuple

from ours import LOOK_S, done
from task import PARTITIONS, Clock, Task, read_task, report

from streams import config, topics
from streams.composition import stitching_rules, worker_settings
from streams.runtime import logs
from streams.runtime.stage import Headers, Out, Records, View
from streams.runtime.worker import Worker
from streams.stages.customers import Customers


class Timed(Customers):
    """CUSTOMERS, telling ``clock`` what it sees, and that what it sends to customers is still to be done."""

    def __init__(self, settings: config.Settings, clock: Clock) -> None:
        super().__init__(stitching_rules(settings), settings.log_epoch)
        self._clock = clock

    def fold(self, records: Records, view: View, out: Out) -> None:
        self._clock.saw(len(records))
        super().fold(records, view, _Noted(out, self._clock))


class _Noted(NamedTuple):
    out: Out
    clock: Clock

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        self.clock.records += topic == topics.ACTIVITY
        self.out.send(topic, key, value, partition=partition, headers=headers)


def read_settings(task: Task) -> config.Settings:
    """What a worker runs with by default."""
    given = {"KAFKA_BOOTSTRAP": task.bootstrap, "CUSTOMER_PARTITIONS": str(PARTITIONS), "STATE_DIR": str(task.folder)}
    return config.read({config.PREFIX + name: value for name, value in given.items()})


def watch(clock: Clock) -> None:
    """Stop the clock and the worker when all records are done; those of a batch are counted before it is."""
    while done() < clock.records:
        time.sleep(LOOK_S)
    clock.stop()
    report(clock)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    task = read_task()
    settings, clock = read_settings(task), Clock(task.records)
    logs.configure("WARNING", task.group)
    threading.Thread(target=watch, args=(clock,), daemon=True).start()
    Worker(Timed(settings, clock), None, worker_settings("customers", settings)).run()


if __name__ == "__main__":
    main()
