"""Releases to roll between: copies of the project in which schemas, tables and a migration have moved on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from deploy.local.ports import free_ports
from deploy.local.processes import ProcessSpec
from streams.local import LocalPipeline

ROOT = Path(__file__).parents[2]
PACKAGES = ("streams", "schemas", "sinks", "deploy")
#: Of producers, and of the ways between stages: intake -> customers (inside), identity -> intake and customers,
#: customers -> customers, customers -> sink.
CHANGED = ("touchpoint", "assignment", "identifiers_moved", "touchpoints_handed_over", "session", "journey")
FIELD = {"name": "region", "type": "string", "default": "", "doc": "Where it was."}
MIGRATION = (
    "ALTER TABLE touchpoints ADD COLUMN IF NOT EXISTS region LowCardinality(String) COMMENT 'Where it was' AFTER via;\n"
)
STOP_S = 25.0


class Release(NamedTuple):
    """A copy of the project below ``folder``."""

    folder: Path

    def argv(self, *command: str) -> tuple[str, ...]:
        """omnijourney's ``command`` of this release; -P keeps the working copy's packages out."""
        return sys.executable, "-P", "-m", "streams.cli", *command

    @property
    def variables(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder)}

    def run(self, pipeline: LocalPipeline, *command: str, text: str = "") -> None:
        """Run a command to its end; it must succeed."""
        done = subprocess.run(
            self.argv(*command),
            env={**pipeline.variables, **self.variables},
            input=text,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def start(self, pipeline: LocalPipeline, stage: str, worker: str | None = None) -> None:
        """Start a worker of ``stage``, with the state and the id of the worker of that name before it."""
        worker = worker or stage
        (port,) = free_ports(1)
        own = {
            "OMNIJOURNEY_HTTP_PORT": str(port),
            "OMNIJOURNEY_STATE_DIR": str(pipeline.stack.folder / "state" / worker),
            "OMNIJOURNEY_INSTANCE_ID": worker,
        }
        pipeline.stack.add(
            [
                ProcessSpec(
                    name=worker,
                    argv=self.argv("worker", stage),
                    env={**pipeline.variables, **own, **self.variables},
                    ready_url=f"http://127.0.0.1:{port}/ready",
                    stop_seconds=STOP_S,
                )
            ]
        )


def make(folder: Path, suffix: str | None = None) -> Release:
    """The release as it is, or with one more version of each of `CHANGED`, whose files' names end in ``suffix``."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for record in CHANGED if suffix is not None else ():
        path = folder / "schemas" / f"{record}.v1.avsc"
        schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
        schema["fields"].append(FIELD)
        path.with_name(f"{record}.v2{suffix}.avsc").write_text(json.dumps(schema), "utf-8")
    return Release(folder)


def make_writing(folder: Path) -> Release:
    """The release after the next: it writes the new versions, and puts the new field into a new column."""
    release = make(folder, "")
    (folder / "sinks" / "migrations" / "900_region.sql").write_text(MIGRATION, "utf-8")
    tables = folder / "sinks" / "tables.py"
    code = tables.read_text("utf-8")
    before = '"conversion_type": "conversion.type",'
    assert code.count(before) == 1
    tables.write_text(code.replace(before, f'"region": "region", {before}'), "utf-8")
    return release
