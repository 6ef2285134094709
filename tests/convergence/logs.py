"""The broker as stages see it: logs in memory, of which offsets have holes, and a clock that only rises."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from operator import attrgetter
from random import Random
from typing import NamedTuple

from streams.runtime.partitioner import partition_of
from streams.runtime.stage import Headers, PlainRecord
from tests.unit.builders import DAY, MIDNIGHT

#: When the first record is received: behind everything that ever happened.
RECEIVED_AT = MIDNIGHT + 30 * DAY
_offset = attrgetter("offset")


class Output(NamedTuple):
    """What a producer sends."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Log:
    """One partition of one topic; ``end``: the offset of what comes next."""

    def __init__(self) -> None:
        self.records: list[PlainRecord] = []
        self.end = 0

    def after(self, offset: int, most: int) -> list[PlainRecord]:
        """At most so many records from ``offset`` on."""
        at = bisect_left(self.records, offset, key=_offset)
        return self.records[at : at + most]

    def compact(self) -> None:
        """Only the last record of each key stays."""
        last = {record.key: record.offset for record in self.records}
        self.records = [record for record in self.records if last[record.key] == record.offset]


class Logs:
    """All partitions of all topics; ``partitions`` of each. ``heard`` is told of every record when it is appended."""

    def __init__(self, random: Random, partitions: Mapping[str, int], heard: Callable[[Output, int], None]) -> None:
        self._random = random
        self.partitions = partitions
        self.of = {(topic, at): Log() for topic, count in partitions.items() for at in range(count)}
        self._heard = heard
        self.now = RECEIVED_AT

    def partition(self, topic: str, key: bytes) -> int:
        """Where Kafka's default partitioner puts ``key``."""
        return partition_of(key, self.partitions[topic])

    def append(self, output: Output) -> int:
        """Append a record; gives its offset."""
        log = self.of[output.topic, output.partition]
        if self._random.random() < 0.1:
            # As a transaction's marker, or what was compacted away, leaves one.
            log.end += 1
        offset = log.end
        self.now += self._random.choice((0, 1, 7))
        log.records.append(PlainRecord(offset, self.now, output.key, output.value, output.headers))
        log.end = offset + 1
        self._heard(output, offset)
        return offset
