"""Records that were made before the clock starts, sent to Kafka as fast as it takes them.

Decides how they are batched, as `omnijourney produce` does, and what the sending itself costs. What the records are is
left to the benchmarks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.producing.kafka_outlet import BATCH_BYTES


class Prepared(NamedTuple):
    """A record and its place."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes


class Sent(NamedTuple):
    """``began`` on the monotonic clock; ``seconds`` until the broker had confirmed all; ``cpu_s`` of this side."""

    began: float
    seconds: float
    cpu_s: float


class _Batch(NamedTuple):
    first: int
    topic: str
    partition: int
    builder: BatchBuilder


def send(bootstrap: str, records: Iterable[Prepared]) -> Sent:
    """Send ``records``, about in their order; the clock starts when they lie batched in memory."""
    return asyncio.run(_send(bootstrap, records))


async def _send(bootstrap: str, records: Iterable[Prepared]) -> Sent:
    settings = {"acks": "all", "enable_idempotence": True, "compression_type": "lz4", "max_batch_size": BATCH_BYTES}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **settings) as producer:
        batches = _batched(producer, records)
        began, cpu = time.monotonic(), time.process_time()
        # One after the other: the client takes a partition's next batch once the one before is on its way.
        futures = [await producer.send_batch(b.builder, b.topic, partition=b.partition) for b in batches]
        await asyncio.gather(*futures)
        return Sent(began, time.monotonic() - began, time.process_time() - cpu)


def _batched(producer: AIOKafkaProducer, records: Iterable[Prepared]) -> list[_Batch]:
    """All batches, in the order of their first records."""
    now = int(time.time() * 1000)
    open_, batches = dict[tuple[str, int], _Batch](), list[_Batch]()
    for number, (topic, partition, key, value) in enumerate(records):
        batch = open_.get((topic, partition))
        if batch is None or batch.builder.append(key=key, value=value, timestamp=now) is None:
            batch = open_[topic, partition] = _Batch(number, topic, partition, producer.create_batch())
            batch.builder.append(key=key, value=value, timestamp=now)
            batches.append(batch)
    return batches
