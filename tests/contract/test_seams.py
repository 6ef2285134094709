"""What the runtime leans on in Faust and aiokafka beyond their public interfaces is as it was when it was read.

Both are pinned, so a failure here means an upgrade. The message names what moved and who leans on it: read both, and
`streams/runtime/README.md`, mend the seam if it must be, run tests/faults, and only then take over the new print.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import aiokafka
import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from deploy.local.processes import Addresses
from streams.broker import admin
from streams.runtime import aiokafka_seam, faust_seam
from streams.runtime.aiokafka_seam import RECORD_BYTES, Chunk, EpochProducer
from streams.runtime.failures import Superseded

PROJECT = Path(__file__).parents[2]


class Seam(NamedTuple):
    """``what`` in a library, its source's print, and who leans on it."""

    what: str
    source: str
    used_by: str


SEAMS = (
    Seam("faust.app.base:App._crash", "7bd429cb", "BatchApp._crash"),
    Seam("faust.app.base:App._create_directories", "38bf959f", "BatchApp._create_directories"),
    Seam("faust.app.base:App.on_shutdown", "468cc326", "BatchApp.on_shutdown"),
    Seam(
        "faust.app.base:App._on_partitions_revoked",
        "d6ffbea7",
        "Consumer.on_partitions_revoked: it waits for what is in hand",
    ),
    Seam(
        "faust.app.base:App._on_partitions_assigned",
        "c0c97755",
        "Consumer.on_partitions_assigned, ChangelogTable.on_rebalance",
    ),
    Seam("faust.serializers.schemas:Schema.compile", "0e769999", "BatchSchema.compile"),
    Seam("faust.agents.agent:Agent._slurp", "4b86bd5b", "Worker._hand_on: a raising agent acknowledges"),
    Seam("faust.assignor.partition_assignor:PartitionAssignor.on_assignment", "b2bb0f0c", "Worker: canonical_url"),
    Seam(
        "faust.assignor.partition_assignor:PartitionAssignor.assigned_actives",
        "564a4a5c",
        "ChangelogTable.on_rebalance",
    ),
    Seam("faust.tables.manager:TableManager.on_start", "2f3be08f", "Tables.on_start"),
    Seam("faust.tables.manager:TableManager._update_channels", "98ffa0a8", "Tables.on_start"),
    Seam(
        "faust.tables.manager:TableManager.on_rebalance",
        "eee4562b",
        "ChangelogTable.on_rebalance: before recovery begins",
    ),
    Seam("faust.app.base:App.on_rebalance_end", "1828e551", "BatchApp.on_rebalance_end"),
    Seam("faust.agents.agent:Agent._execute_actor", "4efac44f", "Worker._hand_on: Faust starts it again"),
    Seam("faust.tables.recovery:Recovery._wait", "7eba5ada", "_Recovery._wait"),
    Seam("faust.tables.recovery:Recovery.on_rebalance", "0c6fbea8", "ChangelogTable.persisted_offset"),
    Seam("faust.tables.recovery:Recovery._restart_recovery", "d829c8dd", "ChangelogTable, Consumer.perform_seek"),
    Seam("faust.tables.recovery:Recovery._slurp_changelogs", "bc2bd491", "ChangelogTable.apply_changelog_batch"),
    Seam("faust.tables.recovery:Recovery.on_recovery_completed", "ae585e94", "ChangelogTable.on_recovery_completed"),
    Seam("faust.tables.recovery:Recovery.flush_buffers", "cbf71af6", "ChangelogTable.apply_changelog_batch"),
    Seam("faust.transport.conductor:Conductor._update_indices", "542b21d5", "Consumer._is_batch: _topic_name_index"),
    Seam("faust.transport.consumer:Consumer.ack", "de9c1cb7", "Consumer.ack"),
    Seam("faust.transport.consumer:Consumer.getmany", "7d2b4fa3", "Consumer.getmany"),
    Seam("faust.transport.consumer:Consumer._wait_next_records", "ec783760", "Consumer._fetch"),
    Seam(
        "faust.transport.consumer:Consumer._filter_tps_with_pending_acks",
        "e5a989ef",
        "Consumer._filter_tps_with_pending_acks",
    ),
    Seam("faust.transport.consumer:Consumer._new_offset", "751da395", "Consumer._new_offset"),
    Seam("faust.transport.consumer:Consumer._add_gap", "29b702ad", "Consumer._add_gap"),
    Seam("faust.transport.consumer:Consumer.commit", "0269e88d", "Consumer._new_offset"),
    Seam("faust.transport.consumer:Consumer.commit_and_end_transactions", "cd0da856", "Consumer._new_offset"),
    Seam("faust.transport.consumer:Consumer._commit_tps", "31ea0d50", "Consumer._new_offset"),
    Seam("faust.transport.consumer:Consumer.wait_empty", "4a928baa", "Consumer._let_go"),
    Seam("faust.transport.consumer:Consumer.perform_seek", "e04a2b68", "Consumer.perform_seek"),
    Seam("faust.transport.consumer:Consumer.on_partitions_revoked", "91efd11b", "Consumer.on_partitions_revoked"),
    Seam("faust.transport.consumer:Consumer.on_partitions_assigned", "50396a33", "Consumer.on_partitions_assigned"),
    Seam("faust.transport.consumer:ThreadDelegateConsumer._getmany", "7ac23d9d", "Consumer._fetch"),
    Seam("faust.transport.consumer:ThreadDelegateConsumer.seek_wait", "fbafae45", "Consumer.seek_wait"),
    Seam("faust.transport.drivers.aiokafka:Consumer._new_consumer_thread", "3ee8cd10", "Consumer._new_consumer_thread"),
    Seam("faust.transport.drivers.aiokafka:Consumer._to_message", "697f8244", "Consumer._track"),
    Seam(
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_worker_consumer",
        "0f5bcfb4",
        "_ConsumerThread, Worker",
    ),
    Seam(
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.getmany",
        "e89b54ad",
        "_Result: the fetcher's own result",
    ),
    Seam("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._fetch_records", "513b0f3e", "_Result"),
    Seam("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._commit", "fd13a6c3", "Consumer._new_offset"),
    Seam("aiokafka.consumer.fetcher:PartitionRecords", "a1334b64", "_Records"),
    Seam("aiokafka.consumer.fetcher:FetchResult", "b011ff2b", "_Result"),
    Seam(
        "aiokafka.consumer.fetcher:Fetcher._proc_fetch_request",
        "e0987ffa",
        "fetch_in_chunks: it makes both by their names",
    ),
    Seam("aiokafka.consumer.fetcher:Fetcher._get_actions_per_node", "d2ac9e9d", "_ConsumerThread: FETCH_WAIT_MS"),
    Seam("aiokafka.consumer.fetcher:Fetcher.fetched_records", "45d27aac", "_Result.getall"),
    Seam(
        "aiokafka.consumer.consumer:AIOKafkaConsumer.seek_to_committed",
        "393df1ae",
        "reading.starts: it does not seek to 0",
    ),
    Seam(
        "aiokafka.consumer.group_coordinator:GroupCoordinator.check_errors", "40c00f88", "Consumer._check_coordinator"
    ),
    Seam("aiokafka.producer.sender:Sender._maybe_wait_for_pid", "9dc05a0d", "EpochProducer.start"),
    Seam(
        "aiokafka.producer.sender:Sender._sender_routine",
        "50aa11e5",
        "EpochProducer.start: not transactional afterwards",
    ),
    Seam("aiokafka.producer.sender:SendProduceReqHandler", "e50f788a", "EpochProducer.send: ProducerFenced, offset -1"),
    Seam("aiokafka.producer.transaction_manager:TransactionManager", "96da2769", "EpochProducer.start"),
    Seam("aiokafka.producer.message_accumulator:BatchBuilder", "506f2be0", "EpochProducer.batches, one_batch"),
    Seam("aiokafka.producer.producer:AIOKafkaProducer.send_batch", "e4b0b207", "EpochProducer._queued"),
    Seam("aiokafka.producer.producer:AIOKafkaProducer.stop", "63ccdaae", "EpochProducer.stop"),
    Seam("mode.worker:Worker._shutdown_loop", "3d7aff5e", "_FaustWorker._sentinel_task"),
    Seam("mode.worker:Worker._sentinel_task", "61524007", "_FaustWorker._sentinel_task"),
    Seam("mode.services:Service.wait_first", "8c0f53bc", "Consumer._fetch, _Recovery._wait"),
    Seam(
        "aiokafka.consumer.group_coordinator:GroupCoordinator.request_rejoin", "9ba45306", "Consumer._check_coordinator"
    ),
    Seam(
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.on_thread_stop",
        "df4da123",
        "_ConsumerThread.on_thread_stop",
    ),
    Seam("mode.threads:ServiceThread._shutdown_thread", "eddb4b62", "_ConsumerThread.on_thread_stop"),
    Seam("aiokafka.consumer.group_coordinator:GroupCoordinator.close", "d280cd82", "_ConsumerThread.on_thread_stop"),
)


def find(what: str) -> Any:
    module, path = what.split(":")
    found = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


def print_of(found: Any) -> str:
    # A task of a service wraps its function.
    return f"{crc32(inspect.getsource(getattr(found, 'fun', found)).encode()):08x}"


@pytest.mark.parametrize("seam", SEAMS, ids=[seam.what for seam in SEAMS])
def test_what_the_runtime_leans_on_has_not_moved(seam: Seam) -> None:
    advice = f"{seam.used_by} in streams/runtime leans on it: read streams/runtime/README.md, then both"
    try:
        found = find(seam.what)
    except (ImportError, AttributeError):
        pytest.fail(f"{seam.what} is gone; {advice}")
    assert print_of(found) == seam.source, f"{seam.what} is not what it was; {advice}"


def test_the_pins_are_those_of_the_project() -> None:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        dependencies = tomllib.load(file)["project"]["dependencies"]
    assert f"aiokafka=={aiokafka_seam.PINNED}" in dependencies
    assert f"faust-streaming=={faust_seam.PINNED}" in dependencies
    assert (aiokafka.__version__, faust.__version__) == (aiokafka_seam.PINNED, faust_seam.PINNED)


def test_no_cython_is_refused() -> None:
    command = [sys.executable, "-c", "import streams.runtime.faust_seam"]
    done = subprocess.run(command, cwd=PROJECT, env={**os.environ, "NO_CYTHON": "1"}, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"NO_CYTHON is set" in done.stderr


def test_the_compiled_parts_are_there() -> None:
    assert find("faust.streams:_CStreamIterator") is not None, "Faust came without its compiled stream iterator"
    assert DefaultRecord.__module__ == "aiokafka.record._crecords.default_records"
    assert {"offset", "timestamp", "timestamp_type", "key", "value", "headers"} <= set(dir(DefaultRecord))


def test_the_producer_has_what_is_taken_from_it() -> None:
    async def look() -> None:
        producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", transactional_id="name")
        assert producer._txn_manager.transactional_id == "name"
        assert producer._sender is not None
        assert producer.client is not None
        batch = producer.create_batch()
        assert batch.append(timestamp=1, key=b"k", value=None, headers=[]) is not None
        assert batch.size() > 0
        batch.close()
        assert batch.record_count() == 1
        # It was never open.
        producer._closed = True

    asyncio.run(look())


def test_the_consumer_has_what_is_taken_from_it() -> None:
    async def look() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", fetch_max_wait_ms=7)
        assert consumer._fetch_max_wait_ms == 7
        assert consumer._coordinator is None
        consumer._closed = True

    asyncio.run(look())


def test_fausts_consumer_has_what_is_taken_from_it() -> None:
    async def look() -> None:
        faust_seam.register()
        app = faust_seam.BatchApp("seams", broker=f"{faust_seam.SCHEME}://127.0.0.1:1", TableManager=faust_seam.Tables)
        consumer: Any = app.consumer
        assert type(consumer) is faust_seam.Consumer
        assert type(app.tables) is faust_seam.Tables
        assert type(consumer._thread) is faust_seam._ConsumerThread
        for name in ("_unacked_messages", "_committed_offset", "_waiting_for_ack", "can_resume_flow", "suspend_flow"):
            assert hasattr(consumer, name), f"the consumer has no {name} any more"
        assert callable(consumer._thread.call_thread)
        assert consumer._thread._consumer is None
        # It made an event loop for a thread that never ran.
        consumer._thread.thread_loop.close()
        assert app.topics._topic_name_index == {}
        assert app.tables.changelog_topics == set()

    asyncio.run(look())


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks for topic `light`, until the end of the test."""
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)
    monkeypatch.setattr(fetcher, "FetchResult", fetcher.FetchResult)
    monkeypatch.setattr(aiokafka_seam, "_light", set[str]())
    aiokafka_seam.fetch_in_chunks({"light"})


@pytest.mark.usefixtures("patched")
def test_the_fetcher_makes_the_patched_classes() -> None:
    names = fetcher.Fetcher._proc_fetch_request.__code__.co_names
    assert {"PartitionRecords", "FetchResult"} <= set(names)
    assert (fetcher.PartitionRecords, fetcher.FetchResult) == (aiokafka_seam._Records, aiokafka_seam._Result)


class Position:
    """As much of a partition's state in aiokafka as a result asks for."""

    position = 5
    paused = False
    has_valid_position = True

    def consumed_to(self, position: int) -> None:
        self.position = position

    def __getattr__(self, name: str) -> Any:
        if name == "skipped_stretch":
            raise AttributeError(name)
        raise AssertionError(f"aiokafka's result asks for {name}, which nobody knew of")


class Assignment:
    """One that holds one partition."""

    def __init__(self) -> None:
        self.state = Position()

    def state_value(self, tp: TopicPartition) -> Position:
        return self.state

    active = True


def fetched(topic: str, offsets: list[int]) -> Any:
    """What aiokafka makes of a fetched batch with ``offsets``, asked for from 5 on."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset in offsets:
        builder.append(offset, 1_000, b"key", b"value", [])
    tp = TopicPartition(topic, 0)
    records = fetcher.PartitionRecords(tp, MemoryRecords(bytes(builder.build())), [], 5, None, None, True, 0)
    return fetcher.FetchResult(tp, partition_records=records, assignment=Assignment(), backoff=0)


@pytest.mark.usefixtures("patched")
def test_a_fetch_of_a_chosen_topic_is_a_chunk_that_covers_its_holes() -> None:
    chunk = fetched("light", [3, 5, 8]).getall()
    assert isinstance(chunk, Chunk)
    assert [record.offset for record in chunk] == [5, 8]
    assert (chunk.start, chunk.end, chunk.size) == (5, 9, 10 + 2 * RECORD_BYTES)
    assert type(chunk[0]) is DefaultRecord


@pytest.mark.usefixtures("patched")
def test_a_fetch_of_any_other_topic_is_aiokafkas_own() -> None:
    (first, second) = fetched("other", [5, 8]).getall()
    assert isinstance(first, aiokafka.ConsumerRecord)
    assert (first.topic, second.offset) == ("other", 8)


@pytest.mark.stack
def test_an_epoch_producer_keeps_its_id_and_epoch_and_is_refused_after_the_next(stack: Addresses) -> None:
    bootstrap, topic = stack.kafka_bootstrap, f"seams-{os.getpid()}"
    with admin(bootstrap) as client:
        client.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)

    async def take(name: str) -> tuple[EpochProducer, Any]:
        producer = EpochProducer(bootstrap, name)
        await producer.start()
        return producer, producer._producer._txn_manager

    async def write(producer: EpochProducer) -> int | None:
        return await producer.send([producer.one_batch([(b"k", b"v")])], topic, 0, patient=lambda: True)

    async def look() -> None:
        first, its = await take(topic)
        before = its._pid_and_epoch
        assert await write(first) == 0
        assert await write(first) == 1
        assert its._pid_and_epoch == before
        second, theirs = await take(topic)
        assert theirs._pid_and_epoch == (before.pid, before.epoch + 1)
        assert await write(second) == 2
        with pytest.raises(Superseded, match="another owner has taken over"):
            await write(first)
        assert await write(second) == 3
        await asyncio.gather(first.stop(), second.stop())

    asyncio.run(look())
