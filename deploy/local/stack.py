"""A local stack by name: start it, add processes, look at it, end it. What the CLI, the demo and the tests use.

Decides folders, ports and what counts as started; the supervisor does the rest. Two stacks share nothing but the
fetched programs. Data outlives `down` unless it is purged.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import StackFailed
from deploy.local.fetch import Progress, fetch_parts, project_root, require_tools, say_nothing
from deploy.local.kafka import Guarded
from deploy.local.locks import hold_lock, is_held, wait_until_free
from deploy.local.processes import (
    Addresses,
    Plan,
    ProcessSpec,
    ProcessState,
    StackState,
    read_plan,
    read_state,
    write_plan,
)
from deploy.local.servers import plan_servers

START_SECONDS = 60.0
_PORT_ATTEMPTS = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Stack:
    """One local stack; objects with the same name and root are handles to the same one, from any process."""

    def __init__(self, name: str = "default", root: Path | None = None) -> None:
        """root: the folder that holds `.local/`; the project's by default. Raises ValueError for an unfit name."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"a stack's name is made of letters, digits, dots, dashes and underscores, not {name!r}")
        self.name = name
        self.root = root or project_root()
        self.folder = self.root / ".local" / "stacks" / name

    def up(
        self,
        processes: Sequence[ProcessSpec] = (),
        owner: int | None = None,
        on_progress: Progress = say_nothing,
        kafka_port: int | None = None,
        clickhouse_port: int | None = None,
        clickhouse_http_port: int | None = None,
        start_seconds: float = START_SECONDS,
        guarded: Guarded | None = None,
    ) -> Addresses:
        """Start Kafka, ClickHouse and `processes`, return once all of them answer.

        On a running stack: starts those of `processes` that it doesn't know. owner: a process id whose end ends the
        stack. Ports: free ones unless given. guarded: Kafka asks who comes. Raises MissingTool, FetchFailed, PortTaken,
        StackFailed (nothing is left running after any of them).
        """
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        with self._only_one():
            if self.status().running:
                return self._extend(processes, start_seconds)
            require_tools("java")
            parts = fetch_parts(self.root, on_progress)
            wanted = (kafka_port, clickhouse_port, clickhouse_http_port)
            for attempt in range(1, _PORT_ATTEMPTS + 1):
                plan = plan_servers(self.folder, parts, wanted, owner, guarded).with_processes(tuple(processes))
                on_progress(f"starting Kafka on {plan.addresses.kafka_bootstrap} and ClickHouse")
                try:
                    self._start(plan, start_seconds)
                except StackFailed:
                    lost_race = self._lost_a_port()
                    self._end()
                    if not lost_race or attempt == _PORT_ATTEMPTS:
                        raise
                    on_progress("a port was taken meanwhile, trying others")
                except BaseException:
                    self._end()
                    raise
                else:
                    on_progress("Kafka and ClickHouse answer")
                    return plan.addresses
        raise AssertionError("the last attempt returns or raises")

    def add(self, processes: Sequence[ProcessSpec], start_seconds: float = START_SECONDS) -> None:
        """Start more processes in the running stack and wait until each answers.

        Raises StackFailed when the stack isn't running, or naming the log of a process that ended or stayed silent
        (then none of `processes` is left); ValueError when a name is in use.
        """
        with self._only_one():
            self._require_running()
            taken = {spec.name for spec in read_plan(self._plan_file).processes} & {spec.name for spec in processes}
            if taken:
                raise ValueError(f"stack {self.name} already has {', '.join(sorted(taken))}")
            self._extend(processes, start_seconds)

    def remove(self, *names: str) -> None:
        """End some processes of the running stack for good; returns when they are gone and their names are free.

        Raises StackFailed when the stack isn't running.
        """
        with self._only_one():
            self._require_running()
            self._drop(names)

    def status(self) -> StackState:
        """How the stack is now; what a dead supervisor left behind is reported as stopped."""
        try:
            state = read_state(self.folder / "state.json")
        except FileNotFoundError:
            state = StackState(None, 0)
        if is_held(self._supervisor_lock):
            return state
        stopped = (ProcessState(one.name, "stopped", None, one.restarts, one.exit_code) for one in state.processes)
        return StackState(None, 0, tuple(stopped))

    def pid(self, process: str) -> int:
        """The process id of a process, or of the supervisor under the name `supervisor`.

        Raises StackFailed when it doesn't run.
        """
        state = self.status()
        one = state.process(process)
        pid = state.supervisor_pid if process == "supervisor" else (one.pid if one else None)
        if not pid:
            raise StackFailed(f"{process} isn't running in stack {self.name}")
        return pid

    def log_file(self, process: str) -> Path:
        """Where a process, or `supervisor`, writes; all its incarnations append to the one file."""
        return self.folder / "logs" / f"{process}.log"

    def logs(self, process: str, lines: int = 50) -> list[str]:
        """The last lines of a process's log, oldest first. Raises FileNotFoundError when it never ran."""
        with self.log_file(process).open(encoding="utf-8", errors="replace") as log:
            return [line.rstrip("\n") for line in deque(log, lines)]

    def wait_ready(self, *names: str, seconds: float = START_SECONDS) -> None:
        """Wait until the named processes (all, if none is named) answer, restarts included.

        Raises StackFailed with the name of the log of one that doesn't.
        """
        self._await(names, seconds, forgive=True)

    def down(self, purge: bool = False) -> None:
        """End all processes, workers first; purge: throw the stack's folder away, data and logs.

        Returns when nothing is left running; a stack that doesn't run is fine.
        """
        if not self.folder.exists():
            return
        with self._only_one():
            self._end()
            if purge:
                shutil.rmtree(self.folder)
                self._command_lock.unlink(missing_ok=True)

    @property
    def _plan_file(self) -> Path:
        return self.folder / "plan.json"

    @property
    def _supervisor_lock(self) -> Path:
        return self.folder / "supervisor.lock"

    @property
    def _command_lock(self) -> Path:
        # Beside the folder: that may be thrown away by the holder.
        return self.folder.with_name(f".{self.name}.lock")

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        """Commands on one stack wait for each other."""
        lock = hold_lock(self._command_lock, 2 * START_SECONDS)
        if lock is None:
            raise StackFailed(f"another command is busy with stack {self.name}")
        try:
            yield
        finally:
            os.close(lock)

    def _start(self, plan: Plan, seconds: float) -> None:
        """Start the supervisor in a session of its own: a Ctrl-C at the terminal is for the caller to translate."""
        (self.folder / "state.json").unlink(missing_ok=True)
        for spec in plan.processes:
            self.log_file(spec.name).unlink(missing_ok=True)
        write_plan(self._plan_file, plan)
        with self.log_file("supervisor").open("wb") as log:
            started = subprocess.run(  # noqa: S603 - a command of ours, no shell
                [sys.executable, "-m", "deploy.local.supervisor", str(self.folder)],
                cwd=project_root(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                check=False,
            )
        if started.returncode != 0:
            raise StackFailed(f"the supervisor of stack {self.name} did not start, see {self.log_file('supervisor')}")
        self._await((), seconds)

    def _extend(self, processes: Sequence[ProcessSpec], seconds: float) -> Addresses:
        plan = read_plan(self._plan_file)
        known = {spec.name for spec in plan.processes}
        new = tuple(spec for spec in processes if spec.name not in known)
        if new:
            write_plan(self._plan_file, plan.with_processes(new))
        try:
            self._await(tuple(spec.name for spec in processes), seconds)
        except BaseException:
            self._drop([spec.name for spec in new])
            raise
        return plan.addresses

    def _drop(self, names: Collection[str]) -> None:
        plan = read_plan(self._plan_file)
        write_plan(self._plan_file, plan.without(names))
        patience = 5 + max((spec.stop_seconds for spec in plan.processes if spec.name in names), default=0)
        deadline = time.monotonic() + patience
        while any(self.status().process(name) for name in names) and self.status().running:
            if time.monotonic() >= deadline:
                raise StackFailed(f"{', '.join(names)} did not end, see {self.log_file('supervisor')}")
            time.sleep(0.02)

    def _require_running(self) -> None:
        if not self.status().running:
            raise StackFailed(f"stack {self.name} isn't running")

    def _await(self, names: Sequence[str], seconds: float, forgive: bool = False) -> None:
        """Wait until processes answer; the end of one that has not answered is a failure, or forgiven."""
        wanted = names or [spec.name for spec in read_plan(self._plan_file).processes]
        ends_before = {one.name: one.restarts for one in self.status().processes}
        deadline = time.monotonic() + seconds
        while True:
            state = self.status()
            if not state.running and is_held(self._supervisor_lock):
                state = StackState(None, 1)  # it has yet to write its first state
            if not state.running:
                raise StackFailed(f"stack {self.name} has ended, see {self.log_file('supervisor')}")
            waiting = [name for name in wanted if not _is_ready(state.process(name))]
            if not waiting:
                return
            for one in filter(None, map(state.process, () if forgive else waiting)):
                if one.status == "stopped" or one.restarts > ends_before.get(one.name, 0):
                    raise StackFailed(
                        f"{one.name} ended ({one.exit_code}) before it answered: {self._last_words(one.name)}"
                    )
            if time.monotonic() >= deadline:
                raise StackFailed(f"{waiting[0]} did not answer in {seconds:.0f} s: {self._last_words(waiting[0])}")
            time.sleep(0.05)

    def _last_words(self, process: str) -> str:
        log = self.log_file(process)
        words = [line for line in self.logs(process, 20) if line.strip()] if log.exists() else []
        return f"see {log}" + (f", which ends with: {words[-1].strip()[:300]}" if words else "")

    def _lost_a_port(self) -> bool:
        """Whether a base process ended because another took its port between the choice and its start."""
        logs = (self.log_file(name) for name in ("kafka", "clickhouse"))
        return any("Address already in use" in log.read_text(errors="replace") for log in logs if log.exists())

    def _end(self) -> None:
        """End the supervisor, by force if it must be; its processes go with it."""
        if is_held(self._supervisor_lock):
            specs = read_plan(self._plan_file).processes
            patience = 10 + 2 * max(spec.stop_seconds for spec in specs)
            supervisor = int(self._supervisor_lock.read_text())
            os.kill(supervisor, signal.SIGTERM)
            if not wait_until_free(self._supervisor_lock, patience):
                os.kill(supervisor, signal.SIGKILL)
        if not wait_until_free(self.folder / "processes.lock", 10):
            raise StackFailed(f"processes of stack {self.name} are still there, see {self.log_file('supervisor')}")
        (self.folder / "state.json").unlink(missing_ok=True)


def find_stacks(prefix: str = "", root: Path | None = None) -> list[Stack]:
    """The stacks that have a folder, running or not, whose name begins with `prefix`; by name."""
    folders = ((root or project_root()) / ".local" / "stacks").glob(f"{prefix}*/")
    return [Stack(folder.name, root) for folder in sorted(folders) if _NAME.fullmatch(folder.name)]


def _is_ready(process: ProcessState | None) -> bool:
    return process is not None and process.status == "ready"
