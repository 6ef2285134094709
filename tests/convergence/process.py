"""One stage on one partition: batches over its real view, their outputs on the way, and what a crash leaves of them.

    fold slices of several topics, emit  ->  outputs, some first  ->  state and fence together  ->  acknowledged

It may end at each arrow. What was sent stays, the state is as of the batch before, and reading begins again at what was
acknowledged; the next attempt cuts other batches. A worker that was given up unawares is the same: the epoch refuses
its state, what it had sent is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from random import Random
from typing import Any

from sortedcontainers import SortedDict

from schemas.pieces import header
from streams import topics
from streams.runtime.stage import Headers, PlainRecord, Records, Stage
from streams.runtime.views import make_view
from tests.convergence.logs import Logs, Output

#: Bytes of cache: everything, or so little that each group is read again, or read through.
CACHES = (1 << 20, 1 << 20, 20_000, 1)
#: A record with this header is poisoned: a stage raises on it.
POISON = "poison"
CAUSE = "Broken at stage.py:1"
#: What begins what customers tell each other, and IDENTITY them.
_BETWEEN = tuple(map(header, ("identifiers_moved", "hand_over_continued", "touchpoints_handed_over")))


Entries = Sequence[tuple[bytes, bytes | None]]


class Stopped(Exception):
    """The stage can't go on: its worker ends."""


class Disk:
    """What is durable: packed entries, and the fence, the next offset to fold of each topic."""

    def __init__(self) -> None:
        self._entries: SortedDict[bytes, bytes] = SortedDict()
        self.fence: dict[str, int] = {}

    def get(self, key: bytes) -> bytes | None:
        return self._entries.get(key)

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        entries = self._entries
        return ((key, entries[key]) for key in entries.irange(start, stop, inclusive=(True, False), reverse=reverse))

    def write(self, entries: Entries, fence: dict[str, int]) -> None:
        self.fence = fence
        for key, value in entries:
            if value is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = value

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All entries in order."""
        return iter(self._entries.items())


class Outbox:
    """Outputs of a batch, in order for each partition that they go to."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self.queues: dict[tuple[str, int], list[Output]] = {}

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        to = self._logs.partition(topic, key) if partition is None else partition
        self.queues.setdefault((topic, to), []).append(Output(topic, to, key, value, headers))

    def deliver(self, to: tuple[str, int], most: int) -> None:
        """Append the first ``most`` of a queue."""
        queue = self.queues[to]
        for output in queue[:most]:
            self._logs.append(output)
        del queue[:most]
        if not queue:
            del self.queues[to]


class Process:
    """``speed``: how often it is its turn.

    ``make_stage`` gives a new stage, as a restart does.
    """

    def __init__(
        self,
        make_stage: Callable[[], Stage[Any]],
        partition: int,
        logs: Logs,
        random: Random,
        say: Callable[[str, str], None],
    ) -> None:
        self._make_stage = make_stage
        self.partition = partition
        self._logs = logs
        self._random = random
        self._say = say
        self.change_mood()
        self._largest = random.choice((1, 1, 2, 5, 30))
        self._haste = random.choice((0.0, 0.0, 0.5, 0.9))
        self._failures = random.choice((0.0, 0.0, 0.03))
        self._outputs_in_parts = random.choice((0.0, 0.3, 1.0))
        self.disk = Disk()
        self._acknowledged: dict[str, int] = {}
        self.restart()
        self.stage = self._stage.name
        self.name = f"{self.stage}-{partition}"

    def change_mood(self) -> None:
        """Become fast or slow."""
        self.speed = self._random.choice((1.0, 1.0, 1.0, 0.3, 0.1, 0.01))

    def restart(self) -> None:
        """Begin anew with what is durable."""
        self._stage = self._make_stage()
        self._inputs = {topic: self._logs.of[topic, self.partition] for topic in self._stage.inputs}
        layout = self._stage.layout
        assert layout is not None
        self._view = make_view(self.partition, self.disk, layout, self._random.choice(CACHES))
        self._read = dict(self._acknowledged)
        self._batch: Iterator[None] | None = None
        self._outbox = Outbox(self._logs)

    @property
    def has_work(self) -> bool:
        return self._batch is not None or bool(self._ready())

    @property
    def is_amid(self) -> bool:
        """Whether a batch is under way."""
        return self._batch is not None

    def step(self) -> None:
        """Go on to where it could crash next."""
        if self._batch is None:
            self._batch = self._work()
        try:
            if next(self._batch, self) is self:
                self._batch = None
        except Stopped:
            self._outbox.queues.clear()
            self.crash()

    def crash(self) -> None:
        """Of the outputs under way some are appended; all else of the batch is lost."""
        for to in [*self._outbox.queues]:
            self._outbox.deliver(to, self._random.choice((0, 1, 2, 1_000)))
        self._say(self.name, "crashes")
        self.restart()

    def _work(self) -> Iterator[None]:
        reached = dict(self.disk.fence)
        for topic, records, end in self._slices():
            if records:
                self._fold(Records(topic, self.partition, records))
            reached[topic] = max(end, reached.get(topic, 0))
        self._stage.emit(self._view.take_changed(), self._view, self._outbox)
        entries = self._view.pack()
        yield
        yield from self._deliver()
        yield
        yield from self._keep(entries, reached)
        yield
        if self._random.random() < 0.5:
            self._acknowledged = dict(self._read)
            self._say(self.name, "acknowledges")

    def _deliver(self) -> Iterator[None]:
        random, outbox = self._random, self._outbox
        # One broker may answer long after the others; most is at stake where customers are told of moves.
        told = [to for to in outbox.queues if to[0] == topics.ACTIVITY]
        slowest = random.choice([*told, *told, *outbox.queues, None])
        while others := [to for to in outbox.queues if to != slowest]:
            outbox.deliver(random.choice(others), random.choice((1, 2, 1_000)))
            if random.random() < self._outputs_in_parts:
                yield
        if outbox.queues:
            yield from repeat(None, random.choice((0, 0, 20, 80)))
        while outbox.queues:
            outbox.deliver(next(iter(outbox.queues)), random.choice((1, 2, 1_000)))
            yield

    def _keep(self, entries: Entries, fence: dict[str, int]) -> Iterable[None]:
        """Both at once: nothing lies between where it could crash."""
        assert all(fence[topic] >= offset for topic, offset in self.disk.fence.items()), "a fence falls"
        self.disk.write(entries, fence)
        self._view.settle(entries)
        self._say(self.name, "keeps")
        return ()

    def _slices(self) -> Iterator[tuple[str, list[PlainRecord], int]]:
        """What one batch folds, one after the other: (topic, records, offset behind them)."""
        random = self._random
        while True:
            ready = self._ready()
            if not ready:
                return
            topic = random.choice(ready)
            yield self._next(topic, random.randint(1, self._largest))
            if random.random() >= self._haste:
                return

    def _ready(self) -> list[str]:
        """Topics of which there is more to read."""
        read = self._read
        return [topic for topic, log in self._inputs.items() if log.end > read.get(topic, 0)]

    def _next(self, topic: str, most: int) -> tuple[str, list[PlainRecord], int]:
        log, start = self._inputs[topic], self._read.get(topic, 0)
        records = log.after(start, most)
        end = records[-1].offset + 1 if len(records) == most else log.end
        self._read[topic] = end
        return topic, [record for record in records if record.offset >= self.disk.fence.get(topic, 0)], end

    def _fold(self, records: Records) -> None:
        """As the runtime does: a record on which the stage raises is buried, alone."""
        part: list[Any] = []
        for record in records:
            if self._raises_on(record):
                self._fold_healthy(Records(records.topic, records.partition, part))
                part = []
                self._bury(Records(records.topic, records.partition, [record]))
            else:
                part.append(record)
        self._fold_healthy(Records(records.topic, records.partition, part))

    def _raises_on(self, record: Any) -> bool:
        """Always on a poisoned one; on what customers tell each other now and then, as where memory is short."""
        if any(name == POISON for name, _ in record.headers):
            return True
        return bool(self._failures) and record.value.startswith(_BETWEEN) and self._random.random() < self._failures

    def _fold_healthy(self, records: Records) -> None:
        if records:
            self._say(self.name, f"folds {records.topic}@{[record.offset for record in records]}")
            self._stage.fold(records, self._view, self._outbox)

    def _bury(self, alone: Records) -> None:
        (record,) = alone
        self._say(self.name, f"raises on {alone.topic}@{record.offset}")
        try:
            self._stage.bury(alone, CAUSE, self._view, self._outbox)
        except RuntimeError as error:
            raise Stopped from error
