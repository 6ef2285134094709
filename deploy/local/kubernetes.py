"""Brings what checks deploy/k8s into `.local/`, once: kustomize, and schemas of custom resources that Go modules carry.

A `kubectl` or `kustomize` on PATH is used instead where it is new enough; Go compiles one otherwise (50 s on 2 cores).
`python -m deploy.local.kubernetes` fetches all ahead of the tests that are marked `kubernetes`.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from deploy.local.errors import FetchFailed, LocalStackError, MissingTool
from deploy.local.fetch import Progress, only_one, project_root, replacing, require_tools, run_client, say_nothing

#: The newest that Go 1.24 compiles.
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1"
#: Components and labels without selectors came with 5.
_RECENT = re.compile(r"v([5-9]|[1-9][0-9]+)\.")


class Schemas(NamedTuple):
    """A Go module, and the files in it that define kinds which deploy/k8s uses."""

    module: str
    files: tuple[str, ...]


SCHEMAS = (
    Schemas(
        "github.com/kedacore/keda/v2@v2.20.2",
        ("config/crd/bases/keda.sh_scaledobjects.yaml", "config/crd/bases/keda.sh_triggerauthentications.yaml"),
    ),
    Schemas(
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        (
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        ),
    ),
)


def fetch_kustomize(root: Path | None = None, on_progress: Progress = say_nothing) -> tuple[str, ...]:
    """The beginning of a command that renders the folder named after it. Raises MissingTool (go), FetchFailed."""
    for command, asked in ((("kubectl", "kustomize"), ("version", "--client")), (("kustomize", "build"), ("version",))):
        if _is_recent(command[0], asked):
            return command
    local = (root or project_root()) / ".local"
    target = local / f"kustomize-{KUSTOMIZE.rpartition('@v')[2]}"
    with only_one(local):
        if not target.is_dir():
            require_tools("go")
            on_progress("compiling kustomize with go, once")
            with replacing(target) as scratch:
                made = scratch / "made"
                run_client("kustomize", ["env", f"GOBIN={made}", "go", "install", KUSTOMIZE], scratch)
                made.rename(target)
    return (str(target / "kustomize"), "build")


def _is_recent(program: str, asked: tuple[str, ...]) -> bool:
    if not shutil.which(program):
        return False
    said = subprocess.run([program, *asked], capture_output=True, text=True, check=False).stdout  # noqa: S603 - a program of ours, no shell
    own = next((line for line in said.splitlines() if program == "kustomize" or "Kustomize" in line), "")
    return bool(_RECENT.search(own))


def fetch_schemas(root: Path | None = None, on_progress: Progress = say_nothing) -> list[Path]:
    """Files that define custom resources (7 MB over the network, once). Raises MissingTool (go), FetchFailed."""
    local = (root or project_root()) / ".local"
    target = local / "kubernetes-schemas"
    with only_one(local):
        if not target.is_dir():
            require_tools("go")
            on_progress("fetching schemas of custom resources with go, once")
            with replacing(target) as scratch:
                made = scratch / "made"
                made.mkdir()
                for schemas in SCHEMAS:
                    _copy(schemas, scratch, made)
                made.rename(target)
    return sorted(target.glob("*.yaml"))


def _copy(schemas: Schemas, scratch: Path, made: Path) -> None:
    run_client(schemas.module, ["go", "mod", "download", schemas.module], scratch)
    told = subprocess.run(  # noqa: S603 - a command of ours, no shell
        ["go", "mod", "download", "-json", schemas.module],  # noqa: S607 - whichever Go is on the path
        cwd=scratch,
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(json.loads(told.stdout)["Dir"])
    for name in schemas.files:
        if not (folder / name).is_file():
            raise FetchFailed(f"{schemas.module} has no {name}")
        shutil.copyfile(folder / name, made / Path(name).name)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Fetch all, say how it went on standard error. Returns the exit code."""
    try:
        fetch_kustomize(on_progress=_say)
        fetch_schemas(on_progress=_say)
    except LocalStackError as error:
        _say(str(error))
        return 2 if isinstance(error, MissingTool) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
