"""The order of work in a batch: what is skipped, what is emitted, and that nothing is left out unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.folding import Folding, MissingRecords, chunks
from streams.runtime.stage import Record, View
from tests.unit.builders import Collected

Durable = list[tuple[bytes, bytes]]


class MemoryPort(Collected):
    """Outputs that are durable only once they are flushed, as Kafka's."""

    def __init__(self) -> None:
        super().__init__()
        self.durable: Durable = []

    async def start(self) -> None: ...

    async def flush(self) -> None:
        self.durable += [(sent.key, sent.value) for sent in self.sent]
        self.sent.clear()

    async def stop(self) -> None: ...


class Tally:
    """A stage that counts records by key, for each partition apart."""

    name = "tally"
    inputs = ("left", "right")
    keeps_state = True

    def fold(self, records: Sequence[Record], view: View, out: MemoryPort) -> None:
        for record in records:
            assert record.key is not None
            view.put(record.key, (view.get(record.key) or 0) + 1)
            view.touch(record.key, record.offset)

    def emit(self, changed: Mapping[bytes, int], view: View, out: MemoryPort) -> None:
        for key, version in changed.items():
            out.send("tally", key, f"{view.get(key)} at {version} on {view.partition}".encode())


class Echo(Tally):
    """A stage that keeps nothing: each record goes out as it came."""

    keeps_state = False

    def fold(self, records: Sequence[Record], view: View, out: MemoryPort) -> None:
        for record in records:
            out.send("echo", record.key or b"", record.value)


def record(offset: int, key: bytes = b"k", topic: str = "left", partition: int = 0) -> Record:
    return Record(topic, partition, offset, 0, key, str(offset).encode())


def folded(
    *batches: Sequence[Record], stage: Tally | None = None
) -> tuple[Folding[MemoryPort], list[tuple[bytes, bytes]]]:
    port = MemoryPort()
    folding = Folding(Tally() if stage is None else stage, port)
    for batch in batches:
        asyncio.run(folding.run(batch))
    return folding, port.durable


def test_a_key_touched_twice_in_a_batch_is_emitted_once_with_its_last_version() -> None:
    _, durable = folded([record(0), record(1, b"other"), record(2)])
    assert durable == [(b"k", b"2 at 2 on 0"), (b"other", b"1 at 1 on 0")]


def test_what_the_state_holds_already_is_not_folded_again() -> None:
    _, durable = folded([record(0), record(1)], [record(0), record(1), record(2)], [record(1), record(2)])
    assert durable == [(b"k", b"2 at 1 on 0"), (b"k", b"3 at 2 on 0")]


def test_partitions_have_states_of_their_own_and_topics_share_their_partitions() -> None:
    batch = [record(0), record(0, partition=1), record(0, topic="right")]
    _, durable = folded(batch)
    assert durable == [(b"k", b"2 at 0 on 0"), (b"k", b"1 at 0 on 1")]


def test_each_topic_has_its_own_fence() -> None:
    _, durable = folded([record(0), record(1)], [record(0, topic="right")], [record(1, topic="right"), record(1)])
    assert durable[-1] == (b"k", b"4 at 1 on 0")


def test_a_hole_behind_the_fence_stops_the_stage_before_it_emits() -> None:
    port = MemoryPort()
    folding = Folding(Tally(), port)
    asyncio.run(folding.run([record(0)]))
    with pytest.raises(MissingRecords, match="left-0: found offset 2, expected 1"):
        asyncio.run(folding.run([record(2)]))
    assert port.durable == [(b"k", b"1 at 0 on 0")]
    assert not port.sent


def test_a_hole_within_a_batch_stops_the_stage_too() -> None:
    folding = Folding(Tally(), MemoryPort())
    with pytest.raises(MissingRecords, match="left-0: found offset 2, expected 1"):
        asyncio.run(folding.run([record(0), record(2)]))


def test_a_log_whose_beginning_is_gone_stops_a_stage_with_state_because_its_rows_would_be_wrong() -> None:
    port = MemoryPort()
    with pytest.raises(MissingRecords, match="left-0: found offset 7, expected 0"):
        asyncio.run(Folding(Tally(), port).run([record(7), record(8)]))
    assert not port.durable


def test_reading_goes_on_behind_the_fence_and_from_the_beginning_for_what_is_new() -> None:
    folding, _ = folded([record(0), record(1)])
    assert folding.next_offset(TP("left", 0)) == 2
    assert folding.next_offset(TP("right", 0)) == 0
    assert folding.next_offset(TP("left", 1)) == 0


def test_a_stage_without_state_takes_everything_and_goes_on_from_its_commit() -> None:
    folding, durable = folded([record(5)], [record(5), record(9)], stage=Echo())
    assert [value for _, value in durable] == [b"5", b"5", b"9"]
    assert folding.next_offset(TP("left", 0)) is None


def test_an_empty_batch_sends_nothing() -> None:
    assert folded([])[1] == []


def test_a_batch_is_durable_before_it_counts_as_done() -> None:
    class Broken(MemoryPort):
        async def flush(self) -> None:
            raise TimeoutError("the broker is away")

    with pytest.raises(TimeoutError):
        asyncio.run(Folding(Tally(), Broken()).run([record(0)]))


logs = st.sampled_from([("left", 0), ("left", 1), ("right", 0)])


@given(st.lists(logs, max_size=20))
def test_chunks_hold_every_record_in_the_order_of_its_log(order: list[tuple[str, int]]) -> None:
    batch = [record(i, topic=topic, partition=partition) for i, (topic, partition) in enumerate(order)]
    found = list(chunks(batch))
    assert all(len({(r.topic, r.partition) for r in chunk}) == 1 for chunk in found)
    assert len(found) == len(set(order))
    assert all(chunk == sorted(chunk, key=lambda r: r.offset) for chunk in found)
    assert sorted((r for chunk in found for r in chunk), key=lambda r: r.offset) == batch


@given(st.lists(st.integers(1, 4), max_size=6), st.integers(0, 5))
def test_batches_that_overlap_after_a_rebalance_are_folded_once(sizes: list[int], overlap: int) -> None:
    log = [record(offset) for offset in range(sum(sizes))]
    batches, end = [], 0
    for size in sizes:
        batches.append(log[max(0, end - overlap) : end + size])
        end += size
    _, durable = folded(*batches)
    last = len(log) - 1
    assert durable[-1:] == ([(b"k", f"{len(log)} at {last} on 0".encode())] if log else [])
