"""Workers that come and go while touchpoints flow: partitions move, state is folded again, and no row is another.

workers   |--one of each--|--two of each--|--kill -9 of the second, SIGTERM of the first--|
produced     a third          a third          a third
"""

from __future__ import annotations

import os
import random
import signal
from itertools import islice
from typing import Any

import pytest

from sinks.clickhouse import ClickHouse
from streams.composition import STAGES, stitching_rules
from streams.domain.stitch import stitch
from streams.producing.produce import produce_records
from streams.sample import generate
from tests.integration.expectation import SITE, expect

EVENTS = 12_000

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]


def test_tables_are_the_same_whichever_workers_did_the_work(local_pipeline: Any) -> None:
    records = list(islice(generate(1_000, 28, 9), EVENTS))
    random.Random(3).shuffle(records)
    expected = expect(records)
    third = EVENTS // 3
    with local_pipeline("rebalance", OMNIJOURNEY_OWN_DOMAINS=SITE) as pipeline:
        bootstrap = pipeline.settings.kafka_bootstrap
        assert produce_records(records[:third], bootstrap).complete
        pipeline.start_workers("-2")
        assert produce_records(records[third : 2 * third], bootstrap).complete
        for stage in STAGES:
            os.kill(pipeline.stack.pid(f"{stage}-2"), signal.SIGKILL)
        assert produce_records(records[2 * third :], bootstrap).complete
        for stage in STAGES:
            os.kill(pipeline.stack.pid(stage), signal.SIGTERM)
        pipeline.drain(240)
        rules = stitching_rules(pipeline.settings)
        with ClickHouse(pipeline.settings.clickhouse_url) as client:
            outcomes = client.query("SELECT channel, outcome, reason, sum(records) FROM outcomes FINAL GROUP BY ALL")
            journeys = client.query("SELECT toString(journey_id), steps_event_id, credit_linear FROM journeys FINAL")
            touchpoints = client.query("SELECT channel, via, event_id FROM touchpoints FINAL")
    assert {row[:3]: row[3] for row in outcomes} == dict(expected.outcomes)
    assert sorted(touchpoints) == sorted(
        (a.record["channel"], a.via.text, a.record["event_id"]) for a in expected.accepted
    )
    assert {row[0]: (tuple(row[1]), tuple(row[2])) for row in journeys} == {
        j.journey_id: (tuple(t.event_id for t in j.touchpoints), j.credits.linear)
        for customer, history in expected.histories.items()
        for j in stitch(customer, history, rules).journeys
    }
