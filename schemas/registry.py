"""Every kept version of every record, found by its fingerprint.

The files of this folder are the registry: ``<record>.v<version>.avsc``, one a record and version. All versions can be
read; the highest is the one that is written, but for one named ``<record>.v<version>.next.avsc``, which is only read:
so a release learns to read what the next one will write, and either may run beside the other (docs/upgrading.md). Files
are never changed once released, but for the loss of that ``.next`` (`schemas.compatibility` holds that new versions can
be read as old ones and the other way round).

A fingerprint is the CRC-64-AVRO of the parsing canonical form (Avro specification, "Parsing Canonical Form for
Schemas"). Logical types are taken off first: the canonical form has none, times travel as integer milliseconds, and
the ``avro`` package leaves ``{"type": "long"}`` where the specification asks for ``"long"``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import avro.errors
import avro.schema
import fastavro
from fastavro.schema import SchemaParseException
from fastavro.types import Schema

FOLDER = Path(__file__).parent
_FILE = re.compile(r"(?P<record>[a-z_]+)\.v(?P<version>[1-9][0-9]*)(?P<next>\.next)?\.avsc")


class SchemaError(ValueError):
    """A schema file cannot be used; the message names the file."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one record: ``parsed`` is fastavro's form, ``fingerprint`` 8 bytes little-endian; ``is_written``
    unless it is one that only the next release writes."""

    record: str
    number: int
    is_written: bool
    fingerprint: bytes
    parsed: Schema
    source: Mapping[str, Any]


@dataclass(frozen=True)
class Registry:
    """All versions, by fingerprint and by record; ``current`` is the version that is written."""

    by_fingerprint: Mapping[bytes, Version]
    by_record: Mapping[str, tuple[Version, ...]]

    def current(self, record: str) -> Version:
        """The version of ``record`` that is written; of a record that only the next release writes, the one
        that is read; KeyError for a record that no file declares."""
        versions = self.by_record[record]
        return next((version for version in reversed(versions) if version.is_written), versions[0])


def without_logical_types(schema: Any) -> Any:
    """The same schema with ``{"type": "long", "logicalType": ...}`` reduced to ``"long"``."""
    if isinstance(schema, list):
        return [without_logical_types(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    if "logicalType" in schema:
        return schema["type"]
    return {k: without_logical_types(v) if k in ("type", "items", "values", "fields") else v for k, v in schema.items()}


def _read(path: Path) -> Version:
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise SchemaError(f"{path.name}: expected a name like touchpoint.v1.avsc")
    try:
        source = json.loads(path.read_text("utf-8"))
        plain = without_logical_types(source)
        fingerprint = avro.schema.parse(json.dumps(plain)).fingerprint("CRC-64-AVRO")
        # A private copy of names for each file: versions of one record share their full name.
        parsed = fastavro.parse_schema(plain, named_schemas={})
    except (ValueError, avro.errors.AvroException, SchemaParseException) as error:
        raise SchemaError(f"{path.name}: {error}") from error
    return Version(match["record"], int(match["version"]), match["next"] is None, fingerprint, parsed, source)


def _versions(folder: Path) -> Iterator[Version]:
    for path in folder.glob("*.avsc"):
        yield _read(path)


def load(folder: Path = FOLDER) -> Registry:
    """Read all ``*.avsc`` of ``folder``; SchemaError where one is wrong or two share a fingerprint."""
    by_fingerprint: dict[bytes, Version] = {}
    by_record: dict[str, list[Version]] = {}
    for version in sorted(_versions(folder), key=lambda v: (v.record, v.number)):
        other = by_fingerprint.setdefault(version.fingerprint, version)
        if other is not version and other.record != version.record:
            raise SchemaError(f"{version.record} and {other.record} have the same fingerprint")
        earlier = by_record.setdefault(version.record, [])
        if earlier and (earlier[-1].number == version.number or not earlier[-1].is_written):
            raise SchemaError(
                f"{version.record}: only one version may be .next, the highest, and each number is one file"
            )
        earlier.append(version)
    return Registry(by_fingerprint, {record: tuple(versions) for record, versions in by_record.items()})


@cache
def registry() -> Registry:
    """The registry of this folder, read once."""
    return load()
