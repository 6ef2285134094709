"""The figures of several runs, and what a process has used, read from Linux's /proc."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_LOOK_EVERY_S = 0.05


class Spread(NamedTuple):
    """Of several runs; `median` is of the middle two where their number is even."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))

    @property
    def text(self) -> str:
        """Minimum, median and maximum in columns."""
        return f"{self.min:10,.0f}{self.median:10,.0f}{self.max:10,.0f}"


def cpu_s(pid: int) -> float:
    """Seconds of CPU, in user and kernel mode, that a living process has used with all its threads."""
    # The program's name, in parentheses, may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def peak_mb(pid: int) -> float:
    """The most resident memory that a living process has had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


class Used(NamedTuple):
    """What one process took: seconds by the clock, of CPU, and the most resident memory."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def used_by(command: Sequence[str], environment: Mapping[str, str]) -> Used:
    """Run ``command`` to its end, without its output; RuntimeError where it fails."""
    began = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    peak = 0.0
    # Not what wait4 says of memory: that holds what the process that started it had.
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        with suppress(IndexError):
            peak = max(peak, peak_mb(process.pid))
        time.sleep(_LOOK_EVERY_S)
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}: {' '.join(command)}")
    return Used(time.monotonic() - began, usage.ru_utime + usage.ru_stime, peak)
