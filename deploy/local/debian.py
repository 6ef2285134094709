"""Brings programs that Debian packs into `.local/`, once, unpacked and not installed: no root, nothing of the machine.

apt fetches and checks them by the release's signatures, with lists and a cache of its own in `.local/`. So what a
release holds decides the version. `python -m deploy.local.debian` fetches all ahead of the tests.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

from deploy.local.errors import FetchFailed, LocalStackError, MissingTool
from deploy.local.fetch import Progress, only_one, project_root, replacing, require_tools, run_client, say_nothing


class Program(NamedTuple):
    """A file of a package of Debian: what it is called here, the package, and where the file lies in it."""

    name: str
    package: str
    path: str


PROMETHEUS = Program("prometheus", "prometheus", "usr/bin/prometheus")
PROMTOOL = Program("promtool", "prometheus", "usr/bin/promtool")
ALERTMANAGER = Program("alertmanager", "prometheus-alertmanager", "usr/bin/prometheus-alertmanager")
AMTOOL = Program("amtool", "prometheus-alertmanager", "usr/bin/amtool")
FAKETIME = Program("libfaketime", "libfaketime", "usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
PROGRAMS = (PROMETHEUS, PROMTOOL, ALERTMANAGER, AMTOOL, FAKETIME)


def fetch(program: Program, root: Path | None = None, on_progress: Progress = say_nothing) -> Path:
    """Return the file, fetching its package where `.local/` of ``root`` lacks it (Prometheus: 19 MB, 100 MB on disk).

    Safe to call from several processes at a time. Raises MissingTool (apt-get, dpkg-deb), FetchFailed.
    """
    local = (root or project_root()) / ".local"
    target = local / f"debian-{program.package}"
    if not target.is_dir():
        with only_one(local):
            if not target.is_dir():
                _fetch_package(program.package, local, target, on_progress)
    found = target / program.path
    if not found.is_file():
        raise FetchFailed(f"Debian's package {program.package} has no {program.path}")
    return found


def _fetch_package(package: str, local: Path, target: Path, on_progress: Progress) -> None:
    require_tools("apt")
    on_progress(f"fetching {package} with apt-get, once")
    options = _apt_options(local / "apt")
    with replacing(target) as scratch:
        run_client(f"{package}'s list", ["apt-get", *options, "-qq", "update"], scratch)
        run_client(package, ["apt-get", *options, "-qq", "download", package], scratch)
        [archive] = scratch.glob("*.deb")
        made = scratch / "made"
        run_client(package, ["dpkg-deb", "--extract", str(archive), str(made)], scratch)
        os.rename(made, target)
        on_progress(f"{archive.stem} is in {target.name}")


def _apt_options(folder: Path) -> list[str]:
    """Lists and cache in ``folder``, so that neither root nor the machine's own lists are needed."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    return [option for name, value in settings.items() for option in ("-o", f"{name}={value}")]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Fetch all programs, say how it went on standard error. Returns the exit code."""
    try:
        for program in PROGRAMS:
            fetch(program, on_progress=_say)
    except LocalStackError as error:
        _say(str(error))
        return 2 if isinstance(error, MissingTool) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
