"""Keyed state in memory, ordered by key; one for each partition of a stage.

It is lost with the process and folded again from the beginning of the log, which gives the same state because folding
depends on nothing but the log. ``fences`` say up to where each topic has been folded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sortedcontainers import SortedDict


class MemoryState:
    """A `View` of one partition, with its fences."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self._entries: SortedDict[bytes, Any] = SortedDict()
        self.changed: dict[bytes, int] = {}
        #: topic -> last offset folded
        self.fences: dict[str, int] = {}

    def get(self, key: bytes) -> Any:
        return self._entries.get(key)

    def put(self, key: bytes, value: Any) -> None:
        self._entries[key] = value

    def delete(self, key: bytes) -> None:
        self._entries.pop(key, None)

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]:
        entries = self._entries
        for key in entries.irange(start, stop, inclusive=(True, False), reverse=reverse):
            yield key, entries[key]

    def touch(self, key: bytes, version: int) -> None:
        self.changed[key] = version

    def take_changed(self) -> dict[bytes, int]:
        """What was touched since the last call, each with the version of its last touch."""
        changed, self.changed = self.changed, {}
        return changed

    def __len__(self) -> int:
        return len(self._entries)
