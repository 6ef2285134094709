"""Nothing personal in what services tell: logs, metrics, and commands that are run unattended.

    marked touchpoints, wrong ones, damaged bytes, records that make a stage raise or crash, rows that are refused
      --> four workers that log at debug, Kafka, ClickHouse, commands   -->  the mark is nowhere

Looked for are the mark in any case and the SHA-256 of marked addresses. Left out is what shows data to who asked for
it: `customer`, `link` and its kin, rows that `verify` lists unless `--limit` is 0, wrong lines that `produce` tells and
keeps, and the tables.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaProducer

from deploy.local.fetch import project_root
from deploy.local.ports import free_ports
from sinks.clickhouse import ClickHouse
from streams.composition import STAGES
from streams.local import LocalPipeline
from streams.producing.produce import produce_records
from streams.sample import to_ndjson
from tests.integration.marked import (
    ADDRESSES,
    FORBIDDEN,
    MARK,
    Wrong,
    crashing,
    damaged,
    marked,
    raising,
    refused,
    unfit_for_tables,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

COMMANDS = (
    *(
        "config",
        "topics apply",
        "topics diff",
        "migrate",
        "verify --limit 0",
        "verify --customers 50% --limit 0 --metrics {folder}/v.prom",
    ),
    *(f"attribute --by {by} --since 2026-03-02 --until 2026-03-09 --model markov" for by in ("channel", "campaign")),
    *("report --output {folder}/page.html", "produce {folder}/good.ndjson", "produce --dry-run {folder}/good.ndjson"),
    *("spend {folder}/nothing.csv", "lag --over 0.5", "lag --over 0.5 --json"),
    *("dead list", "dead list --each 200", "late list", "dead replay --dry-run", "late replay --dry-run"),
)
MAPPING = """
[touchpoint]
event_id = "id"
occurred_at = "at"
channel = { constant = "web" }
action = { constant = "page_viewed" }
user_agent = { constant = "not recorded" }
[identifiers]
email_sha256 = { email = "mail" }
"""


class Told(NamedTuple):
    """A pipeline that has taken all of it, and, by stage, what metrics said before CUSTOMERS crashed."""

    pipeline: LocalPipeline
    metrics: Mapping[str, str]


@pytest.fixture(scope="module")
def told(local_pipeline: Any, wait_until: Any) -> Iterator[Told]:
    with local_pipeline("marked", OMNIJOURNEY_LOG_LEVEL="debug") as pipeline:
        records = list(islice(marked(60), 3_000))
        taken = produce_records([*records, *refused(records)], pipeline.settings.kafka_bootstrap)
        assert taken.complete
        send(pipeline, [*damaged(), *raising(5), *unfit_for_tables()])
        pipeline.drain(90)
        metrics = {stage: metrics_at(pipeline.metrics_url(stage)) for stage in STAGES}
        send(pipeline, [crashing()])
        wait_until(lambda: '"crashed"' in log_of(pipeline, "customers"), 60, "CUSTOMERS has crashed")
        yield Told(pipeline, metrics)


def send(pipeline: LocalPipeline, wrong: Iterable[Wrong]) -> None:
    producer = KafkaProducer(bootstrap_servers=pipeline.settings.kafka_bootstrap, acks="all")
    for one in wrong:
        producer.send(one.topic, one.value, one.key, headers=list(one.headers))
    producer.close(timeout=30)


def log_of(pipeline: LocalPipeline, process: str) -> str:
    return pipeline.stack.log_file(process).read_text(encoding="utf-8", errors="replace")


def metrics_at(url: str) -> str:
    """What is served there, '' while nothing listens."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.URLError:
        return ""


def run(pipeline: LocalPipeline, command: str, folder: Path) -> str:
    """What ``command`` says, on standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", *command.format(folder=folder).split()],
        env={**os.environ, **pipeline.variables},
        cwd=project_root(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def found(text: str) -> list[str]:
    """The lines of ``text`` with something in it that is forbidden."""
    return [line for line in text.splitlines() if FORBIDDEN.search(line)]


@pytest.mark.parametrize("stage", STAGES)
def test_no_log_of_a_worker_bears_the_mark(told: Told, stage: str) -> None:
    log = log_of(told.pipeline, stage)
    assert '"starting"' in log
    assert found(log) == []


@pytest.mark.parametrize("stage", STAGES)
def test_no_metric_bears_the_mark(told: Told, stage: str) -> None:
    assert f'stage="{stage}"' in told.metrics[stage]
    assert found(told.metrics[stage]) == []


def test_no_other_file_that_the_stack_logs_to_bears_the_mark(told: Told) -> None:
    """The servers' among them; what a ClickHouse of yours logs of statements is said in docs/assurance.md."""
    files = sorted((told.pipeline.stack.folder / "logs").iterdir())
    assert {"kafka.log", "clickhouse.log", "intake.log"} <= {file.name for file in files}
    for file in files:
        assert found(file.read_text(encoding="utf-8", errors="replace")) == [], file.name


def test_there_was_something_to_tell(told: Told) -> None:
    """Or nothing would have been looked through."""
    customers, sink = log_of(told.pipeline, "customers"), log_of(told.pipeline, "sink")
    assert '"buried"' in customers
    assert "RuntimeError" in customers
    assert "caused by ValueError" in customers or "ValueError at" in customers
    assert '"rejected_by_clickhouse"' in sink
    assert '"undecodable"' in sink
    for reason in ("undecodable", "invalid", "ambiguous_user_id", "unknown_direction"):
        assert f'reason="{reason}"' in told.metrics["intake"]
    with ClickHouse(told.pipeline.settings.clickhouse_url) as client:
        [(marks,)] = client.query(
            "SELECT countIf(position(original, %(mark)s) > 0) FROM dead_letters FINAL", {"mark": MARK}
        )
    assert marks > 150


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_that_is_run_unattended_says_the_mark(told: Told, tmp_path: Path, command: str) -> None:
    (tmp_path / "good.ndjson").write_bytes(b"".join(map(to_ndjson, islice(marked(5), 50))))
    said = run(told.pipeline, command, tmp_path)
    assert "Traceback" not in said
    assert found(said) == []
    for written in tmp_path.iterdir():
        if written.name != "good.ndjson":
            assert found(written.read_text(encoding="utf-8")) == []


def test_the_monitor_says_nothing_of_the_mark(told: Told, tmp_path: Path, wait_until: Any) -> None:
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}/metrics"
    log = tmp_path / "monitor.log"
    with log.open("wb") as said:
        monitor = subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "monitor", "--every", "0.5"],
            env={**os.environ, **told.pipeline.variables, "OMNIJOURNEY_HTTP_PORT": str(port)},
            cwd=project_root(),
            stdout=said,
            stderr=said,
        )
    try:
        wait_until(lambda: "journey_group_lag_records{" in metrics_at(url), 60, "the monitor has looked")
        text = metrics_at(url)
    finally:
        monitor.terminate()
        monitor.wait(30)
    assert found(text) == found(log.read_text()) == []


def test_wrong_lines_are_told_to_who_produces_them_without_identifiers(told: Told, tmp_path: Path) -> None:
    """Of a wrong field the value is told, or nobody could mend it; identifiers and unknown fields are never shown."""
    one = next(marked(5))
    lines = [
        one | {"identifiers": [{"namespace": "user_id", "value": 7, "name": ADDRESSES[0]}]},
        one | {"identifiers": ADDRESSES[0]},
        one | {"email": ADDRESSES[0]},
        one | {ADDRESSES[0]: 1} | {"occurred_at": "yesterday"},
    ]
    (tmp_path / "wrong.ndjson").write_bytes(b"".join(map(to_ndjson, lines)))
    said = run(told.pipeline, "produce {folder}/wrong.ndjson", tmp_path)
    assert "found 'yesterday', expected an integer" in said
    assert [line for line in found(said) if "no such field" not in line] == []


def test_a_mapping_hashes_addresses_and_shows_neither(told: Told, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(MAPPING)
    at = "2026-03-02T00:00:00Z"
    rows = [f"{number},{at},{mail}" for number, mail in enumerate(ADDRESSES)]
    rows += [f"9,never,{ADDRESSES[0]}", f"10,{at},{MARK}.no.address"]
    (tmp_path / "mails.csv").write_text("\n".join(["id,at,mail", *rows, ""]))
    said = run(told.pipeline, "produce {folder}/mails.csv --mapping {folder}/m.toml", tmp_path)
    assert "found 'never'" in said
    assert found(said) == []
