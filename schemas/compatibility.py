"""FULL_TRANSITIVE: every kept version of a record can be read as every other one.

``python -m schemas.compatibility`` checks the files of this folder and exits with 1 where a rule is broken; `make
check` runs it. ``avro.compatibility`` decides; what it does not look at is checked here: logical types, that a union's
default fits its first branch (so that older data can be filled), and that every enum has UNKNOWN as its default.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import permutations
from typing import Any, NamedTuple

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.registry import Registry, Version, registry, without_logical_types


def problems(known: Registry) -> list[str]:
    """One line for each broken rule, empty where the registry is sound."""
    found: list[str] = []
    for versions in known.by_record.values():
        for version in versions:
            found += [f"{_label(version)}: {problem}" for problem in _default_problems(version.source)]
        for reader, writer in permutations(versions, 2):
            found += [f"{_label(reader)} reading {_label(writer)}: {p}" for p in _read_problems(reader, writer)]
    return found


def _label(version: Version) -> str:
    return f"{version.record}.v{version.number}"


def _read_problems(reader: Version, writer: Version) -> Iterator[str]:
    parsed = [avro.schema.parse(json.dumps(without_logical_types(v.source))) for v in (reader, writer)]
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # the package types it only in part
    result = checker.get_compatibility(parsed[0], parsed[1])
    if result.compatibility is not SchemaCompatibilityType.compatible:
        yield f"{', '.join(sorted(result.locations))}: {'; '.join(sorted(result.messages))}"
    read, written = _leaves(reader.source), _leaves(writer.source)
    for path in sorted(read.keys() & written.keys()):
        ours, theirs = read[path], written[path]
        if ours.logical_type != theirs.logical_type:
            yield f"{path}: logical type {ours.logical_type} against {theirs.logical_type}"
        if reader.number > writer.number and (gone := [s for s in theirs.symbols if s not in ours.symbols]):
            yield f"{path}: enum without the older {', '.join(gone)}"


class _Leaf(NamedTuple):
    logical_type: str | None = None
    symbols: tuple[str, ...] = ()


def _leaves(schema: Any, path: str = "") -> dict[str, _Leaf]:
    """What avro's check ignores of every primitive and enum, by its path; a nullable one is its other branch."""
    if isinstance(schema, list):
        merged: dict[str, _Leaf] = {}
        for branch in schema:
            if branch != "null":
                merged |= _leaves(branch, path)
        return merged
    if not isinstance(schema, dict):
        return {path: _Leaf()}
    kind = schema["type"]
    if kind == "record":
        merged = {}
        for field in schema["fields"]:
            merged |= _leaves(field["type"], f"{path}/{field['name']}")
        return merged
    if kind in ("array", "map"):
        return _leaves(schema["items" if kind == "array" else "values"], f"{path}[]")
    return {path: _Leaf(schema.get("logicalType"), tuple(schema.get("symbols", ())))}


def _default_problems(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _default_problems(branch)
    elif isinstance(schema, dict):
        kind = schema.get("type")
        if kind == "enum" and schema.get("default") != "UNKNOWN":
            yield f"enum {schema['name']} needs the default UNKNOWN, so that older readers survive new symbols"
        # The registry has made sure that a default fits one of the branches; the specification asks for the first.
        if isinstance(kind, list) and "default" in schema and (schema["default"] is None) != (kind[0] == "null"):
            yield f"{schema['name']}: default {schema['default']!r} does not fit {kind[0]}, the first of its types"
        for key in ("type", "items", "values", "fields"):
            yield from _default_problems(schema.get(key))


def main() -> int:
    """Print what is wrong; 0 where nothing is."""
    found = problems(registry())
    for line in found:
        sys.stderr.write(line + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
