"""One supervised process: starting, noticing its end, restarting with back-off, ending within bounded time.

Time is an argument (`now`, seconds of a monotonic clock) and nothing here waits; the loop is the supervisor's.
"""

import ctypes
import os
import signal
import subprocess
from pathlib import Path

from deploy.local.processes import ProcessSpec, ProcessState, Status

BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_SECONDS = 30.0  # ready for this long: the next end counts as a first one
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def backoff_seconds(failures: int) -> float:
    """The wait before the restart that follows the `failures`-th end in a row (1 is the first)."""
    return BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1]


class Supervised:
    """A process of a plan and what became of it."""

    def __init__(self, spec: ProcessSpec, log: Path, lifeline: int) -> None:
        """log: appended to by every incarnation. lifeline: a file descriptor that every incarnation inherits."""
        self.spec = spec
        self.status: Status = "restarting"
        self.restarts = 0
        self._log = log
        self._lifeline = lifeline
        self._child: subprocess.Popen[bytes] | None = None
        self._exit_code: int | None = None
        self._failures = 0
        self._start_at = 0.0
        self._ready_since = 0.0
        self._kill_at: float | None = None

    @property
    def state(self) -> ProcessState:
        """What `state.json` tells."""
        pid = self._child.pid if self._child else None
        return ProcessState(self.spec.name, self.status, pid, self.restarts, self._exit_code)

    @property
    def alive(self) -> bool:
        """Whether it has a process that has not been seen to end."""
        return self._child is not None

    def is_due(self, now: float) -> bool:
        """Whether it should be started."""
        return self.status == "restarting" and now >= self._start_at

    def start(self) -> None:
        """Start an incarnation. Call from the main thread only: the child dies with the thread that started it."""
        parent = os.getpid()
        with self._log.open("ab") as log:
            try:
                self._child = subprocess.Popen(  # noqa: S603 - argv comes from the stack's plan
                    self.spec.argv,
                    env={**os.environ, **self.spec.env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self._lifeline,),
                    preexec_fn=lambda: _die_with(parent),
                )
            except OSError as error:
                log.write(f"{self.spec.argv[0]} could not be started: {error}\n".encode())
                self._exit_code = 127
                self.status = "stopped"
                return
        self.status = "starting"

    def note_end(self, now: float) -> bool:
        """Whether it has ended since the last call; plans the restart if there is to be one."""
        if self._child is None or self._child.poll() is None:
            return False
        self._exit_code = self._child.returncode
        self._child = None
        if self._kill_at is not None or not self.spec.restart:
            self.status = "stopped"
            return True
        steady = self.status == "ready" and now - self._ready_since >= STEADY_SECONDS
        self._failures = 1 if steady else self._failures + 1
        self._start_at = now + backoff_seconds(self._failures)
        self.restarts += 1
        self.status = "restarting"
        return True

    def note_answer(self, answered: bool, now: float) -> None:
        """Take what a probe found: a process that stops answering is `starting` again."""
        if answered and self.status == "starting":
            self.status = "ready"
            self._ready_since = now
        elif not answered and self.status == "ready":
            self.status = "starting"

    def end(self, now: float) -> None:
        """Ask it to end; `insist` ends it for good once its time is up."""
        if self._child is None:
            self.status = "stopped"
            return
        self._kill_at = now + self.spec.stop_seconds
        self._child.send_signal(signal.SIGTERM)

    def insist(self, now: float) -> None:
        """Kill it when it was asked to end and its `stop_seconds` are over."""
        if self._child is not None and self._kill_at is not None and now >= self._kill_at:
            self._child.kill()


def _die_with(parent: int) -> None:
    """In the child: be killed when the supervisor dies, however it dies."""
    if _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    # The supervisor may have died before the call.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
