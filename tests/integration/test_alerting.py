"""Alerts end to end: real servers, workers that really stop, the rules of deploy/prometheus with minutes as seconds."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.watched import Watched, producing, watched

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

RATE = 100.0
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
def watching(local_pipeline: Any) -> Iterator[Watched]:
    with local_pipeline("alerting") as pipeline, watched(pipeline) as found:
        yield found


def test_a_sink_that_stands_is_told_of_and_so_is_its_return(watching: Watched, wait_until: Any) -> None:
    pipeline, receiver = watching.pipeline, watching.receiver
    with producing(pipeline.settings.kafka_bootstrap, RATE):
        visible = "sum(rate(journey_freshness_seconds_count[10s])) > 0"
        wait_until(lambda: bool(watching.ask(visible)), 60, "touchpoints become visible")
        wait_until(lambda: receiver.got("JourneyWatchdog", "firing", "heartbeat"), 30, "the heartbeat")
        wait_until(lambda: watching.alerts("firing") == HEALTHY, 30, "nothing else fires")

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
