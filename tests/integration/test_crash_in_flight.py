"""A crash while the sink's batch is in flight acknowledges nothing: what ClickHouse did not get is read again.

    ClickHouse   |--frozen-----------------------------|--goes on---------------->
    sink         takes a batch, inserts ... X exit 70  |  a new one reads it again
    its group    |--committed offsets stay where they were--|------------------->

Faust acknowledges what an agent had in hand when it crashes; the runtime must have ended the process before.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.fetch import project_root
from deploy.local.ports import free_ports
from deploy.local.processes import ProcessSpec, read_plan
from schemas.codec import decode
from sinks.clickhouse import ClickHouse
from streams.composition import GROUPS, STAGES
from streams.local import LocalPipeline
from streams.offsets import lag, wait_until_drained
from streams.producing.produce import produce_records
from streams.sample import generate

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

EVENTS = 2_000
EXIT_CRASHED = 70
#: The shipped sink, with one more task in its app: once the file is there, it raises.
CRASHING = """
import sys
from pathlib import Path

from streams import composition, config
from streams.runtime.faust_seam import BatchApp

told = Path(sys.argv[1])
make = BatchApp.__init__

def make_crashing(app, *args, **kwargs):
    make(app, *args, **kwargs)

    @app.timer(0.1, on_leader=False)
    async def crash():
        if told.exists():
            raise RuntimeError("a task of the app, not the agent")

BatchApp.__init__ = make_crashing
composition.run_worker("sink", config.read())
"""


@pytest.fixture(scope="module")
def pipeline(local_pipeline: Any) -> Iterator[LocalPipeline]:
    with local_pipeline("crash") as started:
        yield started


@contextmanager
def crashing_sink(pipeline: LocalPipeline, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process and its HTTP port; it crashes once ``folder`` has a file ``now``, its log is ``log`` there."""
    (port,) = free_ports(1)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", CRASHING, str(folder / "now")],
            cwd=project_root(),
            env={**os.environ, **pipeline.variables, "OMNIJOURNEY_HTTP_PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


@contextmanager
def frozen_clickhouse(pipeline: LocalPipeline) -> Iterator[None]:
    pid = pipeline.stack.pid("clickhouse")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def without_sink(pipeline: LocalPipeline) -> Iterator[ProcessSpec]:
    """The pipeline's own sink is away; gives how to start it again."""
    (spec,) = [one for one in read_plan(pipeline.stack.folder / "plan.json").processes if one.name == "sink"]
    pipeline.stack.remove("sink")
    yield spec
    pipeline.stack.add([spec])


def in_flight(port: int) -> float:
    """Bytes that the worker at ``port`` has fetched and is not done with."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    samples = (sample for family in families for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == "journey_stage_in_flight_bytes")


def committed(pipeline: LocalPipeline) -> dict[Any, int]:
    """Where the sink's group stands, by partition."""
    found = lag(pipeline.settings.kafka_bootstrap, {"sink": GROUPS["sink"]})
    return {place: position.committed for place, position in found.items()}


def missing(pipeline: LocalPipeline, records: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(channel, event_id) of ``records`` that are neither a touchpoint nor a dead letter."""
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        found = set(client.query("SELECT channel, event_id FROM touchpoints FINAL"))
        letters = client.query("SELECT hex(original) FROM dead_letters FINAL")
    dead = [decode(bytes.fromhex(original)).record for (original,) in letters]
    return {(r["channel"], r["event_id"]) for r in records} - found - {(r["channel"], r["event_id"]) for r in dead}


def figures(pipeline: LocalPipeline) -> tuple[int, int, int]:
    """Records by ``outcomes``, accepted ones by ``outcomes``, touchpoints."""
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        (read,) = client.query("SELECT sum(records), sumIf(records, outcome = 'accepted') FROM outcomes FINAL")
        ((touchpoints,),) = client.query("SELECT count() FROM touchpoints FINAL")
    return *read, touchpoints


def test_a_crash_while_the_batch_is_in_flight_loses_nothing(
    pipeline: LocalPipeline, wait_until: Any, tmp_path: Path
) -> None:
    bootstrap = pipeline.settings.kafka_bootstrap
    first, second = (list(islice(generate(100, 28, seed), EVENTS)) for seed in (1, 2))
    with without_sink(pipeline), crashing_sink(pipeline, tmp_path) as (process, port):
        # Connected once, so that its end is not one in the middle of a handshake.
        assert produce_records(first, bootstrap).complete
        pipeline.drain(60)
        position = committed(pipeline)
        with frozen_clickhouse(pipeline):
            assert produce_records(second, bootstrap).complete
            wait_until_drained(bootstrap, {name: GROUPS[name] for name in STAGES if name != "sink"}, 60)
            wait_until(lambda: in_flight(port) > 0, 30, "the sink has a batch in flight")
            (tmp_path / "now").touch()
            assert process.wait(30) == EXIT_CRASHED
            assert committed(pipeline) == position
        words = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert words[-1]["event"] == "crashed"
        assert missing(pipeline, second)
    pipeline.drain(60)
    assert missing(pipeline, first + second) == set()
    read, accepted, touchpoints = figures(pipeline)
    assert read == 2 * EVENTS
    assert accepted == touchpoints
