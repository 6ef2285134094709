"""A process of its own that takes mutated records, so that a crash of native code, a hang and growth are seen."""

from __future__ import annotations

import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

BATCH = 500
CORPUS = 20_000
#: A batch takes a fraction of a second; a machine that others use may be slow.
HANGS_AFTER_S = 120.0


class Batch(NamedTuple):
    """One batch is done: so many ``seconds`` it took, so much memory the process has."""

    number: int
    seconds: float
    resident_mb: float


def run(seed: int, batches: int) -> tuple[list[Batch], str]:
    """What was done, and what went wrong, '' for nothing."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_take, args=(theirs, seed, batches), daemon=True)
    process.start()
    theirs.close()
    done: list[Batch] = []
    try:
        while len(done) < batches:
            if not ours.poll(HANGS_AFTER_S):
                return done, f"seed {seed}, batch {len(done)}: hangs for more than {HANGS_AFTER_S:.0f} s"
            done.append(ours.recv())
    except EOFError:
        process.join()
        return done, f"seed {seed}, batch {len(done)}: the process ended with {process.exitcode}"
    finally:
        process.kill()
        process.join()
    return done, ""


def _take(told: Connection, seed: int, batches: int) -> None:
    from streams.domain.vocabulary import CHANNELS
    from tests.fuzz.intake import Fuzzed
    from tests.fuzz.mutations import Mutations, touchpoints

    mutations, fuzzed = Mutations(touchpoints(CORPUS, seed), seed), Fuzzed()
    for number in range(batches):
        channel = CHANNELS[number % len(CHANNELS)]
        batch = mutations.batch(channel, number * BATCH, BATCH)
        began = time.monotonic()
        fuzzed.take(channel, batch)
        told.send(Batch(number, time.monotonic() - began, resident_mb()))


def resident_mb() -> float:
    """Memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
