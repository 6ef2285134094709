"""A worker as its operator meets it: what it serves, what it logs, how it ends. Real processes on a real Kafka."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.fetch import project_root
from deploy.local.processes import ProcessState
from sinks.clickhouse import ClickHouse
from streams.composition import STAGES
from streams.local import LocalPipeline
from streams.offsets import lag
from streams.producing.produce import produce_records
from streams.sample import generate

pytestmark = pytest.mark.stack

EVENTS = 8_000
STOP_S = 10.0
SITE = "shop.example.com"
TABLES = ("touchpoints", "journeys", "sessions", "engagement", "outcomes", "dead_letters", "late_touchpoints")
#: Shorter ones may stand in a log by chance.
TELLING = 10

#: A worker whose outputs fail with something that nobody foresaw, once they get the offset ``at``.
FAILING = """
import sys
from dataclasses import replace
from streams import composition, config
from streams.runtime import logs
from streams.runtime.worker import Worker

group, at = sys.argv[1], int(sys.argv[2])

class Failing:
    name, inputs, layout = group, ("touchpoints.web",), None

    def fold(self, records, view, out):
        out.collected += records

class Outputs:
    collected = []

    async def start(self):
        pass

    async def flush(self, patient):
        for record in self.collected:
            if record.offset >= at:
                raise LookupError(f"never in a log: {record.key}")

logs.configure("info", group)
Worker(Failing(), Outputs(), composition.worker_settings("sink", config.read())).run()
"""


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    return list(islice(generate(400, 28, 3), EVENTS))


@pytest.fixture(scope="module")
def pipeline(local_pipeline: Any, records: list[dict[str, Any]]) -> Iterator[LocalPipeline]:
    """A pipeline that has taken all records."""
    with local_pipeline("worker", OMNIJOURNEY_OWN_DOMAINS=SITE) as started:
        assert produce_records(records, started.settings.kafka_bootstrap).complete
        started.drain(60)
        yield started


def get(pipeline: LocalPipeline, stage: str, path: str) -> tuple[int, str]:
    url = pipeline.metrics_url(stage).removesuffix("/metrics") + path
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def figure(pipeline: LocalPipeline, stage: str, name: str) -> float:
    """The sum of a metric's samples, 0 where there is none or nobody answers yet."""
    try:
        _, text = get(pipeline, stage, "/metrics")
    except OSError:
        return 0
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == name)


def has_no_lag(pipeline: LocalPipeline, stage: str) -> bool:
    known = "journey_stage_lag_records{" in get(pipeline, stage, "/metrics")[1]
    return known and figure(pipeline, stage, "journey_stage_lag_records") == 0


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def state_of(pipeline: LocalPipeline, stage: str) -> ProcessState:
    state = pipeline.stack.status().process(stage)
    assert state is not None
    return state


def terminate(pipeline: LocalPipeline, stage: str) -> float:
    """Send SIGTERM; returns the seconds until the supervisor has seen the end. Asserts exit code 0."""
    before = state_of(pipeline, stage).restarts
    began = time.monotonic()
    os.kill(pipeline.stack.pid(stage), signal.SIGTERM)
    wait_until(lambda: state_of(pipeline, stage).restarts == before + 1, STOP_S + 2, f"{stage} has ended")
    took = time.monotonic() - began
    assert state_of(pipeline, stage).exit_code == 0
    return took


def rows(pipeline: LocalPipeline) -> list[tuple[Any, ...]]:
    """A hash over all rows of each table."""
    hashed = "SELECT count(), groupBitXor(sipHash64(toString(tuple(*)))) FROM"
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        return [client.query(f"{hashed} {table} FINAL")[0] for table in TABLES]


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_says_that_it_is_live_and_ready(pipeline: LocalPipeline, stage: str) -> None:
    assert get(pipeline, stage, "/live") == (200, "yes\n")
    assert get(pipeline, stage, "/ready") == (200, "yes\n")
    assert get(pipeline, stage, "/nonsense")[0] == 404


def test_metrics_count_what_went_through(pipeline: LocalPipeline, records: list[dict[str, Any]]) -> None:
    assert figure(pipeline, "intake", "journey_touchpoints_total") == len(records)
    assigned = figure(pipeline, "identity", "journey_identity_moved_total")
    assert figure(pipeline, "intake", "journey_stage_records_total") == len(records) + assigned
    assert assigned > 0
    accepted = figure(pipeline, "customers", "journey_stage_records_total")
    assert accepted > 0.9 * len(records)
    assert figure(pipeline, "sink", "journey_sink_rows_total") > accepted
    assert figure(pipeline, "sink", "journey_sink_insert_seconds_sum") > 0
    for stage in STAGES:
        assert figure(pipeline, stage, "journey_stage_batch_records_count") > 0
        wait_until(lambda stage=stage: has_no_lag(pipeline, stage), 10, f"no lag of {stage}")


def test_an_idle_sink_ends_on_sigterm_and_is_started_again(pipeline: LocalPipeline) -> None:
    before = rows(pipeline)
    assert terminate(pipeline, "sink") < STOP_S
    pipeline.stack.wait_ready("sink")
    pipeline.drain(60)
    assert rows(pipeline) == before


@pytest.mark.parametrize("stage", ["intake", "identity", "customers"])
def test_a_worker_with_state_ends_on_sigterm_and_goes_on_where_it_was(pipeline: LocalPipeline, stage: str) -> None:
    before = rows(pipeline)
    assert terminate(pipeline, stage) < STOP_S
    pipeline.stack.wait_ready(stage)
    pipeline.drain(60)
    assert rows(pipeline) == before
    assert figure(pipeline, stage, "journey_stage_records_total") == 0
    assert figure(pipeline, stage, "journey_stage_recovery_seconds") > 0
    wait_until(lambda: figure(pipeline, stage, "journey_stage_state_bytes") > 0, 10, "its state is measured")


def test_every_line_of_a_log_is_a_json_object_without_personal_data(
    pipeline: LocalPipeline, records: list[dict[str, Any]]
) -> None:
    """Runs after the ends and starts above: their lines are among these."""
    personal = {i["value"] for record in records for i in record["identifiers"]}
    personal |= {record["user_agent"] for record in records if record.get("user_agent")}
    personal |= {record["event_id"] for record in records}
    for stage in STAGES:
        text = pipeline.stack.log_file(stage).read_text()
        events = [json.loads(line) for line in text.splitlines()]
        for event in events:
            assert {"event", "level", "logger", "timestamp"} <= event.keys()
            assert event["stage"] == stage
        assert {"starting", "stopping"} <= {event["event"] for event in events}
        assert [value for value in personal if len(value) >= TELLING and value in text] == []
    assert sum(len(value) >= TELLING for value in personal) > 1_000


@pytest.mark.parametrize("at", [0, 300])
def test_an_unknown_exception_ends_the_process_and_commits_nothing_behind_it(pipeline: LocalPipeline, at: int) -> None:
    group = f"failing-at-{at}"
    ended = subprocess.run(
        [sys.executable, "-c", FAILING, group, str(at)],
        cwd=project_root(),
        env={**os.environ, **pipeline.variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 70
    assert ended.stdout == ""
    crash = json.loads(ended.stderr.splitlines()[-1])
    assert (crash["event"], crash["level"]) == ("crashed", "error")
    assert crash["exception"].startswith("LookupError\n")
    assert "never in a log" not in ended.stderr
    for position in lag(pipeline.settings.kafka_bootstrap, {group: ["touchpoints.web"]}).values():
        assert position.end > at
        assert position.committed <= at
