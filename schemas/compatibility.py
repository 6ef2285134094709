"""FULL_TRANSITIVE: every kept version of a record can be read as every other one.

``python -m schemas.compatibility`` checks the files of this folder and exits with 1 where a rule is broken; `make check` runs
it. ``avro.compatibility`` decides; what it does not look at is checked here: logical types, that a union's
default fits its first branch (so that older data can be filled), and that every enum has UNKNOWN as its default.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.registry import Registry, Version, registry, without_logical_types


def problems(known: Registry) -> list[str]:
    """One line for each broken rule, empty where the registry is sound."""
    found: list[str] = []
    for versions in known.by_record.values():
        for version in versions:
            found += [f"{_label(version)}: {problem}" for problem in _enum_problems(version.source)]
        for reader, writer in permutations(versions, 2):
            found += [f"{_label(reader)} reading {_label(writer)}: {p}" for p in _read_problems(reader, writer)]
    return found


def _label(version: Version) -> str:
    return f"{version.record}.v{version.number}"


def _read_problems(reader: Version, writer: Version) -> Iterator[str]:
    parsed = [avro.schema.parse(json.dumps(without_logical_types(v.source))) for v in (reader, writer)]
    result = ReaderWriterCompatibilityChecker().get_compatibility(*parsed)
    if result.compatibility is not SchemaCompatibilityType.compatible:
        places = sorted(result.locations) or ["/"]
        yield from (f"{place}: {message}" for place, message in zip(places, sorted(result.messages), strict=False))
    ours, theirs = _logical_types(reader.source), _logical_types(writer.source)
    for path in sorted(ours.keys() & theirs.keys()):
        if ours[path] != theirs[path]:
            yield f"{path}: logical type {ours[path]} against {theirs[path]}"


def _logical_types(schema: Any, path: str = "") -> dict[str, str | None]:
    """Logical type of every primitive by its path; None where it has none."""
    if isinstance(schema, list):
        merged: dict[str, str | None] = {}
        for branch in schema:
            merged |= _logical_types(branch, path)
        return merged
    if not isinstance(schema, dict):
        return {path: None}
    kind = schema["type"]
    if kind == "record":
        merged = {}
        for field in schema["fields"]:
            merged |= _logical_types(field["type"], f"{path}/{field['name']}")
        return merged
    if kind in ("array", "map"):
        return _logical_types(schema["items" if kind == "array" else "values"], f"{path}[]")
    return {path: schema.get("logicalType")}


def _enum_problems(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _enum_problems(branch)
    elif isinstance(schema, dict):
        if schema.get("type") == "enum" and schema.get("default") != "UNKNOWN":
            yield f"enum {schema['name']} needs the default UNKNOWN, so that older readers survive new symbols"
        for key in ("type", "items", "values", "fields"):
            yield from _enum_problems(schema.get(key))


def main() -> int:
    """Print what is wrong; 0 where nothing is."""
    found = problems(registry())
    for line in found:
        sys.stderr.write(line + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
