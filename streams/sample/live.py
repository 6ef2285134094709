"""The sample company in real time: each touchpoint at its own moment, so that lateness is judged as in production."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from streams.sample.draws import DAY
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
    """As `generate` from today's midnight (UTC) on, but from now, not marked as backfill, each record at its time.

    What happened since midnight is left out, so that the hour of the day is the real one. What the simulation delivers
    late or twice comes behind what was delivered before it, as it does there.
    """
    begin_ms = int(now_s() * 1000)
    clock_ms = 0
    for record in generate(customers, days, seed, start_ms=begin_ms - begin_ms % DAY, backfill=False):
        occurred_at = record["occurred_at"]
        if isinstance(occurred_at, int):
            clock_ms = max(clock_ms, occurred_at)
        if clock_ms < begin_ms:
            continue
        pause = clock_ms / 1000 - now_s()
        if pause > 0:
            wait_s(pause)
        yield record
