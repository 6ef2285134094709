"""Everything that leans on private parts of aiokafka, held by an exact pin and tests/contract/test_seams.py.

Fetching   a fetch becomes one `Chunk`, which knows the stretch of log that it covers; records of chosen topics stay the
           Cython records of the protocol layer, which saves building an object each
Writing    `EpochProducer` takes a producer epoch, as a transactional producer does at its start, and then writes plain
           idempotent batches under it: the broker refuses what an earlier holder of the same name writes afterwards

Why the epoch. Generations of the consumer group are no fence: a process that was frozen for longer than its session
still believes in its own. InitProducerId for a transactional id raises the epoch at the coordinator, the first batch
tells it to the partition's leader, and from then on lower epochs are refused there. Transactions would give the same at
a tenth of the throughput less, and readers would have to skip what is aborted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any, cast

import aiokafka
from aiokafka import AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.kafka_access import KafkaAccess
from streams.runtime.failures import Superseded, TooLarge
from streams.runtime.outputs import Patience

PINNED = "0.14.0"
#: How often somebody who waits for a broker looks whether to go on.
LOOK_EVERY_S = 0.25
#: What a fetched record takes in memory besides its value; measured with keys of 40 bytes.
RECORD_BYTES = 290
#: A producer whose broker is away is given so long to end.
STOP_S = 1.0
#: A batch of changes must be one, so it may be large; outputs need not be, and smaller ones are out sooner.
BATCH_LIMIT_BYTES = 4_000_000
GOOD_BATCH_BYTES = 500_000
#: What a record takes in a batch besides its key and value, with the few headers that there may be.
RECORD_OVERHEAD = 100

if aiokafka.__version__ != PINNED:
    raise ImportError(f"aiokafka {aiokafka.__version__} is installed, the runtime leans on seams of {PINNED}")


class Chunk(list[Any]):
    """The records of one fetch of one partition: the log from ``start`` up to, not including, ``end``.

    Both count what is skipped on the way: control batches, and what compaction removed. ``size``: bytes in memory.
    """

    __slots__ = ("end", "size", "start")

    start: int
    end: int
    size: int


#: Topics whose records stay as the protocol layer gives them: offset, timestamp, key, value, headers.
_light: set[str] = set()


class _Records(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record if tp.topic in _light else super()._consumer_record(tp, record)


class _Result(fetcher.FetchResult):  # type: ignore[misc]  # aiokafka has no types
    def getall(self, max_records: int | None = None) -> list[Any]:
        partition = self._partition_records
        if partition is None or self._topic_partition.topic not in _light:
            return list(super().getall(max_records))
        start = partition.next_fetch_offset
        records = super().getall(max_records)
        end = partition.next_fetch_offset
        state = self._assignment.state_value(self._topic_partition)
        # Nothing but markers was fetched before this: the chunk covers them too.
        skipped = getattr(state, "skipped_stretch", None)
        if skipped is not None and skipped[1] == start:
            start = skipped[0]
        state.skipped_stretch = None if records else (start, end)
        if not records:
            return []
        chunk = Chunk(records)
        chunk.start, chunk.end = start, end
        chunk.size = sum([len(record.value or b"") for record in records]) + RECORD_BYTES * len(records)
        return chunk


def fetch_in_chunks(topics: set[str]) -> None:
    """From now on consumers of this process fetch ``topics`` as chunks."""
    _light.update(topics)
    fetcher.PartitionRecords = _Records
    fetcher.FetchResult = _Result


class EpochProducer:
    """Writes whole batches; with a ``name``, under an epoch that supersedes all before of that name.

    No batch takes more than ``limit`` bytes before compression, which the topics' max.message.bytes must allow.
    """

    def __init__(self, kafka: KafkaAccess | str, name: str | None, limit: int = BATCH_LIMIT_BYTES) -> None:
        kafka = KafkaAccess.to(kafka)
        self._limit = limit
        self._producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap,
            **kafka.options,
            transactional_id=name,
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            linger_ms=0,
            max_batch_size=limit,
            max_request_size=2 * limit,
        )

    async def start(self) -> None:
        """Connect, and take the epoch. KafkaError where that fails."""
        await self._producer.start()
        manager = self._producer._txn_manager
        # Id and epoch stay; batches are no longer asked to belong to a transaction.
        manager.transactional_id = None

    async def partitions_of(self, topic: str, patient: Patience) -> int:
        """How many partitions ``topic`` has. Superseded where ``patient()`` turns false first."""
        return len(await _answer(self._producer.partitions_for(topic), patient, f"partitions of {topic}"))

    def batches(self, records: Sequence[Any]) -> list[BatchBuilder]:
        """``records``, each with topic, key, value and headers, in batches of a good size.

        TooLarge for a record beyond the limit.
        """
        batches: list[BatchBuilder] = []
        batch: BatchBuilder = None
        left = 0
        now = round(time.time() * 1000)
        for record in records:
            size = len(record.key) + len(record.value) + RECORD_OVERHEAD
            if size > self._limit:
                raise TooLarge(f"an output of {size} bytes for {record.topic}, the limit is {self._limit}")
            if size > left:
                batch = self._producer.create_batch()
                batches.append(batch)
                left = GOOD_BATCH_BYTES
            batch.append(timestamp=now, key=record.key, value=record.value, headers=list(record.headers))
            left -= size
        return batches

    def one_batch(self, entries: Sequence[tuple[bytes, bytes | None]]) -> BatchBuilder:
        """``entries`` as one batch; TooLarge where they don't fit."""
        batch = self._producer.create_batch()
        now = round(time.time() * 1000)
        for key, value in entries:
            # The first is taken whatever its size.
            if batch.append(timestamp=now, key=key, value=value) is None or batch.size() > self._limit:
                raise TooLarge(f"changes of {len(entries)} keys take more than {self._limit} bytes")
        return batch

    async def send(self, batches: Sequence[BatchBuilder], topic: str, partition: int, patient: Patience) -> int | None:
        """Write ``batches`` in order; returns once the last is durable, the offset of its last record.

        None where the broker knows the batch already, from an attempt whose answer was lost, and doesn't say where.
        Superseded where a later epoch has taken over, or ``patient()`` turns false first.
        """
        try:
            sending = self._send(batches, topic, partition, patient)
            return cast(int | None, await _answer(sending, patient, f"{topic}-{partition}"))
        except ProducerFenced as error:
            raise Superseded(f"{topic}-{partition}: another owner has taken over") from error

    async def _send(self, batches: Sequence[BatchBuilder], topic: str, partition: int, patient: Patience) -> int | None:
        last = None
        for batch in batches:
            batch.close()
            count = batch.record_count()
            written = await self._queued(batch, topic, partition, patient)
            try:
                metadata = await written
            except MessageSizeTooLargeError as error:
                raise TooLarge(f"{topic}-{partition}: the broker's limit is lower than ours") from error
            last = metadata.offset + count - 1 if metadata.offset >= 0 else None
        return last

    async def _queued(self, batch: BatchBuilder, topic: str, partition: int, patient: Patience) -> Any:
        while True:
            try:
                return await self._producer.send_batch(batch, topic, partition=partition)
            except KafkaTimeoutError:
                # It was not queued, because those before it wait for the broker still.
                if not patient():
                    raise Superseded(f"{topic}-{partition}: the broker takes nothing") from None

    async def stop(self) -> None:
        """End, without waiting long for what nobody waits for any more."""
        stopping = asyncio.ensure_future(self._producer.stop())
        if not (await asyncio.wait({stopping}, timeout=STOP_S))[0]:
            stopping.cancel()
            # Requests that hang end with their connections.
            await asyncio.wait({asyncio.ensure_future(self._producer.client.close())}, timeout=STOP_S)


async def _answer(asking: Coroutine[Any, Any, Any], patient: Patience, what: str) -> Any:
    """What ``asking`` gives; Superseded where ``patient()`` turns false first."""
    answer = asyncio.ensure_future(asking)
    try:
        while not (await asyncio.wait({answer}, timeout=LOOK_EVERY_S))[0]:
            if not patient():
                raise Superseded(f"{what}: no answer from the broker in time")
        return answer.result()
    finally:
        answer.cancel()
