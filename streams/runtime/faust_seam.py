"""Everything that leans on private parts of Faust, held by an exact pin and tests/contract/test_seams.py.

Transport    ``kafkabatch://``: the stock consumer, but a topic whose schema is `BatchSchema` is handed on a chunk a
             message, must go on where it ended, is bounded by bytes, and is committed by `InFlight`
Collection   what Faust's assignor and recovery take for a table: `ChangelogTable` hands its callbacks to an owner
App          one that keeps nothing on disk itself, and ends the process where Faust would crash

What stays Faust's: the group and its assignor (co-partitioning of inputs and changelog), the recovery of changelogs,
the conductor, the agent, when offsets are committed. What is not used: its table's writes, acknowledgements by event,
its producer, its web server.

Hazards met here. Faust acknowledges the event of an agent that raises or is cancelled, and commits it on its way out.
`perform_seek` moves changelog positions too, so it is never called but by Faust. An exception while a changelog is
applied is only logged by Faust. aiokafka does not seek where nothing is committed.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from logging import getLogger
from typing import Any, NoReturn, Protocol, cast

import faust
import faust.transport.consumer as stock_consumer
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery, ServiceStopped
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode import Service
from mode.utils.futures import notify

from streams.kafka_access import KafkaAccess
from streams.runtime import metrics
from streams.runtime.aiokafka_seam import Chunk, fetch_in_chunks
from streams.runtime.failures import Discontinuous
from streams.runtime.reading import Continuity, Delivery, InFlight, Log, Verdict, starts
from streams.runtime.stage import Record

PINNED = "0.15.3"
SCHEME = "kafkabatch"
#: How long to wait for records of partitions that have room: meanwhile others get room, or are resumed.
POLL_S = 0.05
FULL_POLL_S = 0.5
#: How soon the end of the group's coordinator is noticed.
WATCH_EVERY_S = 1.0
#: The broker forgets epochs that were not taken again for a week, by default, and would let an older owner write then.
RENEW_EPOCHS_S = 86_400.0
#: Which part of what may be in flight one answer brings at most.
FETCH_SHARE = 4
#: How long the broker may keep a request for records that are not there yet. Meanwhile a partition that it doesn't ask
#: for, because it had no room or was paused, has to wait; Faust's own 1.5 s would be lost after each recovery.
FETCH_WAIT_MS = 100

if os.environ.get("NO_CYTHON"):
    raise RuntimeError("NO_CYTHON is set: it changes when Faust acknowledges; unset it")
if faust.__version__ != PINNED:
    raise ImportError(f"faust-streaming {faust.__version__} is installed, the runtime leans on seams of {PINNED}")


class BatchSchema(faust.Schema[Any, Any]):
    """Marks a topic as fetched in chunks; hands a message through undecoded."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Awaitable[Any]]:
        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, None, message)

        return decode


class BatchApp(faust.App):
    """Calls who runs the tasks, in this order: ``on_revoke`` before Faust waits for what is in hand; ``on_generation``
    when the group has a new one; ``on_assigned`` with what it committed, once recovery is done, which gives back where
    the state ends; ``on_begin`` with where each log is read from; ``on_ready`` when reading goes on, or nothing is
    ours. ``on_crash`` must end the process; ``after_stop`` closes what is open."""

    # Classes that set none log under the name of their module, as if their events were ours.
    logger = getLogger("faust.app")

    in_flight_bytes: int
    on_revoke: Callable[[], None]
    on_generation: Callable[[int], Awaitable[None]]
    on_assigned: Callable[[Mapping[Log, int | None]], Mapping[Log, int]]
    on_begin: Callable[[Mapping[Log, int]], None]
    on_ready: Callable[[], None]
    on_crash: Callable[[BaseException], NoReturn]
    after_stop: Callable[[], Awaitable[None]]

    def _crash(self, reason: BaseException) -> None:
        # Reached from whichever service crashes, before anything is cancelled.
        self.on_crash(reason)

    def _create_directories(self) -> None:
        """None: Faust would make three, for tables of its own."""

    def on_rebalance_end(self) -> None:
        super().on_rebalance_end()
        cast(Consumer, self.consumer).seeking = False
        self.on_ready()

    async def on_shutdown(self) -> None:
        await super().on_shutdown()
        await self.after_stop()


class _Recovery(Recovery):
    """The stock one takes a step that was not done in time for the end of the service, and never recovers again."""

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ASYNC109 - Faust's signature
        try:
            await super()._wait(coro, timeout=timeout)
        except ServiceStopped:
            if not self.should_stop:
                cast(BatchApp, self.app).on_crash(TimeoutError(f"recovery: no answer from the broker in {timeout} s"))
            raise


class Tables(TableManager):
    """The stock one sleeps for a second first."""

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = _Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class _ConsumerThread(stock.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        # One answer may bring more than there is room for; the stock limit is 50 MB, before decompression.
        consumer._fetch_max_bytes = cast(BatchApp, self.app).in_flight_bytes // FETCH_SHARE
        return consumer

    async def on_thread_stop(self) -> None:
        """Leave the group once a rebalance in hand is done, then end."""
        # The stock one first ends the queue by which that rebalance asks the broker: unanswered it would never be done,
        # cancelled it would end this thread before it says so, and either way the app would wait for it for ever.
        if self._consumer is not None and self._consumer._coordinator is not None:
            await self._consumer._coordinator.close()
        await super().on_thread_stop()


class Consumer(stock.Consumer):
    """One message a chunk for batch topics; all others the stock way."""

    logger = getLogger("faust.consumer")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.continuity = Continuity()
        self.in_flight = InFlight()
        #: Where the next record to finish lies, and when the last one finished was received, ms UTC.
        self.finished: dict[Log, int] = {}
        self.finished_at: dict[Log, int] = {}
        self._messages: dict[Delivery, ConsumerMessage] = {}
        #: Until a rebalance ends: Faust empties its queues after `perform_seek`, and what was handed on would be lost.
        self.seeking = False
        self._assigned_at = math.inf
        self._room = asyncio.Event()
        super().__init__(*args, **kwargs)

    # --- done with a chunk, as the runner says it -----------------------------------------------------

    def ack(self, message: Any) -> bool:
        return False if isinstance(message.value, Delivery) else bool(super().ack(message))

    def done(self, delivery: Delivery) -> None:
        """``delivery`` is durable: it may be committed."""
        if delivery.log in self.finished:
            self.finished[delivery.log] = delivery.end
            self.finished_at[delivery.log] = delivery.records[-1].timestamp
        self.in_flight.ack(delivery)
        self._let_go(delivery)

    def drop(self, delivery: Delivery) -> None:
        """``delivery`` will not be finished in this generation: nothing behind it is committed, and nobody waits."""
        self._let_go(delivery)

    def rejoin(self) -> None:
        """Have the group assign anew, soon: another worker holds the epoch of what was assigned to us."""
        self._assigned_at = -math.inf

    def _let_go(self, delivery: Delivery) -> None:
        message = self._messages.pop(delivery, None)
        if message is not None:
            self._unacked_messages.discard(message)
        self._room.set()
        notify(self._waiting_for_ack)

    # --- the group ---------------------------------------------------------------------------------------

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @Service.task
    async def _watch_coordinator(self) -> None:
        """Crash where aiokafka's coordinator has ended or waits for somebody to take its error: Faust never looks."""
        while not self.should_stop:
            await self.sleep(WATCH_EVERY_S)
            renew = time.monotonic() - self._assigned_at > RENEW_EPOCHS_S
            await self._thread.call_thread(self._check_coordinator, renew)

    async def _check_coordinator(self, renew: bool) -> None:
        consumer = self._thread._consumer
        if consumer is not None and consumer._coordinator is not None:
            consumer._coordinator.check_errors()
            if renew:
                consumer._coordinator.request_rejoin()

    # --- fetching ----------------------------------------------------------------------------------------

    def _is_batch(self, topic: str) -> bool:
        channels = cast(Any, self.app.topics)._topic_name_index.get(topic)
        return bool(channels) and all(isinstance(channel.schema, BatchSchema) for channel in channels)

    async def subscribe(self, topics: Iterable[str]) -> None:
        topics = list(topics)
        fetch_in_chunks({topic for topic in topics if self._is_batch(topic)})
        await super().subscribe(topics)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's signature
        """Chunks of what has room. Whatever is dropped on the way is read again, because no expectation moves."""
        fetched = await self._fetch(timeout)
        generation = self.app.consumer_generation_id
        for tp, records in fetched.items():
            tp = TP(tp.topic, tp.partition)
            if self.should_stop or not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if not isinstance(records, Chunk):
                for record in records:
                    yield tp, self._to_message(tp, record)
                continue
            message = await self._message_of(Log(tp.topic, tp.partition), records, generation)
            if message is not None:
                yield tp, message

    async def _fetch(self, idle_s: float) -> Mapping[TP, Any]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # any event will do
        active = self._get_active_partitions()
        room = {tp for tp in active if self._has_room(tp, len(active))}
        if not room:
            # The stock consumer sleeps a second here.
            self._room.clear()
            await self.wait_first(self._room.wait(), self.suspend_flow.wait(), timeout=FULL_POLL_S)
            return {}
        return await self._getmany(active_partitions=room, timeout=min(idle_s, POLL_S)) or {}

    def _has_room(self, tp: TP, active: int) -> bool:
        app = cast(BatchApp, self.app)
        log = Log(tp.topic, tp.partition)
        return self.in_flight.held < app.in_flight_bytes and (
            self.in_flight.held_of(log) < max(1, app.in_flight_bytes // active)
        )

    async def _message_of(self, log: Log, chunk: Chunk, generation: int) -> ConsumerMessage | None:
        expected = self.continuity.expected(log)
        if self.seeking and not self._is_changelog(log):
            # Before `perform_seek` has said where to begin nothing is expected.
            if expected is not None:
                await super().seek_wait({TP(*log): expected})
            return None
        verdict = self.continuity.judge(log, chunk.start)
        if verdict is not Verdict.TAKE and expected is not None:
            if verdict is Verdict.REREAD or not await self._is_gone(log, expected, chunk.start):
                metrics.REREADS.labels(self.app.conf.id, log.topic).inc()
                await super().seek_wait({TP(*log): expected})
                return None
            gone = chunk.start - expected
            metrics.GONE_RECORDS.labels(self.app.conf.id, log.topic).inc(gone)
            self.log.error("%s-%d: offsets %d to %d are gone from the broker", *log, expected, chunk.start - 1)
            chunk.start = expected
        self.continuity.taken(log, chunk.end)
        return self._track(Delivery(log, chunk.start, chunk.end, chunk, generation, chunk.size), chunk)

    async def _is_gone(self, log: Log, expected: int, start: int) -> bool:
        """Whether the broker has nothing between; where it has, what was read again was dropped again."""
        tp = TP(*log)
        (end,) = (await self.highwaters(tp)).values()
        if (end or 0) < expected:
            raise Discontinuous(
                f"{log.topic}-{log.partition} ends at {end}, but was read up to {expected}: the topic was made anew or"
                f" cut; docs/operations.md, 'State was lost'"
            )
        (earliest,) = (await self.earliest_offsets(tp)).values()
        self.continuity.seek(log, expected)
        return start == max(expected, earliest or 0)

    def _track(self, delivery: Delivery, records: Sequence[Any]) -> ConsumerMessage:
        last, log = records[-1], delivery.log
        message = ConsumerMessage(
            log.topic,
            log.partition,
            last.offset,
            last.timestamp / 1000,
            last.timestamp_type,
            headers=[],
            key=None,
            value=cast(Any, delivery),
            checksum=None,
            tp=TP(*log),
            generation_id=delivery.generation,
        )
        if not self._is_changelog(log):
            self.in_flight.add(delivery)
            self._messages[delivery] = message
        return message

    def _is_changelog(self, log: Log) -> bool:
        return log.topic in self.app.tables.changelog_topics

    # --- commits -----------------------------------------------------------------------------------------

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from super()._filter_tps_with_pending_acks(topics)
        for log in self.in_flight.logs():
            if topics is None or TP(*log) in topics or log.topic in topics:
                yield TP(*log)

    def _new_offset(self, tp: TP) -> int | None:
        if self._is_batch(tp.topic):
            return self.in_flight.committable(Log(*tp))
        return super()._new_offset(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if not self._is_batch(tp.topic):
            await super()._add_gap(tp, offset_from, offset_to)

    # --- rebalances --------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Any) -> None:
        # What waits is let go at once; Faust then waits for what is in hand, and commits.
        cast(BatchApp, self.app).on_revoke()
        await super().on_partitions_revoked(revoked)
        self._forget(Log(*tp) for tp in stock_consumer.ensure_TPset(revoked))

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        self._assigned_at = time.monotonic()
        await cast(BatchApp, self.app).on_generation(generation_id)
        await super().on_partitions_assigned(assigned, generation_id)

    def _forget(self, logs: Iterable[Log]) -> None:
        logs = list(logs)
        self.in_flight.forget(logs)
        self.continuity.forget(logs)
        for log in logs:
            self.finished.pop(log, None)
        for delivery in [delivery for delivery in self._messages if delivery.log in set(logs)]:
            self._let_go(delivery)

    async def perform_seek(self) -> None:
        """Called by Faust once recovery is done: begin every input where it was committed, else where the state ends,
        else at its beginning."""
        self.seeking = True
        inputs = [tp for tp in self.assignment() if not self._is_changelog(Log(*tp))]
        self._forget(Log(*tp) for tp in inputs)
        await super().perform_seek()
        committed = {Log(*tp): self._committed_offset.get(tp) for tp in inputs}
        app = cast(BatchApp, self.app)
        reached = app.on_assigned(committed)
        # Kafka forgets the commits of a group that stood still for a week; what is gone by then is counted.
        committed = {log: offset or reached.get(log) for log, offset in committed.items()}
        unknown = [TP(*log) for log, offset in committed.items() if not offset]
        earliest = await self.earliest_offsets(*unknown) if unknown else {}
        begin = starts(committed, {Log(*tp): offset for tp, offset in earliest.items()})
        self.finished, self.finished_at = dict(begin), {}
        app.on_begin(begin)
        await self.seek_wait({TP(*log): offset for log, offset in begin.items()})

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        for tp, offset in partitions.items():
            self.continuity.seek(Log(*tp), offset)
        await super().seek_wait(partitions)


class Transport(stock.Transport):
    """The stock transport with our consumer."""

    Consumer = Consumer


def broker_urls(kafka: KafkaAccess) -> str:
    """The addresses as Faust takes them, with our transport."""
    return ";".join(f"{SCHEME}://{address.strip()}" for address in kafka.bootstrap.split(","))


def credentials(kafka: KafkaAccess) -> faust.auth.Credentials | None:
    """How Faust's own clients get in; None for a broker open to all."""
    if kafka.sasl:
        return faust.SASLCredentials(
            username=kafka.username,
            password=kafka.password,
            mechanism=kafka.mechanism,
            ssl_context=kafka.ssl_context,
        )
    return faust.SSLCredentials(kafka.ssl_context) if kafka.tls else None


def register() -> None:
    """Make ``kafkabatch://`` known to Faust."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


class Owner(Protocol):
    """Who keeps the state that Faust recovers; ``partition`` of the changelog and of the inputs alike."""

    def applied_offset(self, partition: int) -> int | None:
        """Up to which changelog offset the copy here has everything, None for nothing; opens it."""

    def require_changelog(self, partition: int, end: int) -> None:
        """Raise where a changelog that ends at ``end`` can't be the one that the copy here is of."""

    async def take_over(self, partitions: set[int], generation: int) -> None:
        """These are ours now, and no others: fence off who had them."""

    def apply(self, partition: int, records: Sequence[Record]) -> None:
        """Take a stretch of changelog."""

    def recovered(self, partitions: set[int]) -> None:
        """These have all of their changelog."""


class ChangelogTable(Collection):
    """A table to Faust's assignor and recovery, and to nobody else."""

    def __init__(self, app: BatchApp, name: str, partitions: int, owner: Owner) -> None:
        # Two chunks at once; the default of a thousand would hold gigabytes.
        super().__init__(app, name=name, partitions=partitions, schema=BatchSchema(), recovery_buffer_size=2)
        self._owner = owner
        self._changelog_compacting = True
        self._changelog_deleting = False

    def persisted_offset(self, tp: TP) -> int | None:
        return self._owner.applied_offset(tp.partition)

    async def on_rebalance(self, assigned: Any, revoked: Any, newly_assigned: Any, generation_id: int = 0) -> None:
        # Before recovery asks for the ends of changelogs: what the earlier owner still wrote must be below them.
        ours = {tp for tp in self.app.assignor.assigned_actives() if tp.topic == self.changelog_topic_name}
        # Faust looks too, but takes a changelog that ends at 1 for one that it knows nothing of.
        for tp, end in (await self.app.consumer.highwaters(*ours)).items():
            self._owner.require_changelog(tp.partition, end or 0)
        await self._owner.take_over({tp.partition for tp in ours}, generation_id)

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        try:
            for event in batch:
                if event.message.topic == self.changelog_topic_name:
                    self._owner.apply(event.message.partition, event.value.records)
        except BaseException as error:  # noqa: BLE001 - Faust would log it and go on without these records
            cast(BatchApp, self.app).on_crash(error)

    async def on_recovery_completed(self, active_tps: Any, standby_tps: Any) -> None:
        try:
            self._owner.recovered({tp.partition for tp in active_tps})
        except BaseException as error:  # noqa: BLE001 - Faust would not look at it
            cast(BatchApp, self.app).on_crash(error)

    async def need_active_standby_for(self, tp: TP) -> bool:
        return False

    async def on_start(self) -> None:
        """Nothing: the changelog topic is declared with all others."""

    async def on_changelog_event(self, event: Any) -> None:
        """Nothing: chunks are applied whole."""

    def reset_state(self) -> None:
        """Faust asks at each rebalance; our state knows by itself."""

    def clone(self, **_: Any) -> ChangelogTable:
        return self

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def _unused(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError("a ChangelogTable is read and written by its owner alone")

    # The rest of the mapping that a collection is.
    _has_key = _get_key = _set_key = _del_key = _new_store = apply_changelog = _unused
    __getitem__ = __setitem__ = __delitem__ = _relative_handler = _unused
    using_window = hopping = tumbling = on_window_close = as_ansitable = _unused
