"""The writer against a real ClickHouse: what is refused, what is lost, and what a lost connection costs."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from sinks import clickhouse
from sinks.clickhouse import ClickHouse, Misconfigured, Rejected, Unreachable
from tests.integration.gateway import Gateway

pytestmark = pytest.mark.stack

CREATE = """
CREATE TABLE rows (id UInt8, name String, customer UUID, at DateTime64(3, 'UTC'), version UInt64)
ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(at) ORDER BY id
"""
COLUMNS = ("id", "name", "customer", "at", "version")
CUSTOMER = "8c0c1f8e-4b0f-5f0c-9f5f-0d5a3f0e6a11"
MONTH_MS = 31 * 86_400_000


@pytest.fixture
def database(stack: Any) -> Iterator[str]:
    """The address of a database of the test's own with the table `rows`."""
    name = f"writer_{uuid4().hex[:12]}"
    base = stack.clickhouse_url.rpartition("/")[0]
    with ClickHouse(f"{base}/system") as admin:
        admin.query(f"CREATE DATABASE {name}")
        with ClickHouse(f"{base}/{name}") as client:
            client.query(CREATE)
        yield f"{base}/{name}"
        admin.query(f"DROP DATABASE {name}")


@pytest.fixture
def client(database: str) -> Iterator[ClickHouse]:
    with ClickHouse(database) as client:
        yield client


@pytest.fixture
def gateway(database: str) -> Iterator[Gateway]:
    with closing(Gateway(database)) as gateway:
        yield gateway


def data(*ids: object, name: object = "a", customer: object = CUSTOMER, at: object = 0) -> list[list[object]]:
    return [list(ids), [name] * len(ids), [customer] * len(ids), [at] * len(ids), [1] * len(ids)]


def stored(client: ClickHouse) -> list[int]:
    return [row[0] for row in client.query("SELECT id FROM rows FINAL ORDER BY id")]


def test_integers_are_milliseconds(client: ClickHouse) -> None:
    client.insert("rows", COLUMNS, data(1, at=1_431_857_114_123))
    assert client.query("SELECT toString(at) FROM rows") == [("2015-05-17 10:05:14.123",)]


@pytest.mark.parametrize(
    "bad",
    [
        data(1, 300),
        data(1, -1),
        data(1, "x"),
        data(1, None),
        data(1, 2, name="\ud800"),
        data(1, 2, name=5),
        data(1, 2, name=None),
        data(1, 2, customer="no uuid"),
        data(1, 2, customer=None),
        data(1, 2, at="yesterday"),
        data(1, 2, at=2**70),
        data(1, 2, at=1.5),
    ],
    ids=lambda bad: repr([column[-1] for column in bad[:4]]),
)
def test_bad_values_are_rejected_with_their_table_and_nothing_is_stored(
    client: ClickHouse, bad: list[list[object]]
) -> None:
    with pytest.raises(Rejected) as caught:
        client.insert("rows", COLUMNS, bad)
    assert caught.value.table == "rows"
    assert stored(client) == []
    client.insert("rows", COLUMNS, data(7))
    assert stored(client) == [7]


def test_a_rejected_block_leaves_its_values_as_they_were(client: ClickHouse) -> None:
    bad = data(1, 2, customer="no uuid")
    with pytest.raises(Rejected):
        client.insert("rows", COLUMNS, bad)
    assert bad == data(1, 2, customer="no uuid")


def test_a_value_that_a_constraint_forbids_is_rejected(client: ClickHouse) -> None:
    client.query("ALTER TABLE rows ADD CONSTRAINT known CHECK id != 13")
    with pytest.raises(Rejected, match="469"):
        client.insert("rows", COLUMNS, data(12, 13))


def test_a_missing_table_or_column_is_no_fault_of_the_data(client: ClickHouse) -> None:
    with pytest.raises(Misconfigured, match="nowhere"):
        client.insert("nowhere", COLUMNS, data(1))
    with pytest.raises(Misconfigured):
        client.insert("rows", ("id", "nothing"), [[1], [1]])
    with pytest.raises(Misconfigured):
        client.query("SELECT nothing FROM rows")
    assert client.query("SELECT 1") == [(1,)]


def test_a_missing_database_is_told_before_it_is_named_to_the_server(database: str) -> None:
    missing = f"{database.rpartition('/')[0]}/nowhere"
    with ClickHouse(database) as client, ClickHouse(missing) as lost:
        with pytest.raises(Misconfigured, match="no database 'nowhere': run `omnijourney migrate`"):
            lost.insert("rows", COLUMNS, data(1))
        assert client.query("SELECT 1") == [(1,)]


def test_a_misspelt_setting_is_an_error(client: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(clickhouse.INSERT_SETTINGS, "asinc_insert", 0)
    with pytest.raises(Misconfigured, match="asinc_insert"):
        client.insert("rows", COLUMNS, data(1))


def test_more_months_than_the_server_takes_by_default_go_in_at_once(client: ClickHouse) -> None:
    months = 150
    at = [i * MONTH_MS for i in range(months)]
    client.insert("rows", COLUMNS, [list(range(months)), [""] * months, [CUSTOMER] * months, at, [1] * months])
    assert client.query("SELECT count() FROM rows FINAL") == [(months,)]


def test_more_rows_than_a_block_are_several_blocks(client: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clickhouse, "BLOCK_ROWS", 4)
    assert client.insert("rows", COLUMNS, data(*range(10))) == 10
    assert stored(client) == list(range(10))
    client.query("SYSTEM STOP MERGES rows")
    before = client.query("SELECT count() FROM system.parts WHERE table = 'rows' AND database = currentDatabase()")
    client.insert("rows", COLUMNS, data(*range(4)))
    after = client.query("SELECT count() FROM system.parts WHERE table = 'rows' AND database = currentDatabase()")
    assert after[0][0] == before[0][0] + 1


def test_a_write_after_a_lost_connection_arrives(gateway: Gateway) -> None:
    with ClickHouse(gateway.url) as client:
        client.insert("rows", COLUMNS, data(1))
        gateway.cut()
        client.insert("rows", COLUMNS, data(2))
        assert stored(client) == [1, 2]


def test_a_server_that_is_away_is_unreachable_until_it_is_back(gateway: Gateway) -> None:
    with ClickHouse(gateway.url) as client:
        client.insert("rows", COLUMNS, data(1))
        gateway.close()
        for _ in range(2):
            with pytest.raises(Unreachable):
                client.insert("rows", COLUMNS, data(2))
        with pytest.raises(Unreachable, match="does not answer"):
            client.query("SELECT 1")
        gateway.open()
        client.insert("rows", COLUMNS, data(2))
        assert stored(client) == [1, 2]


def test_a_connection_lost_in_the_middle_of_an_answer_is_unreachable(gateway: Gateway) -> None:
    with ClickHouse(gateway.url) as client:
        client.query("SELECT 1")
        cut = threading.Timer(0.3, gateway.cut)
        cut.start()
        with pytest.raises(Unreachable):
            client.query("SELECT sleepEachRow(0.1) FROM numbers(30) SETTINGS max_block_size = 1")
        assert client.query("SELECT 1") == [(1,)]
