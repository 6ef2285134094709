"""Tasks on an event loop: one for each partition while a generation lasts, each with an inbox.

    consumer --submit--> inbox --take--> task --ack, drop--> consumer

A stage without state has one task for all of its partitions. When partitions are revoked, or the worker stops, what
waits in inboxes is let go at once and only what is in hand is finished; the next generation gets new tasks.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol

from streams.runtime.reading import Delivery
from streams.runtime.task import Task

#: How long a batch in hand may wait for a broker or a database while others wait for it.
GRACE_S = 3.0
BATCH_RECORDS = 20_000
#: The task of a stage without state.
EVERY_PARTITION = -1


class Source(Protocol):
    """Where deliveries come from."""

    def done(self, delivery: Delivery) -> None: ...
    def drop(self, delivery: Delivery) -> None: ...


class QueueInbox:
    """A `streams.runtime.task.Inbox`; unbounded, because the source bounds what is in flight.

    ``rest_s`` lies at least between two batches, so that a trickle of records becomes a few batches, not one each.
    """

    def __init__(self, source: Source, rest_s: float) -> None:
        self._source = source
        self._rest_s = rest_s
        self._rested_at = 0.0
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._in_hand: set[Delivery] = set()
        self._closed = False
        self.idle = asyncio.Event()
        self.idle.set()

    def put(self, delivery: Delivery) -> None:
        """Queue ``delivery``; it is dropped where the inbox is closed."""
        if self._closed:
            self._source.drop(delivery)
            return
        self._waiting.append(delivery)
        self._arrived.set()

    async def take(self) -> Sequence[Delivery]:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        if (early_s := self._rested_at - time.monotonic()) > 0:
            await asyncio.sleep(early_s)
            if not self._waiting:
                return await self.take()
        self._rested_at = time.monotonic() + self._rest_s
        self.idle.clear()
        taken = [self._waiting.popleft()]
        records = len(taken[0].records)
        while self._waiting and records + len(self._waiting[0].records) <= BATCH_RECORDS:
            taken.append(self._waiting.popleft())
            records += len(taken[-1].records)
        self._in_hand.update(taken)
        return taken

    async def turn(self) -> None:
        await asyncio.sleep(0)

    def ack(self, delivery: Delivery) -> None:
        self._source.done(delivery)
        self._put_down(delivery)

    def drop(self, delivery: Delivery) -> None:
        self._source.drop(delivery)
        self._put_down(delivery)

    def _put_down(self, delivery: Delivery) -> None:
        self._in_hand.discard(delivery)
        if not self._in_hand:
            self.idle.set()

    def close(self) -> None:
        """Drop what waits, and all that still comes."""
        self._closed = True
        while self._waiting:
            self._source.drop(self._waiting.popleft())


class GenerationLease:
    """A `streams.runtime.task.Lease` for as long as a generation of the group lasts."""

    def __init__(self) -> None:
        self._over = False
        self._leaving_since: float | None = None

    def holds(self) -> bool:
        return not self._over

    def patient(self) -> bool:
        return self._leaving_since is None or time.monotonic() - self._leaving_since < GRACE_S

    def leave(self) -> None:
        """Others wait from now on."""
        self._leaving_since = self._leaving_since or time.monotonic()

    def end(self) -> None:
        """The partitions are not ours any more."""
        self._over = True


MakeTask = Callable[[int, QueueInbox, GenerationLease], Task[Any]]


class Runner:
    """Hands deliveries to tasks that ``make_task`` makes for a partition; ``on_crash`` ends the process."""

    def __init__(
        self,
        source: Source,
        keeps_state: bool,
        rest_s: float,
        make_task: MakeTask,
        on_crash: Callable[[BaseException], NoReturn],
    ) -> None:
        self._source = source
        self._rest_s = rest_s
        self._keeps_state = keeps_state
        self._make_task = make_task
        self._on_crash = on_crash
        self._inboxes: dict[int, QueueInbox] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._lease = GenerationLease()
        self._leaving = True
        self._generation = -1

    def begin(self, generation: int) -> None:
        """A generation begins: the tasks of the one before have ended."""
        self._generation = generation
        self._lease = GenerationLease()
        self._leaving = False

    def submit(self, delivery: Delivery) -> None:
        """Hand ``delivery`` to its partition's task; dropped where it is of another generation, or we leave."""
        if self._leaving or delivery.generation != self._generation:
            self._source.drop(delivery)
            return
        partition = delivery.log.partition if self._keeps_state else EVERY_PARTITION
        inbox = self._inboxes.get(partition)
        if inbox is None:
            inbox = self._inboxes[partition] = self._start(partition)
        inbox.put(delivery)

    def _start(self, partition: int) -> QueueInbox:
        inbox = QueueInbox(self._source, self._rest_s)
        task = asyncio.ensure_future(self._make_task(partition, inbox, self._lease).run())
        task.add_done_callback(partial(_look_at_end, self._on_crash))
        self._tasks.append(task)
        return inbox

    def leave(self) -> None:
        """Let go what waits; what is in hand may be finished, soon."""
        self._leaving = True
        self._lease.leave()
        for inbox in self._inboxes.values():
            inbox.close()

    async def settle(self) -> None:
        """Return once nothing is in hand; call `leave` before."""
        for inbox in list(self._inboxes.values()):
            await inbox.idle.wait()

    async def end(self) -> None:
        """End all tasks; what they had in hand is never acknowledged."""
        self.leave()
        self._lease.end()
        tasks, self._tasks = self._tasks, []
        self._inboxes.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _look_at_end(on_crash: Callable[[BaseException], NoReturn], task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        on_crash(error)
