"""This project's runtime, with stages as its interface asks for: a batch is folded, touched keys are emitted once.

Its defaults throughout. The runtime counts a record once its outputs, its changelog and its state are durable: that is
when the clock stops.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import orjson
from task import PARTITIONS, Clock, Task, is_click, read_task, report

from streams import config, topic_admin, topics
from streams.composition import worker_settings
from streams.runtime import logs, metrics
from streams.runtime.changelog import changelog_of
from streams.runtime.outputs import Patience
from streams.runtime.stage import Layout, Out, Records, View
from streams.runtime.worker import Worker, WorkerSettings

LOOK_S = 0.005


class Look:
    """Decodes each record and looks at it."""

    layout = None

    def __init__(self, task: Task, clock: Clock) -> None:
        self.name, self.inputs = task.group, (task.source,)
        self._clock = clock

    def fold(self, records: Records, view: View, out: Out) -> None:
        self._clock.saw(len(records))
        for record in records:
            self._clock.clicks += is_click(orjson.loads(record.value))

    def emit(self, changed: Mapping[bytes, int], view: View, out: Out) -> None:
        raise AssertionError("nothing is touched")

    def bury(self, records: Records, cause: str, view: View, out: Out) -> None:
        raise AssertionError(f"the benchmark's records are in order: {cause}")


class Counted(NamedTuple):
    """What is kept of a user; ``last`` in milliseconds UTC."""

    total: int
    last: int


class Count:
    """Counts per key, keeps the highest time, sends both; keys are the users' names, which begin with `user`."""

    layout = Layout({b"u": Counted})

    def __init__(self, task: Task, clock: Clock) -> None:
        self.name, self.inputs = task.group, (task.source,)
        self._clock = clock
        self._output = task.output

    def fold(self, records: Records, view: View, out: Out) -> None:
        self._clock.saw(len(records))
        for record in records:
            event = orjson.loads(record.value)
            user, last = event["user"].encode(), event["occurred_at"]
            before = view.get(user)
            view.put(user, Counted(before.total + 1, max(before.last, last)) if before else Counted(1, last))
            view.touch(user, record.offset)

    def emit(self, changed: Mapping[bytes, int], view: View, out: Out) -> None:
        for user, version in changed.items():
            total, last = view.get(user)
            told = {"user": user.decode(), "count": total, "last": last, "version": version}
            out.send(self._output, user, orjson.dumps(told))

    def bury(self, records: Records, cause: str, view: View, out: Out) -> None:
        raise AssertionError(f"the benchmark's records are in order: {cause}")


class Nowhere:
    """The outputs of a stage that sends nothing."""

    async def start(self) -> None:
        return

    async def flush(self, patient: Patience) -> None:
        return

    def discard(self) -> None:
        return

    async def stop(self) -> None:
        return


def settings(task: Task) -> WorkerSettings:
    """What a worker of INTAKE runs with by default."""
    given = {"KAFKA_BOOTSTRAP": task.bootstrap, "PARTITIONS": str(PARTITIONS), "STATE_DIR": str(task.folder)}
    return worker_settings("intake", config.read({config.PREFIX + name: value for name, value in given.items()}))


def create_changelog(task: Task) -> None:
    declared = {topic.name: topic for topic in topics.declared(PARTITIONS, PARTITIONS)}
    like_intakes = replace(declared[changelog_of("intake")], name=changelog_of(task.group))
    topic_admin.apply(task.bootstrap, [like_intakes], 1)


def watch(clock: Clock) -> None:
    """Stop the clock and the worker when all records are done."""
    while done() < clock.records:
        time.sleep(LOOK_S)
    clock.stop()
    report(clock)
    os.kill(os.getpid(), signal.SIGTERM)


def done() -> float:
    """Records that the worker is done with."""
    return sum(sample.value for metric in metrics.RECORDS.collect() for sample in metric.samples)


def main() -> None:
    task = read_task()
    clock = Clock(task.records)
    logs.configure("WARNING", task.group)
    threading.Thread(target=watch, args=(clock,), daemon=True).start()
    if task.mode == "stateless":
        Worker(Look(task, clock), Nowhere(), settings(task)).run()
    create_changelog(task)
    Worker(Count(task, clock), None, settings(task)).run()


if __name__ == "__main__":
    main()
