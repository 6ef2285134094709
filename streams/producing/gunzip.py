"""Gzip as a stream that ends where it is damaged, instead of an exception that takes the last lines with it.

The standard library's reader raises in the middle of a line and drops what it had unpacked. Here all that can be
unpacked is given out, the stream then ends, and ``damage`` says that this was not the end of the file.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 16_384
MAGIC = b"\x1f\x8b"
_GZIP_HEADER = 31


class Gunzip(io.RawIOBase):
    """The unpacked bytes of ``source``, a gzip file of one or more members, in constant memory."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self.damage = ""
        self._source = source
        self._packed = b""
        self._position = 0
        self._left = b""
        self._member = zlib.decompressobj(_GZIP_HEADER)

    def readable(self) -> bool:
        """True, as a raw stream has to say."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` as far as one step goes; 0 at the end, with ``damage`` set where it came too early."""
        view = memoryview(buffer).cast("B")
        if not self._left and not self.damage:
            self._left = self._unpack(len(view))
        data, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(data)] = data
        return len(data)

    def _unpack(self, wanted: int) -> bytes:
        while True:
            if self._member.eof and not self._next_member():
                return b""
            at_end = not self._fill()
            before = self._member.copy()
            try:
                data = self._member.decompress(self._packed, wanted)
            except zlib.error as error:
                return self._salvage(before, error)
            self._packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if data:
                return data
            if at_end and not self._member.eof:
                self.damage = f"the gzip stream stops after {self._position} bytes, before its end"
                return b""

    def _fill(self) -> bool:
        if not self._packed:
            self._packed = self._source.read(CHUNK)
            self._position += len(self._packed)
        return bool(self._packed)

    def _next_member(self) -> bool:
        # Members may be padded with zeros, as tar does.
        while self._fill():
            self._packed = self._packed.lstrip(b"\0")
            if self._packed:
                self._member = zlib.decompressobj(_GZIP_HEADER)
                return True
        return False

    def _salvage(self, member: zlib._Decompress, error: zlib.error) -> bytes:
        """What ``member`` can unpack before the byte that breaks it; it broke somewhere in the chunk at hand."""
        self.damage = f"the gzip stream is damaged before byte {self._position}: {error}"
        data = bytearray()
        for byte in self._packed:
            try:
                data += member.decompress(bytes([byte]))
            except zlib.error:
                break
        return bytes(data)
