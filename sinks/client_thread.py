"""A ClickHouse client in a thread of its own, in which calls take their turn.

The thread doesn't keep the process alive: a call that hangs is left to itself, and ends with its time-out or the
process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread

from sinks.clickhouse import ClickHouse

Call = Callable[[ClickHouse], object]


class ClientThread:
    """The client of the database at ``url``; what is submitted before `start` waits for it."""

    def __init__(self, url: str) -> None:
        self._client = ClickHouse(url)
        self._calls: SimpleQueue[tuple[Call, Future[object]] | None] = SimpleQueue()

    def start(self) -> None:
        Thread(target=self._run, name="clickhouse", daemon=True).start()

    def submit(self, call: Call) -> asyncio.Future[object]:
        """What ``call`` will return, or raise."""
        done: Future[object] = Future()
        self._calls.put((call, done))
        return asyncio.wrap_future(done)

    def end(self) -> None:
        """Close the client behind what was submitted; nothing may be afterwards."""
        self._calls.put(None)

    def _run(self) -> None:
        with self._client as client:
            while (submitted := self._calls.get()) is not None:
                call, done = submitted
                if done.set_running_or_notify_cancel():
                    try:
                        done.set_result(call(client))
                    except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
                        done.set_exception(error)
