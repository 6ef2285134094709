"""Full disks: a ballast takes every byte that is free, again and again, until the fault ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.composition import STAGES
from tests.reliability.scene import Scene

FULL_S = 20.0
FULL_WAIT_S = 150.0
FILL_BYTES = 1 << 20
SHORT_OF_SPACE = os.strerror(errno.ENOSPC)


@contextmanager
def full(folder: Path) -> Iterator[Callable[[], None]]:
    """No byte is free on the disk of ``folder`` within the block, if what it gives is called now and then."""
    ballast = folder / "ballast"

    def fill() -> None:
        with ballast.open("ab", buffering=0) as file:
            size = FILL_BYTES
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    try:
        fill()
        yield fill
    finally:
        ballast.unlink(missing_ok=True)


def fill_disk(process: str, folder: str, ends: int, sign: str, scene: Scene) -> float:
    """Keep the disk full until ``process`` has ended of it so often, or for a while where it needs not end.

    Who writes little to it is killed on the way: it must open its files on a full disk then, and end by itself. The
    logs must have ``sign``, one of `_complaints`: without it nobody has noticed that the disk was full.
    """
    before, began, killed = scene.restarts(process), time.monotonic(), 0
    with full(scene.stack.folder / folder) as fill:

        def lasts(seconds: float, restarts: int) -> bool:
            fill()
            return time.monotonic() - began < seconds and scene.restarts(process) - before < restarts

        while lasts(FULL_S, max(1, ends)):
            scene.pause(0.5)
        if ends and scene.restarts(process) == before:
            scene.kill(process)
            killed = 1
        while lasts(FULL_S if not ends else FULL_WAIT_S, ends or 1):
            scene.pause(0.5)
    ended = scene.restarts(process) - before
    assert ended >= ends, f"{process} ended {ended} times on a full disk, expected {ends}"
    last = scene.stack.status().process(process)
    code = f", the last time with {last.exit_code}" if last and ended else ""
    by_whom = f"{process} ended {ended - killed} times by itself{code}" + (", and once by kill -9" if killed else "")
    assert not (ends and last and last.exit_code == -signal.SIGKILL), by_whom
    scene.notes.append(f"{by_whom}; the disk was full for {time.monotonic() - began:.0f} s")
    found = sorted(_complaints(scene))
    assert sign in found, f"the logs say {found}, expected {sign!r}"
    scene.notes += found
    return time.monotonic()


def _complaints(scene: Scene) -> set[str]:
    """What the logs say of a full disk, each kind once."""
    broker = scene.stack.log_file("kafka").read_text(encoding="utf-8", errors="replace")
    found = {f"kafka logs {SHORT_OF_SPACE}"} if SHORT_OF_SPACE in broker else set()
    for stage in STAGES:
        for line in scene.stack.log_file(stage).read_text(encoding="utf-8", errors="replace").splitlines():
            word = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if word.get("event") == "clickhouse_away" and word["code"]:
                found.add(f"{stage} logs `clickhouse_away` with code {word['code']}")
            if word.get("event") == "crashed" and SHORT_OF_SPACE in str(word.get("reason")):
                found.add(f"{stage} logs `crashed`, {SHORT_OF_SPACE}")
    return found
