"""What the sink collects on its way into a real ClickHouse: refused rows, a server away or hanging, patience lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing
from functools import wraps
from typing import Any
from uuid import uuid4

import pytest

from schemas.codec import encode
from sinks import outputs
from sinks.clickhouse import ClickHouse
from sinks.metrics import REGISTRY
from sinks.migrate import migrate
from sinks.outputs import TableOutputs
from sinks.sink import Sink
from streams.domain.ids import uuid5
from streams.runtime.outputs import Superseded
from streams.runtime.stage import PlainRecord, Records
from tests.integration.gateway import Gateway
from tests.unit.builders import MemoryState
from tests.unit.sinks.plain_records import bare

pytestmark = pytest.mark.stack

SINK = Sink(
    {
        "sessions": ("session",),
        "outcomes": ("outcome",),
        "identity.changes": ("identity_change", "identity_violation"),
        "identity.links": ("link", "correction"),
    }
)


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


@pytest.fixture
def client(stack: Any) -> Iterator[ClickHouse]:
    url = f"{stack.clickhouse_url.rpartition('/')[0]}/outputs_{uuid4().hex[:12]}"
    migrate(url)
    with ClickHouse(url) as client:
        yield client
        client.query(f"DROP DATABASE `{client.database}`")


@pytest.fixture
def gateway(stack: Any, client: ClickHouse) -> Iterator[Gateway]:
    with closing(Gateway(f"{stack.clickhouse_url.rpartition('/')[0]}/{client.database}")) as gateway:
        yield gateway


@asynccontextmanager
async def started(gateway: Gateway) -> AsyncIterator[TableOutputs]:
    out = TableOutputs(gateway.url, epoch=0)
    await out.start()
    yield out
    await out.stop()


def sessions(*names: str, first: int = 0) -> Records:
    """A session each, the offset as version; a name that is no customer's is the id itself, which is no UUID."""
    values = [
        encode("session", bare("session", session_id=uuid5("session", name) if name.isalnum() else name, **ids))
        for name in names
        for ids in [{"customer_id": uuid5("customer", name), "channel": name}]
    ]
    return Records("sessions", 2, [PlainRecord(at, 5, b"k", value) for at, value in enumerate(values, first)])


def fold(out: TableOutputs, *slices: Records) -> None:
    for records in slices:
        SINK.fold(records, MemoryState(2), out)


def names(client: ClickHouse) -> list[str]:
    return [name for (name,) in client.query("SELECT channel FROM sessions FINAL ORDER BY channel")]


def always() -> bool:
    return True


def until(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def reachable() -> float | None:
    return REGISTRY.get_sample_value("journey_sink_clickhouse_reachable")


@in_a_loop
async def test_all_slices_of_a_batch_are_one_block_of_each_table(client: ClickHouse, gateway: Gateway) -> None:
    client.query("SYSTEM STOP MERGES sessions")
    outcome = Records("outcomes", 2, [PlainRecord(0, 5, b"k", encode("outcome", bare("outcome", records=3)))])
    async with started(gateway) as out:
        fold(out, sessions("a", "b"), outcome, sessions("c", first=2))
        await out.flush(always)
    assert names(client) == ["a", "b", "c"]
    assert client.query("SELECT records FROM outcomes FINAL") == [(3,)]
    parts = "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'sessions'"
    assert client.query(parts) == [(1,)]


@in_a_loop
async def test_rows_that_clickhouse_refuses_are_dead_letters_and_all_others_are_in(
    client: ClickHouse, gateway: Gateway
) -> None:
    good = [f"s{n}" for n in range(20)]
    batch = sessions(*good[:7], "no uuid", *good[7:], "nor this")
    async with started(gateway) as out:
        fold(out, Records("sessions", 2, batch[:11]), Records("sessions", 2, batch[11:]))
        await out.flush(always)
    assert names(client) == sorted(good)
    letters = client.query("SELECT reason, topic, partition, offset, original FROM dead_letters FINAL ORDER BY offset")
    refused = [(record.offset, record.value.decode("latin-1")) for record in (batch[7], batch[21]) if record.value]
    assert [(offset, len(original)) for *_, offset, original in letters] == [(at, len(text)) for at, text in refused]
    assert {letter[:3] for letter in letters} == {("rejected_by_clickhouse", "sessions", 2)}


@in_a_loop
async def test_foreign_records_are_dead_letters_with_their_bytes(client: ClickHouse, gateway: Gateway) -> None:
    foreign = Records("sessions", 2, [PlainRecord(7, 5, None, b"hello"), PlainRecord(8, 5, b"k", None)])
    async with started(gateway) as out:
        fold(out, foreign)
        SINK.bury(sessions("a", first=9), "KeyError at sink.py:1", MemoryState(2), out)
        await out.flush(always)
    letters = client.query("SELECT reason, value, offset, key, original FROM dead_letters FINAL ORDER BY offset")
    assert letters[:2] == [("undecodable", "", 7, None, "hello"), ("undecodable", "", 8, "k", "")]
    assert letters[2][:4] == ("stage_raised", "KeyError at sink.py:1", 9, "k")


@in_a_loop
async def test_of_a_topic_with_several_kinds_the_refused_record_itself_is_the_dead_letter(
    client: ClickHouse, gateway: Gateway
) -> None:
    ends = {"from": uuid5("a"), "to": uuid5("b")}
    refused = encode("identity_change", bare("identity_change", kind="merge", version=3) | ends | {"to": "no uuid"})
    violation = encode("identity_violation", bare("identity_violation", reason="shared"))
    good = encode("identity_change", bare("identity_change", kind="merge", version=1) | ends)
    values = [violation, good, violation, refused, violation]
    mixed = Records("identity.changes", 0, [PlainRecord(at, 5, b"k", value) for at, value in enumerate(values, 20)])
    said = encode("correction", bare("correction", kind="lifted", correction_id="c"))
    links = Records("identity.links", 0, [PlainRecord(at, 5, b"links", said) for at in (7, 9)])
    async with started(gateway) as out:
        fold(out, mixed, links)
        await out.flush(always)
    assert client.query("SELECT version FROM identity_changes FINAL") == [(1,)]
    assert client.query("SELECT reason FROM identity_violations FINAL") == [("shared",)]
    assert client.query("SELECT correction_id, version FROM identity_corrections FINAL") == [("c", 10)]
    assert client.query("SELECT topic, offset FROM dead_letters FINAL") == [("identity.changes", 23)]


@in_a_loop
async def test_what_is_discarded_is_never_written(client: ClickHouse, gateway: Gateway) -> None:
    async with started(gateway) as out:
        fold(out, sessions("gone"))
        out.discard()
        fold(out, sessions("kept"))
        await out.flush(always)
        await out.flush(always)
    assert names(client) == ["kept"]


@in_a_loop
async def test_a_batch_waits_for_a_server_that_is_away(client: ClickHouse, gateway: Gateway) -> None:
    seen = []

    def open_when_missed() -> bool:
        if not seen and reachable() == 0:
            seen.append(reachable())
            gateway.open()
        return True

    async with started(gateway) as out:
        gateway.close()
        fold(out, sessions("a"))
        await out.flush(open_when_missed)
    assert names(client) == ["a"]
    assert (seen, reachable()) == ([0], 1)


@in_a_loop
async def test_patience_that_ends_in_a_pause_ends_the_batch_within_a_quarter_second(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "FIRST_PAUSE_S", 10.0)
    async with started(gateway) as out:
        gateway.close()
        fold(out, sessions("a"))
        started_at = time.monotonic()
        with pytest.raises(Superseded):
            await out.flush(until(0.3))
        assert time.monotonic() - started_at < 1


@in_a_loop
async def test_an_insert_that_hangs_is_left_when_patience_ends(
    client: ClickHouse, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "GRACE_S", 0.3)
    async with started(gateway) as out:
        fold(out, sessions("a"))
        await out.flush(always)
        gateway.freeze()
        fold(out, sessions("b", first=1))
        with pytest.raises(Superseded):
            await asyncio.wait_for(out.flush(until(0.1)), 5)
        gateway.thaw()
        gateway.cut()
        fold(out, sessions("c", first=2))
        await out.flush(always)
    assert {"a", "c"} <= set(names(client))


@in_a_loop
async def test_an_insert_that_runs_is_not_cut_short_by_impatience(client: ClickHouse, gateway: Gateway) -> None:
    async with started(gateway) as out:
        fold(out, sessions("a"))
        await out.flush(lambda: False)
    assert names(client) == ["a"]


@in_a_loop
async def test_stopping_does_not_wait_for_an_insert_that_hangs(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "GRACE_S", 0.3)
    async with started(gateway) as out:
        fold(out, sessions("a"))
        await out.flush(always)
        gateway.freeze()
        fold(out, sessions("b", first=1))
        flushing = asyncio.create_task(out.flush(always))
        await asyncio.sleep(0)
        flushing.cancel()
        started_at = time.monotonic()
    assert time.monotonic() - started_at < 5
    gateway.thaw()
