"""The sample company in real time: each touchpoint at its own moment, so that lateness is judged as in production."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from streams.sample.scene import Record
from streams.sample.simulation import generate


def replay(
    customers: int,
    days: int,
    seed: int,
    *,
    now_s: Callable[[], float] = time.time,
    wait_s: Callable[[float], None] = time.sleep,
) -> Iterator[Record]:
    """As `generate`, beginning now and not marked as backfill; yields each record when its time has come.

    What the simulation delivers late or twice comes behind what was delivered before it, as it does there.
    """
    clock_ms = int(now_s() * 1000)
    for record in generate(customers, days, seed, start_ms=clock_ms, backfill=False):
        occurred_at = record["occurred_at"]
        if isinstance(occurred_at, int) and occurred_at > clock_ms:
            clock_ms = occurred_at
        pause = clock_ms / 1000 - now_s()
        if pause > 0:
            wait_s(pause)
        yield record
