"""The tables equal what the pure functions give for the same touchpoints, row by row, under kills and in any order.

50,000 touchpoints, shuffled --> intake --> customers --> sink --> ClickHouse
                                   kill -9     kill -9     kill -9
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
from streams.composition import GROUPS, STAGES, stitching_rules
from streams.domain.ids import customer_id
from streams.domain.stitch import stitch
from streams.local import LocalPipeline
from streams.offsets import lag
from streams.producing.produce import produce_records
from streams.sample import generate
from tests.integration.expectation import SITE, Expected, count_engagement, expect

EVENTS = 50_000
#: So many records behind, a worker has a batch in hand.
AT_WORK = 2_000

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """Sample touchpoints, shuffled: late, early, duplicated and conflicting ones anywhere."""
    shuffled = list(islice(generate(1_200, 28, 7), EVENTS))
    random.Random(7).shuffle(shuffled)
    return shuffled


@pytest.fixture(scope="module")
def expected(records: list[dict[str, Any]]) -> Expected:
    return expect(records)


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


def kill_at_work(pipeline: LocalPipeline, stage: str) -> bool:
    """Kill -9 the worker of ``stage`` if it is well behind at that moment; whether it was killed."""
    pid = pipeline.stack.pid(stage)
    # Frozen it commits nothing between the look and the kill.
    os.kill(pid, signal.SIGSTOP)
    positions = lag(pipeline.settings.kafka_bootstrap, {stage: GROUPS[stage]}).values()
    at_work = sum(position.behind for position in positions) > AT_WORK
    os.kill(pid, signal.SIGKILL if at_work else signal.SIGCONT)
    return at_work


def restarts(pipeline: LocalPipeline) -> dict[str, int]:
    return {process.name: process.restarts for process in pipeline.stack.status().processes}


@pytest.fixture
def clickhouse(drained: LocalPipeline) -> Iterator[ClickHouse]:
    with ClickHouse(drained.settings.clickhouse_url) as client:
        yield client


def test_every_record_ends_in_exactly_one_outcome(clickhouse: ClickHouse, expected: Expected) -> None:
    rows = clickhouse.query("SELECT channel, outcome, reason, sum(records) FROM outcomes FINAL GROUP BY ALL")
    assert {row[:3]: row[3] for row in rows} == dict(expected.outcomes)
    assert sum(expected.outcomes.values()) == EVENTS
    assert len({outcome for _, outcome, _ in expected.outcomes}) == 3


def test_each_worker_was_killed_once_and_kafka_never_ended(drained: LocalPipeline) -> None:
    """A client that dies within its handshake takes the embedded ClickHouse down with it: that one may restart too,
    and the sink with it where it finds no server at its own start."""
    found = restarts(drained)
    assert (found["kafka"], found["intake"], found["customers"]) == (0, 1, 1)
    assert found["sink"] in (1, 2)
    assert found["clickhouse"] in (0, 1)


def test_touchpoints_are_the_accepted_ones(clickhouse: ClickHouse, expected: Expected) -> None:
    rows = clickhouse.query(
        "SELECT channel, via, event_id, toUnixTimestamp64Milli(occurred_at), actor, direction, marketing_channel,"
        " toString(via_customer) FROM touchpoints FINAL"
    )
    wanted = {
        (r["channel"], via.text, r["event_id"], r["occurred_at"], actor, direction, origin.name, customer_id(via))
        for r, via, actor, direction, origin in expected.accepted
    }
    assert set(rows) == wanted
    assert len(rows) == len(wanted) == len(expected.accepted)
    assert {row[4] for row in wanted} == {"human", "machine"}


def test_engagement_is_the_plain_count_of_the_accepted_ones(clickhouse: ClickHouse, expected: Expected) -> None:
    rows = clickhouse.query(
        "SELECT channel, campaign, toUnixTimestamp64Milli(hour), currency, actor, sum(touchpoints), sum(inbound),"
        " sum(outbound), sum(unique_openers), sum(unique_clickers), sum(engaged_ms), sum(conversions),"
        " sum(revenue_micros), sumMap(actions) FROM engagement FINAL"
        " GROUP BY channel, campaign, hour, currency, actor"
    )
    names = ("touchpoints", "inbound", "outbound", "openers", "clickers", "engaged_ms", "conversions", "revenue_micros")
    found = {
        row[:5]: Counter(
            dict(zip(names, row[5:13], strict=True)) | {f"action {name}": n for name, n in row[13].items()}
        )
        for row in rows
    }
    wanted = count_engagement(expected.accepted)
    assert found == wanted
    totals = sum(wanted.values(), Counter())
    assert all(totals[name] > 100 for name in names)


def test_dead_letters_are_kept_with_their_bytes(clickhouse: ClickHouse, expected: Expected) -> None:
    dead = sum(n for (_, outcome, _), n in expected.outcomes.items() if outcome == "dead")
    rows = clickhouse.query("SELECT count(), countIf(length(original) > 0) FROM dead_letters FINAL")
    assert rows == [(dead, dead)]
    assert dead > 20


def test_journeys_equal_the_pure_functions_row_by_row(
    clickhouse: ClickHouse, drained: LocalPipeline, expected: Expected
) -> None:
    rules = stitching_rules(drained.settings)
    wanted = set()
    for customer, history in expected.histories.items():
        for j in stitch(customer, history, rules).journeys:
            first, last = j.touchpoints[0], j.touchpoints[-1]
            wanted.add(
                (
                    j.journey_id,
                    customer,
                    first.occurred_at,
                    last.occurred_at,
                    len(j.touchpoints),
                    j.conversion.value_micros if j.conversion else 0,
                    j.conversion is not None,
                    j.goals,
                    tuple(t.event_id for t in j.touchpoints[:1000]),
                    tuple(t.at for t in j.touches),
                    tuple(t.marketing_channel for t in j.touches),
                    tuple(t.campaign for t in j.touches),
                    *j.credits,
                )
            )
    rows = clickhouse.query(
        "SELECT toString(journey_id), toString(customer_id), toUnixTimestamp64Milli(started_at),"
        " toUnixTimestamp64Milli(ended_at), touchpoints, value_micros, converted, goals, steps_event_id,"
        " arrayMap(t -> toUnixTimestamp64Milli(t), touches_at), touches_marketing_channel, touches_campaign,"
        " credit_first, credit_last, credit_last_non_direct, credit_linear, credit_position, credit_j_shaped,"
        " credit_inverse_j, credit_time_decay FROM journeys FINAL"
    )
    found = {tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in rows}
    assert found == wanted
    assert len(rows) == len(wanted)
    assert sum(row[6] for row in wanted) > 100


def test_sessions_equal_the_pure_functions_row_by_row(
    clickhouse: ClickHouse, drained: LocalPipeline, expected: Expected
) -> None:
    rules = stitching_rules(drained.settings)
    wanted = {
        tuple(session)
        for customer, history in expected.histories.items()
        for session in stitch(customer, history, rules)[0]
    }
    rows = clickhouse.query(
        "SELECT toString(session_id), toString(customer_id), channel, toUnixTimestamp64Milli(started_at),"
        " toUnixTimestamp64Milli(ended_at), touchpoints, page_views, engaged_ms, conversions, engaged,"
        " marketing_channel, campaign, content FROM sessions FINAL"
    )
    assert set(rows) == wanted
    assert len(rows) == len(wanted)


def test_views_agree_with_each_other(clickhouse: ClickHouse) -> None:
    ((journeys,),) = clickhouse.query("SELECT countIf(status = 'converted') FROM journeys_now")
    by_model = clickhouse.query("SELECT model, sum(conversions) FROM attribution_by_channel GROUP BY model")
    assert len(by_model) == 8
    for _, conversions in by_model:
        assert conversions == pytest.approx(journeys, abs=1e-6)
    ((sessions,),) = clickhouse.query("SELECT sum(sessions) FROM sessions_daily")
    assert clickhouse.query("SELECT count() FROM sessions FINAL") == [(sessions,)]
