"""State values as bytes, MessagePack typed by the kind of their key, and what is on disk, decoded.

A NamedTuple packs as an array, so fields may be added at its end with defaults: what was packed before is read with the
default. Anything else needs a new kind, and so does a way back: a value with more fields than its type is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from streams.runtime.stage import Layout

#: Measured: Python objects of a value of short fields take about six times its packed size, its key and slots the rest.
ENTRY_OVERHEAD_BYTES = 200
BYTES_PER_PACKED = 6
#: Of so many entries a mean is made; older ones count half.
REMEMBERED_ENTRIES = 100_000


class Disk(Protocol):
    """What a view needs of a store."""

    def get(self, key: bytes) -> bytes | None:
        """The packed value of ``key``."""

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Packed entries with start <= key < stop, in order."""


class Values:
    """Packs and unpacks the values of one `Layout`."""

    def __init__(self, layout: Layout) -> None:
        self._kind_at = layout.kind_at
        self._decoders = {kind[0]: msgspec.msgpack.Decoder(type_) for kind, type_ in layout.types.items()}
        self.pack = msgspec.msgpack.Encoder().encode

    def unpack(self, key: bytes, packed: bytes) -> Any:
        """The value of ``key``; KeyError for a kind that the layout has not, msgspec.ValidationError for other data."""
        return self._decoders[key[self._kind_at]].decode(packed)

    def require(self, key: bytes) -> None:
        """ValueError where ``key`` is of no declared kind: it could be written but never read again."""
        if len(key) < 2 or len(key) <= self._kind_at or key[self._kind_at] not in self._decoders:
            kinds = ", ".join(chr(kind) for kind in sorted(self._decoders))
            raise ValueError(f"key of {len(key)} bytes: expected one of the kinds {kinds} at byte {self._kind_at}")


class Decoded:
    """What is on ``disk``, decoded, and what an entry of it takes in memory."""

    def __init__(self, disk: Disk, values: Values) -> None:
        self._disk = disk
        self._unpack = values.unpack
        self._entries = 1
        self._packed_bytes = 64

    def get(self, key: bytes) -> Any:
        """The value of ``key``, None where there is none."""
        packed = self._disk.get(key)
        if packed is None:
            return None
        self.learn(1, len(packed))
        return self._unpack(key, packed)

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]:
        """Entries with start <= key < stop, in order."""
        unpack = self._unpack
        for key, packed in self._disk.scan(start, stop, reverse=reverse):
            self._entries += 1
            self._packed_bytes += len(packed)
            yield key, unpack(key, packed)

    def learn(self, entries: int, packed_bytes: int) -> None:
        """So many entries take so much, packed."""
        if self._entries > REMEMBERED_ENTRIES:
            self._entries //= 2
            self._packed_bytes //= 2
        self._entries += entries
        self._packed_bytes += packed_bytes

    @property
    def packed_bytes(self) -> int:
        """What an entry takes packed on average."""
        return self._packed_bytes // self._entries

    @property
    def entry_bytes(self) -> int:
        """What an entry takes in memory on average, estimated by its packed size."""
        return ENTRY_OVERHEAD_BYTES + BYTES_PER_PACKED * self.packed_bytes
