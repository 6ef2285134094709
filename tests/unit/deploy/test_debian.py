"""What Debian packs, where it lies afterwards, and what is said where it cannot be had."""

import os
from pathlib import Path

import pytest

from deploy.local import debian
from deploy.local.errors import FetchFailed, MissingTool

OURS = debian.Program("ours", "ours", "usr/bin/ours")


def unpacked(root: Path, path: str) -> Path:
    file = root / ".local" / "debian-ours" / path
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def test_what_is_there_is_taken_without_asking_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    file = unpacked(tmp_path, OURS.path)
    assert debian.fetch(OURS, tmp_path) == file


def test_package_without_the_program_is_told(tmp_path: Path) -> None:
    unpacked(tmp_path, "usr/bin/another")
    with pytest.raises(FetchFailed, match="Debian's package ours has no usr/bin/ours"):
        debian.fetch(OURS, tmp_path)


def test_machine_without_apt_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="missing: Debian's apt-get and dpkg-deb"):
        debian.fetch(OURS, tmp_path)
    assert [*(tmp_path / ".local").iterdir()] == [tmp_path / ".local" / "fetch.lock"]


@pytest.mark.stack
@pytest.mark.parametrize("program", debian.PROGRAMS, ids=lambda program: program.name)
def test_every_program_is_in_its_package(program: debian.Program) -> None:
    file = debian.fetch(program)
    assert file.stat().st_size > 0
    assert program.name == "libfaketime" or os.access(file, os.X_OK)
