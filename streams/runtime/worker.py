"""The life of one worker: a Faust app with one agent, the tasks behind it, health, metrics, logs, and an end in time.

Whatever a task raises, or Faust crashes with, ends the process at once, before Faust could acknowledge what is in hand:
whoever supervises starts it again, and the records are read again.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar, cast

import faust
import structlog
from aiokafka.errors import (
    ConsumerStoppedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from faust.exceptions import ConsistencyError
from faust.types import TP
from prometheus_client import CollectorRegistry
from yarl import URL

from streams.kafka_access import KafkaAccess
from streams.runtime import faust_seam, health, metrics
from streams.runtime.changelog import STATE, changelog_of
from streams.runtime.failures import Failure
from streams.runtime.folder import lock_folder
from streams.runtime.kafka_outputs import KafkaOutputs
from streams.runtime.outputs import Outputs
from streams.runtime.reading import Log
from streams.runtime.runner import EVERY_PARTITION, GenerationLease, QueueInbox, Runner
from streams.runtime.stage import Stage
from streams.runtime.state import KeyedState
from streams.runtime.store import DiskLimits, Disks
from streams.runtime.task import Limits, Tally, Task

log = structlog.get_logger("streams.runtime")

EXIT_CRASHED = 70
EXIT_STOPPED_LATE = 75
OBSERVE_EVERY_S = 2.0
DENIED = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, TransactionalIdAuthorizationFailed)

O = TypeVar("O", bound=Outputs)  # noqa: E741 - as in Outputs


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """``partitions`` of the inputs; ``instance`` names this worker in its group for good, '' for one that comes and
    goes; ``folder`` for state; ``stop_deadline_s`` after SIGTERM; ``http_port`` 0 takes a free one.

    Memory in bytes: ``in_flight_bytes`` fetched and not done with, ``cache_bytes`` of decoded state, ``disk_bytes`` of
    RocksDB; ``fetch_bytes`` a partition and fetch, before decompression. ``rest_s`` lies between two batches at
    least, for outputs that don't like many small ones.
    """

    kafka: KafkaAccess
    partitions: int
    instance: str
    folder: Path
    trusted_for_s: float
    in_flight_bytes: int
    fetch_bytes: int
    cache_bytes: int
    disk_bytes: int
    rest_s: float
    session_s: float
    stop_deadline_s: float
    http_host: str
    http_port: int
    log_epoch: int = 0


class _FaustWorker(faust.Worker):
    """Faust's worker with a deadline on stopping: in a rebalance the stock one can take minutes."""

    def __init__(self, app: faust.App, on_stop: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(app, quiet=True, override_logging=False, redirect_stdouts=False)
        # It draws on standard output, escape sequences included, whether that is a terminal or not.
        self.spinner = None
        self._on_stop = on_stop
        self._ending: asyncio.Task[None] | None = None

    def _on_sigterm(self) -> None:
        self._end("SIGTERM", super()._on_sigterm)

    def _on_sigint(self) -> None:
        self._end("SIGINT", super()._on_sigint)

    def _end(self, signal: str, stop: Callable[[], None]) -> None:
        async def end() -> None:
            await self._on_stop(signal)
            stop()

        if self._ending is None:
            self._ending = asyncio.ensure_future(end())

    async def _sentinel_task(self) -> None:
        """The last thing on the loop; the stock one sleeps for a second, to no end."""


class Worker(Generic[O]):
    """One worker of ``stage``. ``outputs`` are those of a stage without state; a stateful one writes to Kafka.
    ``registries``: what is measured besides what the runtime measures."""

    def __init__(
        self,
        stage: Stage[Any],
        outputs: Outputs | None,
        settings: WorkerSettings,
        registries: Sequence[CollectorRegistry] = (),
    ) -> None:
        if (stage.layout is None) != (outputs is not None):
            raise ValueError(f"{stage.name}: outputs are given exactly where the stage keeps no state")
        self._stage = stage
        self._outputs = outputs
        self._settings = settings
        self._registries = registries
        self._health = health.Health()
        self._tally = Tally()
        self._state = None if stage.layout is None else self._make_state(stage, settings)
        self._app = self._make_app()
        self._runner: Runner | None = None

    @staticmethod
    def _make_state(stage: Stage[Any], settings: WorkerSettings) -> KeyedState:
        assert stage.layout is not None  # noqa: S101 - who calls has looked
        folder = settings.folder / stage.name
        lock_folder(folder)
        limits = DiskLimits(settings.disk_bytes // 2, settings.disk_bytes // 2, settings.trusted_for_s)
        topic = changelog_of(stage.name)
        # A topic made anew is another state's, however long it has become.
        disks = Disks(folder, f"{topic} epoch {settings.log_epoch}", limits)
        kafka, cache = settings.kafka, settings.cache_bytes
        return KeyedState(stage.name, stage.layout, topic, settings.partitions, disks, kafka, cache)

    def run(self) -> NoReturn:
        """Run until SIGTERM or SIGINT; SystemExit with 0 then, with another code after a crash.

        Raises CannotListen (`streams.runtime.health`) before anything is read.
        """
        settings = self._settings
        # State has identifiers in it: what this process writes, its user alone reads, wherever it is copied to.
        os.umask(0o077)
        metrics.serve(version("omnijourney"), self._stage, self._registries)
        port = health.serve(self._health, settings.http_host, settings.http_port)
        log.info("starting", http=f"{settings.http_host}:{port}", inputs=list(self._stage.inputs))
        # What is loaded by now stays, and what a batch makes mostly dies with it: full collections find little.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)
        _FaustWorker(self._app, self._stop).execute_from_commandline()
        raise SystemExit(0)

    # --- the Faust app ------------------------------------------------------------------------------------

    def _make_app(self) -> faust_seam.BatchApp:
        faust_seam.register()
        settings, name = self._settings, self._stage.name
        app = faust_seam.BatchApp(
            name,
            broker=faust_seam.broker_urls(settings.kafka),
            broker_credentials=faust_seam.credentials(settings.kafka),
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            topic_partitions=settings.partitions,
            table_standby_replicas=0,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=settings.fetch_bytes,
            consumer_group_instance_id=settings.instance or None,
            broker_commit_interval=0.5,
            broker_session_timeout=settings.session_s,
            broker_heartbeat_interval=settings.session_s / 10,
            broker_request_timeout=max(20.0, settings.session_s),
            broker_rebalance_timeout=30.0,
            stream_wait_empty=True,
            stream_recovery_delay=0.0,
            TableManager=faust_seam.Tables,
            # Faust tells workers apart by this address. A static member that comes back is given its old assignment,
            # and Faust's assignor takes none that bears another address.
            canonical_url=URL.build(
                scheme="http", host="worker", path=f"/{settings.instance or f'{socket.gethostname()}-{os.getpid()}'}"
            ),
        )
        app.in_flight_bytes = settings.in_flight_bytes
        app.on_revoke = self._leave
        app.on_generation = self._begin_generation
        app.on_assigned = self._assigned
        app.on_begin = lambda begins: self._tasks.begin_at(begins)
        app.on_ready = self._ready
        app.on_crash = self._crash
        app.after_stop = self._close
        if self._state is not None:
            table = faust_seam.ChangelogTable(app, STATE, settings.partitions, self._state)
            app.tables.add(table)
            self._state.remaining = lambda: cast(Any, app.tables).recovery.active_remaining_total()
        inputs = app.topic(*self._stage.inputs, schema=faust_seam.BatchSchema())
        app.agent(inputs, name=name, concurrency=1)(self._hand_on)
        app.timer(1.0, on_leader=False)(self._turn)
        app.timer(OBSERVE_EVERY_S, on_leader=False)(self._observe)
        return app

    async def _hand_on(self, stream: Any) -> AsyncIterator[None]:
        # An agent that raises is only started again by Faust, and what it had in hand is never finished.
        try:
            if self._outputs is not None:
                await self._outputs.start()
            async for event in stream.noack().events():
                self._tasks.submit(event.value)
        except Exception as error:  # noqa: BLE001 - ends the process
            self._crash(error)
        yield

    async def _turn(self) -> None:
        self._health.turn()

    @property
    def _consumer(self) -> faust_seam.Consumer:
        return cast(faust_seam.Consumer, self._app.consumer)

    @property
    def _tasks(self) -> Runner:
        if self._runner is None:
            self._runner = Runner(
                self._consumer, self._state is not None, self._settings.rest_s, self._make_task, self._crash
            )
        return self._runner

    def _make_task(
        self, partition: int, inbox: QueueInbox, lease: GenerationLease, begins: Mapping[Log, int]
    ) -> Task[Any]:
        if self._state is None:
            kept, outputs = None, self._outputs
        else:
            kept, outputs = self._state.kept(partition), KafkaOutputs(self._state.producer(partition))
        meter = metrics.Meter(self._stage.name, "all" if partition == EVERY_PARTITION else str(partition))
        return Task(self._stage, inbox, cast(Any, outputs), kept, lease, self._tally, meter, Limits(), begins)

    # --- generations --------------------------------------------------------------------------------------

    def _leave(self) -> None:
        self._health.assigned = False
        self._tasks.leave()

    async def _begin_generation(self, generation: int) -> None:
        await self._tasks.end()
        metrics.REBALANCES.labels(self._stage.name).inc()
        self._tasks.begin(generation)

    def _assigned(self, committed: Mapping[Log, int | None]) -> Mapping[Log, int]:
        metrics.LAG.clear()
        metrics.LAG_SECONDS.clear()
        if self._state is None:
            return {}
        try:
            self._state.require(committed)
        except Failure as lost:
            self._crash(lost)
        return self._state.reached(committed)

    def _ready(self) -> None:
        self._health.assigned = True

    # --- the end ------------------------------------------------------------------------------------------

    async def _stop(self, signal: str) -> None:
        """Finish what is in hand, then let Faust commit and leave; all of it within the deadline."""
        log.info("stopping", signal=signal)
        self._health.stopping = True
        timer = threading.Timer(self._settings.stop_deadline_s, _stop_late)
        timer.daemon = True
        timer.start()
        await self._tasks.settle()

    async def _close(self) -> None:
        await self._tasks.end()
        if self._outputs is not None:
            await self._outputs.stop()
        if self._state is not None:
            await self._state.stop()

    def _crash(self, reason: BaseException) -> NoReturn:
        finished = {f"{at.topic}-{at.partition}": offset for at, offset in self._consumer.finished.items()}
        told = str(reason) if isinstance(reason, Failure | ConsistencyError) else None
        if isinstance(reason, DENIED):
            told = f"{reason}: Kafka's ACLs don't allow it; `omnijourney acls` prints what this stage needs"
        log.error("crashed", exc_info=reason, reason=told, finished=finished)
        os._exit(EXIT_CRASHED)

    # --- what is told -------------------------------------------------------------------------------------

    async def _observe(self) -> None:
        if self._health.stopping or not self._health.assigned:
            return
        if self._state is not None:
            self._state.observe()
        metrics.IN_FLIGHT_BYTES.labels(self._stage.name).set(self._consumer.in_flight.held)
        # Asked of the broker, not taken from the last fetch: a stage that is stuck fetches nothing, and its lag grows.
        finished = dict(self._consumer.finished)
        try:
            ends = await self._consumer.highwaters(*[TP(*at) for at in finished])
        except (KafkaError, ConsumerStoppedError, TimeoutError) as error:
            if self._health.reaches_broker:
                log.warning("broker_away", error=type(error).__name__)
            self._health.reaches_broker = False
            metrics.LAG.clear()
            metrics.LAG_SECONDS.clear()
            return
        self._health.reaches_broker = True
        for tp, end in ends.items():
            at = Log(tp.topic, tp.partition)
            behind = max(0, (end or 0) - finished.get(at, 0))
            received_at = self._consumer.finished_at.get(at)
            age_s = max(0.0, time.time() - received_at / 1000) if behind and received_at else 0.0
            metrics.LAG.labels(self._stage.name, *at).set(behind)
            metrics.LAG_SECONDS.labels(self._stage.name, *at).set(age_s)


def _stop_late() -> NoReturn:
    log.error("stopped_late", exit_code=EXIT_STOPPED_LATE)
    os._exit(EXIT_STOPPED_LATE)
