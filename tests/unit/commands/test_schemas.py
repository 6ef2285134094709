"""`omnijourney schemas check`: which changes are refused, and who is said to break."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from schemas.registry import FOLDER
from streams.cli import main

Schema = dict[str, Any]


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["schemas", "check", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the released schemas to change."""
    copied = tmp_path / "schemas"
    copied.mkdir()
    for path in FOLDER.glob("*.avsc"):
        shutil.copy(path, copied)
    return copied


def add_version(
    folder: Path, record: str, change: Callable[[Schema, dict[str, Schema]], object], suffix: str = ""
) -> None:
    """A second version of ``record``, made of the first by ``change``, which gets it and its fields by name."""
    schema = json.loads((folder / f"{record}.v1.avsc").read_text("utf-8"))
    fields = {field["name"]: field for field in schema["fields"]}
    change(schema, fields)
    schema["fields"] = list(fields.values())
    (folder / f"{record}.v2{suffix}.avsc").write_text(json.dumps(schema), "utf-8")


def region(_schema: Schema, fields: dict[str, Schema]) -> None:
    fields["region"] = {"name": "region", "type": "string", "default": ""}


def test_the_released_schemas_can_be_read_by_each_other() -> None:
    result = check()
    assert result.exit_code == 0
    assert result.output.endswith("versions: each can be read as every other\n")


def test_a_field_with_a_default_is_taken_once_the_release_before_can_read_it(folder: Path) -> None:
    add_version(folder, "touchpoint", region, ".next")
    assert check("--folder", str(folder), "--against", str(FOLDER)).exit_code == 0


def test_a_version_that_the_release_before_cannot_read_is_refused_with_its_readers(folder: Path) -> None:
    add_version(folder, "touchpoint", region)
    result = check("--folder", str(folder), "--against", str(FOLDER))
    assert result.exit_code == 1
    assert "touchpoint.v1 reading touchpoint.v2: written by this release and unknown to the one before" in result.output
    assert "breaks intake, customers, sink of the release before, at what this one writes to customers.activity, t" in (
        result.output
    )


def test_a_new_record_is_read_by_one_release_before_it_is_written(folder: Path) -> None:
    schema = json.loads((folder / "outcome.v1.avsc").read_text("utf-8"))
    written, read = folder / "visit.v1.avsc", folder / "visit.v1.next.avsc"
    written.write_text(json.dumps({**schema, "name": "Visit"}), "utf-8")
    result = check("--folder", str(folder), "--against", str(FOLDER))
    assert result.exit_code == 1
    assert "visit.v1: written by this release and unknown to the one before" in result.output
    written.rename(read)
    assert check("--folder", str(folder), "--against", str(FOLDER)).exit_code == 0


def test_this_release_keeps_to_what_was_released() -> None:
    result = check("--against", str(FOLDER / "released"))
    assert (result.exit_code, result.output.count("\n")) == (0, 1)


@pytest.mark.parametrize(
    ("record", "change", "told", "reader"),
    [
        ("touchpoint", lambda _, fields: fields.pop("event_id"), "event_id", "breaks intake, customers, sink"),
        (
            "session",
            lambda _, fields: fields["page_views"].update(type="long"),
            "reader type: int not compatible with writer type: long",
            "breaks sink of the release before, at what this one writes to sessions",
        ),
        (
            "link",
            lambda _, fields: fields["occurred_at"].update(type="long"),
            "/occurred_at: logical type None against timestamp-millis",
            "breaks identity, sink of this release, at what is still in identity.links",
        ),
        (
            "assignment",
            lambda _, fields: fields.update(owner={**fields.pop("customer"), "name": "owner", "default": ""}),
            "/owner: as /customer of the same type goes",
            "breaks intake, sink of this release, at what is still in identity.assignments",
        ),
        (
            "identity_change",
            lambda _, fields: fields["kind"]["type"]["symbols"].pop(),
            "/kind: enum without the older",
            "breaks sink of this release, at what is still in identity.changes",
        ),
    ],
)
def test_an_incompatible_change_is_refused_and_its_readers_are_named(
    folder: Path, record: str, change: Any, told: str, reader: str
) -> None:
    add_version(folder, record, change, ".next")
    result = check("--folder", str(folder))
    assert result.exit_code == 1
    assert told in result.output
    assert reader in result.output


def test_a_revision_of_git_may_stand_for_the_release_before(folder: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "released")
    assert check("--folder", str(folder), "--against", "HEAD").exit_code == 0
    (folder / "session.v1.avsc").unlink()
    result = check("--folder", str(folder), "--against", "HEAD")
    assert "session.v1: removed" in result.output
    wrong = check("--folder", str(folder), "--against", "no-such")
    assert wrong.exit_code == 2
    assert "neither a folder nor a revision" in wrong.output
