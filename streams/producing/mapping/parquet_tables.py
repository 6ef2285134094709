"""Parquet to tables, some thousand rows at a time and only the columns that are asked for; nested ones by their path.

A row is named by its number, from 1. Its bytes, for the file of rejects, are a JSON object of what was read of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from schemas.conformance import Problem
from streams.producing.errors import InputError
from streams.producing.mapping.csv_tables import check_columns
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.paths import getter
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
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source}: cannot be read as Parquet: {error}") from error


def _tops(source: str, schema: pa.Schema, declared: Declared) -> dict[str, str]:
    """The field of the file in which each column is."""
    found = {}
    for column in declared.columns:
        top = column if column in schema.names else column.partition(".")[0]
        if top in schema.names:
            found[column] = top
    check_columns(source, [*schema.names, *found], declared)
    return found


def _table(source: str, batch: pa.RecordBatch, tops: dict[str, str], line: int) -> Table:
    wrong: dict[int, list[Problem]] = {}
    columns = {name: text_of(_texts(batch, name, top), name, wrong) for name, top in tops.items()}

    def raw(row: int) -> bytes:
        return orjson.dumps(batch.slice(row, 1).to_pylist()[0], default=_plain) + b"\n"

    return Table(source, columns, list(range(line, line + batch.num_rows)), raw, wrong)


def _texts(batch: pa.RecordBatch, name: str, top: str) -> pa.Array:
    column = batch.column(top)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if name != top or pa.types.is_nested(kind):
        get = getter(name)
        return pa.array([get({top: value}) for value in column.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pc.cast(column.cast(pa.timestamp(kind.unit, "UTC")), pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_binary(kind):
        return column.cast(pa.binary())
    return column.cast(pa.string())


def _plain(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
