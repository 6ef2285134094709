"""Avro single-object encoding: what every Kafka value of ours looks like.

``C3 01``, the 8-byte little-endian fingerprint of the writer's schema, the Avro body (Avro specification,
"Single-object encoding"). A reader finds the writer's schema in the registry and resolves it to the current version,
defaults filled in, so a producer may be older than the stage that reads it, or newer where the stage knows the schema.

Records are plain dicts in the field names of the schema: times are integer milliseconds, enums their symbols, bytes
``bytes``.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, NamedTuple

import fastavro

from schemas.registry import Registry, registry

MARKER = b"\xc3\x01"
HEADER_BYTES = 10
#: fastavro names objects with their address, which no replay would repeat.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")

Record = dict[str, Any]


class Undecodable(ValueError):
    """The bytes are no record of ours; the message says what was found instead."""


class UnknownSchema(Undecodable):
    """The bytes say that they are a record of a schema that this release does not know: a newer one may."""

    may_be_newer = True


class Decoded(NamedTuple):
    """A record and the name of its kind, e.g. ``("touchpoint", {...})``."""

    name: str
    record: Record


class Codec:
    """Encodes with the current version of each record and decodes every kept one."""

    def __init__(self, known: Registry) -> None:
        self._known = known
        current = [known.current(name) for name, kept in known.by_record.items() if kept[0].is_written]
        self._writers = {version.record: (MARKER + version.fingerprint, version.parsed) for version in current}

    def encode(self, name: str, record: Record) -> bytes:
        """Bytes of ``record`` under the current schema of ``name``.

        Raises KeyError for an unknown ``name``; ValueError, TypeError or OverflowError for a value that the schema
        does not hold. Not all that is wrong is noticed (unknown fields, 1.5 for 1): `schemas.conformance` checks what
        comes from outside.
        """
        header, schema = self._writers[name]
        body = BytesIO()
        body.write(header)
        fastavro.schemaless_writer(body, schema, record)
        return body.getvalue()

    def decode(self, data: bytes) -> Decoded:
        """The record in ``data``, in the current version of its schema; Undecodable where it is none of ours."""
        if data[:2] != MARKER:
            raise Undecodable(f"expected Avro single-object encoding (c3 01), found {data[:2].hex(' ') or 'nothing'}")
        version = self._known.by_fingerprint.get(data[2:HEADER_BYTES])
        if version is None:
            raise UnknownSchema(f"unknown schema fingerprint {data[2:HEADER_BYTES].hex()}")
        body = BytesIO(data)
        body.seek(HEADER_BYTES)
        current = self._known.current(version.record)
        reader = None if current is version else current.parsed
        try:
            record = fastavro.schemaless_reader(body, version.parsed, reader)
        # fastavro answers damaged bytes with whatever its parser runs into.
        except Exception as error:
            raise Undecodable(
                f"damaged {version.record}: {type(error).__name__}: {_ADDRESS.sub('', str(error))}"
            ) from error
        if body.read(1):
            raise Undecodable(f"damaged {version.record}: bytes behind the end of the record")
        if not isinstance(record, dict):
            raise Undecodable(f"damaged {version.record}: no record")
        return Decoded(version.record, record)


_codec = Codec(registry())
encode = _codec.encode
decode = _codec.decode
