"""Where a stage's outputs go: collected while it folds, all out before the batch counts as done."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Protocol

from aiokafka import AIOKafkaProducer

from streams.runtime.stage import Headers

FLUSH_DEADLINE_S = 120.0


class Port(Protocol):
    """Outputs with a life: `start` before the first batch, `flush` at the end of each, `stop` at the end."""

    async def start(self) -> None: ...

    async def flush(self) -> None:
        """Return once everything collected is durable; raises where that cannot be."""

    async def stop(self) -> None: ...


class Output(NamedTuple):
    """One record to send; ``partition`` None leaves it to Kafka's default partitioner."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None
    headers: Headers


class KafkaOutputs:
    """Outputs to Kafka topics, idempotent and acknowledged by all replicas."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._waiting: list[Output] = []

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=262_144,
            # Above the largest record that a topic of ours takes.
            max_request_size=8_388_608,
        )
        await self._producer.start()

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        self._waiting.append(Output(topic, key, value, partition, headers))

    async def flush(self) -> None:
        """Send what was collected, in order, and wait for the acknowledgements; TimeoutError after two minutes."""
        waiting, self._waiting = self._waiting, []
        await asyncio.wait_for(self._send_all(waiting), FLUSH_DEADLINE_S)

    async def _send_all(self, waiting: list[Output]) -> None:
        producer = self._producer
        if producer is None:
            raise RuntimeError("outputs: flush before start")
        sent = [
            await producer.send(o.topic, o.value, key=o.key, partition=o.partition, headers=list(o.headers))
            for o in waiting
        ]
        await asyncio.gather(*sent)

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
