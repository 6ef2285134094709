"""The stage that is put under faults, the records that it takes, and what must come of them, by a plain loop.

Two inputs share one state partition. For each key of a topic it keeps a count with a checksum over its records in their
order, and entries by window in the order of windows; for each key, records of both topics. A row (its windows read by
scans) goes out for each key of a topic that was touched, with the last offset as version; a reset leaves a tombstone.
Poisoned records raise in `fold` or in `emit`, after they have left something behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, Protocol
from zlib import crc32

import msgspec

from streams.runtime.changelog import changelog_of
from streams.runtime.stage import Layout, Records

KEY_BYTES = 6
ADD, RESET, BREAK_FOLD, BREAK_EMIT = b"+", b"0", b"!", b"?"
#: Where the window stands in a value, behind what is to be done.
WINDOW = slice(1, 9)
#: The pseudo key under which buried records are counted.
BURIED = b"buried"


class Count(NamedTuple):
    records: int
    checksum: int


#: c: count, w: a window, t: records of both topics, x: `emit` raises.
TYPES = {b"c": Count, b"w": int, b"t": int, b"x": bool}


class Poisoned(Exception):
    """The record is poisoned."""


class Topics(NamedTuple):
    """The topics of one application; its name is the consumer group."""

    app: str

    @property
    def inputs(self) -> tuple[str, str]:
        return f"{self.app}-a", f"{self.app}-b"

    @property
    def rows(self) -> str:
        return f"{self.app}-rows"

    @property
    def dead(self) -> str:
        return f"{self.app}-dead"

    @property
    def changelog(self) -> str:
        return changelog_of(self.app)


class Counting:
    """Counts, as the module says."""

    layout = Layout(TYPES, kind_at=KEY_BYTES + 1, group_bytes=KEY_BYTES)

    def __init__(self, topics: Topics) -> None:
        self.name = topics.app
        self.inputs = topics.inputs
        self._topics = topics

    def fold(self, records: Records, view: Any, out: Any) -> None:
        letter = records.topic[-1:].encode()
        for record in records:
            at = record.key + letter
            count_both(record.key, view)
            if record.value[:1] == RESET:
                for entry in [entry for entry, _ in view.scan(at + b"w", at + b"x")]:
                    view.delete(entry)
                view.delete(at + b"c")
            else:
                add(at, record.value, view)
            view.touch(at, record.offset)
            # Only now, so that there is something to throw away.
            if record.value[:1] == BREAK_FOLD:
                raise Poisoned

    def emit(self, changed: Mapping[bytes, int], view: Any, out: Any) -> None:
        for at, version in changed.items():
            windows = [(entry[-8:], records) for entry, records in view.scan(at + b"w", at + b"x")]
            last = next(view.scan(at + b"w", at + b"x", reverse=True), None)
            assert (last and last[0][-8:]) == (windows[-1][0] if windows else None)
            out.send(self._topics.rows, at, Row(version, row_of(view.get(at + b"c"), windows)).packed())
            if view.get(at + b"x"):
                raise Poisoned

    def bury(self, records: Records, cause: str, view: Any, out: Any) -> None:
        (record,) = records
        count_both(BURIED, view)
        headers = [("cause", cause.encode())]
        source = source_of(records.topic, records.partition, record.offset)
        out.send(self._topics.dead, source, record.value, partition=records.partition, headers=headers)


def count_both(key: bytes, view: Any) -> None:
    view.put(key + b"*t", (view.get(key + b"*t") or 0) + 1)


def add(at: bytes, value: bytes, view: Any) -> None:
    count = view.get(at + b"c") or Count(0, 0)
    view.put(at + b"c", Count(count.records + 1, crc32(value, count.checksum)))
    window = at + b"w" + value[WINDOW]
    view.put(window, (view.get(window) or 0) + 1)
    if value[:1] == BREAK_EMIT:
        view.put(at + b"x", True)


class Row(NamedTuple):
    """What goes out; ``content`` is empty for a tombstone."""

    version: int
    content: bytes

    def packed(self) -> bytes:
        return b"%d %s" % self

    @classmethod
    def of(cls, packed: bytes) -> Row:
        version, content = packed.split(b" ", 1)
        return cls(int(version), content)


def row_of(count: Count | None, windows: list[tuple[bytes, int]]) -> bytes:
    return b"" if count is None else repr((tuple(count), windows)).encode()


def source_of(topic: str, partition: int, offset: int) -> bytes:
    """The key of a dead letter."""
    return f"{topic}-{partition}-{offset}".encode()


# --- records ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mix:
    """What records are made of; shares of all. ``pad`` bytes are added to each."""

    keys: int = 300
    resets: float = 0.02
    poisoned: float = 0.0004
    pad: int = 20


PLAIN = Mix()


def make_records(random: Random, count: int, mix: Mix = PLAIN) -> Iterator[tuple[bytes, bytes]]:
    """``count`` keys with values; windows grow, and some come late."""
    for number in range(count):
        key = b"k%05d" % random.randrange(mix.keys)
        chance = random.random()
        kind = ADD
        if chance < mix.resets:
            kind = RESET
        elif chance < mix.resets + mix.poisoned:
            kind = random.choice((BREAK_FOLD, BREAK_EMIT))
        window = max(0, number // 500 - random.choice((0, 0, 0, 1, 5)))
        yield key, b"%s%08d%s" % (kind, window, random.randbytes(mix.pad // 2).hex().encode())


class Consumed(Protocol):
    """A record as a client reads it."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes


@dataclass
class Expected:
    """State of each partition, packed; the last row of each key; dead letters by source."""

    state: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    rows: dict[bytes, Row] = field(default_factory=dict)
    dead: dict[bytes, bytes] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)


def expect(records: Iterable[Consumed]) -> Expected:
    """What must come of the input logs; ``records`` of each partition of a topic in order."""
    expected, pack = Expected(), msgspec.msgpack.encode
    totals: dict[tuple[int, bytes], int] = {}
    kept: dict[tuple[int, bytes], tuple[Count, dict[bytes, int]]] = {}
    for record in records:
        expected.ends[record.topic, record.partition] = record.offset + 1
        kind, at = record.value[:1], record.key + record.topic[-1:].encode()
        poisoned = kind in (BREAK_FOLD, BREAK_EMIT)
        total = (record.partition, BURIED if poisoned else record.key)
        totals[total] = totals.get(total, 0) + 1
        if poisoned:
            expected.dead[source_of(record.topic, record.partition, record.offset)] = record.value
            continue
        expected.rows[at] = Row(record.offset, b"")
        if kind == RESET:
            kept.pop((record.partition, at), None)
            continue
        count, windows = kept.get((record.partition, at), (Count(0, 0), {}))
        windows[record.value[WINDOW]] = windows.get(record.value[WINDOW], 0) + 1
        count = Count(count.records + 1, crc32(record.value, count.checksum))
        kept[record.partition, at] = count, windows
    for (partition, key), total in totals.items():
        expected.state.setdefault(partition, {})[key + b"*t"] = pack(total)
    for (partition, at), (count, windows) in kept.items():
        expected.rows[at] = Row(expected.rows[at].version, row_of(count, sorted(windows.items())))
        state = expected.state[partition]
        state[at + b"c"] = pack(count)
        state.update({at + b"w" + window: pack(records) for window, records in windows.items()})
    return expected
