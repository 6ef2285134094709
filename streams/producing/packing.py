"""Packed files as streams of what is in them: plain, gzip or zstd, known by their first bytes."""

from __future__ import annotations

import io
from typing import BinaryIO, Protocol

from streams.producing import gunzip, unzstd
from streams.producing.gunzip import Gunzip
from streams.producing.unzstd import Unzstd

BUFFER = 262_144
#: What packed files begin with.
MAGICS = (gunzip.MAGIC, unzstd.MAGIC)
SUFFIXES = (".gz", ".zst")


class Packed(Protocol):
    """A packed stream; ``damage`` says why it ended before its end, '' where it did not."""

    damage: str


def unpacked(source: str, file: BinaryIO) -> tuple[BinaryIO, Packed | None]:
    """``file`` as a stream of what is in it, and what unpacks it; None for a plain file.

    The name tells where the beginning does not: a file called .gz that is none is damaged.
    """
    # Not more than a byte is waited for.
    first = file.peek(1)[:1] if isinstance(file, io.BufferedReader) else b""
    packed: Gunzip | Unzstd | None = None
    if source.endswith(".gz") or first == gunzip.MAGIC[:1]:
        packed = Gunzip(file)
    elif source.endswith(".zst") or first == unzstd.MAGIC[:1]:
        packed = Unzstd(file)
    return (file, None) if packed is None else (io.BufferedReader(packed, BUFFER), packed)
