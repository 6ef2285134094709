"""What a record costs that is observed: lag and freshness by batch, and as one `observe` a record would take.

    python tests/bench/observing.py [--runs 7]

Microseconds of CPU for each record, the least and the median of several runs, by records in a batch.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))

from prometheus_client import CollectorRegistry, Histogram

from sinks.freshness import Freshness
from sinks.tables import TOUCHPOINTS
from streams.domain.vocabulary import CHANNELS
from streams.runtime.accounts import Accounts, pack
from streams.runtime.metrics import AGE_SECONDS, Spread
from streams.runtime.reading import Log
from streams.runtime.stage import PlainRecord
from streams.runtime.store import Fence
from streams.runtime.task import Piece
from tests.bench import figures

RECORDS = 100_000
SIZES = (10, 100, 1_000, 10_000)
NOW = 1_772_409_600_000


def lags(size: int) -> Callable[[], None]:
    """As INTAKE: received less occurred, kept in a list, counted at the end of each call of `fold`."""
    ages = Spread("journey_a_seconds", "A.", "channel", CHANNELS, AGE_SECONDS, CollectorRegistry())
    times = [NOW - Random(at).randrange(5_000) for at in range(size)]

    def observe() -> None:
        kept: list[int] = []
        for occurred_at in times:
            kept.append(NOW - occurred_at)
        ages.observe("web", [lag / 1000 for lag in kept])

    return observe


def one_by_one(size: int) -> Callable[[], None]:
    """What prometheus_client's own takes for the same."""
    histogram = Histogram("journey_b_seconds", "B.", ["channel"], buckets=AGE_SECONDS, registry=CollectorRegistry())
    times = [NOW - Random(at).randrange(5_000) for at in range(size)]

    def observe() -> None:
        for occurred_at in times:
            histogram.labels("web").observe((NOW - occurred_at) / 1000)

    return observe


def fresh(size: int) -> Callable[[], None]:
    """As SINK: rows of a block, five channels and twelve partitions mixed."""
    freshness = Freshness()
    made = {
        "channel": [CHANNELS[at % 5] for at in range(size)],
        "intake_partition": [at % 12 for at in range(size)],
        "occurred_at": [NOW - Random(at).randrange(5_000) for at in range(size)],
        "backfill": [False] * size,
    }
    version = 0

    def observe() -> None:
        nonlocal version
        made["version"] = list(range(version, version + size))
        version += size
        data = [made.get(column, []) for column in TOUCHPOINTS.columns]
        freshness.inserted(data, [0] * size, NOW)

    return observe


def accounted(size: int) -> Callable[[], None]:
    """As the runtime: the accounts of five topics, packed for the changelog."""
    topics = [f"touchpoints.{channel}" for channel in CHANNELS]
    accounts = Accounts(frozenset(topics), {})
    records = [PlainRecord(at, 0, b"", b"") for at in range(size // 5)]
    pieces = [Piece(Log(topic, 0), 0, records, len(records)) for topic in topics]
    fence = Fence(dict.fromkeys(topics, len(records)), 1)
    ended = dict.fromkeys(topics, len(records))

    def count() -> None:
        pack(accounts.advanced(pieces, ended, fence))

    return count


def us_a_record(step: Callable[[], None], size: int) -> float:
    began = time.process_time()
    for _ in range(RECORDS // size):
        step()
    return (time.process_time() - began) / RECORDS * 1e6


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=7)
    runs = arguments.parse_args().runs
    print(f"{'records in a batch':<32}" + "".join(f"{size:>16,}" for size in SIZES))
    for name, made in (
        ("lag, one observe a record", one_by_one),
        ("lag, by batch", lags),
        ("freshness, by batch", fresh),
        ("completeness, by batch", accounted),
    ):
        found = [figures.Spread.of(us_a_record(made(size), size) for _ in range(runs)) for size in SIZES]
        print(f"{name:<32}" + "".join(f"{one.min:>8.3f}{one.median:>8.3f}" for one in found))


if __name__ == "__main__":
    main()
