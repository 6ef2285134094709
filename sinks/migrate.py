"""Brings a database to the newest table definitions: numbered SQL files, each applied once, in order.

`clickhouse-migrations` keeps the list of applied files with their checksums in `schema_versions`. This module decides
how its refusals read. A file is never edited after its release; a change is a new file. For a cluster `sinks.sharding`
renders what is applied; checksums are of the files all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from clickhouse_driver.errors import Error as DriverError
from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
from clickhouse_migrations.defaults import MIGRATIONS_TABLE
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migration import Migration, MigrationStorage
from clickhouse_migrations.migrator import STATUS_MD5_MISMATCH, STATUS_PENDING, STATUS_UNKNOWN
from clickhouse_migrations.util import quote_string

from sinks.clickhouse import CONNECT_TIMEOUT_S, SEND_RECEIVE_TIMEOUT_S, ClickHouse, error_of, parse_address
from sinks.sharding import BOOKKEEPING_ENGINE, Untranslatable, render

log = structlog.get_logger("sinks")

MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationError(Exception):
    """The migrations can't be applied; the message is one line and says what to do."""


def migrate(url: str, directory: Path = MIGRATIONS, cluster: str = "") -> list[str]:
    """Applies what is pending in ``directory`` to the database of ``url``; gives the applied files' names, in order.

    With a ``cluster``, of that name in the servers' configuration, to the database on each of its nodes. Creates the
    database if it is missing; a second call applies nothing. A call that died half-way is finished by the next, since
    each statement is IF NOT EXISTS. Raises MigrationError, or one of `sinks.clickhouse`'s errors where the server
    doesn't answer or refuses. Not for two callers at once. A database that a newer release brought further is left as
    it is: an older one must be able to start again.
    """
    database = parse_address(url).database
    runner = _runner(url, BOOKKEEPING_ENGINE if cluster else None)
    with _quiet_root_logger():
        try:
            names = MigrationStorage(directory).migration_filenames()
            _refuse_other_form(runner, database, cluster)
            runner.create_db(database, cluster or None)
            if _is_ahead(runner, database, directory, names):
                log.info("database_is_newer", database=database, note="tables only gain: nothing to apply")
                return []
            applied = runner.apply_migrations(
                database,
                migrations(directory, database, cluster),
                cluster_name=cluster or None,
                create_db_if_no_exists=False,
                migration_log_format="compact",
                migration_files=names,
            )
        except (MigrationException, Untranslatable) as error:
            raise MigrationError(" ".join(str(error).split())) from error
        except (DriverError, OSError, EOFError) as error:
            raise error_of(error) from error
    return [names[migration.version] for migration in applied]


def migrations(directory: Path, database: str, cluster: str) -> list[Migration]:
    """What to apply: each file's script, in the form for ``cluster`` where there is one, under the file's checksum.

    Raises Untranslatable for a statement that has no form on a cluster.
    """
    files: list[Migration] = MigrationStorage(directory).migrations()
    return [file._replace(script=render(file.script, database, cluster)) for file in files] if cluster else files


def require_migrated(url: str, directory: Path = MIGRATIONS) -> None:
    """MigrationError where a migration in ``directory`` is still to be applied to the database of ``url``.

    A database that is newer will do: tables only gain columns, so workers of the release before go on meanwhile. Raises
    Unreachable and Misconfigured (no such database) as `sinks.clickhouse`.
    """
    with ClickHouse(url) as client:
        client.query("SELECT 1")
    database = parse_address(url).database
    with _quiet_root_logger():
        try:
            names = MigrationStorage(directory).migration_filenames()
            rows = _runner(url).status(database, directory)
        except (DriverError, OSError, EOFError) as error:
            raise error_of(error) from error
    pending = [names[row.version] for row in rows if row.state == STATUS_PENDING]
    if pending:
        raise MigrationError(f"database {database!r} lacks {', '.join(pending)}: run `omnijourney migrate` first")


def _runner(url: str, bookkeeping_engine: str | None = None) -> ClickhouseCluster:
    return ClickhouseCluster(
        db_url=url,
        migrations_table_engine=bookkeeping_engine,
        connect_timeout=CONNECT_TIMEOUT_S,
        query_timeout=SEND_RECEIVE_TIMEOUT_S,
    )


def _refuse_other_form(runner: ClickhouseCluster, database: str, cluster: str) -> None:
    """MigrationError where the database was made for a single node and this is for a cluster, or the reverse."""
    where = f"database = {quote_string(database)} AND name = {quote_string(MIGRATIONS_TABLE)}"
    with runner.connection("") as connection:
        found = connection.query(f"SELECT engine FROM system.tables WHERE {where}")  # noqa: S608 - quoted
    if found and found[0]["engine"].startswith("Replicated") != bool(cluster):
        made, asked = ("a single node", f"the cluster {cluster!r}") if cluster else ("a cluster", "a single node")
        raise MigrationError(
            f"database {database!r} was made for {made}, OMNIJOURNEY_CLICKHOUSE_CLUSTER asks for {asked}:"
            " set it as it was, or name a new database and fill that"
        )


def _is_ahead(cluster: ClickhouseCluster, database: str, directory: Path, names: dict[int, str]) -> bool:
    """Whether a newer release migrated the database, and all that this one knows was applied before.

    MigrationError where a file differs from what was applied, or what was applied is not what comes after ours.
    """
    rows = cluster.status(database, directory)
    for row in rows:
        if row.state == STATUS_MD5_MISMATCH:
            raise MigrationError(
                f"{names[row.version]} was changed after it was applied to {database!r}:"
                " restore it and put the change into a new file"
            )
    unknown = [row.version for row in rows if row.state == STATUS_UNKNOWN]
    if unknown and (unknown[0] < max(names) or any(row.state == STATUS_PENDING for row in rows)):
        raise MigrationError(
            f"database {database!r} has migration {unknown[0]}, which this release does not know: use a newer one"
        )
    return bool(unknown)


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """The library logs through the root logger, which then installs a handler on stderr if it has none: have one."""
    root, place = logging.getLogger(), logging.NullHandler()
    root.addHandler(place)
    try:
        yield
    finally:
        root.removeHandler(place)
