"""Stands for `streams.runtime.store.Store`: write batches, of which a crash loses the last ones, as there is no WAL."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from streams.runtime.store import APPLIED, FENCE, NO_FENCE, Applied, Entries, Fence

Batch = dict[bytes, bytes | None]


class Disk:
    """One copy of one changelog partition, on the disk of one worker."""

    def __init__(self) -> None:
        self._flushed: dict[bytes, bytes] = {}
        self._unflushed: list[Batch] = []
        self.kept: dict[bytes, bytes] = {}
        self.reload()

    def reload(self) -> None:
        fence, applied = self.get(FENCE), self.get(APPLIED)
        self.fence = NO_FENCE if fence is None else msgspec.msgpack.decode(fence, type=Fence)
        self.applied = None if applied is None else msgspec.msgpack.decode(applied, type=Applied)

    def get(self, key: bytes) -> bytes | None:
        return self.kept.get(key)

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        for key in sorted([key for key in self.kept if start <= key < stop], reverse=reverse):
            yield key, self.kept[key]

    def write(self, entries: Entries, fence: Fence | None, applied: Applied | None) -> None:
        local: Batch = {}
        if fence is not None:
            local[FENCE] = fence.pack()
        if applied is not None:
            local[APPLIED] = msgspec.msgpack.encode(applied)
        self._put(dict(entries), local)
        self.fence = fence or self.fence
        self.applied = applied or self.applied

    def _put(self, entries: Batch, local: Batch) -> None:
        self._put_batch(entries | local)

    def _put_batch(self, batch: Batch) -> None:
        self._unflushed.append(batch)
        _apply(batch, self.kept)

    def flush(self) -> None:
        """What is in memory reaches the disk."""
        self._flushed = dict(self.kept)
        self._unflushed.clear()

    def crash(self, random: Random) -> None:
        """A random number of the last batches never reached it."""
        survivors = self._unflushed[: random.randint(0, len(self._unflushed))]
        self.kept = dict(self._flushed)
        for batch in survivors:
            _apply(batch, self.kept)
        self.flush()
        self.reload()


def _apply(batch: Batch, kept: dict[bytes, bytes]) -> None:
    for key, value in batch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value
