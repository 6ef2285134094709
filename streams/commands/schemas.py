"""`omnijourney schemas check`: a change to a record's schema is refused before it is released, with who would break.

`schemas.compatibility` decides; here it is told which stages read the record, by the topics that it stands on.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from streams import composition, topics

if TYPE_CHECKING:
    from schemas.compatibility import Problem
    from schemas.registry import Registry

EXIT_FAILED = 1
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
#: Records that travel inside others, as the bytes they came in.
INSIDE = {"touchpoint": ("resolved_touchpoint",)}


@click.group()
def schemas() -> None:
    """The records' schemas: what may change, and what may not."""


@schemas.command()
@click.option("--folder", type=_FOLDER, help="Check the files there instead of this release's.")
@click.option("--against", metavar="DIR|REV", help="The release before: its schemas' folder, or a revision of git.")
def check(folder: Path | None, against: str | None) -> None:
    """Refuse what older or newer workers could not read, and say who; exit code 1 where there is any."""
    from schemas.compatibility import changes, problems
    from schemas.registry import FOLDER

    now = _load(folder or FOLDER)
    found = [*problems(now)]
    if against is not None:
        found += changes(_before(against, folder or FOLDER), now)
    for problem in found:
        click.echo(f"{problem}\n  {breaks(problem)}")
    if found:
        raise SystemExit(EXIT_FAILED)
    versions = sum(map(len, now.by_record.values()))
    click.echo(f"{len(now.by_record)} records, {versions} versions: each can be read as every other")


def breaks(problem: Problem) -> str:
    """Who would read the record wrongly or not at all, and where."""
    read = {stage: sorted(names) for stage, names in _readers(problem.record) if names}
    stages, where = ", ".join(read) or "no stage", ", ".join(sorted({n for names in read.values() for n in names}))
    if problem.reader < problem.writer:
        return f"breaks {stages} of the release before, at what this one writes to {where}"
    if problem.reader > problem.writer:
        return f"breaks {stages} of this release, at what is still in {where}"
    return f"breaks {stages}, which read it from {where}"


def _readers(record: str) -> Iterator[tuple[str, set[str]]]:
    """Each stage with the topics on which it meets ``record``."""
    kinds = {record, *INSIDE.get(record, ())}
    on = {topic.name for topic in topics.declared(1, 1) if kinds & {*topic.records}}
    for stage, inputs in composition.GROUPS.items():
        yield stage, on & {*inputs}


def _load(folder: Path) -> Registry:
    from schemas.registry import SchemaError, load

    try:
        return load(folder)
    except SchemaError as error:
        raise click.ClickException(str(error)) from None


def _before(against: str, folder: Path) -> Registry:
    if Path(against).is_dir():
        return _load(Path(against))
    with TemporaryDirectory() as scratch:
        for name in _git(folder, "ls-tree", "--name-only", f"{against}:./").splitlines():
            if name.endswith(".avsc"):
                (Path(scratch) / name).write_text(_git(folder, "show", f"{against}:./{name}"), "utf-8")
        return _load(Path(scratch))


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = _run(["git", "-C", str(folder), *arguments])
    except FileNotFoundError:
        raise click.BadParameter(
            "found no such folder and no git, expected DIR or REV", param_hint="--against"
        ) from None
    except subprocess.CalledProcessError as error:
        told = error.stderr.strip().splitlines()[-1:] or ["git failed"]
        raise click.BadParameter(f"neither a folder nor a revision: {told[0]}", param_hint="--against") from None
    return done


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - no shell


COMMANDS = (schemas,)
