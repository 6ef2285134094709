"""Outputs to Kafka topics: partitioned as Kafka's default partitioner does, written in batches, in order."""

from __future__ import annotations

import asyncio

from streams.runtime.aiokafka_seam import EpochProducer
from streams.runtime.outputs import Output, Patience
from streams.runtime.partitioner import partition_of
from streams.runtime.stage import Headers


class KafkaOutputs:
    """Collects with `send` (the stage's `Out`), writes with `flush` through ``producer``."""

    def __init__(self, producer: EpochProducer) -> None:
        self._producer = producer
        self._collected: list[Output] = []
        self._partitions: dict[str, int] = {}

    async def start(self) -> None:
        await self._producer.start()

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        self._collected.append(Output(topic, key, value, partition, headers))

    async def flush(self, patient: Patience) -> None:
        collected, self._collected = self._collected, []
        by_log: dict[tuple[str, int], list[Output]] = {}
        for output in collected:
            partition = output.partition
            if partition is None:
                partition = partition_of(output.key, await self._partitions_of(output.topic, patient))
            by_log.setdefault((output.topic, partition), []).append(output)
        # All are made before the first is sent: one that is too large is known then.
        batches = {log: self._producer.batches(outputs) for log, outputs in by_log.items()}
        sending = [self._producer.send(made, *log, patient) for log, made in batches.items()]
        # All have ended before the first failure is told: nothing of this attempt comes behind the next one.
        for ended in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    async def _partitions_of(self, topic: str, patient: Patience) -> int:
        found = self._partitions.get(topic)
        if found is None:
            found = self._partitions[topic] = await self._producer.partitions_of(topic, patient)
        return found

    def discard(self) -> None:
        self._collected.clear()

    async def stop(self) -> None:
        await self._producer.stop()
