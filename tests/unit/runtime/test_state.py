"""State that was made with other partitions is refused, whether it comes from this disk or from the changelog."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka.record.memory_records import MemoryRecords

from streams.kafka_access import KafkaAccess
from streams.runtime.aiokafka_seam import EpochProducer
from streams.runtime.failures import StateOutdated
from streams.runtime.stage import Layout, PlainRecord
from streams.runtime.state import KeyedState, PartitionChangelog
from streams.runtime.store import FENCE, PARTITIONS, DiskLimits, Disks, Fence

LIMITS = DiskLimits(block_cache_bytes=1 << 20, write_buffer_bytes=1 << 20, trusted_for_s=1e12)
CHANGELOG = "intake-state-changelog"
SEEN = (b"\x10key", b"\xc3")
FOLDED = Fence({"touchpoints.web": 7}, 1)
NOWHERE = KafkaAccess("127.0.0.1:1")


@contextmanager
def state(folder: Path, partitions: int) -> Iterator[KeyedState]:
    disks = Disks(folder, CHANGELOG, LIMITS)
    made = KeyedState("intake", Layout({b"\x10": bool}), CHANGELOG, partitions, disks, NOWHERE, 1 << 20)
    try:
        yield made
    finally:
        asyncio.run(made.stop())


def written(partitions: int) -> list[PlainRecord]:
    """What a batch of a worker with so many partitions leaves in the changelog."""

    async def pack() -> bytes:
        producer = EpochProducer(NOWHERE, None)
        batch = PartitionChangelog(producer, CHANGELOG, 0, -1, partitions).pack([SEEN], FOLDED)
        batch.close()
        await producer.stop()
        return bytes(batch._build())

    batch = MemoryRecords(asyncio.run(pack())).next_batch()
    return [PlainRecord(record.offset, 0, record.key, record.value) for record in batch]


def recover(folder: Path, partitions: int, records: Sequence[PlainRecord] = ()) -> None:
    with state(folder, partitions) as ours:
        if records:
            ours.apply(0, records)
        ours.recovered({0})


BEFORE = [PlainRecord(0, 0, *SEEN), PlainRecord(1, 0, FENCE, FOLDED.pack())]


def test_a_changelog_written_with_other_partitions_is_refused(tmp_path: Path) -> None:
    recover(tmp_path / "same", 4, written(4))
    with pytest.raises(StateOutdated, match=r"intake-state-changelog-0 was made with 4 partitions, the topics have 8"):
        recover(tmp_path / "grown", 8, written(4))


def test_a_refusal_is_for_good_until_the_partitions_are_set_back(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(StateOutdated):
            recover(tmp_path, 8, written(4))
    recover(tmp_path, 4)


def test_state_of_before_is_taken_and_marked_on_this_disk(tmp_path: Path) -> None:
    recover(tmp_path, 4, BEFORE)
    recover(tmp_path, 4)
    with pytest.raises(StateOutdated):
        recover(tmp_path, 8)


def test_where_nothing_was_folded_partitions_may_have_become_others(tmp_path: Path) -> None:
    recover(tmp_path, 4)
    recover(tmp_path, 8)


def test_the_mark_lies_in_the_batch_of_the_fence(tmp_path: Path) -> None:
    assert [(record.key, record.value) for record in written(12)] == [
        SEEN,
        (PARTITIONS, b"12"),
        (FENCE, FOLDED.pack()),
    ]
