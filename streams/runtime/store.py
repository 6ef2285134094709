"""What one partition's state has on disk: a RocksDB of its own, a copy of a stretch of its changelog.

    stage's keys (2 bytes or more)   packed values
    FENCE                            for each input topic the next offset to fold, and the generation that wrote it
    APPLIED                          the changelog offset up to which this copy has everything; local
    IDENTITY                         whose state this is; local
    PARTITIONS                       how many partitions the stage had; absent in states of before it was kept
    ACCOUNTS                         how many records were read and have ended, for stages that count (`accounts`)

Everything of a batch is one write batch, so after a crash the copy is as of some earlier batch, whole. There is no
write-ahead log: what had not reached the disk is in the changelog, and recovery reads it from APPLIED on. A folder that
is another state's, or damaged, is set aside and rebuilt from the changelog.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

import msgspec
import structlog
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteBufferManager, WriteOptions

from streams.runtime import metrics
from streams.runtime.failures import Failure, StateInUse, StoreBroken, StoreFailed

FENCE = b"\x00"
TAKEN = b"\x01"
APPLIED = b"\x02"
IDENTITY = b"\x03"
PARTITIONS = b"\x05"

FORMAT = 1
DAMAGED = "DAMAGED"

#: How messages of RocksDB, which come as bare exceptions, begin where the folder is open already..
LOCKED = ("IO error: While lock file", "IO error: lock hold by current process")
#: .. and where files are not what was written..
BROKEN = ("Corruption", "Invalid argument", "Not implemented", f"IO error: {os.strerror(errno.ENOENT)}")
#: .. if they don't say this too, which is no damage.
SHORT_OF = tuple(
    os.strerror(number)
    for number in (
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT),
        *(errno.EACCES, errno.EPERM, errno.EROFS),
    )
)

log = structlog.get_logger("streams.runtime")

Entries = Iterable[tuple[bytes, bytes | None]]


class Fence(NamedTuple):
    """``next``: topic -> offset of the next record to fold; everything below is in the state, which depends on the
    settings ``made_with``."""

    next: dict[str, int]
    generation: int
    made_with: str = ""

    def pack(self) -> bytes:
        return msgspec.msgpack.encode(self)


NO_FENCE = Fence({}, -1)


class Applied(NamedTuple):
    """``offset`` of the last changelog record in this copy; ``at``: when it was written, seconds since 1970."""

    offset: int
    at: float


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """Memory of all stores of a worker together, in bytes; and how old a copy may be to be trusted.

    An older one may have missed deletions that compaction has removed from the changelog since.
    """

    block_cache_bytes: int
    write_buffer_bytes: int
    trusted_for_s: float


class Disks:
    """Opens stores below one folder, sharing their memory. ``identity`` names what they are a copy of."""

    def __init__(self, folder: Path, identity: str, limits: DiskLimits) -> None:
        self._folder = folder
        self._identity = identity
        self._limits = limits
        self._blocks = Cache(limits.block_cache_bytes)
        # Not stalling: a write would wait within the event loop. RocksDB flushes early enough instead.
        self._buffers = WriteBufferManager(limits.write_buffer_bytes, allow_stall=False)

    def open(self, partition: int) -> Store:
        """The store of ``partition``, empty where there was none, or none that can be used."""
        path = self._folder / f"p{partition}"
        identity = f"{FORMAT} {self._identity} {partition}".encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._claimed(path, identity)
        except (_Unusable, StoreBroken) as error:
            set_aside(path, error)
            return self._claimed(path, identity)

    def _claimed(self, path: Path, identity: bytes) -> Store:
        if (path / DAMAGED).exists():
            raise _Unusable("damaged")
        store = Store(path, self._rocks(path))
        try:
            store.claim(identity, time.time() - self._limits.trusted_for_s)
        except BaseException:
            # Left open, it would go on in the folder that takes its place.
            store.close()
            raise
        return store

    def _rocks(self, path: Path) -> Rdict:
        tables = BlockBasedOptions()
        tables.set_block_cache(self._blocks)
        tables.set_bloom_filter(10, False)
        # Index and filters are in the cache too, so that the limit is one.
        tables.set_cache_index_and_filter_blocks(True)
        tables.set_pin_l0_filter_and_index_blocks_in_cache(True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(tables)
        options.set_write_buffer_manager(self._buffers)
        options.set_write_buffer_size(max(1 << 20, self._limits.write_buffer_bytes // 4))
        options.set_max_write_buffer_number(2)
        options.set_keep_log_file_num(2)
        options.set_max_open_files(128)
        options.set_max_background_jobs(2)
        try:
            return Rdict(str(path), options)
        except Exception as error:
            raise _named(path, error) from error


class _Unusable(Exception):
    """A folder that holds something else than a copy of our changelog that may be trusted."""


class Store:
    """One open store. Raises StoreFailed, or StoreBroken where files are damaged; opened again it is set aside."""

    def __init__(self, path: Path, rocks: Rdict) -> None:
        self._path = path
        self._rocks = rocks
        self._unlogged = WriteOptions()
        self._unlogged.disable_wal = True  # type: ignore[assignment, method-assign]  # its stub is wrong
        self._scans: WeakSet[Generator[Any, None, None]] = WeakSet()
        self.fence = NO_FENCE
        self.applied: Applied | None = None

    def claim(self, identity: bytes, trusted_since: float) -> None:
        """Make it the state of ``identity``; _Unusable where it is another's, or older than seconds since 1970."""
        found = self.get(IDENTITY)
        if found is None:
            # First of all, so that no crash leaves a copy without it.
            self.write([(IDENTITY, identity)], None, None)
        elif found != identity:
            raise _Unusable(f"belongs to {found.decode(errors='replace')!r}")
        self.reload()
        if self.applied is not None and (found is None or self.applied.at < trusted_since):
            raise _Unusable("has no owner" if found is None else "too old")

    def reload(self) -> None:
        """Read fence and applied offset again, behind entries that came with a fence among them."""
        fence, applied = self.get(FENCE), self.get(APPLIED)
        self.fence = NO_FENCE if fence is None else msgspec.msgpack.decode(fence, type=Fence)
        self.applied = None if applied is None else msgspec.msgpack.decode(applied, type=Applied)

    def get(self, key: bytes) -> bytes | None:
        try:
            packed: bytes | None = self._rocks.get(key)
        except Exception as error:
            raise self._named(error) from error
        return packed

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        scan = self._scan(start, stop, reverse)
        self._scans.add(scan)
        return scan

    def _scan(self, start: bytes, stop: bytes, reverse: bool) -> Generator[tuple[bytes, bytes], None, None]:
        try:
            at = self._rocks.iter()
            step = at.prev if reverse else at.next
            try:
                if reverse:
                    at.seek_for_prev(stop)
                    if at.valid() and at.key() == stop:
                        step()
                else:
                    at.seek(start)
                while at.valid():
                    key = at.key()
                    if key < start if reverse else key >= stop:
                        return
                    if len(key) > 1:
                        yield key, at.value()
                    step()
                # Not valid is also how damage looks.
                at.status()
            finally:
                # A traceback that holds this frame would keep the folder locked.
                del at, step
        except Exception as error:
            raise self._named(error) from error

    def write(self, entries: Entries, fence: Fence | None, applied: Applied | None) -> None:
        """Take ``entries`` (None deletes) with what they bring the copy to, all at once."""
        batch = WriteBatch(raw_mode=True)
        for key, packed in entries:
            if packed is None:
                batch.delete(key)
            else:
                batch.put(key, packed)
        if fence is not None:
            batch.put(FENCE, fence.pack())
        if applied is not None:
            batch.put(APPLIED, msgspec.msgpack.encode(applied))
        try:
            self._rocks.write(batch, self._unlogged)
        except Exception as error:
            raise self._named(error) from error
        self.fence = fence or self.fence
        self.applied = applied or self.applied

    def size_bytes(self) -> int:
        """What it takes on disk and in its write buffers."""
        names = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return sum(self._rocks.property_int_value(name) or 0 for name in names)

    def keys(self) -> int:
        """About how many entries it has."""
        return self._rocks.property_int_value("rocksdb.estimate-num-keys") or 0

    def close(self) -> None:
        """Write what is buffered to disk, and let go of the folder."""
        # One that somebody still holds would keep the folder locked.
        for scan in list(self._scans):
            scan.close()
        try:
            self._rocks.close()
        except Exception as error:
            raise self._named(error) from error

    def _named(self, error: Exception) -> Failure:
        named = _named(self._path, error)
        if isinstance(named, StoreBroken):
            # The next start sets it aside.
            (self._path / DAMAGED).touch()
        return named


def _named(path: Path, error: Exception) -> Failure:
    """``error``, as the binding raised it, by what is to be done about it."""
    message = str(error)
    if message.startswith(LOCKED):
        return StateInUse(f"{path}: another worker has this state open; give each a folder of its own")
    is_broken = message.startswith(BROKEN) and not any(shortage in message for shortage in SHORT_OF)
    return (StoreBroken if is_broken else StoreFailed)(f"{path.name}: {message}")


def set_aside(path: Path, reason: Exception) -> None:
    """Rename the folder, so that a new one takes its place; somebody may want to look at it."""
    number = 1
    while (kept := path.with_name(f"{path.name}.aside-{number}")).exists():
        number += 1
    log.warning("state_set_aside", folder=path.name, kept=kept.name, reason=str(reason))
    metrics.STATE_SET_ASIDE.inc()
    path.rename(kept)
