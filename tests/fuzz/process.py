"""A process of its own that takes mutated records, so that a crash of native code, a hang and growth are seen.

Growth is told from what is remembered on purpose: now and then all caches, which are bounded, and the state are thrown
away, and what then is left is measured.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from streams.domain.vocabulary import CHANNELS
from tests.fuzz.intake import Fuzzed
from tests.fuzz.mutations import Mutations, touchpoints

BATCH = 500
CORPUS = 5_000
#: A batch takes a fraction of a second; a machine that others use may be slow.
HANGS_AFTER_S = 120.0
#: To begin it imports a lot.
BEGINS_WITHIN_S = 120.0
#: So often memory is measured.
SETTLED = 20


class Batch(NamedTuple):
    """One batch is done: so many ``seconds`` it took, so much memory the process has; ``left_mb`` without caches."""

    seconds: float
    resident_mb: float
    left_mb: float | None


Take = Callable[[Connection, int, int], None]


def run(seed: int, batches: int, take: Take, hangs_after_s: float = HANGS_AFTER_S) -> tuple[list[Batch], str]:
    """What was done by ``take``, a function that the process can import, and what went wrong, '' for nothing."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=take, args=(theirs, seed, batches), daemon=True)
    process.start()
    theirs.close()
    done: list[Batch] = []
    try:
        while len(done) < batches:
            if not ours.poll(hangs_after_s if done else BEGINS_WITHIN_S):
                return done, f"seed {seed}, batch {len(done)}: hangs for more than {hangs_after_s:g} s"
            done.append(ours.recv())
    except EOFError:
        process.join()
        return done, f"seed {seed}, batch {len(done)}: the process ended with {process.exitcode}"
    finally:
        process.kill()
        process.join()
    return done, ""


def intake(told: Connection, seed: int, batches: int) -> None:
    """Take ``batches`` of mutated records as INTAKE does, and tell of each."""
    mutations, fuzzed = Mutations(touchpoints(CORPUS, seed), seed), Fuzzed()
    look_every = max(1, batches // SETTLED)
    for number in range(batches):
        channel = CHANNELS[number % len(CHANNELS)]
        batch = mutations.batch(channel, number * BATCH, BATCH)
        began = time.monotonic()
        fuzzed.take(channel, batch)
        seconds, resident = time.monotonic() - began, resident_mb()
        looks = (number + 1) % look_every == 0
        told.send(Batch(seconds, resident, left_mb(fuzzed) if looks else None))


def left_mb(fuzzed: Fuzzed) -> float:
    """Memory that this process has when nothing is remembered."""
    fuzzed.forget()
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper):
            found.cache_clear()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return resident_mb()


def resident_mb() -> float:
    """Memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
