"""Zstandard as a stream that ends where it is damaged, as `streams.producing.gunzip` does for gzip."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC = b"\x28\xb5\x2f\xfd"


class _Outliving:
    """A source that stays open when Arrow, which closes what it has read, is done with it."""

    closed = False

    def __init__(self, source: BinaryIO) -> None:
        self.read = source.read

    def close(self) -> None:
        """Nothing: whoever opened the source closes it."""


class Unzstd(io.RawIOBase):
    """The unpacked bytes of ``source``, one or more zstd frames, in constant memory."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self.damage = ""
        self._stream = pa.CompressedInputStream(pa.PythonFile(_Outliving(source), "r"), "zstd")

    def readable(self) -> bool:
        """True, as a raw stream has to say."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` as far as one step goes; 0 at the end, with ``damage`` set where it came too early."""
        view = memoryview(buffer).cast("B")
        if self.damage:
            return 0
        try:
            data = self._stream.read(len(view))
        except OSError as error:
            self.damage = f"the zstd stream is damaged or cut: {error}"
            return 0
        view[: len(data)] = data
        return len(data)
