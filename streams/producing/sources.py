"""The files of a `produce` command: found or refused before anything is sent, opened one after the other.

Decides what can be read at all: a file, what a pattern matches, or standard input. What they hold is left to
`streams.producing.readers`, or to a mapping.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import BinaryIO

from schemas.conformance import Problem
from streams.producing.errors import InputError
from streams.producing.lines import read_lines
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.formats import PARQUET, tables
from streams.producing.mapping.tables import Table
from streams.producing.packing import MAGICS, unpacked
from streams.producing.readers import ndjson
from streams.producing.rows import Heading, Item, Reject, Row

STDIN = "-"
HEAD = 4_096


class Sources:
    """The items of all files in the order given; with a mapping, its tables and their headings.

    ``total_bytes`` is None where a size is not known (standard input).
    """

    def __init__(self, paths: Sequence[str], stdin: BinaryIO, declared: Declared | None = None) -> None:
        """Raises InputError where one of ``paths`` cannot be read; ``-`` is ``stdin``, once at most."""
        wrong = [f"{path}: {reason}" for path in paths if (reason := _refusal(path, declared is not None))]
        if paths.count(STDIN) > 1:
            wrong.append(f"{STDIN}: standard input can be read only once")
        if wrong:
            raise InputError("\n".join(wrong))
        self.total_bytes = _total_bytes(paths)
        self._paths = paths
        self._stdin = stdin
        self._declared = declared
        self._done_bytes = 0
        self._current: BinaryIO | None = None
        if declared is not None:
            self._look_at_headings()

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the files so far, packed as they are: for a progress bar."""
        if self._current is None or not self._current.seekable():
            return self._done_bytes
        return self._done_bytes + self._current.tell()

    def __iter__(self) -> Iterator[Item | Table | Heading]:
        for path in self._paths:
            if path == STDIN:
                yield from _items("stdin", self._stdin, self._declared)
            else:
                yield from self._file(path)

    def _file(self, path: str) -> Iterator[Item | Table | Heading]:
        try:
            file = Path(path).open("rb")  # noqa: SIM115  # closed below; what is read from it may fail in other ways
        except OSError as error:
            yield _unreadable(path, 1, f"the file cannot be opened any more: {error.strerror}")
            return
        with file:
            self._current = file
            yield from _items(path, file, self._declared)
            self._done_bytes = self.bytes_read
            self._current = None

    def _look_at_headings(self) -> None:
        """Raises InputError for a file that lacks columns: its first rows are read, so that nothing is sent before."""
        wrong = []
        for path in self._paths:
            if path == STDIN or not stat.S_ISREG(os.stat(path).st_mode):
                continue
            try:
                next(iter(self._file(path)), None)
            except InputError as error:
                wrong.append(str(error))
        self._done_bytes, self._current = 0, None
        if wrong:
            raise InputError("\n".join(wrong))


def expand(paths: Sequence[str]) -> list[str]:
    """``paths`` with patterns (``data/*.csv``) replaced by the files that they match, sorted.

    Raises InputError for a pattern that matches none. A file of exactly that name comes first.
    """
    found: list[str] = []
    for path in paths:
        if path == STDIN or not has_magic(path) or Path(path).exists():
            found.append(path)
            continue
        matches = sorted(glob(path, recursive=True))
        if not matches:
            raise InputError(f"{path}: no file matches")
        found += matches
    return found


def _items(source: str, file: BinaryIO, declared: Declared | None) -> Iterator[Item | Table | Heading]:
    stream, packed = unpacked(source, file)
    reached = 0
    damage = ""
    items = _lines(source, stream) if declared is None else tables(source, stream, declared)
    try:
        for item in items:
            reached = _reached(item, reached)
            yield item
    except OSError as error:
        damage = f"the file cannot be read further: {error.strerror or error}"
    damage = damage or (packed.damage if packed is not None else "")
    if damage:
        yield _unreadable(source, reached + 1, damage)


def _lines(source: str, stream: BinaryIO) -> Iterator[Item]:
    return ndjson(source, read_lines(stream))


def _reached(item: Item | Table | Heading, before: int) -> int:
    """The last line that is known of."""
    if isinstance(item, Row | Reject):
        return item.line
    return item.lines[-1] if isinstance(item, Table) and item.lines else before


def _unreadable(source: str, line: int, damage: str) -> Reject:
    return Reject(source, line, [Problem("", damage, "a whole file")], b"")


def _refusal(path: str, mapped: bool) -> str:
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
    return _binary(path, mapped) if stat.S_ISREG(mode) else ""


def _binary(path: str, mapped: bool) -> str:
    """What is wrong with a file that holds no text: a wrong file, of which not every line need be told."""
    with Path(path).open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(MAGICS) or (mapped and head.startswith(PARQUET)):
        return ""
    if head.startswith(PARQUET):
        return "is Parquet, which needs a mapping: --mapping M.toml"
    at = head.find(b"\0")
    return f"is no text (byte {at + 1} is zero), expected NDJSON, plain, gzip or zstd" if at >= 0 else ""


def _total_bytes(paths: Sequence[str]) -> int | None:
    total = 0
    for path in paths:
        if path == STDIN or not stat.S_ISREG(os.stat(path).st_mode):
            return None
        total += os.stat(path).st_size
    return total
