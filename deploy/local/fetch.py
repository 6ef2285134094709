"""Brings Kafka's jars and ClickHouse's library into `.local/`, once; afterwards they are found there without a network.

Decides versions, folders and which of Maven and npm is asked; leaves addresses of registries to those clients'
own configuration. `python -m deploy.local.fetch` is what `make setup` calls.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import FetchFailed, LocalStackError, MissingTool

KAFKA_VERSION = "4.3.1"
CHDB_VERSION = "26.7.3-stable.1"
CHDB_PACKAGE = "@chdb/lib-linux-x64-gnu"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Parts:
    """What the stack runs.

    kafka_jars: folder of jars. clickhouse: a `clickhouse` program from PATH, or else the library `libchdb.so`.
    """

    kafka_jars: Path
    clickhouse: Path


def project_root() -> Path:
    """The folder that holds `.local/`: the top of the working copy."""
    return Path(__file__).resolve().parents[2]


def say_nothing(_text: str) -> None:
    """A `Progress` for callers without a reader."""


def require_tools(*tools: str) -> None:
    """Check programs (of python, java, mvn, npm, apt). Raises MissingTool with one line that says what to install."""
    script = Path(__file__).with_name("prerequisites.sh")
    checked = subprocess.run(  # noqa: S603 - a command of ours, no shell
        ["/bin/sh", str(script), *tools],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    if checked.returncode != 0:
        raise MissingTool(checked.stderr.strip())


def fetch_parts(root: Path | None = None, on_progress: Progress = say_nothing) -> Parts:
    """Return the stack's parts, fetching what `.local/` of `root` lacks (about 235 MB over the network, at most once).

    Safe to call from several processes at a time: one fetches, the others wait. Raises MissingTool, FetchFailed.
    """
    local = (root or project_root()) / ".local"
    kafka_jars = local / f"kafka-{KAFKA_VERSION}"
    library = local / f"clickhouse-{CHDB_VERSION}" / "libchdb.so"
    installed = shutil.which("clickhouse")
    parts = Parts(kafka_jars, Path(installed) if installed else library)
    if kafka_jars.is_dir() and parts.clickhouse.is_file():
        return parts
    with only_one(local):
        if not kafka_jars.is_dir():
            _fetch_kafka(kafka_jars, on_progress)
        if not parts.clickhouse.is_file():
            _fetch_clickhouse(library.parent, on_progress)
    return parts


def _fetch_kafka(target: Path, on_progress: Progress) -> None:
    require_tools("java", "mvn")
    on_progress(f"fetching Kafka {KAFKA_VERSION} with Maven, once")
    with replacing(target) as scratch:
        shutil.copy(Path(__file__).with_name("pom.xml"), scratch)
        run_client(
            "Kafka",
            ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars", "-DincludeScope=runtime"],
            scratch,
        )
        os.rename(scratch / "jars", target)
    on_progress(f"Kafka {KAFKA_VERSION} is in {target.name}: {len(list(target.glob('*.jar')))} jars")


def _fetch_clickhouse(target: Path, on_progress: Progress) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise MissingTool(
            "missing: ClickHouse; the fetched one is for Linux on x86-64 only, so install `clickhouse` on PATH"
        )
    require_tools("npm")
    on_progress(f"fetching ClickHouse {CHDB_VERSION} with npm, once")
    with replacing(target) as scratch:
        options = ["--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        run_client(
            "ClickHouse",
            ["npm", "install", "--prefix", str(scratch), *options, f"{CHDB_PACKAGE}@{CHDB_VERSION}"],
            scratch,
        )
        os.rename(scratch / "node_modules" / CHDB_PACKAGE, target)
    on_progress(f"ClickHouse {CHDB_VERSION} is in {target.name}")


def run_client(what: str, command: list[str], folder: Path) -> None:
    """Run a registry's client in ``folder``. Raises FetchFailed with the first line that tells why."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 - a command of ours, no shell
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        first_error = next((line for line in said if "err" in line.lower()), said[-1])
        raise FetchFailed(f"{command[0]} could not fetch {what} (exit code {done.returncode}): {first_error.strip()}")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A scratch folder beside `target`: a rename within one file system is what makes the fetch all or nothing."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        yield Path(scratch)


@contextmanager
def only_one(local: Path) -> Iterator[None]:
    """The one process that fetches into ``local``; others wait."""
    local.mkdir(parents=True, exist_ok=True)
    with (local / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Fetch with progress on a terminal, plain lines elsewhere. Returns the exit code."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        with console.status("looking for Kafka and ClickHouse"):
            fetch_parts(on_progress=lambda text: console.print(text, markup=False))
    except LocalStackError as error:
        console.print(str(error), markup=False)
        return 2 if isinstance(error, MissingTool) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
