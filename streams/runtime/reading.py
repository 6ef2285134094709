"""What has been read, what of it is in hand, and up to where it may be committed: plain objects without I/O.

log          ....|--chunk--|--chunk--|--chunk--|
Continuity                                     ^ the next chunk must begin here
InFlight          acked      acked     in hand
                                      ^ committable
A chunk covers [start, end) of its log, holes of compaction and markers of transactions included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from streams.runtime.stage import Record


class Log(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Delivery:
    """One chunk on its way through the runtime. ``generation`` of the group that fetched it; sizes in bytes."""

    __slots__ = ("__weakref__", "acked", "end", "generation", "log", "records", "size", "start")

    def __init__(self, log: Log, start: int, end: int, records: list[Record], generation: int, size: int) -> None:
        self.log = log
        self.start = start
        self.end = end
        self.records = records
        self.generation = generation
        self.size = size
        self.acked = False


class Verdict(Enum):
    """What to do with a chunk."""

    TAKE = "take"
    #: What lies before it was dropped on the way: read again from where it was expected.
    REREAD = "reread"
    #: Read again and still not there: gone up to the broker's first offset; behind that it was dropped once more.
    GONE = "gone"


class Continuity:
    """Where each log must go on. A log that nobody sought has no expectation."""

    def __init__(self) -> None:
        self._expected: dict[Log, int] = {}
        self._odd: dict[Log, int] = {}

    def seek(self, log: Log, offset: int) -> None:
        """Reading goes on at ``offset``."""
        self._expected[log] = offset
        self._odd.pop(log, None)

    def expected(self, log: Log) -> int | None:
        """Offset of the next record to read."""
        return self._expected.get(log)

    def judge(self, log: Log, start: int) -> Verdict:
        """What to do with a chunk of ``log`` that begins at ``start``."""
        expected = self._expected.get(log)
        if expected is None or start == expected:
            return Verdict.TAKE
        # Asked for again after a reread, the broker is believed.
        if self._odd.get(log) == start:
            return Verdict.GONE
        self._odd[log] = start
        return Verdict.REREAD

    def taken(self, log: Log, end: int) -> None:
        """A chunk up to ``end`` was handed on."""
        self.seek(log, end)

    def forget(self, logs: Iterable[Log]) -> None:
        """These logs are no longer read."""
        for log in logs:
            self._expected.pop(log, None)
            self._odd.pop(log, None)


class InFlight:
    """Chunks handed on and not yet committed, in order for each log."""

    def __init__(self) -> None:
        self._waiting: dict[Log, deque[Delivery]] = {}
        self._committable: dict[Log, int] = {}
        self._held: dict[Log, int] = {}
        #: Bytes of chunks not yet acknowledged.
        self.held = 0

    def add(self, delivery: Delivery) -> None:
        """``delivery`` is handed on."""
        log = delivery.log
        self._waiting.setdefault(log, deque()).append(delivery)
        self._held[log] = self._held.get(log, 0) + delivery.size
        self.held += delivery.size

    def ack(self, delivery: Delivery) -> None:
        """``delivery`` is done with; what it covers may be committed once all before it is done with too."""
        if delivery.acked:
            return
        delivery.acked = True
        waiting = self._waiting.get(delivery.log)
        # Of a log that was forgotten meanwhile nothing is held any more.
        if waiting and delivery in waiting:
            self._held[delivery.log] -= delivery.size
            self.held -= delivery.size
            # The records are not needed any more, however long a chunk before this one takes.
            delivery.records = []

    def committable(self, log: Log) -> int | None:
        """The next offset to read behind all that is done with; None where that is nothing."""
        waiting = self._waiting.get(log)
        while waiting and waiting[0].acked:
            self._committable[log] = waiting.popleft().end
        return self._committable.get(log)

    def logs(self) -> list[Log]:
        """All with chunks in flight, or offsets to commit."""
        return list(self._waiting)

    def held_of(self, log: Log) -> int:
        """Bytes of ``log`` not yet acknowledged."""
        return self._held.get(log, 0)

    def forget(self, logs: Iterable[Log]) -> None:
        """What is in flight of these will be read again, by whoever then owns them."""
        for log in logs:
            self._waiting.pop(log, None)
            self._committable.pop(log, None)
            self.held -= self._held.pop(log, 0)


def starts(committed: Mapping[Log, int | None], earliest: Mapping[Log, int]) -> dict[Log, int]:
    """Where to begin each log after an assignment: at its commit, at the earliest record where nothing is committed.

    Said for every log: aiokafka does not seek by itself where nothing, or 0, is committed, and would go on behind
    chunks that were dropped.
    """
    return {log: offset or earliest[log] for log, offset in committed.items()}
