"""The life of one worker: a Faust app with one agent, health, metrics, logs, and an end in time.

What makes a stage raise, or Faust crash, ends the process at once, before Faust could acknowledge the batch in hand:
whoever supervises starts it again, and the batch is read again.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, NoReturn

import faust
import structlog
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faust.types import TP
from yarl import URL

from streams.runtime import health, metrics, transport
from streams.runtime.folding import Folding
from streams.runtime.stage import Record

log = structlog.get_logger("streams.runtime")

EXIT_CRASHED = 70
EXIT_STOPPED_LATE = 75
LAG_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """``batch_wait_s``: how long a batch may fill; ``stop_deadline_s``: after SIGTERM; ``http_port`` 0 takes a free
    one."""

    bootstrap: str
    batch_records: int
    batch_wait_s: float
    stop_deadline_s: float
    http_host: str
    http_port: int


class _Worker(faust.Worker):
    """Faust's worker with a deadline on stopping: in a rebalance the stock one can take minutes."""

    def __init__(self, app: faust.App, state: health.Health, stop_deadline_s: float) -> None:
        super().__init__(app, quiet=True, override_logging=False, redirect_stdouts=False)
        # It draws on standard output, escape sequences included, whether that is a terminal or not.
        self.spinner = None
        self._health = state
        self._stop_deadline_s = stop_deadline_s

    def _on_sigterm(self) -> None:
        self._begin_stopping("SIGTERM")
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._begin_stopping("SIGINT")
        super()._on_sigint()

    def _begin_stopping(self, signal: str) -> None:
        log.info("stopping", signal=signal)
        self._health.stopping = True
        timer = threading.Timer(self._stop_deadline_s, _stop_late)
        timer.daemon = True
        timer.start()


def run(folding: Folding[Any], settings: WorkerSettings) -> NoReturn:
    """Run a stage until SIGTERM or SIGINT; SystemExit with 0 then, with another code after a crash.

    Raises CannotListen (`streams.runtime.health`) before anything is read.
    """
    stage = folding.stage
    metrics.BUILD.labels(version("omnijourney"), stage.name).set(1)
    state = health.Health()
    port = health.serve(state, settings.http_host, settings.http_port)
    app = _make_app(folding, settings, port)
    _attach(app, folding, settings, state)
    log.info("starting", http=f"{settings.http_host}:{port}", inputs=list(stage.inputs))
    _Worker(app, state, settings.stop_deadline_s).execute_from_commandline()
    raise SystemExit(0)


def _make_app(folding: Folding[Any], settings: WorkerSettings, port: int) -> transport.FoldingApp:
    transport.register()
    brokers = ";".join(f"{transport.SCHEME}://{address}" for address in settings.bootstrap.split(","))
    app = transport.FoldingApp(
        folding.stage.name,
        broker=brokers,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.5,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
        broker_request_timeout=20.0,
        stream_wait_empty=True,
        stream_recovery_delay=0.0,
        stream_buffer_maxsize=4 * settings.batch_records,
        # Faust tells workers apart by this address; the one that they listen on may be the same for all.
        canonical_url=URL.build(scheme="http", host=socket.gethostname(), port=port),
    )
    app.next_offset = folding.next_offset
    app.positions = {}
    app.after_stop = folding.outputs.stop
    app.on_crash = partial(_end_crashed, app)
    return app


def _attach(app: transport.FoldingApp, folding: Folding[Any], settings: WorkerSettings, state: health.Health) -> None:
    name = folding.stage.name
    inputs = app.topic(*folding.stage.inputs, key_serializer="raw", value_serializer="raw")

    async def fold(stream: Any) -> AsyncIterator[None]:
        try:
            await folding.outputs.start()
            async for events in stream.take_events(settings.batch_records, within=settings.batch_wait_s):
                records = [_record(event.message) for event in events if _counts(event.message, folding, app)]
                await _run_or_end(folding, records, app, state)
                reached = {TP(r.topic, r.partition): r.offset + 1 for r in records}
                app.positions.update({tp: at for tp, at in reached.items() if tp in app.positions})
        except Exception as error:  # noqa: BLE001 - ends the process
            app.on_crash(error)
        yield

    app.agent(inputs, name=name, concurrency=1)(fold)

    async def turn() -> None:
        state.turn()

    app.timer(1.0, on_leader=False)(turn)

    async def observe_lag() -> None:
        await _observe_lag(app, name, state)

    app.timer(LAG_EVERY_S, on_leader=False)(observe_lag)

    async def assigned(*_: object, **__: object) -> None:
        metrics.REBALANCES.labels(name).inc()
        metrics.LAG.clear()
        state.assigned = True

    app.on_partitions_assigned.connect(assigned, weak=False)


def _counts(message: faust.types.Message, folding: Folding[Any], app: faust.App) -> bool:
    """False for what was buffered before a rebalance, where it is read again behind it: from the fence of a state.

    A stage without state goes on from its commits, and Faust commits whatever leaves the buffer: it takes everything.
    """
    return not folding.stage.keeps_state or message.generation_id == app.consumer_generation_id


def _record(message: faust.types.Message) -> Record:
    headers = message.headers or ()
    return Record(
        message.topic,
        message.partition,
        message.offset,
        round(message.timestamp * 1000),
        message.key,
        message.value or b"",
        tuple(headers.items() if isinstance(headers, Mapping) else headers),
    )


async def _run_or_end(
    folding: Folding[Any], records: Sequence[Record], app: transport.FoldingApp, state: health.Health
) -> None:
    """One batch; where it is not finished, the process ends here, because Faust acknowledges it whatever comes out."""
    try:
        await folding.run(records)
    except asyncio.CancelledError:
        log.warning("cancelled_in_flight", records=len(records), stopping=state.stopping)
        os._exit(0 if state.stopping else EXIT_CRASHED)
    except BaseException as error:  # noqa: BLE001 - ends the process
        app.on_crash(error)


async def _observe_lag(app: transport.FoldingApp, name: str, state: health.Health) -> None:
    if state.stopping or not state.assigned:
        return
    # Asked of the broker, not taken from the last fetch: a stage that is stuck fetches nothing, and its lag grows.
    try:
        ends = await app.consumer.highwaters(*app.positions)
    except (KafkaError, ConsumerStoppedError, TimeoutError) as error:
        if state.reaches_broker:
            log.warning("broker_away", error=type(error).__name__)
        state.reaches_broker = False
        metrics.LAG.clear()
        return
    state.reaches_broker = True
    for tp, position in app.positions.items():
        if tp in ends:
            metrics.LAG.labels(name, tp.topic, tp.partition).set(max(0, ends[tp] - position))


def _end_crashed(app: transport.FoldingApp, reason: BaseException) -> NoReturn:
    positions = {f"{tp.topic}-{tp.partition}": at for tp, at in app.positions.items()}
    log.error("crashed", exc_info=reason, positions=positions)
    os._exit(EXIT_CRASHED)


def _stop_late() -> NoReturn:
    log.error("stopped_late", exit_code=EXIT_STOPPED_LATE)
    os._exit(EXIT_STOPPED_LATE)
