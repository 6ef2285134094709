"""Which format a file has, and its tables: by the mapping's word, by the file's name, else by its first bytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from streams.producing.lines import read_lines
from streams.producing.mapping.csv_tables import csv_tables
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.json_tables import json_tables
from streams.producing.mapping.parquet_tables import parquet_tables
from streams.producing.mapping.tables import Table
from streams.producing.readers import ndjson
from streams.producing.rows import Heading, Reject, Remainder

PARQUET = b"PAR1"
_BY_NAME = {
    ".csv": "csv",
    ".tsv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".parquet": "parquet",
}


def tables(source: str, stream: BinaryIO, declared: Declared) -> Iterator[Table | Heading | Reject | Remainder]:
    """The tables of ``stream``, unpacked; InputError where it lacks columns. Raises OSError where reading fails."""
    form = declared.shape.format or _by_name(source) or _by_content(stream)
    if form == "parquet":
        with TemporaryFile() as file:
            yield from parquet_tables(source, _seekable(stream, file), declared)
    elif form == "ndjson":
        yield from json_tables(ndjson(source, read_lines(stream)), declared)
    else:
        yield from csv_tables(source, stream, declared)


def _by_name(source: str) -> str:
    return next((_BY_NAME[suffix] for suffix in reversed(Path(source).suffixes) if suffix in _BY_NAME), "")


def _by_content(stream: BinaryIO) -> str:
    head = stream.peek(len(PARQUET)) if isinstance(stream, BufferedReader) else b""
    if head.startswith(PARQUET):
        return "parquet"
    return "ndjson" if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"


def _seekable(stream: BinaryIO, file: BinaryIO) -> BinaryIO:
    """``stream``, or a copy of it on the disk: Parquet is read from its end."""
    if stream.seekable():
        return stream
    shutil.copyfileobj(stream, file, 1_048_576)
    file.seek(0)
    return file
