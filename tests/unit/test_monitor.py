"""What the monitor tells is new, or it isn't told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric

from streams import monitor
from streams.monitor import Watch


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(monitor, "time", clock)
    return clock


def watch(ask: Callable[[], Sequence[Metric]]) -> Watch:
    return Watch(("journey_kafka_reachable", "Reachable."), ask, (ConnectionError,), 10.0)


def told(watching: Watch) -> dict[str, float]:
    return {sample.name: sample.value for metric in watching.collect() for sample in metric.samples}


def lag() -> Sequence[Metric]:
    return [GaugeMetricFamily("journey_group_lag_records", "Lag.", value=7)]


def test_before_the_first_look_nothing_is_known(clock: Clock) -> None:
    watching = watch(lag)
    assert told(watching) == {"journey_kafka_reachable": 0}
    assert not watching.looked.is_set()


def test_what_a_look_found_is_told_until_it_is_old(clock: Clock) -> None:
    watching = watch(lag)
    watching.look()
    assert told(watching) == {"journey_kafka_reachable": 1, "journey_group_lag_records": 7}
    clock.now += 24.9
    assert told(watching)["journey_group_lag_records"] == 7
    # The next look hangs.
    clock.now += 0.1
    assert told(watching) == {"journey_kafka_reachable": 0}


def test_where_nobody_answers_nothing_found_before_is_told(clock: Clock) -> None:
    answers = [lag, lag]

    def ask() -> Sequence[Metric]:
        if not answers:
            raise ConnectionError
        return answers.pop()()

    watching = watch(ask)
    for _ in range(2):
        watching.look()
    assert told(watching)["journey_kafka_reachable"] == 1
    watching.look()
    assert told(watching) == {"journey_kafka_reachable": 0}
    assert watching.looked.is_set()


def test_a_defect_is_no_silence(clock: Clock) -> None:
    def ask() -> Sequence[Metric]:
        raise LookupError

    with pytest.raises(LookupError):
        watch(ask).look()
