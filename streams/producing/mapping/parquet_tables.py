"""Parquet to tables, some thousand rows at a time and only the columns that are asked for; nested ones by their path.

A row is named by its number, from 1. Its bytes, for the file of rejects, are a JSON object of its columns as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from schemas.conformance import Problem
from streams.producing.errors import InputError
from streams.producing.mapping.csv_tables import check_columns, check_once
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.paths import as_text, getter
from streams.producing.mapping.tables import Table, text_of

ROWS = 4_096
BUFFER = 1_048_576


def parquet_tables(source: str, file: BinaryIO, declared: Declared) -> Iterator[Table]:
    """The tables of a Parquet file, which must be seekable; InputError where it lacks columns or can't be read."""
    try:
        parquet = pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER)
        tops = _tops(source, parquet.schema_arrow, declared)
        line = 1
        for batch in parquet.iter_batches(ROWS, columns=sorted(set(tops.values())), use_threads=False):
            yield _table(source, batch, tops, line)
            line += batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{source}: cannot be read as Parquet: {error}") from error


def _tops(source: str, schema: pa.Schema, declared: Declared) -> dict[str, str]:
    """The field of the file in which each column is."""
    found = {}
    for column in declared.columns:
        top = column if column in schema.names else column.partition(".")[0]
        if top in schema.names:
            found[column] = top
    check_columns(source, [*schema.names, *found], declared)
    check_once(source, schema.names, dict.fromkeys(found.values()))
    return found


def _table(source: str, batch: pa.RecordBatch, tops: dict[str, str], line: int) -> Table:
    wrong: dict[int, list[Problem]] = {}
    cells = {name: _texts(batch, name, top) for name, top in tops.items()}
    columns = {name: text_of(column, name, wrong) for name, column in cells.items()}

    def raw(row: int) -> bytes:
        # The cells themselves, so that a mended row is spelt as it was and gets the same event_id.
        found = {name: column[row].as_py() for name, column in cells.items()}
        return orjson.dumps(found, default=_decoded) + b"\n"

    return Table(source, columns, list(range(line, line + batch.num_rows)), raw, wrong)


def _texts(batch: pa.RecordBatch, name: str, top: str) -> pa.Array:
    column = batch.column(top)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if name != top or pa.types.is_nested(kind):
        get = getter(name)
        readable = _readable(kind)
        values = (column if readable.equals(kind) else column.cast(readable, safe=False)).to_pylist()
        return pa.array([get({top: value}) for value in values], pa.string())
    if pa.types.is_floating(kind):
        # Through Arrow's text, since a float32 has fewer digits than Python would show.
        texts = column.cast(pa.string()).to_pylist()
        return pa.array([text and as_text(float(text)) for text in texts], pa.string())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pc.cast(column.cast(pa.timestamp(kind.unit, "UTC")), pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_binary(kind):
        return column.cast(pa.binary())
    return column.cast(pa.string())


def _readable(kind: pa.DataType) -> pa.DataType:
    """``kind`` with microseconds for nanoseconds, which Python's times don't have."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz) if kind.unit == "ns" else kind
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_readable(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_readable(kind.value_type)))
    return kind


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "replace")
