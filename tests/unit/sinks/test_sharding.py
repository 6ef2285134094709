"""What a migration's statement becomes on a cluster, and which statements are refused there."""

from pathlib import Path

import pytest

from sinks.migrate import MIGRATIONS
from sinks.sharding import Untranslatable, render


def rendered(script: str) -> list[str]:
    return [part for part in render(script, "journeys", "main").split(";\n\n") if part]


def test_a_sharded_table_becomes_a_replicated_one_in_each_shard_and_one_over_all() -> None:
    table = (
        "-- A table.\nCREATE TABLE IF NOT EXISTS journeys\n(\n    journey_id UUID\n)\n"
        "ENGINE = ReplacingMergeTree(version, deleted)\nORDER BY journey_id\nCOMMENT 'One row; a journey';"
    )
    assert rendered(table) == [
        "CREATE TABLE IF NOT EXISTS `journeys`.journeys_local ON CLUSTER 'main'\n(\n    journey_id UUID\n)\n"
        "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{database}/{table}/{shard}', '{replica}', version,"
        " deleted)\nORDER BY journey_id\nCOMMENT 'One row; a journey'",
        "CREATE TABLE IF NOT EXISTS `journeys`.journeys ON CLUSTER 'main' AS `journeys`.journeys_local\n"
        "ENGINE = Distributed('main', `journeys`, 'journeys_local', cityHash64(customer_id))\n"
        "COMMENT 'One row; a journey'",
    ]


def test_a_table_of_few_rows_has_one_path_for_all_shards() -> None:
    (table,) = rendered("CREATE TABLE IF NOT EXISTS spend\n(day Date)\nENGINE = ReplacingMergeTree(version, deleted);")
    assert "('/clickhouse/tables/{database}/{table}/all', '{shard}-{replica}', version, deleted)" in table


def test_a_column_changes_in_both_tables_and_a_setting_in_that_with_rows_alone() -> None:
    assert rendered("ALTER TABLE touchpoints ADD COLUMN IF NOT EXISTS region String AFTER via;") == [
        "ALTER TABLE `journeys`.touchpoints_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS region String AFTER via",
        "ALTER TABLE `journeys`.touchpoints ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS region String AFTER via",
    ]
    assert rendered("ALTER TABLE touchpoints MODIFY SETTING a = 1;") == [
        "ALTER TABLE `journeys`.touchpoints_local ON CLUSTER 'main' MODIFY SETTING a = 1"
    ]


def test_a_view_reads_qualified_names_and_has_its_settings_behind_those_it_had() -> None:
    view = (
        "CREATE OR REPLACE VIEW threads AS SELECT 'FROM a' FROM journeys AS j FINAL INNER JOIN spend ON 1"
        " ARRAY JOIN x\n"
        "SETTINGS join_use_nulls = 0\nCOMMENT 'A view';"
    )
    assert rendered(view) == [
        "CREATE OR REPLACE VIEW `journeys`.threads ON CLUSTER 'main' AS SELECT 'FROM a' FROM `journeys`.journeys AS j"
        " FINAL INNER JOIN `journeys`.spend ON 1 ARRAY JOIN x\nSETTINGS join_use_nulls = 0,"
        " distributed_product_mode = 'global', prefer_localhost_replica = 0\nCOMMENT 'A view'"
    ]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("OPTIMIZE TABLE journeys FINAL;", "no form on a cluster is known of 'OPTIMIZE TABLE journeys FINAL'"),
        ("ALTER TABLE journeys ADD PROJECTION p (SELECT 1);", "no form on a cluster is known of"),
        ("ALTER TABLE others ADD COLUMN a UInt8;", "table others is neither sharded nor everywhere"),
        ("CREATE TABLE IF NOT EXISTS spend\n(a UInt8)\nENGINE = MergeTree;", "table spend: expected once ENGINE ="),
    ],
)
def test_a_statement_without_a_known_form_is_refused(statement: str, told: str) -> None:
    with pytest.raises(Untranslatable, match=told):
        render(statement, "journeys", "main")


@pytest.mark.parametrize("path", sorted(MIGRATIONS.glob("*.sql")), ids=lambda path: path.name)
def test_every_migration_has_a_form_and_so_has_the_way_back(path: Path) -> None:
    assert all("ON CLUSTER 'main'" in statement for statement in rendered(path.read_text("utf-8")))
