"""Which changes to a released schema are caught."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.compatibility import changes, main, problems
from schemas.registry import Registry, load

RELEASED: dict[str, Any] = {
    "type": "record",
    "name": "Visit",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "began", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "ended", "type": [{"type": "long", "logicalType": "timestamp-millis"}, "null"], "default": 0},
        {
            "name": "mood",
            "type": {"type": "enum", "name": "Mood", "symbols": ["UNKNOWN", "glad"], "default": "UNKNOWN"},
            "default": "UNKNOWN",
        },
        {"name": "pages", "type": {"type": "array", "items": "int"}, "default": []},
    ],
}


def checked(folder: Path, *versions: dict[str, Any]) -> list[str]:
    for number, version in enumerate(versions, 1):
        (folder / f"visit.v{number}.avsc").write_text(json.dumps(version))
    return [str(problem) for problem in problems(load(folder))]


def changed(change: Callable[[dict[str, dict[str, Any]]], None]) -> dict[str, Any]:
    """The released schema after ``change``, which gets its fields by name; new names become new fields."""
    schema = copy.deepcopy(RELEASED)
    fields = {f["name"]: f for f in schema["fields"]}
    change(fields)
    return {**schema, "fields": list(fields.values())}


def add(field: dict[str, Any]) -> Callable[[dict[str, dict[str, Any]]], None]:
    return lambda fields: fields.update({field["name"]: field})


def retype(name: str, kind: Any) -> Callable[[dict[str, dict[str, Any]]], None]:
    return lambda fields: fields[name].update(type=kind)


def rename(name: str, other: str, **attributes: Any) -> Callable[[dict[str, dict[str, Any]]], None]:
    return lambda fields: fields.update({other: {**fields.pop(name), "name": other, **attributes}})


@pytest.mark.parametrize(
    "change",
    [
        add({"name": "place", "type": "string", "default": ""}),
        add({"name": "place", "type": ["null", "string"], "default": None}),
        lambda fields: fields.pop("pages"),
        lambda fields: fields["mood"]["type"]["symbols"].append("angry"),
        lambda fields: fields["id"].update(doc="another word on it"),
    ],
)
def test_a_change_that_every_version_survives_is_fine(
    tmp_path: Path, change: Callable[[dict[str, dict[str, Any]]], None]
) -> None:
    assert checked(tmp_path, RELEASED, changed(change)) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (add({"name": "place", "type": "string"}), "place"),
        (lambda fields: fields.pop("id"), "id"),
        (retype("id", "long"), "reader type: long not compatible with writer type: string"),
        (retype("pages", {"type": "array", "items": "long"}), "reader type: int not compatible with writer type: long"),
        (lambda fields: fields["pages"].update(type={"type": "map", "values": "int"}, default={}), "type: map"),
        (retype("began", "long"), "/began: logical type"),
        (retype("began", {"type": "long", "logicalType": "timestamp-micros"}), "/began: logical type"),
        (retype("ended", ["long", "null"]), "/ended: logical type"),
        (lambda fields: fields["mood"]["type"].pop("default"), "enum Mood needs the default UNKNOWN"),
        (lambda fields: fields["mood"]["type"].update(default="glad"), "enum Mood needs the default UNKNOWN"),
        (lambda fields: fields["mood"]["type"].update(symbols=["UNKNOWN", "happy"]), "older glad"),
        (add({"name": "place", "type": ["null", "string"], "default": ""}), "place: default ''"),
        (rename("pages", "leaves"), "/leaves: as /pages of the same type goes"),
        (rename("pages", "leaves", aliases=["pages"]), "/leaves: as /pages of the same type goes"),
        (lambda fields: fields["pages"].update(default=[1]), "/pages: default [1], the older has []"),
    ],
)
def test_a_change_that_some_version_does_not_survive_is_named(
    tmp_path: Path, change: Callable[[dict[str, dict[str, Any]]], None], named: str
) -> None:
    found = checked(tmp_path, RELEASED, changed(change))
    assert [line for line in found if named in line], found


def test_every_pair_of_versions_is_checked_not_only_neighbours(tmp_path: Path) -> None:
    with_place = changed(add({"name": "place", "type": "string", "default": ""}))
    place_a_number = changed(add({"name": "place", "type": "int", "default": 0}))
    found = checked(tmp_path, with_place, RELEASED, place_a_number)
    assert any(line.startswith("visit.v3 reading visit.v1") for line in found)
    assert any(line.startswith("visit.v1 reading visit.v3") for line in found)


def test_the_released_schemas_are_compatible(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().err == ""


def release(folder: Path, **versions: dict[str, Any]) -> Registry:
    folder.mkdir()
    for name, schema in versions.items():
        (folder / f"visit.{name.replace('_', '.')}.avsc").write_text(json.dumps(schema))
    return load(folder)


WITH_PLACE = changed(add({"name": "place", "type": "string", "default": ""}))


def test_what_the_release_before_reads_and_this_one_writes_is_fine(tmp_path: Path) -> None:
    first = release(tmp_path / "1", v1=RELEASED)
    second = release(tmp_path / "2", v1=RELEASED, v2_next=WITH_PLACE)
    third = release(tmp_path / "3", v1={**RELEASED, "doc": "Told better."}, v2=WITH_PLACE)
    assert [changes(*pair) for pair in ((first, second), (second, third))] == [[], []]
    (early,) = changes(first, third)
    assert str(early).startswith("visit.v1 reading visit.v2: written by this release and unknown to the one before")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"v2": WITH_PLACE}, "visit.v1: removed, while topics may still hold records of it"),
        ({"v1": WITH_PLACE, "v2": WITH_PLACE}, "visit.v1: changed after its release"),
        ({"v1": RELEASED, "v2_next": WITH_PLACE}, "visit.v2: was written by the release before"),
    ],
)
def test_a_released_version_stays_as_it_was(tmp_path: Path, now: dict[str, dict[str, Any]], told: str) -> None:
    before = release(tmp_path / "before", v1=RELEASED, v2=WITH_PLACE)
    assert [str(problem)[: len(told)] for problem in changes(before, release(tmp_path / "now", **now))] == [told]
