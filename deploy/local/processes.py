"""The values that a stack and its supervisor exchange, and the two files of the stack's folder that carry them.

`plan.json` is written by `stack.Stack` and says what should run; `state.json` is written by the supervisor and says
what does. Both are replaced whole, so that a reader never sees half a file.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

Status = Literal["starting", "ready", "restarting", "stopped"]


@dataclass(frozen=True)
class ProcessSpec:
    """One process to run.

    env: added to the environment of the stack's starter. ready_url: what has to answer before it counts as ready:
    `http://…` (any 2xx), `kafka://HOST:PORT`, `clickhouse://HOST:PORT?http=PORT`, or None (alive is ready).
    restart: start it again whenever it ends. stop_seconds: from SIGTERM to SIGKILL. base: ended after all that isn't.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None
    restart: bool = True
    stop_seconds: float = 10.0
    base: bool = False


@dataclass(frozen=True)
class Addresses:
    """Where a stack answers: HOST:PORT, a clickhouse-driver URL, and the base URL of ClickHouse's HTTP interface."""

    kafka_bootstrap: str
    clickhouse_url: str
    clickhouse_http: str


@dataclass(frozen=True)
class Plan:
    """What should run. owner: the process whose end ends the stack, or None."""

    addresses: Addresses
    processes: tuple[ProcessSpec, ...]
    owner: int | None = None

    def with_processes(self, processes: tuple[ProcessSpec, ...]) -> "Plan":
        """The same plan with more processes."""
        return replace(self, processes=self.processes + processes)

    def without(self, names: Collection[str]) -> "Plan":
        """The same plan without the named processes."""
        return replace(self, processes=tuple(spec for spec in self.processes if spec.name not in names))


@dataclass(frozen=True)
class ProcessState:
    """How one process is. pid: None while it doesn't run. exit_code: of the last end (negative: a signal's number)."""

    name: str
    status: Status
    pid: int | None = None
    restarts: int = 0
    exit_code: int | None = None


@dataclass(frozen=True)
class StackState:
    """How a stack is; the supervisor's pid is 0 and every status `stopped` when none runs."""

    addresses: Addresses | None
    supervisor_pid: int
    processes: tuple[ProcessState, ...] = ()

    @property
    def running(self) -> bool:
        """Whether a supervisor is there."""
        return self.supervisor_pid > 0

    def process(self, name: str) -> ProcessState | None:
        """The state of one process, None for an unknown name."""
        return next((process for process in self.processes if process.name == name), None)


def write_plan(path: Path, plan: Plan) -> None:
    """Replace the plan in `path`."""
    _replace_file(path, json.dumps(asdict(plan), indent=1))


def read_plan(path: Path) -> Plan:
    """Read what `write_plan` wrote. Raises FileNotFoundError."""
    plan = json.loads(path.read_text(encoding="utf-8"))
    processes = (ProcessSpec(**{**spec, "argv": tuple(spec["argv"])}) for spec in plan["processes"])
    return Plan(Addresses(**plan["addresses"]), tuple(processes), plan["owner"])


def write_state(path: Path, state: StackState) -> None:
    """Replace the state in `path`."""
    _replace_file(path, json.dumps(asdict(state), indent=1))


def read_state(path: Path) -> StackState:
    """Read what `write_state` wrote. Raises FileNotFoundError."""
    state = json.loads(path.read_text(encoding="utf-8"))
    addresses = Addresses(**state["addresses"]) if state["addresses"] else None
    return StackState(addresses, state["supervisor_pid"], tuple(ProcessState(**one) for one in state["processes"]))


def _replace_file(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    # The environment in a plan may hold credentials of real servers.
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(scratch, path)
