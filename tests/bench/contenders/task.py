"""What the benchmark asks of a contender and what it is told: the same words and the same clock for all.

A contender is a program of its own that reads its task from the command line, works until it has seen ``records``
records, and prints one line of JSON: records, seconds, cpu_s, rss_mb. The clock runs from the first record that its
code gets to the last one; with state, until the outputs and the changelog of the last one are confirmed by the broker.

    stateless   decode each record, look at it
    stateful    count per key, keep the count and the highest time, in a state with a changelog; send them to ``output``
    sessions    count the journey-forming touchpoints of each key's sessions, by the times at which they occurred; send
                each session to ``output`` as it is now

Standard library only, and orjson: Quix Streams has an environment of its own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import orjson

PARTITIONS = 4
SESSION_GAP_S = 30 * 60
#: A backfill is never late.
SESSION_GRACE_S = 30 * 24 * 3600


class Task(NamedTuple):
    """``mode`` as above; ``group`` is free to use for one run; ``folder`` is empty, for local state."""

    mode: str
    bootstrap: str
    source: str
    output: str
    group: str
    records: int
    folder: Path

    def argv(self) -> list[str]:
        """The command line of this task."""
        return [str(value) for value in self]


class Clock:
    """Runs from the first record to the last; the contenders' own code tells it what it sees."""

    def __init__(self, records: int) -> None:
        self.records = records
        self.seconds = 0.0
        self.cpu_s = 0.0
        self.clicks = 0
        self._left = records
        self._began = self._cpu_began = 0.0

    def saw(self, records: int = 1) -> bool:
        """To be called before the work on so many records; True where the last one is among them."""
        if not self._began:
            self._began, self._cpu_began = time.monotonic(), time.process_time()
        self._left -= records
        return self._left <= 0

    def stop(self) -> None:
        """What was to be done is done; of several calls the last one counts."""
        self.seconds, self.cpu_s = time.monotonic() - self._began, time.process_time() - self._cpu_began


def read_task() -> Task:
    """The task on this process's command line."""
    mode, bootstrap, source, output, group, records, folder = sys.argv[1:]
    return Task(mode, bootstrap, source, output, group, int(records), Path(folder))


def is_click(event: dict[str, Any]) -> bool:
    """What it is to look at a record."""
    return bool(event["action"] == "click" and event["occurred_at"] & 1)


def report(clock: Clock) -> None:
    """Print the line that the benchmark reads."""
    used = {"records": clock.records, "seconds": clock.seconds, "cpu_s": clock.cpu_s, "rss_mb": _peak_mb()}
    line = orjson.dumps(used)
    # On a line of its own: Faust writes terminal control characters without one.
    sys.stdout.write(f"\n{line.decode()}\n")
    sys.stdout.flush()


def _peak_mb() -> float:
    # Not getrusage: its maximum includes what the process that started this one had.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
