"""The outlet to Kafka: an idempotent producer that waits for all replicas, a batch of records at a time.

Decides how records are batched, how many may be under way, and what a failed delivery means for the run: nothing is
sent after it. Batches are filled by the caller's thread; aiokafka sends them from a thread of its own, so that filling
goes on while the broker writes. A record costs about 6 us of CPU, compression and sending included
(tests/bench/mapping.py); sent one by one with kafka-python it was 40 to 60.

    send() -> open batches, one a partition -> full, or LINGER_S old -> queue of its partition -> broker -> settled

A partition's batches go one behind the other, so a key's records keep their order.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.broker import BrokerUnreachable, TopicMissing, admin
from streams.domain.vocabulary import CHANNELS
from streams.kafka_access import KafkaAccess
from streams.producing.outlet import Settled
from streams.producing.rows import Message
from streams.runtime.partitioner import partition_of
from streams.topics import TOUCHPOINTS, touchpoint_topic

LINGER_S = 0.05
BATCH_BYTES = 131_072
DELIVERY_TIMEOUT_S = 120.0
UNDER_WAY_BYTES = 33_554_432
CLOSE_S = 5.0

# What goes wrong is told by what is settled; the library's log goes where logging was configured.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())

Place = tuple[str, int]
Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class _Batch:
    """Records of one place, a channel and a partition of its topic; ``size`` is what they hold in memory."""

    place: Place
    builder: BatchBuilder
    opened: float
    messages: list[Message] = field(default_factory=list)
    size: int = 0


class KafkaOutlet:
    """Sends to the touchpoint topics; use it as a context manager."""

    def __init__(self, kafka: KafkaAccess | str, delivery_timeout_s: float = DELIVERY_TIMEOUT_S) -> None:
        """Raises BrokerUnreachable, and TopicMissing where the touchpoint topics were not applied."""
        with admin(kafka) as client:
            missing = set(TOUCHPOINTS) - set(client.list_topics())
        if missing:
            raise TopicMissing(kafka, missing)
        self._patience_s = delivery_timeout_s
        self._changed = threading.Condition()
        self._open: dict[Place, _Batch] = {}
        self._under_way: dict[_Batch, None] = {}
        self._settled: deque[Settled] = deque()
        self._bytes = 0
        self._failed = ""
        self._queues: dict[Place, asyncio.Queue[_Batch]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka-outlet", daemon=True)
        self._thread.start()
        try:
            self._partitions = self._ask(self._start(KafkaAccess.to(kafka)))
        except KafkaError as error:
            self._end()
            raise BrokerUnreachable(f"no Kafka broker at {KafkaAccess.to(kafka).bootstrap}: {error}") from error

    async def _start(self, kafka: KafkaAccess) -> dict[str, int]:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap,
            **kafka.options,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=UNDER_WAY_BYTES,
        )
        await self._producer.start()
        self._keep(self._ship_old())
        return {channel: len(await self._producer.partitions_for(touchpoint_topic(channel))) for channel in CHANNELS}

    def __enter__(self) -> KafkaOutlet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ask(self._stop())
        self._end()

    def send(self, messages: Sequence[Message]) -> Sequence[Settled]:
        """As `Outlet.send`; blocks while too much is under way."""
        now = time.monotonic()
        stamp = round(time.time() * 1000)
        with self._changed:
            for message in messages:
                self._add(message, now, stamp)
            while self._bytes > UNDER_WAY_BYTES and self._wait():
                pass
            return self._taken()

    def drain(self) -> Iterator[Settled]:
        """As `Outlet.drain`; ends at the latest when the delivery timeout has passed."""
        with self._changed:
            for batch in list(self._open.values()):
                self._ship(batch)
        while True:
            with self._changed:
                while self._under_way and not self._settled and self._wait():
                    pass
                found = self._taken()
            yield from found
            if not found and not self._under_way:
                return

    def _add(self, message: Message, now: float, stamp: int) -> None:
        channel, key, value = message.channel, message.key, message.value
        # Records without a key stay together.
        partition = 0 if key is None else partition_of(key, self._partitions[channel])
        batch = self._open.get((channel, partition))
        if batch is None or batch.builder.append(timestamp=stamp, key=key, value=value) is None:
            if batch is not None:
                self._ship(batch)
            batch = self._open[channel, partition] = _Batch((channel, partition), self._producer.create_batch(), now)
            # The first is taken whatever its size.
            batch.builder.append(timestamp=stamp, key=key, value=value)
        batch.messages.append(message)
        size = len(message.raw) + len(value)
        batch.size += size
        self._bytes += size

    def _ship(self, batch: _Batch) -> None:
        del self._open[batch.place]
        self._under_way[batch] = None
        self._loop.call_soon_threadsafe(self._enqueue, batch)

    def _wait(self) -> bool:
        """Wait until something is settled; False once nothing more will be."""
        oldest = next(iter(self._under_way), None) or next(iter(self._open.values()), None)
        if oldest is None:
            return False
        if not self._changed.wait(max(0.0, oldest.opened + self._patience_s - time.monotonic())):
            self._give_up(f"no confirmation within {self._patience_s:g} s")
        return True

    def _give_up(self, reason: str) -> None:
        self._failed = self._failed or reason
        for batch in [*self._under_way, *self._open.values()]:
            self._settle(batch, self._failed)
        self._open.clear()

    def _taken(self) -> list[Settled]:
        found = list(self._settled)
        self._settled.clear()
        return found

    def _settle(self, batch: _Batch, error: str) -> None:
        self._under_way.pop(batch, None)
        self._bytes -= batch.size
        self._settled.append(Settled(batch.messages, error))
        self._changed.notify()

    # What follows runs in the loop's thread.

    def _enqueue(self, batch: _Batch) -> None:
        if batch.place not in self._queues:
            self._queues[batch.place] = asyncio.Queue()
            self._keep(self._send_in_order(self._queues[batch.place]))
        self._queues[batch.place].put_nowait(batch)

    async def _send_in_order(self, queue: asyncio.Queue[_Batch]) -> None:
        while True:
            batch = await queue.get()
            try:
                future = await self._queued(batch)
            except KafkaError as error:
                self._note(batch, error)
            else:
                future.add_done_callback(partial(self._note_done, batch))

    async def _queued(self, batch: _Batch) -> asyncio.Future[Any]:
        channel, partition = batch.place
        topic = touchpoint_topic(channel)
        batch.builder.close()
        while not self._failed:
            try:
                future: asyncio.Future[Any] = await self._producer.send_batch(batch.builder, topic, partition=partition)
            except KafkaTimeoutError:
                # The one before waits for the broker still; the caller's patience ends this.
                continue
            return future
        raise KafkaError(f"not sent any more: {self._failed}")

    def _note_done(self, batch: _Batch, done: asyncio.Future[Any]) -> None:
        self._note(batch, asyncio.CancelledError() if done.cancelled() else done.exception())

    def _note(self, batch: _Batch, error: BaseException | None) -> None:
        with self._changed:
            if batch in self._under_way:
                self._failed = self._failed or (str(error) if error is not None else "")
                self._settle(batch, str(error) if error is not None else "")

    async def _ship_old(self) -> None:
        while True:
            await asyncio.sleep(LINGER_S)
            with self._changed:
                due = time.monotonic() - LINGER_S
                for batch in [batch for batch in self._open.values() if batch.opened <= due]:
                    self._ship(batch)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.ensure_future(work))

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        stopping = asyncio.ensure_future(self._producer.stop())
        if not (await asyncio.wait({stopping}, timeout=CLOSE_S))[0]:
            # A broker that is away is waited for no longer.
            stopping.cancel()
            await asyncio.wait({asyncio.ensure_future(self._producer.client.close())}, timeout=CLOSE_S)

    def _ask(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
