"""Migrations on a real ClickHouse: once each, in order, finished after a crash, refused when history was changed."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sinks.clickhouse import ClickHouse, Misconfigured, Unreachable
from sinks.migrate import MIGRATIONS, MigrationError, migrate, require_migrated

pytestmark = pytest.mark.stack


@pytest.fixture
def url(stack: Any) -> Iterator[str]:
    """The address of a database that does not exist yet."""
    url = f"{stack.clickhouse_url.rpartition('/')[0]}/migrations_{uuid4().hex[:12]}"
    yield url
    with ClickHouse(f"{url.rpartition('/')[0]}/system") as admin:
        admin.query(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]}")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the migrations to change."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


def objects(url: str) -> set[str]:
    with ClickHouse(url) as client:
        return {name for (name,) in client.query("SHOW TABLES")}


def test_a_new_database_gets_every_migration_once_and_in_order(url: str) -> None:
    names = sorted(path.name for path in MIGRATIONS.glob("*.sql") if not path.name.endswith(".down.sql"))
    assert migrate(url) == names
    assert migrate(url) == []
    assert {"touchpoints", "journeys_now", "customers"} <= objects(url)


def test_a_new_file_is_applied_to_a_filled_database(url: str, directory: Path) -> None:
    migrate(url, directory)
    (directory / "900_more.sql").write_text("CREATE TABLE IF NOT EXISTS more (a UInt8) ENGINE = MergeTree ORDER BY a;")
    assert migrate(url, directory) == ["900_more.sql"]
    assert "more" in objects(url)


def test_touchpoints_of_the_release_before_are_told_their_customers(url: str, directory: Path) -> None:
    newer = {path: path.read_text("utf-8") for path in directory.iterdir() if path.name >= "006"}
    for path in newer:
        path.unlink()
    migrate(url, directory)
    with ClickHouse(url) as client:
        client.query("INSERT INTO touchpoints (via, via_customer) VALUES ('cookie_id:a', generateUUIDv4(1))")
        for path, text in newer.items():
            path.write_text(text, "utf-8")
        assert migrate(url, directory)[:2] == ["006_identities.sql", "007_identity_views.sql"]
        stored = client.query("SELECT via_customer FROM touchpoints")
        assert client.query("SELECT customer_id FROM touchpoints_now") == stored


def test_a_run_that_died_half_way_is_finished_by_the_next(url: str, directory: Path) -> None:
    journeys = directory / "002_journeys.sql"
    whole = journeys.read_text("utf-8")
    journeys.write_text(whole + "\nSELECT throwIf(1, 'the lights went out');", "utf-8")
    with pytest.raises(Misconfigured, match="the lights went out"):
        migrate(url, directory)
    assert "journeys" in objects(url)
    assert "engagement" not in objects(url)
    journeys.write_text(whole, "utf-8")
    assert migrate(url, directory)[0] == "002_journeys.sql"
    assert "journeys_now" in objects(url)


def test_a_file_changed_after_it_was_applied_is_named(url: str, directory: Path) -> None:
    migrate(url, directory)
    changed = directory / "003_engagement.sql"
    changed.write_text(changed.read_text("utf-8") + "-- a word more\n", "utf-8")
    with pytest.raises(MigrationError, match=r"^003_engagement\.sql was changed after it was applied") as caught:
        migrate(url, directory)
    assert "\n" not in str(caught.value)


def test_an_older_release_leaves_a_newer_database_as_it_is_and_goes_on(url: str, directory: Path) -> None:
    newer = directory / "900_more.sql"
    newer.write_text("CREATE TABLE IF NOT EXISTS more (a UInt8) ENGINE = MergeTree ORDER BY a;")
    migrate(url, directory)
    newer.unlink()
    assert migrate(url, directory) == []
    require_migrated(url, directory)
    assert "more" in objects(url)


@pytest.mark.parametrize("pending", [True, False])
def test_a_database_that_went_another_way_is_refused(url: str, directory: Path, pending: bool) -> None:
    migrate(url, directory)
    for path in directory.glob("007_*"):
        path.unlink()
    if pending:
        (directory / "900_more.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="has migration 7, which this release does not know"):
        migrate(url, directory)


def test_the_way_back_leaves_nothing(url: str) -> None:
    migrate(url)
    downs = sorted(MIGRATIONS.glob("*.down.sql"), reverse=True)
    with ClickHouse(url) as client:
        for statement in "".join(down.read_text("utf-8") for down in downs).split(";\n"):
            if statement.strip():
                client.query(statement)
    assert objects(url) == {"schema_versions"}


def test_a_server_that_is_away_is_one_line() -> None:
    with pytest.raises(Unreachable, match="does not answer") as caught:
        migrate("clickhouse://default@127.0.0.1:1/journeys")
    assert "\n" not in str(caught.value)


def test_an_address_without_database_is_one_line() -> None:
    with pytest.raises(Misconfigured, match="names no database"):
        migrate("clickhouse://default@127.0.0.1:1")


def test_migrating_leaves_the_root_logger_as_it_was(url: str) -> None:
    before = list(logging.getLogger().handlers)
    migrate(url)
    assert logging.getLogger().handlers == before
