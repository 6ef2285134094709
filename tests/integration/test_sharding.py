"""The tables on two shards that are real: every view, question and command answers as on a single node.

What can't run here is writing to replicas, and `ON CLUSTER`; such statements are parsed by the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner

from sinks.attribution import Asked as Journeys
from sinks.attribution import customers, paths
from sinks.clickhouse import ClickHouse, Row, Unreachable
from sinks.describe import Described, described
from sinks.migrate import MIGRATIONS, MigrationError, migrate, migrations
from sinks.questions import read_questions
from sinks.sharding import EVERYWHERE, LOCAL, SHARDING_KEYS
from sinks.verify import Tables
from streams.cli import main
from streams.domain.identity.limits import Limits
from streams.domain.rules import DAY_MS, Rules
from streams.sample import generate
from streams.sample.spending import spending
from streams.verification.part import Asked as Part
from streams.verification.verify import verify
from tests.integration import rows
from tests.integration.filled import database, fill
from tests.integration.shards import Shards, on_one_node, runnable, statements, two_shards

pytestmark = pytest.mark.stack

CUSTOMERS, DAYS, SEED = 150, 28, 1
MONTH = ("--since", "2026-03-01", "--until", "2026-03-31")


@pytest.fixture(scope="module")
def single(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a single node's database that holds a small company with its spend and runs."""
    with database(stack, "single") as url, ClickHouse(url) as client:
        fill(client, [*generate(CUSTOMERS, DAYS, SEED)])
        rows.fill(client)
        spent = tmp_path_factory.mktemp("single") / "spend.csv"
        spent.write_text("\n".join(spending(CUSTOMERS, DAYS, SEED)), "utf-8")
        run(url, "spend", str(spent))
        run(url, "attribute", "--by", "marketing_channel", *MONTH, "--model", "markov")
        yield url


@pytest.fixture(scope="module")
def shards(single: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    """Two shards with the same rows, written through Distributed tables as the sink writes: each row
    once more with a lower version, so that a row whose versions were on two shards would be seen twice."""
    with two_shards(tmp_path_factory.mktemp("shards")) as made:
        with ClickHouse(single) as one, ClickHouse(made.first) as client:
            for table in described(one):
                if not table.is_view:
                    copy(one, client, table)
        made.replicate()
        yield made


def copy(one: ClickHouse, client: ClickHouse, table: Described) -> None:
    names = [name for name, *_ in table.columns]
    data = [[*column] for column in zip(*one.query(f"SELECT * FROM {table.name} FINAL"), strict=True)]  # noqa: S608 - composed of what stands here
    if data:
        version = names.index("version")
        older = [*data]
        older[version] = [max(number - 1, 0) for number in data[version]]
        for part in (data, older):
            client.insert(table.name, names, part)


def run(url: str, *arguments: str) -> str:
    """What a command of omnijourney, which must succeed, prints on the database."""
    result = CliRunner().invoke(main, arguments, env={"OMNIJOURNEY_CLICKHOUSE_URL": url})
    assert result.exit_code == 0, result.output
    return result.output


def comparable(found: Sequence[Row]) -> list[str]:
    """Rows without their order, which a view doesn't promise, and without the last digits of sums of floats."""

    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.9g}")
        if isinstance(value, list | tuple):
            return [rounded(part) for part in value]
        if isinstance(value, dict):
            return sorted((key, rounded(part)) for key, part in value.items())
        return value

    return sorted(str(rounded(row)) for row in found)


def views() -> list[str]:
    return sorted(read_questions())


@pytest.mark.parametrize("view", views())
def test_a_view_has_the_same_rows_on_each_shard_as_on_a_single_node(single: str, shards: Shards, view: str) -> None:
    question = read_questions()[view].query
    asked = question if f"{view}(" in question else f"SELECT * FROM {view}"  # noqa: S608 - composed of what stands here
    with ClickHouse(single) as one:
        expected = comparable(one.query(asked))
    assert expected
    for shard in shards[:2]:
        with ClickHouse(shard) as client:
            assert comparable(client.query(asked)) == expected


def test_an_analyst_without_any_setting_gets_the_same_from_a_view(single: str, shards: Shards) -> None:
    defaults = "SETTINGS distributed_product_mode = 'deny', prefer_localhost_replica = 1"
    for view in ("attributions", "attribution_drift", "touchpoints_now"):
        asked = f"SELECT * FROM {view}"  # noqa: S608 - composed of what stands here
        with ClickHouse(single) as one, ClickHouse(shards.second) as client:
            assert comparable(client.query(f"{asked} {defaults}")) == comparable(one.query(asked))


def test_each_row_is_on_one_shard_with_all_its_versions_and_both_have_some(single: str, shards: Shards) -> None:
    with ClickHouse(single) as one, ClickHouse(shards.first) as first, ClickHouse(shards.second) as second:
        for table in ("touchpoints", "journeys", "sessions", "engagement"):
            (whole,) = one.query(f"SELECT count() FROM {table} FINAL")[0]  # noqa: S608 - composed of what stands here
            local = f"SELECT count() FROM {table}{LOCAL} FINAL"  # noqa: S608 - composed of what stands here
            parts = [client.query(local)[0][0] for client in (first, second)]
            assert sum(parts) == whole
            assert min(parts) > whole / 4


def test_a_block_is_not_acknowledged_before_every_shard_has_its_rows(shards: Shards) -> None:
    with ClickHouse(shards.first) as client:
        before = client.query("SELECT count(), sum(version) FROM sessions FINAL")
        names = [name for name, *_ in client.query("DESCRIBE TABLE sessions")]
        data = [[*column] for column in zip(*client.query("SELECT * FROM sessions FINAL"), strict=True)]
        shards.second_server.kill()
        with pytest.raises(Unreachable):
            client.insert("sessions", names, data)
        with pytest.raises(Unreachable):
            client.query("SELECT count() FROM sessions FINAL")
        shards.second_server.start()
        for _ in range(2):
            client.insert("sessions", names, data)
        assert client.query("SELECT count(), sum(version) FROM sessions FINAL") == before


@pytest.mark.parametrize("asked", [Part(), Part(share=0.3, seed="1")])
def test_verify_finds_the_same_on_shards_as_on_a_single_node(single: str, shards: Shards, asked: Part) -> None:
    found = [verify(Tables(url), Rules(), Limits(), 5, asked) for url in (single, *shards[:2])]
    told = [[(one.customers, c.table, c.equal, c.counts) for c in one.comparisons] for one in found]
    assert told[1] == told[0]
    assert told[2] == told[0]


def test_a_model_reads_the_same_on_shards_as_on_a_single_node(single: str, shards: Shards) -> None:
    asked = Journeys("marketing_channel", date(2026, 3, 1), date(2026, 3, 31), "", 30 * DAY_MS, 0)
    for read in (paths, customers):
        expected = [*read(single, asked)]
        assert expected
        assert [*read(shards.second, asked)] == expected


def test_every_sharding_key_is_a_function_of_the_sorting_key(single: str) -> None:
    # A row's id is the UUIDv5 of its customer and more, a via's own customer that of the via: one goes with the other.
    tells = {"via": "via_customer", "journey_id": "customer_id", "session_id": "customer_id"}
    with ClickHouse(single) as client:
        keys = {table.name: table.key.split(", ") for table in described(client)}
    for table, sharding_key in SHARDING_KEYS.items():
        told = {*keys[table], *(tells[column] for column in keys[table] if column in tells)}
        assert re.fullmatch(r"cityHash64\((.*)\)", sharding_key)
        assert told.issuperset(sharding_key.removeprefix("cityHash64(").removesuffix(")").split(", "))


def test_every_table_is_either_sharded_or_everywhere(single: str) -> None:
    with ClickHouse(single) as client:
        tables = {table.name for table in described(client) if not table.is_view}
    assert tables == SHARDING_KEYS.keys() | EVERYWHERE
    assert not SHARDING_KEYS.keys() & EVERYWHERE


def test_every_statement_for_a_cluster_is_read_by_the_server(single: str) -> None:
    with ClickHouse(single) as client:
        for statement in statements():
            (text,) = client.query("SELECT formatQuery(%(statement)s)", {"statement": statement})[0]
            assert "ON CLUSTER" in text
            assert statement != runnable(statement)


def test_replicated_tables_are_made_each_with_a_path_of_its_own(shards: Shards) -> None:
    with ClickHouse(shards.second) as client:
        client.query("CREATE DATABASE replicas")
        for statement in statements("replicas"):
            # A table can be changed only where it can be written.
            if not statement.startswith("ALTER"):
                client.query(on_one_node(statement))
        asked = "SELECT table, zookeeper_path, replica_name FROM system.replicas WHERE database = 'replicas'"
        made = {table: (path, replica) for table, path, replica in client.query(asked)}
    path = "/clickhouse/tables/replicas"
    sharded = {f"{table}{LOCAL}": (f"{path}/{table}{LOCAL}/2", "a") for table in SHARDING_KEYS}
    assert made == sharded | {table: (f"{path}/{table}/all", "2-a") for table in EVERYWHERE}


def test_checksums_are_those_of_the_files_in_both_forms() -> None:
    plain_form, cluster_form = (migrations(MIGRATIONS, "journeys", cluster) for cluster in ("", "journeys"))
    assert [file.md5 for file in plain_form] == [file.md5 for file in cluster_form]
    assert all(a.script != b.script for a, b in zip(plain_form, cluster_form, strict=True))


def test_a_single_nodes_database_is_not_taken_for_a_clusters(single: str) -> None:
    with pytest.raises(MigrationError, match=r"was made for a single node, OMNIJOURNEY_CLICKHOUSE_CLUSTER asks for"):
        migrate(single, cluster="journeys")
    assert migrate(single) == []
