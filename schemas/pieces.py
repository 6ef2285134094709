"""A record's bytes in pieces, for who writes many records that share most of their fields.

An Avro record is its fields, one behind the other. So pieces of fields that follow each other are encoded once, kept,
and joined behind the record's header into what `schemas.codec.encode` would have given, for a tenth of its price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from io import BytesIO
from typing import Any

import fastavro
from fastavro.types import Schema

from schemas.codec import MARKER
from schemas.registry import registry, without_logical_types


def header(record: str) -> bytes:
    """What every value of ``record`` begins with."""
    return MARKER + registry().current(record).fingerprint


def piece(record: str, fields: Mapping[str, Any]) -> bytes:
    """The bytes of ``fields``, which follow each other in the schema of ``record``, in that order.

    Raises as `schemas.codec.encode` does, and ValueError for fields that don't follow each other.
    """
    body = BytesIO()
    fastavro.schemaless_writer(body, _part(record, tuple(fields)), fields)
    return body.getvalue()


def headers(record: str) -> list[bytes]:
    """What values of ``record`` may begin with: one for each version of its schema."""
    return [MARKER + version.fingerprint for version in registry().by_record[record]]


@lru_cache(maxsize=4_096)  # half the price: lengths, partitions and times repeat
def long(number: int) -> bytes:
    """The bytes of an int or long, which are also what the length of text and bytes is written as."""
    rest = number << 1 if number >= 0 else ~(number << 1)
    if rest < 128:
        return rest.to_bytes()
    found = bytearray()
    while rest > 127:
        found.append(rest & 127 | 128)
        rest >>= 7
    found.append(rest)
    return bytes(found)


@cache
def _part(record: str, names: tuple[str, ...]) -> Schema:
    """The schema of ``record`` with only the fields ``names``."""
    source = without_logical_types(registry().current(record).source)
    every = [field["name"] for field in source["fields"]]
    first = every.index(names[0])
    if tuple(every[first : first + len(names)]) != names:
        raise ValueError(f"fields of {record}: {', '.join(names)} don't follow each other")
    fields = source["fields"][first : first + len(names)]
    known: dict[str, Any] = {}
    fastavro.parse_schema(source, named_schemas=known)
    for name in _defined(fields, source["namespace"]):
        known.pop(name, None)
    return fastavro.parse_schema({**source, "name": "_Part", "fields": fields}, named_schemas=known)


def _defined(schema: Any, namespace: str) -> Iterator[str]:
    """Full names of what is defined in ``schema`` itself; elsewhere it may only be named."""
    if isinstance(schema, list):
        for part in schema:
            yield from _defined(part, namespace)
    elif isinstance(schema, dict):
        if schema.get("type") in ("record", "enum", "fixed"):
            yield f"{namespace}.{schema['name']}"
        for key in ("type", "items", "values", "fields"):
            yield from _defined(schema.get(key), namespace)
