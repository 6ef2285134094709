"""What a task works through: the ports of `streams.runtime.task`, each await of which goes to the scheduler."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from streams.runtime.failures import TooLarge
from streams.runtime.outputs import Patience
from streams.runtime.reading import Delivery, Log
from streams.runtime.store import FENCE, TAKEN, Applied, Entries, Fence
from streams.runtime.task import Tally
from tests.simulation.scheduling import Until, pause


class LenientTally(Tally):
    """A crash makes a worker meet the same poisoned records again, so they can be most of what it folds."""

    ALWAYS_DATA = 100_000


class Silent:
    """A meter that measures nothing."""

    _nothing = nullcontext()

    def phase(self, name: str) -> AbstractContextManager[None]:
        return self._nothing

    def batch(self, pieces: Any, folded: int, changes: int) -> None:
        """Nothing."""

    def superseded(self, reason: Exception) -> None:
        """Nothing."""

    def buried(self, source: Log, record: Any, cause: str) -> None:
        """Nothing."""


class Inbox:
    """Of one task; ``lost`` once it has dropped something."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self.waiting: deque[Delivery] = deque()
        self.idle = True
        self.lost = False

    async def take(self) -> Sequence[Delivery]:
        self.idle = True
        await Until(lambda: self.waiting)
        self.idle = False
        return [self.waiting.popleft() for _ in range(self._process.world.random.randint(1, len(self.waiting)))]

    async def turn(self) -> None:
        await pause()

    def ack(self, delivery: Delivery) -> None:
        self._process.in_flight.ack(delivery)
        self._process.acked = True

    def drop(self, delivery: Delivery) -> None:
        self.lost = True


class Lease:
    """Of one generation of one process, which may not know that it is over."""

    def __init__(self, process: Any) -> None:
        self._process = process

    def holds(self) -> bool:
        world = self._process.world
        # The last heartbeat was too long ago, or not yet.
        return world.broker.group.knows(self._process) or world.random.random() < 0.9

    def patient(self) -> bool:
        return not self._process.leaving or self._process.world.steps < self._process.patient_until


class Outputs:
    """Collects, and writes to the partitions of the outputs at once, each write on its own way."""

    def __init__(self, process: Any, producer: object, epoch: int) -> None:
        self._process = process
        self._producer = producer
        self._epoch = epoch
        self._collected: list[tuple[str, bytes, bytes]] = []

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        self._collected.append((topic, key, value))

    def discard(self) -> None:
        self._collected.clear()

    async def flush(self, patient: Patience) -> None:
        collected, self._collected = self._collected, []
        process = self._process
        requests = []
        for at, log in enumerate(process.world.broker.outputs):
            rows = [row for row in collected if sum(row[1]) % len(process.world.broker.outputs) == at]
            if rows:
                write = self._write(log, rows)
                requests.append(process.world.scheduler.send(process, f"outputs {at} {_told(rows)}", write))
        if requests:
            await process.world.scheduler.gather(requests, patient)

    def _write(self, log: Any, rows: list[tuple[str, bytes, bytes]]) -> Any:
        return lambda: log.append(self._producer, self._epoch, rows)


class Changelog:
    """Of one partition, under one epoch."""

    def __init__(self, process: Any, partition: int, epoch: int) -> None:
        self._process = process
        self._partition = partition
        self._epoch = epoch

    def pack(self, entries: Entries, fence: Fence) -> list[tuple[bytes, bytes | None]]:
        packed = list(entries)
        if sum(len(key) + len(value or b"") for key, value in packed) > self._process.world.shape.changelog_bytes:
            raise TooLarge(f"{len(packed)} changes")
        return [*packed, (FENCE, fence.pack())]

    async def append(self, batch: list[tuple[bytes, bytes | None]], patient: Patience) -> Applied | None:
        last = await self._write(batch, f"changelog {self._partition}: {len(batch)} entries", patient)
        # A batch that was sent twice, because the first answer was lost, is acknowledged without an offset.
        return None if self._process.world.random.random() < 0.1 else Applied(last, 0.0)

    async def _write(self, batch: list[tuple[bytes, bytes | None]], what: str, patient: Patience) -> int:
        process, log = self._process, self._process.world.broker.changelogs[self._partition]
        return await process.call(what, lambda: log.append(self._partition, self._epoch, batch), patient)

    async def say_taken(self) -> None:
        await self._write([(TAKEN, b"")], f"taken {self._partition}, epoch {self._epoch}", lambda: True)


def _told(rows: list[tuple[str, bytes, bytes]]) -> str:
    return ", ".join(f"{topic} {key.decode()}@{value.split(b' ', 1)[0].decode()}" for topic, key, value in rows)
