"""The files of a `produce` command: found or refused before anything is sent, opened one after the other.

Decides what can be read at all: plain or gzip, by the name or by the first byte, a file or standard input. What the
lines hold is left to `streams.producing.readers`.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from schemas.conformance import Problem
from streams.producing.errors import ProducingError
from streams.producing.gunzip import MAGIC, Gunzip
from streams.producing.lines import Line, read_lines
from streams.producing.readers import reader_of
from streams.producing.rows import Item, Reject, Remainder

STDIN = "-"
BUFFER = 262_144
HEAD = 4_096


class InputError(ProducingError):
    """A file cannot be read or written; nothing was sent. One line for each file. The caller must act."""


class Sources:
    """The items of all files in the order given. ``total_bytes`` is None where a size is not known (standard input)."""

    def __init__(self, paths: Sequence[str], stdin: BinaryIO) -> None:
        """Raises InputError where one of ``paths`` cannot be read; ``-`` is ``stdin``, once at most."""
        wrong = [f"{path}: {reason}" for path in paths if (reason := _refusal(path))]
        if paths.count(STDIN) > 1:
            wrong.append(f"{STDIN}: standard input can be read only once")
        if wrong:
            raise InputError("\n".join(wrong))
        self.total_bytes = _total_bytes(paths)
        self._paths = paths
        self._stdin = stdin
        self._done_bytes = 0
        self._current: BinaryIO | None = None

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the files so far, packed as they are: for a progress bar."""
        if self._current is None or not self._current.seekable():
            return self._done_bytes
        return self._done_bytes + self._current.tell()

    def __iter__(self) -> Iterator[Item]:
        for path in self._paths:
            if path == STDIN:
                yield from _items("stdin", self._stdin)
            else:
                yield from self._file(path)

    def _file(self, path: str) -> Iterator[Item]:
        try:
            file = Path(path).open("rb")  # noqa: SIM115  # closed below; what is read from it may fail in other ways
        except OSError as error:
            yield _unreadable(path, 1, f"the file cannot be opened any more: {error.strerror}")
            return
        with file:
            self._current = file
            yield from _items(path, file)
            self._done_bytes = self.bytes_read
            self._current = None


def _items(source: str, file: BinaryIO) -> Iterator[Item]:
    peeked = file.peek(1)[:1] if isinstance(file, io.BufferedReader) else b""
    packed = Gunzip(file) if source.endswith(".gz") or peeked == MAGIC[:1] else None
    stream: BinaryIO = io.BufferedReader(packed, BUFFER) if packed is not None else file
    reached = 0
    damage = ""

    def lines() -> Iterator[Line | Remainder]:
        nonlocal reached, damage
        try:
            for line in read_lines(stream):
                reached = line.number if isinstance(line, Line) else reached
                yield line
        except OSError as error:
            damage = f"the file cannot be read further: {error.strerror or error}"

    yield from reader_of(source)(source, lines())
    damage = damage or (packed.damage if packed is not None else "")
    if damage:
        yield _unreadable(source, reached + 1, damage)


def _unreadable(source: str, line: int, damage: str) -> Reject:
    return Reject(source, line, [Problem("", damage, "a whole file")], b"")


def _refusal(path: str) -> str:
    if path == STDIN:
        return ""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return error.strerror or str(error)
    # A pipe must not be opened to try it: its writer would see it closed.
    if stat.S_ISDIR(mode):
        return "is a folder, expected a file"
    if not os.access(path, os.R_OK):
        return "may not be read"
    return _binary(path) if stat.S_ISREG(mode) else ""


def _binary(path: str) -> str:
    """What is wrong with a file that holds no text: a wrong file, of which not every line need be told."""
    with Path(path).open("rb") as file:
        head = file.read(HEAD)
    at = head.find(b"\0")
    return (
        ""
        if at < 0 or head.startswith(MAGIC)
        else f"is no text (byte {at + 1} is zero), expected NDJSON, plain or gzip"
    )


def _total_bytes(paths: Sequence[str]) -> int | None:
    total = 0
    for path in paths:
        if path == STDIN or not stat.S_ISREG(os.stat(path).st_mode):
            return None
        total += os.stat(path).st_size
    return total
