"""A Kafka in memory: input logs with holes, changelogs and outputs under producer epochs, one consumer group.

An epoch is known to a log from the first write under it, not before: as at the leaders of real partitions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

import msgspec

from streams.runtime.failures import Superseded
from streams.runtime.reading import Log
from streams.runtime.stage import PlainRecord
from streams.runtime.store import FENCE, NO_FENCE, Fence


class Violation(AssertionError):
    """Something that must never happen has."""


class Input:
    """One partition of an input topic; ``records`` show themselves one after the other, up to ``end``."""

    def __init__(self, records: list[PlainRecord], earliest: int, end: int) -> None:
        self.records = records
        self.earliest = earliest
        self._end = end
        self.shown = 0

    @property
    def end(self) -> int:
        """Behind the last record shown; with all shown behind the markers after it, too."""
        if self.shown == len(self.records):
            return self._end
        return self.records[self.shown - 1].offset + 1 if self.shown else self.earliest

    def read(self, position: int, most: int) -> tuple[list[PlainRecord], int, int]:
        """At most ``most`` records from ``position`` on, or from the earliest; and the stretch that they cover."""
        start = max(position, self.earliest)
        behind = [record for record in self.records[: self.shown] if record.offset >= start]
        records = behind[:most]
        if len(records) < len(behind):
            return records, start, records[-1].offset + 1 if records else start
        return records, start, max(self.end, start)


class Fenced:
    """A log that refuses writes under an epoch lower than one that it knows of the same producer."""

    #: False: as if producers had no epochs.
    fences = True

    def __init__(self) -> None:
        self._epochs: dict[object, int] = {}

    def require(self, producer: object, epoch: int) -> None:
        if self.fences and epoch < self._epochs.get(producer, 0):
            raise Superseded("another owner has taken over")
        self._epochs[producer] = epoch


class Written(NamedTuple):
    """One record batch of a changelog; ``last`` is the offset of its last record."""

    last: int
    entries: tuple[tuple[bytes, bytes | None], ...]


class ChangelogLog(Fenced):
    """One partition of the changelog; compaction takes away what later batches have written again."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Written] = []
        self.end = 0
        self._reached: dict[str, int] = {}

    def append(self, producer: object, epoch: int, entries: list[tuple[bytes, bytes | None]]) -> int:
        """The offset of the last of ``entries``."""
        self.require(producer, epoch)
        for key, value in entries:
            if key == FENCE:
                self._require_rising(msgspec.msgpack.decode(value, type=Fence))
        self.end += len(entries)
        self.batches.append(Written(self.end - 1, tuple(entries)))
        return self.end - 1

    def _require_rising(self, fence: Fence) -> None:
        for topic, reached in self._reached.items():
            if fence.next.get(topic, 0) < reached:
                raise Violation(f"the fence of {topic} falls from {reached} to {fence.next.get(topic)}")
        self._reached = fence.next

    def read(self, applied: int) -> Written | None:
        """The first batch behind offset ``applied``."""
        return next((batch for batch in self.batches if batch.last > applied), None)

    def compact(self) -> None:
        seen: set[bytes] = set()
        kept = []
        for batch in reversed(self.batches):
            entries = tuple(entry for entry in batch.entries if entry[0] not in seen)
            seen.update(key for key, _ in entries)
            if entries:
                kept.append(Written(batch.last, entries))
        self.batches = kept[::-1]

    def fold(self) -> dict[bytes, bytes]:
        """What the log says, from its beginning."""
        said: dict[bytes, bytes | None] = {}
        for batch in self.batches:
            said.update(batch.entries)
        return {key: value for key, value in said.items() if value is not None}

    def fence(self) -> Fence:
        """Of what the log says."""
        packed = self.fold().get(FENCE)
        return NO_FENCE if packed is None else msgspec.msgpack.decode(packed, type=Fence)


class OutputLog(Fenced):
    """One partition of the outputs; each value begins with its version and a space."""

    def __init__(self, contents: dict[tuple[str, bytes, int], bytes]) -> None:
        super().__init__()
        self._contents = contents
        self.rows: list[tuple[str, bytes, int, bytes]] = []

    def append(self, producer: object, epoch: int, rows: list[tuple[str, bytes, bytes]]) -> None:
        self.require(producer, epoch)
        for topic, key, value in rows:
            version = int(value.split(b" ", 1)[0])
            known = self._contents.setdefault((topic, key, version), value)
            if known != value:
                raise Violation(f"{topic} {key!r}: version {version} is {known!r}, and now {value!r}")
            self.rows.append((topic, key, version, value))


class Group:
    """The consumer group: static members, eager rebalances, commits by generation."""

    def __init__(self, random: Random, partitions: int) -> None:
        self._random = random
        self._partitions = partitions
        self.generation = 0
        self.committed: dict[Log, int] = {}
        self.members: dict[str, Any] = {}
        self._rebalancing = False
        self._joined: set[str] = set()
        self._shares: dict[str, list[int]] = {}
        self._places: dict[Any, tuple[int, list[int]]] = {}

    def join(self, process: Any) -> None:
        """``process`` asks for partitions. A restarted member may get its own again, in the same generation."""
        restarted = self.members.get(process.name) not in (None, process)
        self.members[process.name] = process
        if restarted and not self._rebalancing and self._random.random() < 0.5:
            self._places[process] = (self.generation, self._shares[process.name])
            return
        self._rebalancing = True
        self._joined.add(process.name)
        self._complete()

    def _complete(self) -> None:
        if not self._rebalancing or any(name not in self._joined for name in self.members):
            return
        self._rebalancing = False
        self._joined.clear()
        self._places.clear()
        self.generation += 1
        names = list(self.members)
        self._random.shuffle(names)
        self._shares = {name: list(range(at, self._partitions, len(names))) for at, name in enumerate(names)}
        for name, process in self.members.items():
            self._places[process] = (self.generation, self._shares[name])

    def answers(self, process: Any) -> bool:
        """Whether who joined may go on."""
        return process in self._places or not self.knows(process)

    def place(self, process: Any) -> tuple[int, list[int]] | None:
        """Generation and partitions; None where ``process`` must join again."""
        return self._places.pop(process, None)

    def knows(self, process: Any) -> bool:
        return self.members.get(process.name) is process

    def calls(self, process: Any) -> bool:
        """Whether ``process`` must give up what it has and join."""
        return not self.knows(process) or (self._rebalancing and process.name not in self._joined)

    def rebalance(self) -> None:
        self._rebalancing = bool(self.members)

    def remove(self, name: str) -> None:
        """The member left, or was not heard of for a session."""
        process = self.members.pop(name, None)
        if process is not None:
            self._joined.discard(name)
            self._places.pop(process, None)
            self.rebalance()
            self._complete()

    def commit(self, process: Any, generation: int, offsets: Mapping[Log, int]) -> None:
        """Ignored from those who are not members of this generation."""
        if self.knows(process) and generation == self.generation:
            self.committed.update(offsets)


class Broker:
    """All of it."""

    def __init__(self, random: Random, inputs: dict[Log, Input], partitions: int, output_partitions: int) -> None:
        self.inputs = inputs
        self.changelogs = [ChangelogLog() for _ in range(partitions)]
        contents: dict[tuple[str, bytes, int], bytes] = {}
        self.outputs = [OutputLog(contents) for _ in range(output_partitions)]
        self.group = Group(random, partitions)
        self._epochs: dict[object, int] = defaultdict(int)

    def take_epoch(self, producer: object) -> int:
        """InitProducerId: all epochs given before are lower."""
        self._epochs[producer] += 1
        return self._epochs[producer]
