"""What the sink tells of rows that it has in hand while nobody takes them."""

from __future__ import annotations

import asyncio
import time

import pytest

from sinks.metrics import REGISTRY
from sinks.outputs import TableOutputs
from streams.runtime.outputs import Superseded
from streams.runtime.stage import PlainRecord, Records

#: Nobody listens there.
NOWHERE = "clickhouse://default@127.0.0.1:1/journeys"


def figure(name: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(name, labels)
    assert found is not None
    return found


def received(seconds_ago: float) -> Records:
    """A record that no stage of ours wrote."""
    at = round((time.time() - seconds_ago) * 1000)
    return Records("customers.activity", 0, [PlainRecord(7, at, b"k", b"hello")])


def unflushed_s() -> float:
    return figure("journey_sink_oldest_unflushed_seconds")


def test_the_oldest_record_in_hand_is_told_until_it_is_flushed_or_thrown_away() -> None:
    async def run() -> None:
        out = TableOutputs(NOWHERE, 0)
        await out.start()
        assert unflushed_s() == 0
        out.bury(received(60), "undecodable", "", "a record of ours")
        out.bury(received(5), "undecodable", "", "a record of ours")
        assert 60 <= unflushed_s() < 120
        retries = figure("journey_sink_retries_total")
        with pytest.raises(Superseded):
            await out.flush(lambda: False)
        # What is tried in vain waits still.
        assert figure("journey_sink_retries_total") == retries + 1
        assert figure("journey_sink_clickhouse_reachable") == 0
        assert unflushed_s() >= 60
        out.discard()
        assert unflushed_s() == 0
        await out.flush(lambda: True)
        assert unflushed_s() == 0
        await out.stop()

    asyncio.run(run())


def test_what_was_received_by_a_clock_ahead_of_ours_is_not_negative() -> None:
    async def run() -> None:
        out = TableOutputs(NOWHERE, 0)
        await out.start()
        out.bury(received(-60), "undecodable", "", "a record of ours")
        assert unflushed_s() == 0
        await out.stop()

    asyncio.run(run())


def test_each_table_has_its_series_before_anything_was_inserted() -> None:
    for name in ("rows_total", "inserted_bytes_total", "rejected_total", "insert_rows_count", "insert_seconds_count"):
        for table in ("touchpoints", "journeys", "identity_corrections", "dead_letters"):
            assert figure(f"journey_sink_{name}", table=table) >= 0
