"""The tables equal what the pure functions give for the same touchpoints, row by row, under kills and in any order.

50,000 touchpoints, shuffled --> intake --> identity --> customers --> sink --> ClickHouse
                                   kill -9      kill -9       kill -9     kill -9
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from sinks.clickhouse import ClickHouse
from streams.composition import GROUPS, STAGES
from streams.local import LocalPipeline
from streams.offsets import lag
from streams.producing.produce import produce_records
from streams.sample import generate
from tests.integration.batch import EQUAL, TABLES, Batch, compute, differing
from tests.integration.expectation import SITE, expect

EVENTS = 50_000
#: So many records behind, a worker has a batch in hand; links are few.
AT_WORK = dict.fromkeys(STAGES, 2_000) | {"identity": 1}

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """Sample touchpoints, shuffled: late, early, duplicated and conflicting ones anywhere."""
    shuffled = list(islice(generate(1_200, 28, 7), EVENTS))
    random.Random(7).shuffle(shuffled)
    return shuffled


@pytest.fixture(scope="module")
def drained(local_pipeline: Any, wait_until: Any, records: list[dict[str, Any]]) -> Iterator[LocalPipeline]:
    """A pipeline that has taken all records, with each worker killed on the way in the middle of its work."""
    with local_pipeline("pipeline", OMNIJOURNEY_OWN_DOMAINS=SITE) as pipeline:
        half = len(records) // 2
        assert produce_records(records[:half], pipeline.settings.kafka_bootstrap).complete
        for stage in STAGES:
            wait_until(lambda stage=stage: kill_at_work(pipeline, stage), 60, f"{stage} has work in flight")
        assert produce_records(records[half:], pipeline.settings.kafka_bootstrap).complete
        wait_until(lambda: all(restarts(pipeline)[stage] for stage in STAGES), 10, "every worker has ended")
        pipeline.stack.wait_ready(*STAGES)
        pipeline.drain(400)
        yield pipeline


@pytest.fixture(scope="module")
def batch(drained: LocalPipeline, records: list[dict[str, Any]]) -> Batch:
    return compute(expect(records), drained.settings)


def kill_at_work(pipeline: LocalPipeline, stage: str) -> bool:
    """Kill -9 the worker of ``stage`` if it is well behind at that moment; whether it was killed."""
    pid = pipeline.stack.pid(stage)
    # Frozen it commits nothing between the look and the kill.
    os.kill(pid, signal.SIGSTOP)
    positions = lag(pipeline.settings.kafka_bootstrap, {stage: GROUPS[stage]}).values()
    at_work = sum(position.behind for position in positions) > AT_WORK[stage]
    os.kill(pid, signal.SIGKILL if at_work else signal.SIGCONT)
    return at_work


def restarts(pipeline: LocalPipeline) -> dict[str, int]:
    return {process.name: process.restarts for process in pipeline.stack.status().processes}


@pytest.fixture
def clickhouse(drained: LocalPipeline) -> Iterator[ClickHouse]:
    with ClickHouse(drained.settings.clickhouse_url) as client:
        yield client


@pytest.mark.parametrize("table", TABLES)
def test_each_table_equals_the_pure_functions_row_by_row(clickhouse: ClickHouse, batch: Batch, table: str) -> None:
    assert differing(clickhouse, table, batch) == EQUAL


def test_the_sample_has_something_of_everything(batch: Batch) -> None:
    expected, journeys = batch.expected, [j for s in batch.stitched.values() for j in s.journeys]
    assert sum(expected.outcomes.values()) == EVENTS
    assert len({outcome for _, outcome, _ in expected.outcomes}) == 3
    assert {one.actor for one in expected.accepted} == {"human", "suspect", "machine"}
    assert sum(j.conversion is not None for j in journeys) > 100
    assert sum(len({t.via for t in j.touchpoints}) > 1 for j in journeys) > 100
    assert Counter(batch.identified.violations.values())["shared"] > 5


def test_each_worker_was_killed_once_and_kafka_never_ended(drained: LocalPipeline) -> None:
    """A client that dies within its handshake takes the embedded ClickHouse down with it: that one may restart too,
    and the sink with it where it finds no server at its own start."""
    found = restarts(drained)
    assert [found[name] for name in ("kafka", "intake", "identity", "customers")] == [0, 1, 1, 1]
    assert found["sink"] in (1, 2)
    assert found["clickhouse"] in (0, 1)


def test_dead_letters_are_kept_with_their_bytes(clickhouse: ClickHouse, batch: Batch) -> None:
    dead = sum(n for (_, outcome, _), n in batch.expected.outcomes.items() if outcome == "dead")
    rows = clickhouse.query("SELECT count(), countIf(length(original) > 0) FROM dead_letters FINAL")
    assert rows == [(dead, dead)]
    assert dead > 20


def test_views_agree_with_each_other(clickhouse: ClickHouse) -> None:
    ((journeys,),) = clickhouse.query("SELECT countIf(status = 'converted') FROM journeys_now")
    by_model = clickhouse.query("SELECT model, sum(conversions) FROM attribution_by_channel GROUP BY model")
    assert len(by_model) == 8
    for _, conversions in by_model:
        assert conversions == pytest.approx(journeys, abs=1e-6)
    ((sessions,),) = clickhouse.query("SELECT sum(sessions) FROM sessions_daily")
    assert clickhouse.query("SELECT count() FROM sessions FINAL") == [(sessions,)]
