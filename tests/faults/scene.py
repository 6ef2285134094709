"""One application of the counting stage on a broker: its topics, what is produced, its workers, what came of it all."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.fetch import project_root
from deploy.local.ports import free_ports
from streams import composition, config
from streams.broker import admin
from streams.kafka_access import KafkaAccess
from streams.offsets import wait_until_drained
from streams.runtime.aiokafka_seam import BATCH_LIMIT_BYTES
from streams.runtime.partitioner import partition_of
from tests.faults.counting import Orders
from tests.faults.stage import PLAIN, Mix, Topics, make_records

PARTITIONS = 4
LOOK_EVERY_S = 0.02
#: Small ones, so that batches are cut in many ways.
PRODUCED_BATCH_BYTES = 6_000

EXIT_CRASHED = 70

#: Changelogs are compacted while they are written: with these settings, as often as the broker's cleaner looks.
COMPACTED = {"cleanup.policy": "compact", "segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01"}
CLEANER_LOOKS_EVERY_MS = 500
#: The id of a stack's one broker.
BROKER = "1"


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return once ``condition`` holds; fails where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(LOOK_EVERY_S)


class Worker:
    """One process; all of its name share a folder of state and a log."""

    def __init__(self, orders: Orders, log: Path) -> None:
        self.folder = Path(orders.settings["folder"]) / orders.app
        self._metrics = f"http://127.0.0.1:{orders.settings['http_port']}/metrics"
        self.log = log
        self._log_begins = log.stat().st_size if log.exists() else 0
        self.started = time.monotonic()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.faults.counting",
                    msgspec.json.encode(orders).decode(),
                ],
                cwd=project_root(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def is_frozen(self) -> bool:
        return Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> float:
        """SIGTERM; the seconds until it has ended, which it must within 10 and with exit code 0."""
        began = time.monotonic()
        self.send(signal.SIGTERM)
        assert self.process.wait(15) == 0, self.last_words()
        took = time.monotonic() - began
        assert took < 10
        return took

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait_crashed(self, seconds: float) -> dict[str, Any]:
        """Wait for an end with exit code 70; the log's `crashed` line."""
        assert self.process.wait(seconds) == EXIT_CRASHED, self.last_words()
        (told,) = self.events("crashed")
        return told

    def words(self) -> list[dict[str, Any]]:
        """What this process has logged; a line that is no JSON is a failure, one that is half written is left out."""
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            lines = log.read().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [word for word in self.words() if word["event"] == name]

    def last_words(self) -> str:
        return "\n".join(json.dumps(word) for word in self.words()[-5:])

    def figure(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples; 0 where there is none, or nobody answers yet."""
        try:
            with urllib.request.urlopen(self._metrics, timeout=5) as answer:
                families = text_string_to_metric_families(answer.read().decode())
        except (OSError, HTTPException):
            return 0
        samples = (sample for family in families for sample in family.samples)
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    @property
    def batches(self) -> float:
        return self.figure("journey_stage_batches_total")

    @property
    def rss_mb(self) -> float:
        """Resident memory now."""
        return self._memory("VmRSS")

    @property
    def peak_rss_mb(self) -> float:
        """The most resident memory that it had."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith(f"{name}:")]
        return int(line.split()[1]) / 1024

    def wait_ready(self, seconds: float = 40) -> None:
        """Return once it has folded a batch, or has nothing to fold."""
        self.wait_until(lambda: bool(self.events("recovered")), seconds, "the worker has recovered its state")

    def wait_until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """As `wait_until`, and fails as soon as the worker has ended."""

        def holds() -> bool:
            assert self.running, f"ended with {self.process.returncode} before: {what}\n{self.last_words()}"
            return condition()

        wait_until(holds, seconds, what)


class Scene:
    """``app`` is new on the broker; folders of workers and their logs are below ``folder``."""

    def __init__(self, bootstrap: str, app: str, folder: Path, seed: int) -> None:
        self.bootstrap = bootstrap
        self.topics = Topics(app)
        self.folder = folder
        self.random = Random(seed)
        self.workers: list[Worker] = []
        with admin(bootstrap) as client:
            topics = {topic: new_topic({}) for topic in (*self.topics.inputs, self.topics.rows, self.topics.dead)}
            client.create_topics({**topics, self.topics.changelog: new_topic(COMPACTED)}, wait_for_metadata=True)

    # --- inputs -----------------------------------------------------------------------------------------------

    def produce(self, count: int, mix: Mix = PLAIN) -> None:
        """So many records, in turns to both topics."""
        self.send(list(make_records(self.random, count, mix)))

    def send(self, records: Iterable[tuple[bytes, bytes]], **producer: Any) -> None:
        """Records in turns to both topics, by a ``producer`` with these settings; returns when they are durable."""
        small = {"max_batch_size": PRODUCED_BATCH_BYTES}
        asyncio.run(self._send(records, {"enable_idempotence": True, **small, **producer}))

    async def _send(self, records: Iterable[tuple[bytes, bytes]], settings: dict[str, Any]) -> None:
        by_log: dict[tuple[str, int], list[tuple[bytes, bytes]]] = {}
        for number, (key, value) in enumerate(records):
            log = self.topics.inputs[number % 2], partition_of(key, PARTITIONS)
            by_log.setdefault(log, []).append((key, value))
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, **settings) as producer:
            await asyncio.gather(*[_send_all(producer, *log, sent) for log, sent in by_log.items()])

    # --- workers ----------------------------------------------------------------------------------------------

    def start(self, name: str = "w", instance: bool = False, **orders: Any) -> Worker:
        """A worker ``name``, with a static instance id of that name where ``instance``.

        ``orders`` are those of `Orders`, and settings that are other than the product's.
        """
        (port,) = free_ports(1)
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        product = composition.worker_settings("intake", config.read({}))
        settings = {
            "kafka": KafkaAccess(self.bootstrap),
            "partitions": PARTITIONS,
            "instance": name if instance else "",
        }
        settings |= {name: value for name, value in orders.items() if hasattr(product, name)}
        mine = replace(product, folder=folder, http_port=port, **settings)
        test = {name: value for name, value in orders.items() if name not in settings}
        worker = Worker(Orders.of(self.topics.app, mine, **test), self.folder / f"{name}.log")
        self.workers.append(worker)
        return worker

    def drain(self, seconds: float = 60) -> None:
        """Return once everything is folded and committed."""
        wait_until_drained(self.bootstrap, {self.topics.app: self.topics.inputs}, seconds)

    def close(self) -> None:
        """End what still runs, frozen or not."""
        for worker in self.workers:
            worker.kill()

    # --- what came of it --------------------------------------------------------------------------------------

    def read(self, *topics: str) -> Iterator[Any]:
        """All records of ``topics``, those of each partition in order."""
        with self._consumer(*topics) as consumer:
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(list(consumer.assignment()))
            while any(consumer.position(log) < end for log, end in ends.items()):
                for records in consumer.poll(timeout_ms=1000, max_records=50_000).values():
                    yield from records

    def ends(self, topic: str) -> dict[int, int]:
        """The offset behind the last record of each partition."""
        with self._consumer(topic) as consumer:
            return {log.partition: end for log, end in consumer.end_offsets(list(consumer.assignment())).items()}

    @contextmanager
    def _consumer(self, *topics: str) -> Iterator[KafkaConsumer]:
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=8 << 20
        )
        try:
            consumer.assign([TopicPartition(topic, partition) for topic in topics for partition in range(PARTITIONS)])
            yield consumer
        finally:
            consumer.close()

    def lose_changelog(self) -> None:
        """Delete the changelog and make it anew, empty."""
        topic = self.topics.changelog
        with admin(self.bootstrap) as client:
            client.delete_topics([topic])
            wait_until(lambda: topic not in client.list_topics(), 20, "the changelog is deleted")
            client.create_topics({topic: new_topic(COMPACTED)}, wait_for_metadata=True)


async def _send_all(producer: AIOKafkaProducer, topic: str, partition: int, records: list[tuple[bytes, bytes]]) -> None:
    batch, sent = producer.create_batch(), []
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


def new_topic(config: dict[str, str]) -> dict[str, Any]:
    """A topic as the product declares its own."""
    fixed = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(BATCH_LIMIT_BYTES + 200_000)}
    return {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": {**fixed, **config}}


def compact_eagerly(bootstrap: str) -> None:
    """Have the broker look often for what it can compact."""
    with admin(bootstrap) as client:
        eager = {"log.cleaner.backoff.ms": str(CLEANER_LOOKS_EVERY_MS)}
        client.alter_configs([ConfigResource(ConfigResourceType.BROKER, BROKER, eager)])


@contextmanager
def scene(bootstrap: str, app: str, folder: Path, seed: int = 1) -> Iterator[Scene]:
    """A scene whose workers end with it."""
    made = Scene(bootstrap, app, folder, seed)
    try:
        yield made
    finally:
        made.close()
