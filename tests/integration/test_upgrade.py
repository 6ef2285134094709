"""Rolling from release to release under traffic, and back, ends in the tables that one release alone would have filled.

    traffic   v1   v1   v1     v2 ............ v2 ...... v2
    intake    B -> C
    identity  B ------> C
    customers B -----------> B and C ................... -> B
    sink      A ............... stops at what it can't read -> C -> B

A knows the first versions of the schemas, B reads the second ones, C writes them (docs/upgrading.md).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from sinks.clickhouse import ClickHouse
from streams.local import LocalPipeline
from streams.producing.produce import produce_records
from streams.sample import generate, to_ndjson
from tests.integration import releases
from tests.integration.batch import EQUAL, TABLES, Batch, compute, differing
from tests.integration.expectation import SITE, expect

EVENTS = 12_000
CHUNKS = 6
REGION = "north"

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    shuffled = [*islice(generate(400, 28, 7), EVENTS)]
    random.Random(7).shuffle(shuffled)
    return shuffled


@pytest.fixture(scope="module")
def rolled(
    local_pipeline: Any, wait_until: Any, records: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPipeline]:
    """A pipeline that has taken all records while its workers were rolled from release to release and back."""
    folder = tmp_path_factory.mktemp("releases")
    before = releases.make(folder / "a")
    reading = releases.make(folder / "b", ".next")
    writing = releases.make_writing(folder / "c")
    size = -(-len(records) // CHUNKS)
    chunks = iter([records[at : at + size] for at in range(0, len(records), size)])
    with local_pipeline("upgrade", False, OMNIJOURNEY_OWN_DOMAINS=SITE) as pipeline:

        def old_traffic() -> None:
            assert produce_records(next(chunks), pipeline.settings.kafka_bootstrap).complete

        def new_traffic() -> None:
            told = [to_ndjson({**record, "region": REGION}).decode() for record in next(chunks)]
            writing.run(pipeline, "produce", "-", text="".join(told))

        def roll(stage: str, release: releases.Release) -> None:
            pipeline.stack.remove(stage)
            release.start(pipeline, stage)

        for stage in ("intake", "identity", "customers"):
            reading.start(pipeline, stage)
        before.start(pipeline, "sink")
        old_traffic()
        writing.run(pipeline, "migrate")  # beside the older sink
        roll("intake", writing)
        old_traffic()
        roll("identity", writing)
        old_traffic()
        writing.start(pipeline, "customers", "customers-2")
        new_traffic()
        wait_until(lambda: stopped(pipeline), 60, "the oldest sink has stopped at what it can't read")
        roll("sink", writing)
        new_traffic()
        pipeline.drain(200)
        pipeline.stack.remove("customers-2")
        roll("sink", reading)
        new_traffic()
        pipeline.drain(200)
        yield pipeline


def stopped(pipeline: LocalPipeline) -> bool:
    return any("a newer release wrote it: upgrade this worker" in line for line in pipeline.stack.logs("sink", 200))


@pytest.fixture(scope="module")
def batch(rolled: LocalPipeline, records: list[dict[str, Any]]) -> Batch:
    return compute(expect(records), rolled.settings)


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_as_if_one_release_had_filled_it(rolled: LocalPipeline, batch: Batch, table: str) -> None:
    with ClickHouse(rolled.settings.clickhouse_url) as client:
        assert differing(client, table, batch) == EQUAL


def test_nothing_is_among_the_dead_letters_for_want_of_a_schema(rolled: LocalPipeline) -> None:
    with ClickHouse(rolled.settings.clickhouse_url) as client:
        assert client.query(
            "SELECT count() FROM dead_letters FINAL WHERE reason IN ('undecodable', 'stage_raised')"
        ) == [(0,)]


def test_the_new_field_is_kept_while_the_new_release_fills_the_tables(rolled: LocalPipeline) -> None:
    with ClickHouse(rolled.settings.clickhouse_url) as client:
        ((told, rows),) = client.query(
            "SELECT countIf(region = %(region)s), count() FROM touchpoints", {"region": REGION}
        )
    # Two of six parts; of the last the older sink writes the columns that it knows.
    assert rows / 4 < told < rows / 2
