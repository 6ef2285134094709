"""The registry: names, versions and fingerprints from the files of a folder."""

import json
from pathlib import Path

import fastavro.schema
import pytest

from schemas.registry import FOLDER, SchemaError, load, registry
from tests.unit.schemas.record_strategies import NAMES, source


@pytest.mark.parametrize("name", NAMES)
def test_fingerprints_equal_those_that_fastavro_computes(name: str) -> None:
    canonical = fastavro.schema.to_parsing_canonical_form(source(name))
    independent = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))
    assert registry().current(name).fingerprint == independent


def test_docs_and_the_order_of_attributes_do_not_change_a_fingerprint(tmp_path: Path) -> None:
    fields = [{"name": "a", "type": {"type": "int"}, "doc": "one"}]
    one = {"type": "record", "name": "A", "fields": fields}
    other = {"doc": "other", "fields": [{"type": "int", "name": "a"}], "name": "A", "type": "record"}
    (tmp_path / "one.v1.avsc").write_text(json.dumps(one))
    (tmp_path / "one.v2.avsc").write_text(json.dumps(other))
    versions = load(tmp_path).by_record["one"]
    assert versions[0].fingerprint == versions[1].fingerprint


def test_every_file_of_the_folder_is_in_the_registry() -> None:
    files = {path.name for path in FOLDER.glob("*.avsc")}
    known = [version for versions in registry().by_record.values() for version in versions]
    assert files == {f"{v.record}.v{v.number}{'' if v.is_written else '.next'}.avsc" for v in known}


def test_the_highest_version_is_current_also_beyond_nine(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        schema = {"type": "record", "name": "A", "fields": [{"name": f"f{number}", "type": "int", "default": 0}]}
        (tmp_path / f"a.v{number}.avsc").write_text(json.dumps(schema))
    assert load(tmp_path).current("a").number == 10


def write(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        schema = {"type": "record", "name": "A", "fields": [{"name": f"f{number}", "type": "int", "default": 0}]}
        (folder / f"a.{name}.avsc").write_text(json.dumps(schema))


def test_a_version_of_the_next_release_is_read_and_not_written(tmp_path: Path) -> None:
    write(tmp_path, "v1", "v2.next")
    known = load(tmp_path)
    assert known.current("a").number == 1
    assert [version.number for version in known.by_record["a"]] == [1, 2]


@pytest.mark.parametrize("names", [("v1.next", "v2"), ("v1", "v2.next", "v3"), ("v1", "v2", "v2.next")])
def test_only_the_highest_of_several_versions_may_be_of_the_next_release(tmp_path: Path, names: tuple[str]) -> None:
    write(tmp_path, *names)
    with pytest.raises(SchemaError, match=r"^a: "):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("touchpoint.avsc", "{}"),
        ("touchpoint.v0.avsc", "{}"),
        ("Touchpoint.v1.avsc", "{}"),
        ("a.v1.avsc", "{"),
        ("a.v1.avsc", '{"type": "record", "name": "A"}'),
        ("a.v1.avsc", '{"type": "record", "name": "A", "fields": [{"name": "x", "type": "text"}]}'),
        ("a.v1.avsc", '{"type": "record", "name": "A", "fields": [{"name": "x", "type": "Missing"}]}'),
        ("a.v1.avsc", '{"type": "record", "name": "A", "fields": [{"name": "x", "type": "int", "default": "0"}]}'),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SchemaError, match=name):
        load(tmp_path)


def test_two_records_must_not_share_a_fingerprint(tmp_path: Path) -> None:
    schema = json.dumps({"type": "record", "name": "A", "fields": [{"name": "x", "type": "int"}]})
    (tmp_path / "a.v1.avsc").write_text(schema)
    (tmp_path / "b.v1.avsc").write_text(schema)
    with pytest.raises(SchemaError, match="same fingerprint"):
        load(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_record_and_field_says_what_it_means(name: str) -> None:
    schema = registry().current(name).source
    assert schema["doc"]
    assert [f["name"] for f in schema["fields"] if not f.get("doc")] == []
