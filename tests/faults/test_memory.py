"""Memory is bounded whatever the keys: most records are of one key, whose group is larger than memory may be.

`OMNIJOURNEY_SKEWED_RECORDS` makes it as many as wanted: a million take some minutes.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from tests.faults.scene import Scene, Worker
from tests.faults.stage import ADD

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

RECORDS = int(os.environ.get("OMNIJOURNEY_SKEWED_RECORDS", "120000"))
HOT_SHARE = 0.6
KEYS = 1_000
VALUE_BYTES = 1_000
SLICE = 20_000
#: What a worker with the product's settings may take.
MOST_MB = 512


def skewed(random: Random, count: int) -> Iterator[tuple[bytes, bytes]]:
    """One key has most of the records; windows in any order. Half of each value compresses well, as JSON does."""
    for _ in range(count):
        key = 0 if random.random() < HOT_SHARE else random.randrange(1, KEYS)
        window = b"%08d" % random.randrange(10**8)
        yield b"k%05d" % key, (ADD + window + random.randbytes(VALUE_BYTES // 2)).ljust(VALUE_BYTES, b"-")


def wait_drained(scene: Scene, worker: Worker) -> None:
    worker.wait_ready(300)
    scene.drain(600)
    assert worker.running


def test_a_group_larger_than_memory_is_worked_off_within_the_limit(counting: Scene) -> None:
    windows: dict[bytes, set[bytes]] = {}
    total = Counter[str]()
    for _ in range(0, RECORDS, SLICE):
        records = list(skewed(counting.random, SLICE))
        counting.send(records, compression_type="lz4", max_batch_size=200_000)
        for number, (key, value) in enumerate(records):
            windows.setdefault(key + b"ab"[number % 2 : number % 2 + 1], set()).add(value[1:9])
        total["records"] += SLICE
    worker = counting.start(instance=True, stage="Hoarding")
    wait_drained(counting, worker)
    worked_mb = worker.peak_rss_mb
    worker.stop()
    shutil.rmtree(worker.folder)
    again = counting.start(instance=True, stage="Hoarding")
    again.wait_ready(300)
    recovered = again.events("recovered")[0]
    counting.send(skewed(counting.random, 1_000))
    wait_drained(counting, again)
    recovered_mb = again.peak_rss_mb
    again.stop()
    print(
        f"{total['records']} records, {max(map(len, windows.values()))} of one group: {worked_mb:.0f} MB working,"
        f" {recovered_mb:.0f} MB recovering {recovered['applied']} records in {recovered['seconds']} s"
    )
    rows = {key: row for row in counting.read(counting.topics.rows) if (key := row.key)}
    assert len(rows) == len(windows)
    assert max(worked_mb, recovered_mb) < MOST_MB
