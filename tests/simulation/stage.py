"""The stage under simulation, records for it, and what must come out, by a plain loop over each log.

For each key of a topic it keeps a counter and ordered entries, and emits both; for each log a clock: the watermark, and
how many records were late or buried. A key whose last entry is removed vanishes. Every record has one outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import msgspec

from streams.runtime.reading import Log
from streams.runtime.stage import Layout, PlainRecord, Records

TOPICS = ("a", "b")
LATE_AFTER = 6
GROUP_BYTES = 2
#: What a record says: its value is one of these, a place, an amount.
ADD, REMOVE, BREAK_FOLD, BREAK_EMIT = b"+", b"-", b"!", b"?"
#: With others these are too many for one record batch, and the second alone.
LARGE_BYTES, TOO_LARGE_BYTES = 150, 6_000
APART = b"^"


class Counter(NamedTuple):
    entries: int
    total: int


class Clock(NamedTuple):
    watermark: int
    late: int
    buried: int


TYPES = {b"c": Counter, b"e": bytes, b"t": Clock}


class Broken(Exception):
    """The record is poisoned."""


class Counting:
    """``layout`` None: only outcomes, no state; without ``group_bytes``: rows without entries."""

    name = "counting"
    inputs = TOPICS

    def __init__(self, layout: Layout | None) -> None:
        self.layout = layout
        self._scans = layout is not None and layout.group_bytes is not None

    def fold(self, records: Records, view: Any, out: Any) -> None:
        for record in records:
            outcome = b"accepted" if self.layout is None else self._count(records.topic, record, view)
            out.send(
                "outcomes", source_of(records.topic, records.partition, record), b"%d %s" % (record.offset, outcome)
            )
            if self.layout is not None:
                view.account(records.topic, 1)
            # Only now, so that there is something to throw away.
            if record.value[:1] == BREAK_FOLD:
                raise Broken

    def _count(self, topic: str, record: Any, view: Any) -> bytes:
        log = topic.encode() + b"*t"
        clock = view.get(log) or Clock(0, 0, 0)
        if record.timestamp < clock.watermark - LATE_AFTER:
            view.put(log, clock._replace(late=clock.late + 1))
            return b"late"
        view.put(log, clock._replace(watermark=max(clock.watermark, record.timestamp)))
        key = topic.encode() + record.key
        if record.value[:1] == REMOVE:
            self._remove(key, record.value[1:2], view)
        else:
            self._add(key, record.value[1:2], record.value[2:], view)
        view.touch(key, record.offset)
        return b"accepted"

    def _add(self, key: bytes, place: bytes, amount: bytes, view: Any) -> None:
        entries, total = view.get(key + b"c") or Counter(0, 0)
        before = view.get(key + b"e" + place)
        view.put(key + b"e" + place, amount)
        gained = len(amount) - len(before or b"")
        view.put(key + b"c", Counter(entries + (before is None), total + gained))

    def _remove(self, key: bytes, place: bytes, view: Any) -> None:
        before = view.get(key + b"e" + place)
        if before is None:
            return
        view.delete(key + b"e" + place)
        entries, total = view.get(key + b"c")
        if entries == 1:
            view.delete(key + b"c")
        else:
            view.put(key + b"c", Counter(entries - 1, total - len(before)))

    def emit(self, changed: Mapping[bytes, int], view: Any, out: Any) -> None:
        for key, version in changed.items():
            counter = view.get(key + b"c")
            entries = list(view.scan(key + b"e", key + b"f")) if self._scans else []
            if self._scans:
                assert entries[::-1] == list(view.scan(key + b"e", key + b"f", reverse=True))
            row = row_of(counter, [(at[-1:], amount) for at, amount in entries])
            out.send("rows", b"%d%s" % (view.partition, key), b"%d %s" % (version, row))
            if view.get(key + b"e" + BREAK_EMIT) is not None:
                raise Broken

    def bury(self, records: Records, cause: str, view: Any, out: Any) -> None:
        (record,) = records
        assert cause.startswith(("Broken at stage.py:", "TooLarge: "))
        out.send("dead", source_of(records.topic, records.partition, record), b"%d %s" % (record.offset, record.value))
        if self.layout is not None:
            log = records.topic.encode() + b"*t"
            clock = view.get(log) or Clock(0, 0, 0)
            view.put(log, clock._replace(buried=clock.buried + 1))
            view.account(records.topic, 1)


def source_of(topic: str, partition: int, record: Any) -> bytes:
    return b"%s-%d-%d" % (topic.encode(), partition, record.offset)


def row_of(counter: Counter | None, entries: list[tuple[bytes, bytes]]) -> bytes:
    return b"gone" if counter is None else repr((tuple(counter), entries)).encode()


def make_records(random: Random, count: int, start: int) -> list[PlainRecord]:
    """Records from offset ``start`` on, with holes, some late, few poisoned, few whose changes are large."""
    poison = random.choice((0.0, 0.0, 0.03, 0.1))
    offset, records = start, []
    for at in range(count):
        offset += random.choice((1, 1, 1, 1, 1, 2, 4)) if at else 0
        key = bytes([random.choice(b"aaaabcdefghijk")])
        records.append(
            PlainRecord(offset, 100 + at * 2 - random.choice((0, 0, 0, 1, 3, 9)), key, _value(random, poison))
        )
    return records


def _value(random: Random, poison: float) -> bytes:
    place = bytes([random.choice(b"123456789")])
    if random.random() < poison:
        return BREAK_FOLD + place + b"x" if random.random() < 0.5 else BREAK_EMIT + BREAK_EMIT + b"x"
    if random.random() < 0.3:
        return REMOVE + place
    if random.random() < poison / 4:
        # Where nothing else is put: what a later record of the same batch took away again would not be too large.
        return ADD + APART + b"x" * TOO_LARGE_BYTES
    return ADD + place + b"x" * (LARGE_BYTES if random.random() < 0.06 else random.randint(1, 5))


@dataclass
class Expected:
    """State of each partition, packed; the final content of each row, outcome and dead letter."""

    state: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    outputs: dict[tuple[str, bytes], bytes] = field(default_factory=dict)


def expect(logs: Mapping[Log, list[PlainRecord]], layout: Layout | None) -> Expected:
    """What must be, whatever happened on the way."""
    expected = Expected()
    for log, records in logs.items():
        state = expected.state.setdefault(log.partition, {})
        if layout is None:
            _expect_outcomes(expected, log, records)
        else:
            _expect_rows(expected, log, records, state, layout.group_bytes is not None)
    return expected


def _expect_outcomes(expected: Expected, log: Log, records: list[PlainRecord]) -> None:
    for record in records:
        dead = record.value[:1] == BREAK_FOLD
        expected.outputs["dead" if dead else "outcomes", source_of(*log, record)] = (
            record.value if dead else b"accepted"
        )


def _expect_rows(
    expected: Expected, log: Log, records: list[PlainRecord], state: dict[bytes, bytes], scans: bool
) -> None:
    keys: dict[bytes, dict[bytes, bytes]] = {}
    watermark = late = buried = 0
    for record in records:
        kind, place, amount, source = record.value[:1], record.value[1:2], record.value[2:], source_of(*log, record)
        is_late = record.timestamp < watermark - LATE_AFTER
        poisoned = kind == BREAK_EMIT or len(amount) == TOO_LARGE_BYTES
        if kind == BREAK_FOLD or (poisoned and not is_late):
            buried += 1
            expected.outputs["dead", source] = record.value
            continue
        expected.outputs["outcomes", source] = b"late" if is_late else b"accepted"
        if is_late:
            late += 1
            continue
        watermark = max(watermark, record.timestamp)
        entries = keys.setdefault(record.key, {})
        if kind == REMOVE:
            entries.pop(place, None)
        else:
            entries[place] = amount
    pack, topic = msgspec.msgpack.encode, log.topic.encode()
    if records:
        state[topic + b"*t"] = pack(Clock(watermark, late, buried))
    for key, entries in keys.items():
        counter = Counter(len(entries), sum(map(len, entries.values()))) if entries else None
        row = row_of(counter, sorted(entries.items()) if scans else [])
        expected.outputs["rows", b"%d%s%s" % (log.partition, topic, key)] = row
        if counter is not None:
            state[topic + key + b"c"] = pack(counter)
        state.update({topic + key + b"e" + place: pack(amount) for place, amount in entries.items()})
