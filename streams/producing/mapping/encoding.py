"""Touchpoints from columns to Avro, a whole table at a time: what `schemas.codec.encode` makes of each row.

An Avro record is its fields one behind the other (Avro specification, "Binary Encoding"). So each column becomes the
bytes of its field, and joining the columns row by row gives the records. The schema says which fields there are and in
which order; what isn't given takes the schema's default. Nothing is checked here: columns hold what their fields take.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any, TypeAlias

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.pieces import header
from schemas.registry import registry, without_logical_types

_NULL, _VALUE = b"\x00", b"\x02"
_NO_BYTES = pa.scalar(b"", pa.binary())
_LONGEST = 10


@dataclass(frozen=True, slots=True)
class Group:
    """A record that may be null: its fields by name, and in which rows it is there (boolean, no nulls)."""

    fields: Mapping[str, Column]
    present: pa.Array


@dataclass(frozen=True, slots=True)
class Entries:
    """An array or a map of text: an entry by name in each row where its column isn't null.

    An array's records are (name, value), a map's entries too: both are the two texts one behind the other.
    """

    columns: Mapping[str, pa.Array]


#: Text, int64 or boolean by the field's type; where the field may be null, so may be the column's values.
Column: TypeAlias = pa.Array | Group | Entries
#: A column's bytes, or the same bytes in each row.
_Piece: TypeAlias = pa.Array | bytes


def encode_table(record: str, columns: Mapping[str, Column], rows: int) -> pa.Array:
    """The value of each of ``rows`` rows, as a binary array; equal to what `schemas.codec.encode` gives."""
    schema = without_logical_types(registry().current(record).source)
    return _spread(_join([header(record), *_fields(schema, columns)]), rows)


def _fields(schema: Mapping[str, Any], columns: Mapping[str, Column]) -> list[_Piece]:
    return [
        _piece(field["type"], columns[field["name"]]) if field["name"] in columns else _default(json.dumps(field))
        for field in schema["fields"]
    ]


def _piece(schema: Any, column: Column) -> _Piece:
    if isinstance(schema, list):
        [inner] = (branch for branch in schema if branch != "null")
        if isinstance(column, Group):
            there = _join([_VALUE, *_fields(inner, column.fields)])
            return pc.if_else(column.present, _spread(there, len(column.present)), _NULL)
        return pc.fill_null(_join([_VALUE, _piece(inner, column)]), _NULL)
    if isinstance(column, Entries):
        return _entries(column)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "enum":
        symbols = pa.array(schema["symbols"], pa.string())
        return longs(pc.index_in(column, symbols))
    return {"string": texts, "boolean": _booleans, "long": longs, "int": longs}[kind](column)


def _entries(entries: Entries) -> _Piece:
    """A block of the entries that are there, if any, and the end of blocks."""
    if not entries.columns:
        return _NULL
    pieces, count = [], np.zeros(len(next(iter(entries.columns.values()))), np.int64)
    for name, column in entries.columns.items():
        pieces.append(pc.fill_null(_join([_text(name), texts(column)]), b""))
        count += column.is_valid().to_numpy(zero_copy_only=False)
    numbers = pc.if_else(pa.array(count > 0), longs(pa.array(count)), b"")
    return _join([numbers, *pieces, _NULL])


def optional_texts(columns: Sequence[pa.Array]) -> pa.Array:
    """The texts of each row one behind the other, each as a union of null and text."""
    return _join([pc.fill_null(_join([_VALUE, texts(column)]), _NULL) for column in columns])


def texts(column: pa.Array) -> pa.Array:
    """Each text's length and its UTF-8; null where it is null."""
    return _join([longs(pc.binary_length(column)), column.view(pa.binary())])


def longs(column: pa.Array) -> pa.Array:
    """Each integer as Avro writes it: zigzag, then 7 bits a byte, lowest first; null where it is null."""
    values = column.cast(pa.int64()).fill_null(0).to_numpy()
    rest = ((values << 1) ^ (values >> 63)).view(np.uint64)
    size = np.ones(len(values), np.int64)
    for bits in range(7, 64, 7):
        size += rest >= np.uint64(1) << np.uint64(bits)
    width = int(size.max(initial=1))
    shifts = np.arange(0, 7 * width, 7, dtype=np.uint64)
    groups = (rest[:, None] >> shifts & np.uint64(127)).astype(np.uint8)
    places = np.arange(width)
    groups[places < size[:, None] - 1] |= 128
    ends = np.zeros(len(values) + 1, np.int32)
    np.cumsum(size, out=ends[1:])
    data = groups[places < size[:, None]].tobytes()
    encoded = pa.Array.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(data)])
    return pc.if_else(column.is_valid(), encoded, None) if column.null_count else encoded


def _booleans(column: pa.Array) -> pa.Array:
    return pc.if_else(column, pa.scalar(b"\x01", pa.binary()), pa.scalar(b"\x00", pa.binary()))


def _join(pieces: Sequence[_Piece]) -> _Piece:
    """The pieces one behind the other; null where one of them is."""
    merged: list[_Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += piece
        else:
            merged.append(piece)
    if len(merged) == 1:
        return merged[0]
    parts = [pa.scalar(piece, pa.binary()) if isinstance(piece, bytes) else piece for piece in merged]
    return pc.binary_join_element_wise(*parts, _NO_BYTES)


def _spread(piece: _Piece, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(piece, pa.binary()), rows) if isinstance(piece, bytes) else piece


def _text(name: str) -> bytes:
    return _written("string", name)


@cache
def _default(field: str) -> bytes:
    declared = json.loads(field)
    return _written(declared["type"], declared["default"])


def _written(schema: Any, value: Any) -> bytes:
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), value)
    return body.getvalue()
