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
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pytest

from schemas.codec import decode, encode
from sinks.clickhouse import ClickHouse
from streams.composition import STAGES, stitching_rules
from streams.domain.actor import judge
from streams.domain.identifiers import clean
from streams.domain.ids import customer_id
from streams.domain.marketing_channel import marketing_channel
from streams.domain.stitch import stitch
from streams.domain.touchpoint import Conversion, Touchpoint, is_journey_forming
from streams.domain.validation import check, check_identifiers
from streams.domain.vocabulary import direction_of
from streams.local import LocalPipeline
from streams.producing.produce import produce_records
from streams.sample import generate

EVENTS = 50_000
SITE = "shop.example.com"

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@dataclass
class Expected:
    """What the pipeline must make of the touchpoints, by the domain's own functions over the whole set."""

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    accepted: int = 0
    histories: dict[str, list[Touchpoint]] = field(default_factory=dict)


def expect(records: list[dict[str, Any]]) -> Expected:
    """Walk ``records`` in the order produced: duplicates are decided within a via, whose records keep their order."""
    expected = Expected()
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}
    for sent in records:
        # Through the codec once, so that defaults are filled as a reader sees them.
        record = decode(encode("touchpoint", sent)).record
        outcome, reason = _outcome(record, seen)
        expected.outcomes[record["channel"], outcome, reason] += 1
        if outcome == "accepted":
            expected.accepted += 1
            _keep(expected, record)
    return expected


def _outcome(record: dict[str, Any], seen: dict[tuple[str, str, str], dict[str, Any]]) -> tuple[str, str]:
    names = clean(record["identifiers"])
    rejection = check(record, record["channel"]) or check_identifiers(record, names)
    if rejection is not None:
        return "dead", rejection.reason
    first = seen.setdefault((record["channel"], names[0].text, record["event_id"]), record)
    if first is record:
        return "accepted", ""
    return ("duplicate", "") if first == record else ("dead", "conflicting_duplicate")


def _keep(expected: Expected, record: dict[str, Any]) -> None:
    channel, action, via = record["channel"], record["action"], clean(record["identifiers"])[0]
    direction = direction_of(channel, action) or record["direction"]
    actor = judge(channel, action, record["user_agent"], record["provider_machine"])
    if not is_journey_forming(direction, actor):
        return
    origin = marketing_channel(channel, action, record["acquisition"], frozenset({SITE}))
    conversion = record["conversion"]
    touchpoint = Touchpoint(
        occurred_at=record["occurred_at"],
        event_id=record["event_id"],
        channel=channel,
        via=via.text,
        action=action,
        marketing_channel=origin.name,
        has_acquisition=origin.has_acquisition,
        campaign=origin.campaign,
        content=origin.content,
        engaged_ms=record["engaged_ms"] or 0,
        conversion=conversion
        and Conversion(
            conversion["type"], conversion["value_micros"], conversion["currency"], conversion["order_id"] or ""
        ),
    )
    expected.histories.setdefault(customer_id(via), []).append(touchpoint)


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
def drained(local_pipeline: Any, records: list[dict[str, Any]]) -> Iterator[LocalPipeline]:
    """A pipeline that has taken all records, with each worker killed once on the way."""
    with local_pipeline("pipeline", OMNIJOURNEY_OWN_DOMAINS=SITE) as pipeline:
        half = len(records) // 2
        assert produce_records(records[:half], pipeline.settings.kafka_bootstrap).complete
        for stage in STAGES:
            os.kill(pipeline.stack.pid(stage), signal.SIGKILL)
        assert produce_records(records[half:], pipeline.settings.kafka_bootstrap).complete
        pipeline.stack.wait_ready(*STAGES)
        pipeline.drain(400)
        # A client that dies within its handshake takes the embedded ClickHouse down with it: that one may restart too.
        restarts = {process.name: process.restarts for process in pipeline.stack.status().processes}
        assert all(restarts[stage] >= 1 for stage in STAGES)
        assert restarts["kafka"] == 0
        yield pipeline


@pytest.fixture
def clickhouse(drained: LocalPipeline) -> Iterator[ClickHouse]:
    with ClickHouse(drained.settings.clickhouse_url) as client:
        yield client


def test_every_record_ends_in_exactly_one_outcome(clickhouse: ClickHouse, expected: Expected) -> None:
    rows = clickhouse.query("SELECT channel, outcome, reason, sum(records) FROM outcomes FINAL GROUP BY ALL")
    assert {row[:3]: row[3] for row in rows} == dict(expected.outcomes)
    assert sum(expected.outcomes.values()) == EVENTS
    assert len({outcome for _, outcome, _ in expected.outcomes}) == 3


def test_touchpoints_are_the_accepted_ones(clickhouse: ClickHouse, expected: Expected) -> None:
    assert clickhouse.query("SELECT count() FROM touchpoints FINAL") == [(expected.accepted,)]
    ((engagement,),) = clickhouse.query("SELECT sum(touchpoints) FROM engagement FINAL")
    assert engagement == expected.accepted


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
                    tuple((t.at, t.marketing_channel, t.campaign) for t in j.touches),
                    j.credits.linear,
                    j.credits.time_decay,
                    j.credits.last_non_direct,
                )
            )
    rows = clickhouse.query(
        "SELECT toString(journey_id), toString(customer_id), toUnixTimestamp64Milli(started_at),"
        " toUnixTimestamp64Milli(ended_at), touchpoints, value_micros, converted, goals, steps_event_id,"
        " arrayMap(t -> toUnixTimestamp64Milli(t), touches_at), touches_marketing_channel, touches_campaign,"
        " credit_linear, credit_time_decay, credit_last_non_direct FROM journeys FINAL"
    )
    found = {
        (
            *r[:6],
            bool(r[6]),
            r[7],
            tuple(r[8]),
            tuple(zip(r[9], r[10], r[11], strict=True)),
            tuple(r[12]),
            tuple(r[13]),
            tuple(r[14]),
        )
        for r in rows
    }
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
    assert {(*row[:9], bool(row[9]), *row[10:]) for row in rows} == wanted
    assert len(rows) == len(wanted)


def test_views_agree_with_each_other(clickhouse: ClickHouse) -> None:
    ((journeys,),) = clickhouse.query("SELECT countIf(status = 'converted') FROM journeys_now")
    by_model = clickhouse.query("SELECT model, sum(conversions) FROM attribution_by_channel GROUP BY model")
    assert len(by_model) == 8
    for _, conversions in by_model:
        assert conversions == pytest.approx(journeys, abs=1e-6)
    ((sessions,),) = clickhouse.query("SELECT sum(sessions) FROM sessions_daily")
    assert clickhouse.query("SELECT count() FROM sessions FINAL") == [(sessions,)]
