"""The view of a batch: what it writes lies over what is on disk, behind a bounded cache of decoded values.

    get, scan  -->  cache  -->  store (disk)
    put        -->  cache, and `written`, which is what the batch changes

A batch that fails is thrown away by `abandon`: whatever it wrote leaves the cache, and is read from disk again. So the
cache never holds what is neither on disk nor in `written`. `settle` says that `written` is on disk now.

`PointView` is for stages that never scan. `GroupView` caches whole groups of keys, sorted, so that a scan is a slice; a
group too large for that is read through, with what the batch wrote merged in. The cache is bounded by an estimate of
bytes: entries times what one costs on average, judged by its packed size. What a batch uses stays until it ends; where
that alone is beyond the bound, the view is `full` and the batch should end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from streams.runtime.failures import StageRaised
from streams.runtime.groups import Group, WideGroup, end_of
from streams.runtime.stage import Layout
from streams.runtime.values import Decoded, Disk, Values

#: A group of more entries is not cached, nor one that would take more than this share of the cache.
WIDEST_GROUP = 20_000
WIDEST_SHARE = 1 / 8


class BatchView(ABC):
    """What both kinds of view share; a `streams.runtime.stage.View`."""

    def __init__(self, partition: int, disk: Disk, values: Values, cache_bytes: int) -> None:
        self.partition = partition
        self._disk = Decoded(disk, values)
        self._values = values
        self._cache_bytes = cache_bytes
        self.written: dict[bytes, Any] = {}
        self._changed: dict[bytes, int] = {}
        self._ended: dict[str, int] = {}
        self.hits = 0
        self.misses = 0

    @abstractmethod
    def get(self, key: bytes) -> Any: ...

    @abstractmethod
    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]: ...

    @abstractmethod
    def _set(self, key: bytes, value: Any) -> None: ...

    @abstractmethod
    def _forget(self, keys: Iterable[bytes]) -> None: ...

    @abstractmethod
    def _shrink(self) -> None: ...

    @property
    @abstractmethod
    def cached(self) -> int:
        """Entries in the cache."""

    @property
    def full(self) -> bool:
        """Whether the batch alone takes more than the cache may."""
        return self.cached > self._bound

    @property
    def written_bytes(self) -> int:
        """About how much the batch writes, packed."""
        return len(self.written) * self._disk.packed_bytes

    @property
    def _bound(self) -> int:
        return max(1, self._cache_bytes // self._disk.entry_bytes)

    def put(self, key: bytes, value: Any) -> None:
        if value is None:
            raise ValueError("put: value None; delete the key instead")
        if key not in self.written:
            self._values.require(key)
        self._set(key, value)

    def delete(self, key: bytes) -> None:
        if self.get(key) is not None:
            self._set(key, None)

    def touch(self, key: bytes, version: int) -> None:
        self._changed[key] = version

    def take_changed(self) -> dict[bytes, int]:
        """What was touched since the last call, each with the version of its last touch."""
        changed, self._changed = self._changed, {}
        return changed

    def account(self, topic: str, records: int) -> None:
        self._ended[topic] = self._ended.get(topic, 0) + records

    def take_ended(self) -> dict[str, int]:
        """How many records of each topic were accounted for since the last call."""
        ended, self._ended = self._ended, {}
        return ended

    def pack(self) -> list[tuple[bytes, bytes | None]]:
        """What the batch changes, packed; None deletes. StageRaised where a value can't be packed."""
        pack = self._values.pack
        try:
            return [(key, None if value is None else pack(value)) for key, value in self.written.items()]
        except Exception as error:
            # Data does that, an integer beyond 64 bits say.
            raise StageRaised(error) from error

    def settle(self, packed: Iterable[tuple[bytes, bytes | None]]) -> None:
        """``packed``, which `pack` gave, is on disk: the next batch begins."""
        sizes = [len(value) for _, value in packed if value is not None]
        self._disk.learn(len(sizes), sum(sizes))
        self.written.clear()
        self._shrink()

    def abandon(self) -> None:
        """Throw away what the batch wrote, touched and accounted for."""
        self._forget(self.written)
        self.written.clear()
        self._changed.clear()
        self._ended.clear()


class PointView(BatchView):
    """For a layout without groups: get, put and delete."""

    def __init__(self, partition: int, disk: Disk, values: Values, cache_bytes: int) -> None:
        super().__init__(partition, disk, values, cache_bytes)
        self._cache: dict[bytes, Any] = {}

    @property
    def cached(self) -> int:
        return len(self._cache)

    def get(self, key: bytes) -> Any:
        value = self._cache.get(key)
        if value is not None:
            self.hits += 1
            return value
        if key in self.written:
            return None
        self.misses += 1
        value = self._disk.get(key)
        if value is not None:
            self._cache[key] = value
        return value

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]:
        raise ValueError("scan: the layout declares no group_bytes")

    def _set(self, key: bytes, value: Any) -> None:
        self.written[key] = value
        if value is None:
            self._cache.pop(key, None)
        else:
            self._cache[key] = value

    def _forget(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._cache.pop(key, None)

    def _shrink(self) -> None:
        if self.full:
            # The oldest go, and some more, so that this is not done after every batch.
            for key in list(islice(self._cache, len(self._cache) - self._bound * 3 // 4)):
                del self._cache[key]


class GroupView(BatchView):
    """For a layout with ``group_bytes``: scans too, each within a group."""

    def __init__(
        self, partition: int, disk: Disk, values: Values, cache_bytes: int, group_bytes: int, widest: int = WIDEST_GROUP
    ) -> None:
        super().__init__(partition, disk, values, cache_bytes)
        self._group_bytes = group_bytes
        self._widest = widest
        #: Those that the batch used.
        self._groups: dict[bytes, Group | WideGroup] = {}
        #: The others, first those used longest ago; all of it is on disk.
        self._resting: dict[bytes, Group | WideGroup] = {}
        self._cached = 0

    @property
    def cached(self) -> int:
        """A group counts as an entry more."""
        return self._cached

    def get(self, key: bytes) -> Any:
        return self._group(key[: self._group_bytes]).get(key)

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]:
        prefix = start[: self._group_bytes]
        if not stop.startswith(prefix) and stop > end_of(prefix):
            raise ValueError(f"scan: leaves the group of its first {self._group_bytes} bytes")
        return self._group(prefix).scan(start, stop, reverse)

    def _set(self, key: bytes, value: Any) -> None:
        group = self._group(key[: self._group_bytes])
        self.written[key] = value
        self._cached += group.set(key, value)

    def _group(self, prefix: bytes) -> Group | WideGroup:
        group = self._groups.get(prefix)
        if group is not None:
            self.hits += 1
            return group
        group = self._resting.pop(prefix, None)
        if group is None:
            self.misses += 1
            group = self._read(prefix)
        else:
            self.hits += 1
        self._groups[prefix] = group
        return group

    def _read(self, prefix: bytes) -> Group | WideGroup:
        if len(prefix) < self._group_bytes:
            raise ValueError(f"key of {len(prefix)} bytes: its group takes {self._group_bytes}")
        # Asked once: what is read changes what entries are reckoned at, and a part must not be taken for the whole.
        most = self._most
        group = Group(islice(self._disk.scan(prefix, end_of(prefix)), most + 1))
        self._cached += 1 + len(group)
        self._make_room()
        return self._rested(group, most)

    def _rested(self, group: Group | WideGroup, most: int) -> Group | WideGroup:
        """``group`` as it is kept when all of it is on disk: read through where it has more than ``most`` entries."""
        if isinstance(group, Group) and len(group) <= most:
            return group
        self._cached -= len(group)
        return WideGroup(self._disk)

    @property
    def _most(self) -> int:
        """Entries of a group that is cached."""
        return min(self._widest, max(1, int(self._bound * WIDEST_SHARE)))

    def _forget(self, keys: Iterable[bytes]) -> None:
        for prefix in {key[: self._group_bytes] for key in keys}:
            self._cached -= 1 + len(self._groups.pop(prefix))

    def _shrink(self) -> None:
        most = self._most
        for prefix, group in self._groups.items():
            self._resting[prefix] = self._rested(group, most)
        self._groups.clear()
        self._make_room()

    def _make_room(self) -> None:
        if self.full:
            # Some more, so that this is not done for every group.
            surplus = self._cached - self._bound * 7 // 8
            for prefix in list(self._oldest(surplus)):
                self._cached -= 1 + len(self._resting.pop(prefix))

    def _oldest(self, entries: int) -> Iterator[bytes]:
        """Groups at rest that together have so many ``entries``, those used longest ago first."""
        for prefix, group in self._resting.items():
            if entries <= 0:
                return
            entries -= 1 + len(group)
            yield prefix


def make_view(partition: int, disk: Disk, layout: Layout, cache_bytes: int) -> BatchView:
    """The kind of view that ``layout`` asks for."""
    values = Values(layout)
    if layout.group_bytes is None:
        return PointView(partition, disk, values, cache_bytes)
    return GroupView(partition, disk, values, cache_bytes, layout.group_bytes)
