"""One supervised process, with real short-lived children and a clock that the tests hold."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.processes import ProcessSpec
from deploy.local.supervised import BACKOFF_SECONDS, STEADY_SECONDS, Supervised, backoff_seconds

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
)
Make = Callable[[ProcessSpec], Supervised]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    lifeline = os.open(tmp_path / "processes.lock", os.O_RDWR | os.O_CREAT)
    made: list[Supervised] = []

    def make_one(spec: ProcessSpec) -> Supervised:
        made.append(Supervised(spec, tmp_path / "process.log", lifeline))
        return made[-1]

    yield make_one
    os.close(lifeline)
    for process in made:
        if process.alive:
            kill(process)
            process.note_end(0.0)


def kill(process: Supervised) -> None:
    pid = process.state.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    """Wait without reaping: the end is left for the process under test to notice."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_waits_grow_with_each_failure_and_stay_at_the_last() -> None:
    waits = [backoff_seconds(failures) for failures in range(1, len(BACKOFF_SECONDS) + 3)]
    assert waits == sorted(waits)
    assert waits[0] == BACKOFF_SECONDS[0]
    assert waits[-1] == waits[-3] == BACKOFF_SECONDS[-1]


def test_killed_process_is_due_again_after_the_wait_and_not_before(make: Make) -> None:
    process = make(ProcessSpec("sleeper", SLEEPER))
    assert process.is_due(0.0)
    process.start()
    statuses = [process.status]
    process.note_answer(True, 1.0)
    assert [*statuses, process.status] == ["starting", "ready"]

    kill(process)

    assert process.note_end(2.0)
    assert (process.status, process.state.pid, process.state.exit_code) == ("restarting", None, -signal.SIGKILL)
    assert not process.is_due(2.0 + BACKOFF_SECONDS[0] - 0.01)
    assert process.is_due(2.0 + BACKOFF_SECONDS[0])
    assert process.restarts == 1


@pytest.mark.parametrize(("ready_for", "wait"), [(STEADY_SECONDS - 1, 1), (STEADY_SECONDS, 0)])
def test_a_long_steady_run_starts_the_waits_anew(make: Make, ready_for: float, wait: int) -> None:
    process = make(ProcessSpec("sleeper", SLEEPER))
    now = 0.0
    for lasted in (0.0, ready_for):
        process.start()
        process.note_answer(True, now)
        kill(process)
        now += lasted
        process.note_end(now)
    assert process.is_due(now + BACKOFF_SECONDS[wait])
    assert not process.is_due(now + BACKOFF_SECONDS[wait] - 0.01)


def test_process_that_stops_answering_is_starting_again(make: Make) -> None:
    process = make(ProcessSpec("sleeper", SLEEPER))
    process.start()
    process.note_answer(False, 0.0)
    assert process.status == "starting"
    process.note_answer(True, 1.0)
    process.note_answer(False, 2.0)
    assert process.status == "starting"


def test_process_without_restart_stays_stopped(make: Make) -> None:
    process = make(ProcessSpec("once", (sys.executable, "-c", "raise SystemExit(3)"), restart=False))
    process.start()
    assert process.state.pid is not None
    wait_for_end(process.state.pid)
    assert process.note_end(1.0)
    assert (process.status, process.state.exit_code, process.is_due(1000.0)) == ("stopped", 3, False)


def test_program_that_does_not_exist_is_stopped_and_says_so(make: Make, tmp_path: Path) -> None:
    process = make(ProcessSpec("nothing", ("no-such-program-anywhere",)))
    process.start()
    assert (process.status, process.state.exit_code) == ("stopped", 127)
    assert "no-such-program-anywhere could not be started" in (tmp_path / "process.log").read_text()


def test_deaf_process_is_killed_once_its_time_is_up(make: Make, tmp_path: Path) -> None:
    process = make(ProcessSpec("deaf", STUBBORN, stop_seconds=5.0))
    process.start()
    assert process.state.pid is not None
    while "deaf" not in (tmp_path / "process.log").read_text():
        assert process.alive
    process.end(10.0)
    process.insist(14.9)
    assert not process.note_end(14.9)
    process.insist(15.0)
    wait_for_end(process.state.pid)
    assert process.note_end(15.1)
    assert (process.status, process.state.exit_code) == ("stopped", -signal.SIGKILL)
