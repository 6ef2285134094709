"""Tasks on an event loop: one for each partition while a generation lasts, each with an inbox.

    consumer --submit--> inbox --take--> task --ack, drop--> consumer

A stage without state has one task for all of its partitions. When partitions are revoked, or the worker stops, what
waits in inboxes is let go at once and only what is in hand is finished; the next generation gets new tasks.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, Protocol

from streams.runtime.reading import Delivery, Log
from streams.runtime.task import Task

#: How long a batch in hand may wait for a broker or a database while others wait for it.
GRACE_S = 3.0
BATCH_RECORDS = 20_000
#: Worth beginning, however short the rest was.
GOOD_BATCH_RECORDS = 6_000
LONGEST_REST_S = 1.0
#: The task of a stage without state.
EVERY_PARTITION = -1


class Source(Protocol):
    """Where deliveries come from."""

    def done(self, delivery: Delivery) -> None: ...
    def drop(self, delivery: Delivery) -> None: ...
    def rejoin(self) -> None:
        """Have the group assign anew: what we were given is not ours to write."""


class QueueInbox:
    """A `streams.runtime.task.Inbox`; unbounded, because the source bounds what is in flight.

    Batches grow with the load: unless a good one is waiting, the next begins when twice the time has gone by that the
    last one took, so that half of the time is left to what then need not be written twice. With little to do that is
    at once; ``rest_s`` is the least time, for outputs that don't like many small batches.
    """

    def __init__(self, source: Source, rest_s: float) -> None:
        self._source = source
        self._rest_s = rest_s
        self._waiting: deque[Delivery] = deque()
        self._records = 0
        self._arrived = asyncio.Event()
        self._in_hand: set[Delivery] = set()
        self._began_at = 0.0
        self._rested_at = 0.0
        self._closed = False
        self.idle = asyncio.Event()
        self.idle.set()

    def put(self, delivery: Delivery) -> None:
        """Queue ``delivery``; it is dropped where the inbox is closed."""
        if self._closed:
            self._source.drop(delivery)
            return
        self._waiting.append(delivery)
        self._records += len(delivery.records)
        self._arrived.set()

    async def take(self) -> Sequence[Delivery]:
        while (early_s := self._early_s()) > 0:
            self._arrived.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), early_s if self._waiting else None)
        self._began_at = time.monotonic()
        self.idle.clear()
        taken = [self._waiting.popleft()]
        records = len(taken[0].records)
        while self._waiting and records + len(self._waiting[0].records) <= BATCH_RECORDS:
            taken.append(self._waiting.popleft())
            records += len(taken[-1].records)
        self._records -= records
        self._in_hand.update(taken)
        return taken

    def _early_s(self) -> float:
        """How long it is too early to begin; 0 for now."""
        if not self._waiting:
            return math.inf
        return 0.0 if self._records >= GOOD_BATCH_RECORDS else max(0.0, self._rested_at - time.monotonic())

    async def turn(self) -> None:
        await asyncio.sleep(0)

    def ack(self, delivery: Delivery) -> None:
        self._source.done(delivery)
        self._put_down(delivery)

    def drop(self, delivery: Delivery) -> None:
        self._source.drop(delivery)
        self._put_down(delivery)
        if not self._closed:
            # Refused, and nobody has told us to leave: it may be that nobody will.
            self._source.rejoin()

    def _put_down(self, delivery: Delivery) -> None:
        self._in_hand.discard(delivery)
        if self._in_hand:
            return
        self.idle.set()
        took_s = time.monotonic() - self._began_at
        self._rested_at = self._began_at + min(max(self._rest_s, 2 * took_s), LONGEST_REST_S)

    def close(self) -> None:
        """Drop what waits, and all that still comes."""
        self._closed = True
        self._records = 0
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


MakeTask = Callable[[int, QueueInbox, GenerationLease, Mapping[Log, int]], Task[Any]]


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
        self._stopping = False
        self._generation = -1
        self._begins: Mapping[Log, int] = {}

    def begin(self, generation: int) -> None:
        """A generation begins: the tasks of the one before have ended."""
        self._generation = generation
        self._lease = GenerationLease()
        self._leaving = self._stopping

    def begin_at(self, begins: Mapping[Log, int]) -> None:
        """Each log of this generation is read from here."""
        self._begins = begins

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
        task = asyncio.ensure_future(self._make_task(partition, inbox, self._lease, self._begins).run())
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
        """Leave for good, and return once nothing is in hand."""
        self._stopping = True
        self.leave()
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
