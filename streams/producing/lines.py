"""Lines of a stream, of which no more than one limit is ever held in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from streams.producing.rows import Remainder

MAX_LINE = 1_048_576


class Line(NamedTuple):
    """A line with its end, counted from 1; ``whole`` is False for the beginning of one that is too long."""

    number: int
    raw: bytes
    whole: bool


def read_lines(stream: BinaryIO, limit: int = MAX_LINE) -> Iterator[Line | Remainder]:
    """The lines of ``stream``; of one with more than ``limit`` bytes first ``limit + 1``, then its Remainders.

    Put together, what is yielded is the stream, byte for byte. Raises OSError where reading fails.
    """
    number = 0
    while raw := stream.readline(limit + 1):
        number += 1
        whole = raw.endswith(b"\n") or len(raw) <= limit
        yield Line(number, raw, whole)
        while not whole and (raw := stream.readline(limit + 1)):
            yield Remainder(raw)
            whole = raw.endswith(b"\n")
