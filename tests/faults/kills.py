"""Kills a worker with -9 again and again while it works, sometimes with its disk, and judges what is left."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any, get_args

from tests.faults.counting import Fault, Point
from tests.faults.scene import Scene, Worker, wait_until
from tests.faults.verdict import Verdict, judge

#: Records for each life; a batch has so few of them that several are in it.
RECORDS_A_LIFE = 4_000
LATEST_BATCH = 8
WIPED = 0.2
FROM_OUTSIDE = 0.3
KILLED = -9


@dataclass
class Tally:
    """``back_s``: from each kill -9 to the first batch of the next life."""

    points: Counter[str] = field(default_factory=Counter)
    wipes: int = 0
    back_s: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        points = ", ".join(f"{point} {count}" for point, count in sorted(self.points.items()))
        least, most = min(self.back_s), max(self.back_s)
        return (
            f"{self.points.total()} kills ({points}), {self.wipes} with the disk wiped; working again after"
            f" {median(self.back_s):.2f} s (median; {least:.2f} to {most:.2f})"
        )


def kill_again_and_again(
    scene: Scene, kills: int, random: Random, say: Callable[[str], None] = print
) -> tuple[Tally, Verdict]:
    """``kills`` lives that end with -9 and a last one that works off what is left."""
    tally = Tally()
    killed_at: float | None = None
    while tally.points.total() < kills:
        scene.produce(RECORDS_A_LIFE)
        orders: dict[str, Any] = {
            "batch_records": random.randint(100, 400),
            "fetch_bytes": random.choice((8, 16, 64)) << 10,
        }
        if random.random() >= FROM_OUTSIDE:
            orders["fault"] = Fault(random.choice(get_args(Point)), random.randint(1, LATEST_BATCH))
        worker = scene.start(instance=True, **orders)
        point = live(worker, orders.get("fault"), random, killed_at, tally)
        killed_at = time.monotonic()
        tally.points[point] += 1
        say(f"{tally.points.total()}: killed, {point}")
        if random.random() < WIPED:
            shutil.rmtree(worker.folder)
            tally.wipes += 1
    last = scene.start(instance=True)
    last.wait_ready()
    scene.drain()
    last.stop()
    return tally, judge(scene, last.folder)


def live(worker: Worker, fault: Fault | None, random: Random, killed_at: float | None, tally: Tally) -> str:
    """One life; how it ended."""
    worked = False

    def works() -> bool:
        nonlocal worked
        if not worked and worker.batches > 0:
            worked = True
            if killed_at is not None:
                tally.back_s.append(time.monotonic() - killed_at)
        return worked or not worker.running

    if fault is None:
        # Anywhere, the time before it works included.
        until = time.monotonic() + random.uniform(0.3, 2.5)
        wait_until(lambda: works() and time.monotonic() > until, 60, "a batch")
        worker.kill()
        return "anywhere"
    wait_until(lambda: works() and not worker.running, 60, f"the fault {fault} strikes")
    assert worker.process.returncode == KILLED, worker.last_words()
    return fault.point
