"""Schemas, rows, tables and docs/tables.md say the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from schemas.registry import registry
from sinks import attribution
from sinks.clickhouse import ClickHouse
from sinks.describe import BOOKKEEPING, describe, described, replace_reference, without_answers
from sinks.migrate import MIGRATIONS, migrate
from sinks.tables import CORRECTIONS, TABLES, TOUCHPOINTS, WITHOUT_TABLE, Table

BY_RECORD: dict[str, Table[Any]] = {**TABLES, "correction": CORRECTIONS}
#: What commands write about repairs.
OF_REPAIRS = ("replays", "pipelines")
ALL_TABLES: list[Table[Any]] = [*BY_RECORD.values(), TOUCHPOINTS]
DOCS = Path(__file__).parents[2] / "docs" / "tables.md"
SCALARS = {"string": {"String", "LowCardinality(String)", "UUID"}, "bytes": {"String"}, "boolean": {"Bool", "UInt8"}}
INTEGERS = {"int": {"Int16", "Int32"}, "long": {"Int64", "UInt64", "DateTime64(3, 'UTC')"}, "double": {"Float64"}}
RENAMED = {
    ("assignment", "customer"): "customer_id",
    ("identity_change", "from"): "from_customer",
    ("identity_change", "to"): "to_customer",
}


@pytest.fixture(scope="module")
def client(stack: Any) -> Iterator[ClickHouse]:
    url = f"{stack.clickhouse_url.rpartition('/')[0]}/contract_{uuid4().hex[:12]}"
    migrate(url)
    with ClickHouse(url) as client:
        yield client
        client.query(f"DROP DATABASE `{client.database}`")


def columns(client: ClickHouse, table: str) -> dict[str, str]:
    rows = client.query(
        "SELECT name, type FROM system.columns WHERE database = %(database)s AND table = %(table)s ORDER BY position",
        {"database": client.database, "table": table},
    )
    return dict(rows)


def fields(record: str) -> list[dict[str, Any]]:
    return list(registry().current(record).source["fields"])


def types_for(avro: Any) -> set[str]:
    """The ClickHouse types that may hold a value of the Avro type."""
    if isinstance(avro, list):
        inner = types_for(next(branch for branch in avro if branch != "null"))
        return inner | {f"Nullable({type_})" for type_ in inner}
    if isinstance(avro, str):
        return (SCALARS | INTEGERS)[avro]
    if avro["type"] == "enum":
        return {"LowCardinality(String)"}
    if avro["type"] == "array":
        return {f"Array({type_})" for type_ in types_for(avro["items"])}
    if avro["type"] == "map":
        return {f"Map({key}, {value})" for key in SCALARS["string"] for value in types_for(avro["values"])}
    if avro.get("logicalType") == "timestamp-millis":
        return {"DateTime64(3, 'UTC')"}
    return types_for(avro["type"])


def documented(record: str) -> dict[str, set[str]]:
    """Column -> allowed types, by the rules of docs/tables.md, for every record but the touchpoint."""
    found = documented_fields(registry().current(record).source, {})
    renamed = {RENAMED.get((record, name), name): types for name, types in found.items()}
    return {"version": {"UInt64"}, "deleted": {"UInt8"}} | renamed


def documented_fields(record: Any, named: dict[str, Any]) -> dict[str, set[str]]:
    """The same for one record as its schema has it; ``named`` are the types declared on the way."""
    expected: dict[str, set[str]] = {}
    for field in record["fields"]:
        name, type_ = field["name"], field["type"]
        is_array = isinstance(type_, dict) and type_["type"] == "array"
        inner = type_["items"] if is_array else type_
        inner = named.get(inner, inner) if isinstance(inner, str) else inner
        if not isinstance(inner, dict) or inner["type"] != "record":
            expected[name] = types_for(type_)
            continue
        named[inner["name"]] = inner
        if inner["name"] == "Identifier" and record["name"] != "Assignment":
            expected[name] = SCALARS["string"]
            continue
        prefix = "" if inner["name"] == "Identifier" else f"{name}_"
        for column, types in documented_fields(inner, named).items():
            expected[prefix + column] = {f"Array({type_})" for type_ in types} if is_array else types
    return expected


def documented_touchpoint() -> set[str]:
    """Columns of touchpoints by the rules of docs/tables.md."""
    left_out = {"to", "raised", "intake_offset", "touchpoint"}
    resolved = {field["name"] for field in fields("resolved_touchpoint")} - left_out
    names = resolved | {"via_customer", "deleted"}
    for field in fields("touchpoint"):
        match field["name"]:
            case "acquisition":
                names |= {inner["name"] for inner in field["type"][1]["fields"]}
            case "conversion":
                names |= {"conversion_type", "value_micros", "currency", "order_id"}
            case "satisfaction":
                names |= {"satisfaction_metric", "satisfaction_score"}
            case name:
                names.add(name)
    return names


def test_every_record_has_a_table_or_is_named_as_having_none() -> None:
    assert {*BY_RECORD, *WITHOUT_TABLE, "touchpoint", "resolved_touchpoint"} == set(registry().by_record)
    assert not WITHOUT_TABLE & set(BY_RECORD)


@pytest.mark.stack
@pytest.mark.parametrize("record", BY_RECORD)
def test_columns_are_the_fields_of_the_record(client: ClickHouse, record: str) -> None:
    found, expected = columns(client, BY_RECORD[record].name), documented(record)
    assert set(found) == set(expected)
    assert {name: type_ for name, type_ in found.items() if type_ not in expected[name]} == {}


@pytest.mark.stack
def test_columns_of_touchpoints_are_the_fields_of_both_records(client: ClickHouse) -> None:
    assert set(columns(client, "touchpoints")) == documented_touchpoint()


@pytest.mark.stack
@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_rows_fill_every_column_but_the_mark_of_erasure(client: ClickHouse, table: Any) -> None:
    assert set(columns(client, table.name)) - set(table.columns) <= {"deleted"}
    assert set(table.columns) <= set(columns(client, table.name))


@pytest.mark.stack
def test_every_table_view_and_column_has_a_comment(client: ClickHouse) -> None:
    params = {"database": client.database, "bookkeeping": BOOKKEEPING}
    silent_tables = (
        "SELECT name FROM system.tables WHERE database = %(database)s AND comment = '' AND name != %(bookkeeping)s"
    )
    silent_columns = (
        "SELECT table, name FROM system.columns"
        " WHERE database = %(database)s AND comment = '' AND table != %(bookkeeping)s"
    )
    assert client.query(silent_tables, params) == []
    assert client.query(silent_columns, params) == []
    # Those of parameterized views are in no system table.
    assert [one.name for one in described(client) if not one.columns] == []
    assert [name for one in described(client) for name, _, comment in one.columns if not comment] == []


@pytest.mark.stack
def test_every_table_replaces_rows_by_version_and_hides_deleted_ones(client: ClickHouse) -> None:
    engines = client.query(
        "SELECT name, engine_full FROM system.tables"
        " WHERE database = %(database)s AND engine != 'View' AND name != %(bookkeeping)s",
        {"database": client.database, "bookkeeping": BOOKKEEPING},
    )
    assert {name for name, _ in engines} == {*(table.name for table in ALL_TABLES), *attribution.TABLES, *OF_REPAIRS}
    assert [name for name, engine in engines if not engine.startswith("ReplacingMergeTree(version, deleted)")] == []


@pytest.mark.stack
def test_views_read_the_valid_rows_whatever_the_settings(client: ClickHouse) -> None:
    views = client.query(
        "SELECT name, as_select FROM system.tables WHERE database = %(database)s AND engine = 'View'",
        {"database": client.database},
    )
    tables = "|".join([*(table.name for table in ALL_TABLES), *attribution.TABLES])
    read = re.compile(rf"FROM {client.database}\.(?:{tables})\b(?: AS \w+)?( FINAL)?")
    reads = {name: read.findall(" ".join(sql.split())) for name, sql in views}
    assert sum(map(len, reads.values())) >= 7
    assert [name for name, finals in reads.items() if not all(finals)] == []


@pytest.mark.stack
def test_docs_list_exactly_the_tables_views_and_columns(client: ClickHouse) -> None:
    text = DOCS.read_text("utf-8")
    assert without_answers(text) == without_answers(replace_reference(text, describe(client))), (
        "write it anew: python -m sinks.describe URL docs/tables.md"
    )


def test_every_migration_has_its_way_back() -> None:
    names = {path.name for path in MIGRATIONS.glob("*.sql")}
    ups = {name for name in names if not name.endswith(".down.sql")}
    assert names - ups == {name.replace(".sql", ".down.sql") for name in ups}
