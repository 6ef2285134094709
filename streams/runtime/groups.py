"""The entries of one group, as a `streams.runtime.views.GroupView` has them.

`Group` has all of them, so a scan is a slice. `WideGroup`, for a group too large for that, has what the batch wrote and
merges it into what it reads from disk.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from sortedcontainers import SortedDict

from streams.runtime.values import Decoded

#: So many entries of a scan are taken at once: one that ends early costs no more.
PART = 256


class Group(dict[bytes, Any]):
    """All entries; ``order``: their keys, sorted. `get` is the dictionary's own."""

    __slots__ = ("order",)

    def __init__(self, entries: Iterable[tuple[bytes, Any]] = ()) -> None:
        """``entries`` come in order."""
        super().__init__(entries)
        self.order = list(self)

    def set(self, key: bytes, value: Any) -> int:
        """Put ``value``, or delete where it is None; how many entries there are more then."""
        if value is None:
            if self.pop(key, None) is None:
                return 0
            del self.order[bisect_left(self.order, key)]
            return -1
        if key in self:
            self[key] = value
            return 0
        self[key] = value
        # Most keys come in order.
        if not self.order or key > self.order[-1]:
            self.order.append(key)
        else:
            insort(self.order, key)
        return 1

    def scan(self, start: bytes, stop: bytes, reverse: bool) -> Iterator[tuple[bytes, Any]]:
        """Entries with start <= key < stop."""
        order = self.order
        first, end = bisect_left(order, start), bisect_left(order, stop)
        if end - first <= PART:
            return self._part(first, end, reverse)
        return chain.from_iterable(self._parts(range(first, end, PART), end, reverse))

    def _parts(self, firsts: range, end: int, reverse: bool) -> Iterator[Iterator[tuple[bytes, Any]]]:
        entries = len(self)
        for first in reversed(firsts) if reverse else firsts:
            if len(self) != entries:
                raise RuntimeError("scan: the group was changed while it was read")
            yield self._part(first, min(first + PART, end), reverse)

    def _part(self, first: int, end: int, reverse: bool) -> Iterator[tuple[bytes, Any]]:
        keys = self.order[first:end]
        if reverse:
            keys.reverse()
        # strict would cost as much as all the rest.
        return zip(keys, map(self.__getitem__, keys))  # noqa: B905


class WideGroup:
    """What the batch wrote of a group, None where it deleted, over what is on ``disk``."""

    __slots__ = ("_disk", "_written")

    def __init__(self, disk: Decoded) -> None:
        self._disk = disk
        self._written: SortedDict[bytes, Any] = SortedDict()

    def __len__(self) -> int:
        return len(self._written)

    def get(self, key: bytes) -> Any:
        """The value of ``key``, None where there is none."""
        return self._written[key] if key in self._written else self._disk.get(key)

    def set(self, key: bytes, value: Any) -> int:
        """Put ``value``, or delete where it is None; how many entries more are in memory then."""
        before = len(self._written)
        self._written[key] = value
        return len(self._written) - before

    def scan(self, start: bytes, stop: bytes, reverse: bool) -> Iterator[tuple[bytes, Any]]:
        """Entries with start <= key < stop."""
        disk = self._disk.scan(start, stop, reverse=reverse)
        if not self._written:
            return disk
        keys = self._written.irange(start, stop, inclusive=(True, False), reverse=reverse)
        return overlaid(disk, ((key, self._written[key]) for key in keys), reverse)


def end_of(prefix: bytes) -> bytes:
    """The least key above all that begin with ``prefix``."""
    stripped = prefix.rstrip(b"\xff")
    # Above every key of this length: only 0xff come behind.
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else prefix + b"\xff" * 64


def overlaid(
    disk: Iterator[tuple[bytes, Any]], mine: Iterator[tuple[bytes, Any]], reverse: bool
) -> Iterator[tuple[bytes, Any]]:
    """Both in one order, ``mine`` in place of equal keys of ``disk``; a value None of ``mine`` deletes."""
    below = next(disk, None)
    for key, value in mine:
        while below is not None and below[0] != key and (below[0] < key) != reverse:
            yield below
            below = next(disk, None)
        if below is not None and below[0] == key:
            below = next(disk, None)
        if value is not None:
            yield key, value
    if below is not None:
        yield below
        yield from disk
