"""FULL_TRANSITIVE: every kept version of a record can be read as every other one.

``python -m schemas.compatibility`` checks the files of this folder and exits with 1 where a rule is broken; `make
check` runs it. ``avro.compatibility`` decides; what it does not look at is checked here: logical types, defaults that
change, fields that look renamed, that a union's default fits its first branch (so that older data can be filled), and
that every enum has UNKNOWN as its default. `changes` compares with the release before. Who breaks is told by
`omnijourney schemas check`, which knows who reads what.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise, permutations
from typing import Any, NamedTuple

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.registry import Registry, Version, registry, without_logical_types


class Problem(NamedTuple):
    """What is wrong where the version ``reader`` of ``record`` reads what the version ``writer`` wrote; the same number
    twice: with that version itself. 0 is a reader that does not know the record at all."""

    record: str
    reader: int
    writer: int
    text: str

    def __str__(self) -> str:
        if not self.reader:
            return f"{self.record}.v{self.writer}: {self.text}"
        reading = "" if self.reader == self.writer else f" reading {self.record}.v{self.writer}"
        return f"{self.record}.v{self.reader}{reading}: {self.text}"


def problems(known: Registry) -> list[Problem]:
    """Each broken rule, empty where the registry is sound."""
    found: list[Problem] = []
    for record, versions in known.by_record.items():
        for version in versions:
            found += [Problem(record, version.number, version.number, p) for p in _default_problems(version.source)]
        for reader, writer in permutations(versions, 2):
            found += [Problem(record, reader.number, writer.number, p) for p in _read_problems(reader, writer)]
        for older, newer in pairwise(versions):
            found += [Problem(record, newer.number, older.number, p) for p in _renamed(older.source, newer.source)]
    return found


def changes(before: Registry, now: Registry) -> list[Problem]:
    """What breaks where releases with the registries ``before`` and ``now`` run side by side, or one takes the other's
    place: versions lost or changed, and those that are written before the other release can read them."""
    found: list[Problem] = []
    for record, versions in before.by_record.items():
        ours = {version.number: version for version in now.by_record.get(record, ())}
        for version in versions:
            kept = ours.pop(version.number, None)
            if text := _not_kept(version, kept):
                found.append(Problem(record, version.number, version.number, text))
        found += [
            Problem(record, versions[-1].number, new.number, _TOO_EARLY) for new in ours.values() if new.is_written
        ]
    for record in now.by_record.keys() - before.by_record.keys():
        found += [Problem(record, 0, new.number, _TOO_EARLY) for new in now.by_record[record] if new.is_written]
    return found


_TOO_EARLY = (
    "written by this release and unknown to the one before, whose workers would stop at it:"
    " name the file .next.avsc for one release"
)


def _not_kept(version: Version, kept: Version | None) -> str:
    if kept is None:
        return "removed, while topics may still hold records of it: put the file back"
    if _without_docs(kept.source) != _without_docs(version.source):
        return "changed after its release: put the file back, and the change into a new version"
    if version.is_written and not kept.is_written:
        return "was written by the release before: it can't become .next again"
    return ""


def _without_docs(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_docs(part) for part in schema]
    if isinstance(schema, dict):
        return {key: _without_docs(part) for key, part in schema.items() if key != "doc"}
    return schema


def _read_problems(reader: Version, writer: Version) -> Iterator[str]:
    parsed = [avro.schema.parse(json.dumps(without_logical_types(v.source))) for v in (reader, writer)]
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # the package types it only in part
    result = checker.get_compatibility(parsed[0], parsed[1])
    if result.compatibility is not SchemaCompatibilityType.compatible:
        kinds = {kind.value.replace("_", " ") for kind in result.incompatibilities}
        told, where = "; ".join(sorted(result.messages)), ", ".join(sorted(result.locations))
        yield f"{', '.join(sorted(kinds))}: {told} ({where})"
    read, written = _leaves(reader.source), _leaves(writer.source)
    for path in sorted(read.keys() & written.keys()):
        ours, theirs = read[path], written[path]
        if ours.logical_type != theirs.logical_type:
            yield f"{path}: logical type {ours.logical_type} against {theirs.logical_type}"
        if reader.number > writer.number and (gone := [s for s in theirs.symbols if s not in ours.symbols]):
            yield f"{path}: enum without the older {', '.join(gone)}"
    if reader.number > writer.number:
        ours_, theirs_ = _fields(reader.source), _fields(writer.source)
        for path in sorted(ours_.keys() & theirs_.keys()):
            if ours_[path].get("default") != theirs_[path].get("default"):
                found, older = (json.dumps(field.get("default")) for field in (ours_[path], theirs_[path]))
                yield f"{path}: default {found}, the older has {older}: what lacks it would be read in two ways"


def _renamed(older: Any, newer: Any) -> Iterator[str]:
    """Where a field went and one of the same type came: under another name the value is lost to the other version, and
    an alias helps the newer one alone."""
    before, after = _fields(older), _fields(newer)
    for gone in sorted(before.keys() - after.keys()):
        for came in sorted(after.keys() - before.keys()):
            same_place = gone.rpartition("/")[0] == came.rpartition("/")[0]
            if same_place and _without_docs(before[gone]["type"]) == _without_docs(after[came]["type"]):
                yield f"{came}: as {gone} of the same type goes. Renamed, it is lost to the other version: keep both"


def _fields(schema: Any, path: str = "") -> dict[str, Mapping[str, Any]]:
    """Every field by its path."""
    if isinstance(schema, list):
        return {k: v for branch in schema for k, v in _fields(branch, path).items()}
    if not isinstance(schema, dict):
        return {}
    if schema["type"] in ("array", "map"):
        return _fields(schema["items" if schema["type"] == "array" else "values"], f"{path}[]")
    found: dict[str, Mapping[str, Any]] = {}
    for field in schema.get("fields", ()):
        inside = f"{path}/{field['name']}"
        found |= {inside: field, **_fields(field["type"], inside)}
    return found


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
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
