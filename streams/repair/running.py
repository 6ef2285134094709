"""The workers of a pipeline beside the one that serves, run by a command until they have read what lies on the sources.

INTAKE is ended once it has passed where the sources ended at the start, so that what still comes doesn't keep the rest
from coming to its end. On a cluster the same is done by a second deployment.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from streams import composition
from streams.config import PREFIX, Settings
from streams.offsets import POLL_S, Lag, lag, wait_until_drained
from streams.topics import TOUCHPOINTS, physical

LINES_SHOWN = 15


class WorkerEnded(RuntimeError):
    """A worker ended by itself; the message has the end of its log. The operator must act."""


class _Worker:
    """One, as a process of its own; its log lies in the folder of states."""

    def __init__(self, stage: str, settings: Settings, environment: Mapping[str, str]) -> None:
        self.stage = stage
        name = physical(stage, settings.namespace)
        self._log = Path(settings.state_dir) / f"{name}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # Of a pipeline that bore the name before: this one was made just now.
        shutil.rmtree(Path(settings.state_dir) / name, ignore_errors=True)
        own = {f"{PREFIX}HTTP_PORT": "0", f"{PREFIX}INSTANCE_ID": ""}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                (sys.executable, "-m", "streams.cli", "worker", stage), stderr=log, env={**environment, **own}
            )

    def require_alive(self) -> None:
        """WorkerEnded where it isn't."""
        code = self._process.poll()
        if code is not None:
            end = self._log.read_text("utf-8", "replace").splitlines()[-LINES_SHOWN:]
            raise WorkerEnded(f"worker {self.stage} ended with {code}; the end of {self._log}:\n" + "\n".join(end))

    def ask_to_stop(self) -> None:
        """Let it end, and don't wait for that."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, patience_s: float) -> None:
        """End it, and return once it has ended."""
        if self._process.poll() is None:
            self.ask_to_stop()
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def run_until_read(
    settings: Settings,
    timeout_s: float,
    on_progress: Callable[[Lag], None] = lambda _: None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Run one worker of each stage of a pipeline that was just prepared, until all that lies on the sources is in the
    tables.

    Raises TimeoutError; WorkerEnded; BrokerUnreachable and TopicMissing.
    """
    groups = {group: [*topics] for group, topics in composition.groups(settings).items()}
    intake = physical("intake", settings.namespace)
    sources = {intake: [*TOUCHPOINTS]}
    ends = {place: position.end for place, position in lag(settings.kafka, sources).items()}
    deadline = time.monotonic() + timeout_s
    with _workers(settings, environment) as workers:

        def look(found: Lag) -> None:
            for worker in workers.values():
                worker.require_alive()
            on_progress(found)

        while True:
            found = lag(settings.kafka, sources)
            look(found)
            if all(position.committed >= ends[place] for place, position in found.items()):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{intake} has not read its sources after {timeout_s:g} s")
            time.sleep(POLL_S)
        workers.pop("intake").stop(settings.stop_deadline_s + 5)
        del groups[intake]
        wait_until_drained(settings.kafka, groups, max(1.0, deadline - time.monotonic()), look)


@contextmanager
def _workers(settings: Settings, environment: Mapping[str, str]) -> Iterator[dict[str, _Worker]]:
    workers: dict[str, _Worker] = {}
    started: list[_Worker] = []
    # Who ends this command must not leave its workers behind, which would go on with nobody to ask about them.
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        for stage in composition.STAGES:
            workers[stage] = _Worker(stage, settings, environment)
            started.append(workers[stage])
        yield workers
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        for worker in started:
            worker.ask_to_stop()
        for worker in started:
            worker.stop(settings.stop_deadline_s + 5)
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
