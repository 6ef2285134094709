"""Where touchpoints go: Kafka, each confirmed or named, or nowhere in a dry run.

Decides how records are batched, how many may be under way, and what a failed delivery means for the run. What is sent,
and in which order, is decided by `streams.producing.produce`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.partitioner.default import DefaultPartitioner

from streams.broker import TopicMissing, admin, connect
from streams.runtime.partitioner import partition_of
from streams.topics import TOUCHPOINTS, touchpoint_topic

LINGER_MS = 20
BATCH_BYTES = 65_536
DELIVERY_TIMEOUT_S = 120.0
UNDER_WAY_RECORDS = 20_000
UNDER_WAY_BYTES = 33_554_432
LOOK_EVERY = 128
CLOSE_S = 5.0


class Message(NamedTuple):
    """A touchpoint ready to go: its Kafka key and value, and the line it comes from as in `Row`."""

    channel: str
    key: bytes | None
    value: bytes
    source: str
    line: int
    raw: bytes


class Settled(NamedTuple):
    """What became of a message; ``error`` '' is delivered.

    After an error nothing should be sent: what could be tried again was tried until the delivery timeout, and anything
    else makes kafka-python's idempotent producer give up all that is under way.
    """

    message: Message
    error: str = ""


class Outlet(Protocol):
    """Takes messages, and tells of each once, now or later, what became of it."""

    def send(self, message: Message) -> Sequence[Settled]:
        """Take ``message``; returns what was settled meanwhile."""

    def drain(self) -> Iterator[Settled]:
        """Wait for all that is under way, one after the other."""


class DryRun:
    """Settles everything at once and sends nothing."""

    def send(self, message: Message) -> Sequence[Settled]:
        """As `Outlet.send`."""
        return (Settled(message),)

    def drain(self) -> Iterator[Settled]:
        """As `Outlet.drain`."""
        yield from ()


class KafkaOutlet:
    """An idempotent producer that waits for all replicas; use it as a context manager.

    kafka-python bounds the size of its batches but not their number, so what is under way is bounded here: `send`
    waits for the oldest record where there is too much.
    """

    def __init__(self, bootstrap: str, delivery_timeout_s: float = DELIVERY_TIMEOUT_S) -> None:
        """Raises BrokerUnreachable, and TopicMissing where the touchpoint topics were not applied."""
        with admin(bootstrap) as client:
            missing = set(TOUCHPOINTS) - set(client.list_topics())
        if missing:
            raise TopicMissing(bootstrap, missing)
        request_timeout_s = min(30.0, delivery_timeout_s / 2)
        self._patience_s = delivery_timeout_s + request_timeout_s
        self._under_way: deque[tuple[Any, Message, float]] = deque()
        self._bytes = 0
        self._unseen = 0
        self._producer = connect(
            KafkaProducer,
            bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=LINGER_MS,
            batch_size=BATCH_BYTES,
            delivery_timeout_ms=int(delivery_timeout_s * 1000),
            request_timeout_ms=int(request_timeout_s * 1000),
            max_block_ms=10_000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
            partitioner=CachedMurmur2(),
        )

    def __enter__(self) -> KafkaOutlet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._producer.close(timeout=CLOSE_S)
        except KafkaError:
            # Where a batch was forgotten, close() fails before it ends its thread, and so again when it is collected.
            self._producer._sender.force_close()
            self._producer._closed = True

    def send(self, message: Message) -> Sequence[Settled]:
        """As `Outlet.send`; blocks while too much is under way."""
        try:
            future = self._producer.send(touchpoint_topic(message.channel), message.value, message.key)
        except (KafkaError, ValueError) as error:
            # ValueError is what the library answers where the topic has gone.
            return (Settled(message, str(error)),)
        self._under_way.append((future, message, time.monotonic()))
        self._bytes += _held(message)
        self._unseen += 1
        found = []
        if len(self._under_way) > UNDER_WAY_RECORDS or self._bytes > UNDER_WAY_BYTES:
            found.append(self._settle_oldest())
        elif self._unseen < LOOK_EVERY:
            return ()
        self._unseen = 0
        while self._under_way and self._under_way[0][0].is_done:
            found.append(self._settle_oldest())
        return found

    def drain(self) -> Iterator[Settled]:
        """As `Outlet.drain`; ends at the latest when the delivery timeout and a request's have passed."""
        while self._under_way:
            yield self._settle_oldest()

    def _settle_oldest(self) -> Settled:
        future, message, sent = self._under_way.popleft()
        self._bytes -= _held(message)
        # The library forgets some records of a broker that died: it never tells what became of them.
        patience_s = max(0.0, sent + self._patience_s - time.monotonic())
        try:
            future.get(timeout=patience_s)
        except KafkaError as error:
            return Settled(message, str(error))
        return Settled(message)


class CachedMurmur2(DefaultPartitioner):  # type: ignore[misc]  # the library has no types
    """Kafka's default partitioner; a customer's records share a key, so its hash is kept (8 of 60 us a record)."""

    def partition(
        self, topic: str, key: Any, serialized_key: bytes | None, value: Any, serialized_value: Any, cluster: Any
    ) -> int:
        """The partition of ``serialized_key``, any for a record without a key."""
        partitions = cluster.partitions_for_topic(topic)
        if serialized_key is None or not partitions:
            found: int = super().partition(topic, key, serialized_key, value, serialized_value, cluster)
            return found
        # Kafka numbers partitions from 0 without gaps.
        return partition_of(serialized_key, len(partitions))


def _held(message: Message) -> int:
    return len(message.raw) + len(message.value)
