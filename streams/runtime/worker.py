"""The life of one worker: a Faust app with one agent, health, metrics, logs, and an end in time.

What makes a stage raise ends the process at once, before Faust could acknowledge the batch: whoever supervises starts
it again, and the batch is read again.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NoReturn

import faust
import structlog
from yarl import URL

from streams.runtime import health, metrics, transport
from streams.runtime.folding import Folding
from streams.runtime.stage import Record

log = structlog.get_logger("streams.runtime")

EXIT_CRASHED = 70
EXIT_STOPPED_LATE = 75


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

    stop_deadline_s = 10.0

    def _on_sigterm(self) -> None:
        log.info("stopping", signal="SIGTERM")
        timer = threading.Timer(self.stop_deadline_s, os._exit, (EXIT_STOPPED_LATE,))
        timer.daemon = True
        timer.start()
        super()._on_sigterm()


def run(folding: Folding[Any], settings: WorkerSettings) -> NoReturn:
    """Run a stage until SIGTERM or SIGINT; SystemExit with 0 then, with another code after a crash."""
    stage = folding.stage
    metrics.BUILD.labels(version("omnijourney"), stage.name).set(1)
    state = health.Health()
    port = health.serve(state, settings.http_host, settings.http_port)
    app = _make_app(folding, settings, port)
    _attach(app, folding, settings, state)
    log.info("starting", http=f"{settings.http_host}:{port}", inputs=list(stage.inputs))
    worker = _Worker(app, quiet=True, override_logging=False, redirect_stdouts=False, loglevel=None)
    worker.stop_deadline_s = settings.stop_deadline_s
    worker.execute_from_commandline()
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
        # Faust tells workers apart by this address.
        canonical_url=URL(f"http://{settings.http_host}:{port}"),
        datadir=None,
    )
    app.next_offset = folding.next_offset
    return app


def _attach(app: transport.FoldingApp, folding: Folding[Any], settings: WorkerSettings, state: health.Health) -> None:
    name = folding.stage.name
    inputs = app.topic(*folding.stage.inputs, key_serializer="raw", value_serializer="raw")

    async def fold(stream: Any) -> AsyncIterator[None]:
        await folding.outputs.start()
        async for events in stream.take_events(settings.batch_records, within=settings.batch_wait_s):
            try:
                await folding.run(_records(app, events))
                _observe_lag(app, name, events)
            except asyncio.CancelledError:
                raise
            except Exception:
                _crash(name)
        yield

    app.agent(inputs, name=name, concurrency=1)(fold)

    async def turn() -> None:
        state.turn()

    app.timer(1.0, on_leader=False)(turn)

    async def assigned(*_: object, **__: object) -> None:
        metrics.REBALANCES.labels(name).inc()
        state.ready = True

    app.on_partitions_assigned.connect(assigned, weak=False)


def _records(app: faust.App, events: Sequence[faust.EventT[bytes]]) -> list[Record]:
    """The records of the current assignment; what was buffered before a rebalance is read again after it."""
    generation = app.consumer_generation_id
    found = []
    for event in events:
        message = event.message
        if message.generation_id != generation:
            continue
        headers = message.headers or ()
        found.append(
            Record(
                message.topic,
                message.partition,
                message.offset,
                round(message.timestamp * 1000),
                message.key,
                message.value or b"",
                tuple(headers.items() if isinstance(headers, Mapping) else headers),
            )
        )
    return found


def _observe_lag(app: faust.App, name: str, events: Sequence[faust.EventT[bytes]]) -> None:
    last = {event.message.tp: event.message.offset for event in events}
    for tp, offset in last.items():
        end = app.consumer.highwater(tp)
        metrics.LAG.labels(name, tp.topic, tp.partition).set(max(0, (end or 0) - offset - 1))


def _crash(name: str) -> NoReturn:
    log.exception("crashed", crashed_stage=name)
    # Not through Faust: it acknowledges the events of an agent that raises, and would commit them.
    os._exit(EXIT_CRASHED)
