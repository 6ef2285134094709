"""The keyed state of one stage in one worker: stores, changelogs and views of the partitions that are ours.

rebalance    take_over    an epoch for each partition that is ours now; a first write of it fences off who had it
recovery     apply        what the store lacks of its changelog, as Faust's recovery reads it
             recovered    views over the stores; from here on batches may run
assignment   require      the state reaches to where the group committed, or it was lost
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from streams.kafka_access import KafkaAccess
from streams.runtime import accounts, metrics
from streams.runtime.aiokafka_seam import EpochProducer
from streams.runtime.failures import StateLost, StateOutdated, Superseded
from streams.runtime.outputs import Patience
from streams.runtime.reading import Log
from streams.runtime.stage import Layout, Record
from streams.runtime.store import FENCE, NO_FENCE, PARTITIONS, TAKEN, Applied, Disks, Entries, Fence, Store
from streams.runtime.task import Kept
from streams.runtime.values import Decoded, Values
from streams.runtime.views import BatchView, make_view

TELL_EVERY_S = 5.0
TAKE_OVER_S = 30.0

log = structlog.get_logger("streams.runtime")


class PartitionChangelog:
    """A `streams.runtime.task.Changelog` on Kafka."""

    def __init__(self, producer: EpochProducer, topic: str, partition: int, last: int, partitions: int) -> None:
        """``last``: the offset up to which our state has it; ``partitions``: of the stage."""
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._last = last
        self._own = (PARTITIONS, str(partitions).encode())

    def pack(self, entries: Entries, fence: Fence) -> Any:
        return self._producer.one_batch([*entries, self._own, (FENCE, fence.pack())])

    async def append(self, batch: Any, patient: Patience) -> Applied | None:
        offset = await self._producer.send([batch], self._topic, self._partition, patient)
        if offset is None:
            return None
        if offset <= self._last:
            raise lost(self._topic, self._partition, offset, self._last)
        self._last = offset
        return Applied(offset, time.time())


class KeyedState:
    """State of ``stage``, whose changelog is ``topic``; ``partitions`` of the stage in all, ``cache_bytes`` for those
    that are ours together.

    ``remaining`` tells how many changelog records recovery has still to read.
    """

    def __init__(
        self,
        stage: str,
        layout: Layout,
        topic: str,
        partitions: int,
        disks: Disks,
        kafka: KafkaAccess,
        cache_bytes: int,
    ) -> None:
        self.topic = topic
        self.remaining: Callable[[], int] = lambda: 0
        self._stage = stage
        self._layout = layout
        self._partitions = partitions
        self._values = Values(layout)
        self._disks = disks
        self._kafka = kafka
        self._cache_bytes = cache_bytes
        self._stores: dict[int, Store] = {}
        self._views: dict[int, BatchView] = {}
        self._producers: dict[int, EpochProducer] = {}
        self._recovering_since = 0.0
        self._told_at = 0.0
        self._applied = 0

    def kept(self, partition: int) -> Kept:
        """State of ``partition`` for a task; KeyError before it is recovered."""
        last = self.applied_offset(partition)
        last = -1 if last is None else last
        changelog = PartitionChangelog(self._producers[partition], self.topic, partition, last, self._partitions)
        store = self._stores[partition]
        return Kept(self._views[partition], changelog, store, self._layout.made_with, self._accounts(store))

    def _accounts(self, store: Store) -> accounts.Accounts | None:
        accounting = self._layout.accounting
        if accounting is None:
            return None
        kept = accounts.unpack(store.get(accounts.ACCOUNTS), store.fence)
        return accounts.Accounts(frozenset(accounting.topics), kept)

    def producer(self, partition: int) -> EpochProducer:
        """Who writes for ``partition`` under our epoch."""
        return self._producers[partition]

    def applied_offset(self, partition: int) -> int | None:
        applied = self._store(partition).applied
        return None if applied is None else applied.offset

    def require_changelog(self, partition: int, end: int) -> None:
        applied = self.applied_offset(partition)
        if applied is not None and applied >= end:
            raise lost(self.topic, partition, end, applied)

    async def take_over(self, partitions: set[int], generation: int) -> None:
        """Take a new epoch for each of ``partitions``, which are all that is ours now; their tasks have ended.

        Raises KafkaError, TimeoutError where the broker does not answer.
        """
        started = time.monotonic()
        self._views.clear()
        metrics.STATE_BYTES.clear()
        metrics.CACHE_ENTRIES.clear()
        metrics.STATE_KEYS.clear()
        if self._layout.accounting is not None:
            self._layout.accounting.difference.clear()
        self._observe_stage([])
        for partition in self._stores.keys() - partitions:
            self._stores.pop(partition).close()
        retired, self._producers = list(self._producers.values()), {}
        await asyncio.gather(*[producer.stop() for producer in retired])
        taking = [self._take(partition, generation) for partition in sorted(partitions)]
        await asyncio.wait_for(asyncio.gather(*taking), TAKE_OVER_S)
        self._recovering_since = self._told_at = time.monotonic()
        self._applied = 0
        took_s = round(time.monotonic() - started, 3)
        log.info("took_over", partitions=sorted(partitions), generation=generation, seconds=took_s)

    async def _take(self, partition: int, generation: int) -> None:
        producer = EpochProducer(self._kafka, f"{self.topic}-{partition}")
        self._producers[partition] = producer
        await producer.start()
        taken = producer.one_batch([(TAKEN, str(generation).encode())])
        try:
            await producer.send([taken], self.topic, partition, patient=lambda: True)
        except Superseded:
            # The group has moved on meanwhile and will tell us; until then whatever we write is refused.
            log.warning("superseded_at_take_over", partition=partition, generation=generation)
        metrics.TAKEOVERS.labels(self._stage).inc()

    def apply(self, partition: int, records: Sequence[Record]) -> None:
        last = records[-1]
        # Of the runtime's own records only these are kept.
        own = (FENCE, PARTITIONS, accounts.ACCOUNTS)
        entries = [(r.key, r.value) for r in records if r.key is not None and (len(r.key) > 1 or r.key in own)]
        fence = self._never_falling(partition, entries)
        self._store(partition).write(entries, fence, Applied(last.offset, last.timestamp / 1000))
        self._applied += len(records)
        metrics.RECOVERED_RECORDS.labels(self._stage).inc(len(records))
        if time.monotonic() - self._told_at >= TELL_EVERY_S:
            self._tell()

    def _never_falling(self, partition: int, entries: Sequence[tuple[bytes, bytes | None]]) -> Fence | None:
        """The last fence of ``entries``; StateLost where one lies before the one that it follows."""
        fence: Fence | None = None
        before = self._store(partition).fence
        for packed in (packed for key, packed in entries if key == FENCE and packed is not None):
            fence = msgspec.msgpack.decode(packed, type=Fence)
            if any(fence.next.get(topic, 0) < offset for topic, offset in before.next.items()):
                raise StateLost(
                    f"{self.topic}-{partition}: a fence at {fence.next} follows one at {before.next}: two owners have"
                    f" written. Fold again from the beginning: docs/operations.md, 'State was lost'"
                )
            before = fence
        return fence

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        remaining = self.remaining()
        speed = self._applied / (self._told_at - self._recovering_since)
        metrics.RECOVERY_REMAINING.labels(self._stage).set(remaining)
        log.info("recovering", applied=self._applied, remaining=remaining, seconds_left=round(remaining / speed, 1))

    def recovered(self, partitions: set[int]) -> None:
        share = self._cache_bytes // max(1, len(partitions))
        for partition in partitions:
            store = self._store(partition)
            store.reload()
            self._require_same_settings(partition, store.fence)
            self._require_same_partitions(partition, store)
            self._views[partition] = make_view(partition, store, self._layout, share)
        took_s = time.monotonic() - self._recovering_since
        metrics.RECOVERY_REMAINING.labels(self._stage).set(0)
        metrics.RECOVERY_SECONDS.labels(self._stage).set(took_s)
        log.info("recovered", partitions=sorted(partitions), applied=self._applied, seconds=round(took_s, 3))

    def _require_same_settings(self, partition: int, fence: Fence) -> None:
        if fence.next and fence.made_with != self._layout.made_with:
            raise StateOutdated(
                f"state of {self.topic}-{partition} was made with {fence.made_with}, the settings are"
                f" {self._layout.made_with}: set them back, or fold again from the beginning: docs/operations.md,"
                f" 'Settings that state depends on'"
            )

    def _require_same_partitions(self, partition: int, store: Store) -> None:
        """StateOutdated where keys are elsewhere now; a state of before this was kept is taken as made with ours."""
        kept = store.get(PARTITIONS)
        if store.fence.next and kept is not None and int(kept) != self._partitions:
            raise StateOutdated(
                f"state of {self.topic}-{partition} was made with {int(kept)} partitions, the topics have"
                f" {self._partitions}: what a key has done would be looked for elsewhere, and counted again. Partitions"
                f" never change in place: docs/operations.md, 'A topic has other partitions than declared'"
            )
        # Beside what batches write to the changelog: this copy doesn't read its own.
        store.write([(PARTITIONS, str(self._partitions).encode())], None, None)

    def require(self, committed: Mapping[Log, int | None]) -> None:
        """StateLost where the group has committed what no recovered state has."""
        for source, offset in committed.items():
            store = self._stores.get(source.partition)
            reached = (NO_FENCE if store is None else store.fence).next.get(source.topic, 0)
            if (offset or 0) > reached:
                raise StateLost(
                    f"{source.topic}-{source.partition} is committed up to {offset}, but the state recovered from"
                    f" {self.topic}-{source.partition} reaches to {reached}: the changelog has lost records."
                    f" Restore the changelog, or fold again from the beginning: docs/operations.md, 'State was lost'"
                )

    def reached(self, logs: Iterable[Log]) -> Mapping[Log, int]:
        """Where the state ends, for those of ``logs`` that it has anything of."""
        fences = {log: self._stores[log.partition].fence for log in logs if log.partition in self._stores}
        return {log: fence.next[log.topic] for log, fence in fences.items() if log.topic in fence.next}

    def observe(self) -> None:
        """Bring the gauges of state and cache up to date."""
        for partition, store in self._stores.items():
            metrics.STATE_BYTES.labels(self._stage, partition).set(store.size_bytes())
            metrics.STATE_KEYS.labels(self._stage, partition).set(store.keys())
            self._show_difference(partition, store)
        for partition, view in self._views.items():
            metrics.CACHE_ENTRIES.labels(self._stage, partition).set(view.cached)
            for found, reads in (("yes", view.hits), ("no", view.misses)):
                metrics.CACHE_READS.labels(self._stage, partition, found).inc(reads)
            view.hits = view.misses = 0
        self._observe_stage(self._stores.values())

    def _observe_stage(self, stores: Iterable[Store]) -> None:
        if self._layout.observe is not None:
            self._layout.observe([Decoded(store, self._values).get for store in stores])

    def _show_difference(self, partition: int, store: Store) -> None:
        accounting = self._layout.accounting
        if accounting is not None:
            kept = accounts.unpack(store.get(accounts.ACCOUNTS), store.fence)
            for topic, name in accounting.topics.items():
                difference = kept[topic].difference if topic in kept else 0
                accounting.difference.labels(name, partition).set(difference)

    async def stop(self) -> None:
        """Close everything; the tasks have ended."""
        await asyncio.gather(*[producer.stop() for producer in self._producers.values()])
        self._producers.clear()
        self._views.clear()
        for store in self._stores.values():
            store.close()
        self._stores.clear()

    def _store(self, partition: int) -> Store:
        store = self._stores.get(partition)
        if store is None:
            store = self._stores[partition] = self._disks.open(partition)
        return store


def lost(topic: str, partition: int, end: int, applied: int) -> StateLost:
    return StateLost(
        f"{topic}-{partition} ends at {end}, but the state on this disk has it up to {applied}: the changelog was made"
        f" anew, or has lost records. Restore the changelog, or fold again from the beginning: docs/operations.md,"
        f" 'State was lost'"
    )
