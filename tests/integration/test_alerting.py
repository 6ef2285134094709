"""Alerts end to end: real servers, workers that really stop, the rules of deploy/prometheus with minutes as seconds.

Beside it, on the same stack: whether all that dashboards and the runbook ask is answered.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.__main__ import FOLDER
from streams.domain.vocabulary import CHANNELS
from streams.producing.produce import produce_records
from streams.sample import generate
from tests.integration.watched import Watched, live, producing, verify, watched

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
RATE = 100.0
CUSTOMERS = 150
DAY_MS = 86_400_000
#: How long each of the alerts takes at most, in its minutes; machines that tests share are slow.
FIRES_WITHIN_S = 90
HEALTHY = {"JourneyWatchdog"}
#: What a stopped sink must raise: who is told, and of what.
RAISED = (
    ("page", "JourneyStageDown", {"stage": "sink"}),
    ("page", "JourneyFreshnessStopped", {}),
    ("ticket", "JourneyLagRising", {"stage": "sink"}),
)


@pytest.fixture(scope="module")
def watching(local_pipeline: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """With the sample company's touchpoints of four weeks, verified, and some that came too late."""
    with local_pipeline("alerting") as pipeline, watched(pipeline) as found:
        bootstrap, now_ms = pipeline.settings.kafka_bootstrap, int(time.time() * 1000)
        assert produce_records(generate(CUSTOMERS, 28, 1), bootstrap).complete
        assert produce_records([live(number, now_ms) for number in range(500)], bootstrap).complete
        assert produce_records([live(number, now_ms - 9 * DAY_MS) for number in range(500, 520)], bootstrap).complete
        pipeline.drain(120)
        verify(found, tmp_path_factory.mktemp("verify"))
        yield found


def expressions() -> list[str]:
    """All PromQL of the dashboards, with Grafana's variables filled in."""
    boards = [json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")]
    asked = [
        target["expr"]
        for board in boards
        for panel in board["panels"]
        for target in panel.get("targets", ())
        if "expr" in target
    ]
    return [text.replace("$__rate_interval", "10s").replace("$stage", ".*") for text in asked]


def queries() -> list[str]:
    """All SQL of the dashboards, with Grafana's macros and variables filled in as its plugin does."""
    boards = [json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")]
    asked = [
        target["rawSql"]
        for board in boards
        for panel in board["panels"]
        for target in panel.get("targets", ())
        if "rawSql" in target
    ]
    asked += [v["query"] for board in boards for v in board["templating"]["list"] if v["query"].startswith("SELECT")]
    return [filled(text) for text in asked]


def filled(query: str) -> str:
    query = re.sub(
        r"\$__timeFilter\((\w+)\)", r"\1 >= toDateTime('2020-01-01') AND \1 <= toDateTime('2037-01-01')", query
    )
    query = re.sub(r"\$__dateFilter\((\w+)\)", r"\1 >= toDate('2020-01-01') AND \1 <= toDate('2037-01-01')", query)
    query = query.replace("${channel:singlequote}", ", ".join(f"'{channel}'" for channel in CHANNELS))
    return query.replace("${model}", "linear")


def runbook() -> str:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    return text[text.index("## Alerts") :]


def select(watching: Watched, query: str) -> list[list[Any]]:
    """Rows, asked as analysts and Grafana do; AssertionError where ClickHouse refuses."""
    address = watching.pipeline.stack.status().addresses
    assert address is not None
    options = urllib.parse.urlencode(
        {"user": "analyst", "database": "journeys", "default_format": "JSONCompactEachRow"}
    )
    try:
        with urllib.request.urlopen(f"{address.clickhouse_http}/?{options}", query.encode(), timeout=30) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{query}: {error.read().decode()}") from None


def test_every_query_of_the_dashboards_finds_rows(watching: Watched) -> None:
    asked = queries()
    assert len(asked) > 15
    assert [query for query in asked if not select(watching, query)] == []


def test_every_query_of_the_runbook_is_one(watching: Watched) -> None:
    asked = [" ".join(span.split()) for span in re.findall(r"`(SELECT [^`]+)`", runbook())]
    assert len(asked) > 10
    for query in asked:
        select(watching, query)


def test_every_expression_of_the_dashboards_finds_series(watching: Watched, wait_until: Any) -> None:
    left = set(expressions())
    assert len(left) > 30

    def all_found() -> bool:
        left.difference_update([one for one in left if any(value == value for _, value in watching.ask(one))])
        return not left

    with producing(watching.pipeline.settings.kafka_bootstrap, RATE):
        try:
            wait_until(all_found, 60, "every expression finds something")
        except AssertionError:
            assert left == set()
    watching.pipeline.drain(60)


def test_every_metric_that_rules_dashboards_and_runbook_name_is_there(watching: Watched) -> None:
    rules = [path.read_text("utf-8") for path in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yaml")]
    texts = [*rules, *expressions(), *re.findall(r"`([^`]+)`", runbook())]
    name = r"\b(?:[a-z]+(?:_[a-z]+)*:)?journey_[a-z_]*[a-z](?::\w+)?(?![\w*])"
    named = {found for text in texts for found in re.findall(name, text)}
    # Where nothing drains, that series has nothing.
    recorded = {found for text in rules for found in re.findall(r"record: (\S+)", text)}
    with urllib.request.urlopen(f"{watching.prometheus}/api/v1/label/__name__/values", timeout=10) as answer:
        there = set(json.load(answer)["data"])
    tables = {name for (name,) in select(watching, "SELECT name FROM system.tables WHERE database = 'journeys'")}
    assert len(named) > 40
    assert named - there - recorded - tables == set()


def test_a_sink_that_stands_is_told_of_and_so_is_its_return(watching: Watched, wait_until: Any) -> None:
    pipeline, receiver = watching.pipeline, watching.receiver
    with producing(pipeline.settings.kafka_bootstrap, RATE):
        visible = "sum(rate(journey_freshness_seconds_count[10s])) > 0"
        wait_until(lambda: bool(watching.ask(visible)), 60, "touchpoints become visible")
        wait_until(lambda: receiver.got("JourneyWatchdog", "firing", "heartbeat"), 30, "the heartbeat")
        wait_until(lambda: watching.alerts("firing") == HEALTHY, 60, "nothing else fires")

        os.kill(pipeline.stack.pid("sink"), signal.SIGSTOP)
        try:
            names = {alert for _, alert, _ in RAISED}
            seen_pending: set[str] = set()

            def all_told() -> bool:
                seen_pending.update(watching.alerts("pending"))
                return all(receiver.got(alert, "firing", who, **labels) for who, alert, labels in RAISED)

            wait_until(all_told, FIRES_WITHIN_S, f"{names} are told")
            assert names <= seen_pending
            assert names <= watching.alerts("firing")
        finally:
            os.kill(pipeline.stack.pid("sink"), signal.SIGCONT)

        def all_over() -> bool:
            return all(receiver.got(alert, "resolved", who, **labels) for who, alert, labels in RAISED)

        wait_until(all_over, FIRES_WITHIN_S, "all are told to be over")
        wait_until(lambda: watching.alerts("firing") == HEALTHY, 60, "nothing fires any more")
    pipeline.drain(60)


def test_what_follows_from_something_that_is_told_is_not_told(watching: Watched, wait_until: Any) -> None:
    """Given to Alertmanager as Prometheus gives them: a stage that is down, with what comes of it."""
    names = ("JourneyStageDown", "JourneyWorkerDown", "JourneyCrashLoop", "JourneyLagRising")
    alerts = [{"labels": {"alertname": name, "stage": "customers", "severity": "ticket"}} for name in names]
    other = {"labels": {"alertname": "JourneyWorkerDown", "stage": "intake", "severity": "ticket"}}
    body = json.dumps([*alerts, other]).encode()
    request = urllib.request.Request(
        f"{watching.alertmanager}/api/v2/alerts", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10):
        pass

    def told(alert: str, stage: str) -> bool:
        return watching.receiver.got(alert, "firing", "ticket", stage=stage)

    wait_until(
        lambda: (
            told("JourneyStageDown", "customers")
            and told("JourneyLagRising", "customers")
            and told("JourneyWorkerDown", "intake")
        ),
        30,
        "causes, lag, and what is of another stage",
    )
    with urllib.request.urlopen(f"{watching.alertmanager}/api/v2/alerts?inhibited=true", timeout=10) as answer:
        inhibited = {one["labels"]["alertname"] for one in json.load(answer) if one["status"]["inhibitedBy"]}
    assert inhibited == {"JourneyWorkerDown", "JourneyCrashLoop"}
    assert not told("JourneyWorkerDown", "customers")
    assert not told("JourneyCrashLoop", "customers")
