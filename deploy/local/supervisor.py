"""The supervisor of one stack: `python -m deploy.local.supervisor FOLDER`, started by `stack.Stack`.

It runs what `plan.json` says, starts what a later version of that file adds and ends what it lacks, restarts what
dies, writes how all is to `state.json`, and ends everything (first what isn't `base`, then the rest) on SIGTERM or
when the plan's owner is gone.

Two locks tell others the truth even after kill -9: `supervisor.lock` is held while the supervisor lives and holds its
pid; `processes.lock` is inherited by every child and so held until the last of them is gone.
One thread only: children are bound to the thread that starts them (PR_SET_PDEATHSIG).
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from deploy.local.locks import hold_lock
from deploy.local.probes import answers
from deploy.local.processes import Plan, StackState, read_plan, write_state
from deploy.local.supervised import Supervised

TICK_SECONDS = 0.1
HEALTH_SECONDS = 2.0


class Supervisor:
    """Runs the plan of one folder until told to end."""

    def __init__(self, folder: Path, lifeline: int) -> None:
        """lifeline: the descriptor of `processes.lock`, which children inherit."""
        self._folder = folder
        self._lifeline = lifeline
        self._plan: Plan = read_plan(folder / "plan.json")
        self._plan_read_ns = 0
        self._processes: list[Supervised] = []
        self._written: StackState | None = None
        self._health_at = 0.0
        self._ending = False
        self._wakeup, signalled = os.pipe()
        for end in (self._wakeup, signalled):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._owner = _watch_process(self._plan.owner)

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or the owner's end; afterwards no process is left."""
        while not self._ending:
            now = time.monotonic()
            self._take_plan()
            for process in self._processes:
                process.insist(now)
                if process.note_end(now):
                    _log(f"{process.spec.name} ended, {process.state}")
                if process.is_due(now):
                    process.start()
                    _log(f"{process.spec.name} started, pid {process.state.pid}")
            self._forget_removed()
            self._probe(now)
            self._write_state()
            self._wait()
        self._end([process for process in self._processes if not process.spec.base])
        self._end([process for process in self._processes if process.spec.base])
        _log("ended")

    def _on_signal(self, number: int, _frame: object) -> None:
        _log(f"signal {number}")
        self._ending = True

    def _take_plan(self) -> None:
        path = self._folder / "plan.json"
        changed_ns = path.stat().st_mtime_ns
        if changed_ns == self._plan_read_ns:
            return
        self._plan = read_plan(path)
        self._plan_read_ns = changed_ns
        wanted = {spec.name for spec in self._plan.processes}
        for process in self._processes:
            if process.spec.name not in wanted:
                process.end(time.monotonic())
        known = {process.spec.name for process in self._processes}
        for spec in self._plan.processes:
            if spec.name not in known:
                self._processes.append(Supervised(spec, self._folder / "logs" / f"{spec.name}.log", self._lifeline))

    def _forget_removed(self) -> None:
        wanted = {spec.name for spec in self._plan.processes}
        self._processes = [one for one in self._processes if one.alive or one.spec.name in wanted]

    def _probe(self, now: float) -> None:
        """Ask starting processes at every tick, the others now and then."""
        check_all = now >= self._health_at
        for process in self._processes:
            if process.alive and (check_all or process.status == "starting"):
                process.note_answer(answers(process.spec.ready_url), now)
        if check_all:
            self._health_at = time.monotonic() + HEALTH_SECONDS

    def _end(self, processes: Iterable[Supervised]) -> None:
        waiting = list(processes)
        for process in waiting:
            process.end(time.monotonic())
        while waiting:
            now = time.monotonic()
            for process in waiting:
                process.note_end(now)
                process.insist(now)
            waiting = [process for process in waiting if process.alive]
            self._write_state()
            if waiting:
                self._wait()

    def _wait(self) -> None:
        """Sleep a tick, or until a signal (the end of a child is one) or the owner's end."""
        sources = [self._wakeup] if self._owner is None else [self._wakeup, self._owner]
        ready, _, _ = select.select(sources, [], [], TICK_SECONDS)
        if self._wakeup in ready:
            os.read(self._wakeup, 4096)
        if self._owner in ready:
            _log(f"owner {self._plan.owner} is gone")
            self._ending, self._owner = True, None

    def _write_state(self) -> None:
        state = StackState(self._plan.addresses, os.getpid(), tuple(process.state for process in self._processes))
        if state != self._written:
            write_state(self._folder / "state.json", state)
            self._written = state


def _watch_process(pid: int | None) -> int | None:
    """A descriptor that becomes readable when the process ends: unlike its number, it can't come to mean another."""
    if pid is None:
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        sys.exit(f"owner {pid} is gone")


def _log(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Supervise the stack in the folder that the command line names. Returns once the supervisor runs, detached.

    The locks are taken before the fork and are its child's afterwards: who started this knows from the exit code
    that the supervisor is there.
    """
    folder = Path(sys.argv[1])
    # Who asks for the state holds the first lock for an instant; a killed stack's processes take longer to go.
    lock = hold_lock(folder / "supervisor.lock", 2.0)
    lifeline = hold_lock(folder / "processes.lock", 10.0) if lock is not None else None
    if lock is None or lifeline is None:
        _log("another supervisor or its processes are still there")
        return 1
    pid = os.fork()
    if pid:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(pid).encode(), 0)
        return 0
    Supervisor(folder, lifeline).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
