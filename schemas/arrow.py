"""Avro to Arrow and back with pyruhvro, in Rust: whole batches of one kind of record, of the current version.

It decides what pyruhvro may be trusted with, and finds in a batch what it takes. What it doesn't take is left to the
caller (`schemas.columns`), who asks fastavro. Where pyruhvro doesn't hold what it promises it isn't asked, or asked in
other words (version 0.4.0, found by mutating our records and comparing with fastavro):
- Bytes behind the end of a record are ignored. Each value gets 8 random bytes more, read as a last field `_END`.
- Text is taken as it is, UTF-8 or not: Arrow's own validation follows.
- An int out of 32 bits is cut, fastavro keeps it: ints are read as longs, which are written in the same way.
- Bytes panic. Where they are the last field and hold a record of ours, named after it (as in ResolvedTouchpoint), the
  value is cut there and only their length decoded; records with other bytes (dead letters) aren't decoded here.
- One bad value fails its batch, without saying which: halves, until few are left.
- It refuses what fastavro reads (numbers of 10 bytes and more, enum indices below 0).
- Encoding makes empty text and 0 of nulls inside arrays: records with nulls anywhere are not encoded here.
Decoding runs in the calling thread; encoding starts pyruhvro's own threads, one more a core, once.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from schemas.codec import HEADER_BYTES, MARKER, Record
from schemas.registry import registry, without_logical_types

#: A call costs what this many values cost one by one.
FEWEST = 16
_END = "_end"
# Random, so that nobody can write bytes behind a record that pass for its end; the last byte keeps it a finite number.
_END_BYTES = os.urandom(7) + b"\x3f"
(_END_VALUE,) = struct.unpack("<d", _END_BYTES)


class Batch(NamedTuple):
    """Decoded values, at ``positions`` of those given; ``tails`` are the bytes of the field ``tail``, cut off first."""

    positions: Sequence[int]
    arrow: pa.RecordBatch
    tail: str | None
    tails: Sequence[bytes]

    def column(self, path: Sequence[str]) -> list[Any]:
        """The values at ``path``: a field, a field of the records in it, and so on."""
        if path[0] == self.tail:
            return list(self.tails)
        array = _field(self.arrow.column(path[0]), path[1:])
        values: list[Any] = array.to_pylist()
        # Asked for dicts, pyarrow goes another way that takes ten times as long.
        return [dict(value) for value in values] if pa.types.is_map(array.type) else values

    def records(self) -> list[Record]:
        """All fields, one dict a value."""
        names = self.arrow.schema.names[:-1]
        return [dict(zip(names, row, strict=True)) for row in zip(*(self.column([n]) for n in names), strict=True)]


def decode_batch(values: Sequence[bytes | None], record: str) -> Batch | None:
    """Those of ``values`` that pyruhvro takes for a ``record``; None where it takes none."""
    plan = _plan(record)
    if plan is None or len(values) < FEWEST:
        return None
    parts = list(_parts(_cut(values, plan), plan))
    if not parts:
        return None
    if len(parts) == 1:
        [(cut, arrow)] = parts
        return Batch(cut.positions, arrow, plan.tail, cut.tails)
    positions = [at for cut, _ in parts for at in cut.positions]
    tails = [tail for cut, _ in parts for tail in cut.tails]
    return Batch(positions, pa.concat_batches([arrow for _, arrow in parts]), plan.tail, tails)


def encode_batch(records: Sequence[Record], record: str) -> list[bytes] | None:
    """``records`` encoded; None where pyruhvro doesn't take one of them."""
    plan = _plan(record)
    if plan is None or plan.fields is None or len(records) < FEWEST:
        return None
    tail = plan.tail
    rows = records if tail is None else [{**fields, tail: len(fields[tail])} for fields in records]
    try:
        array = pa.array(rows, plan.fields)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return None
    if _has_nulls(array):
        return None
    try:
        [bodies] = pyruhvro.serialize_record_batch(pa.RecordBatch.from_struct_array(array), plan.schema, 1)
    except ValueError:
        return None
    encoded = bodies.to_pylist()
    if tail is None:
        return [plan.header + body for body in encoded]
    return [plan.header + body + fields[tail] for body, fields in zip(encoded, records, strict=True)]


class Plan(NamedTuple):
    """How pyruhvro treats a kind of record, whose values begin with ``header``.

    ``reading`` and ``schema`` are JSON, ``fields`` the Arrow type for encoding, None where there are nulls. ``tail`` is
    the last field, where it is a record's bytes; ``tail_header`` is what they begin with.
    """

    header: bytes
    reading: str
    schema: str
    fields: pa.DataType | None
    tail: str | None
    tail_header: bytes


@cache
def _plan(record: str) -> Plan | None:
    """None where the schema has bytes that pyruhvro can't be spared."""
    known = registry()
    current = known.current(record)
    schema = without_logical_types(current.source)
    *fields, last = schema["fields"]
    tail = last["name"] if last["type"] == "bytes" and last["name"] in known.by_record else None
    if tail is not None:
        schema["fields"] = [*fields, {**last, "type": "long"}]
    text = json.dumps(schema)
    if '"bytes"' in text:
        return None
    reading = _widened({**schema, "fields": [*schema["fields"], {"name": _END, "type": "double"}]})
    return Plan(
        header=MARKER + current.fingerprint,
        reading=json.dumps(reading),
        schema=text,
        fields=None if '"null"' in text else pa.struct(list(pyruhvro.avro_to_arrow_schema(text))),
        tail=tail,
        tail_header=MARKER + known.current(tail).fingerprint if tail is not None else b"",
    )


def _widened(schema: Any) -> Any:
    """``schema`` with long for int."""
    if isinstance(schema, list):
        return [_widened(part) for part in schema]
    if isinstance(schema, dict):
        return {k: _widened(v) if k in ("type", "items", "values", "fields") else v for k, v in schema.items()}
    return "long" if schema == "int" else schema


class _Cut(NamedTuple):
    """Values at ``positions``: ``bodies`` are what lies between header and tail, with an end; no ``tails``, no tail."""

    positions: Sequence[int]
    bodies: list[bytes]
    tails: list[bytes]

    def part(self, part: slice) -> _Cut:
        return _Cut(self.positions[part], self.bodies[part], self.tails[part])


def _cut(values: Sequence[bytes | None], plan: Plan) -> _Cut:
    """Those of ``values`` that begin with the header, and go on with the tail's where there is a tail."""
    found = [(at, value) for at, value in enumerate(values) if value is not None and value.startswith(plan.header)]
    if plan.tail is None:
        return _Cut([at for at, _ in found], [value[HEADER_BYTES:] + _END_BYTES for _, value in found], [])
    whole = [(at, value, end) for at, value in found if (end := value.find(plan.tail_header, HEADER_BYTES)) > 0]
    bodies = [value[HEADER_BYTES:end] + _END_BYTES for _, value, end in whole]
    return _Cut([at for at, _, _ in whole], bodies, [value[end:] for _, value, end in whole])


def _parts(cut: _Cut, plan: Plan) -> Iterator[tuple[_Cut, pa.RecordBatch]]:
    """What pyruhvro takes of ``cut``, in as few batches as halving finds."""
    if len(cut.bodies) < FEWEST:
        return
    try:
        yield cut, _decode(cut, plan)
    except ValueError:
        middle = len(cut.bodies) // 2
        yield from _parts(cut.part(slice(middle)), plan)
        yield from _parts(cut.part(slice(middle, None)), plan)


def _decode(cut: _Cut, plan: Plan) -> pa.RecordBatch:
    arrow = pyruhvro.deserialize_array(cut.bodies, plan.reading)
    arrow.validate(full=True)
    if not pc.all(pc.equal(arrow.column(_END), _END_VALUE)).as_py():
        raise ValueError("a record ends before its value")
    if plan.tail is not None and arrow.column(plan.tail).to_pylist() != list(map(len, cut.tails)):
        raise ValueError("a tail has another length")
    return arrow


def _field(array: pa.Array, path: Sequence[str]) -> pa.Array:
    """``array`` of records, or of arrays of them, as one of what they hold at ``path``."""
    if not path:
        return array
    if pa.types.is_list(array.type):
        return pa.ListArray.from_arrays(array.offsets, _field(array.values, path))
    return _field(pc.struct_field(array, path[0]), path[1:])


def _has_nulls(array: pa.Array) -> bool:
    if array.null_count:
        return True
    if pa.types.is_struct(array.type):
        return any(map(_has_nulls, array.flatten()))
    if pa.types.is_map(array.type):
        return _has_nulls(array.items)
    return pa.types.is_list(array.type) and _has_nulls(array.values)
