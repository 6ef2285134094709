"""Brings a database to the newest table definitions: numbered SQL files, each applied once, in order.

`clickhouse-migrations` keeps the list of applied files with their checksums in `schema_versions`. This module decides
how its refusals read. A file is never edited after its release; a change is a new file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clickhouse_driver.errors import Error as DriverError
from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migration import MigrationStorage
from clickhouse_migrations.migrator import STATUS_MD5_MISMATCH, STATUS_PENDING, STATUS_UNKNOWN

from sinks.clickhouse import CONNECT_TIMEOUT_S, SEND_RECEIVE_TIMEOUT_S, ClickHouse, error_of, parse_address

MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationError(Exception):
    """The migrations can't be applied; the message is one line and says what to do."""


def migrate(url: str, directory: Path = MIGRATIONS) -> list[str]:
    """Applies what is pending in ``directory`` to the database of ``url``; gives the applied files' names, in order.

    Creates the database if it is missing; a second call applies nothing. A call that died half-way is finished by the
    next, since each statement is IF NOT EXISTS. Raises MigrationError, or one of `sinks.clickhouse`'s errors where the
    server doesn't answer or refuses. Not for two callers at once.
    """
    database = parse_address(url).database
    cluster = ClickhouseCluster(db_url=url, connect_timeout=CONNECT_TIMEOUT_S, query_timeout=SEND_RECEIVE_TIMEOUT_S)
    with _quiet_root_logger():
        try:
            names = MigrationStorage(directory).migration_filenames()
            cluster.create_db(database)
            _refuse_changed_history(cluster, database, directory, names)
            applied = cluster.migrate(database, directory, migration_log_format="compact")
        except MigrationException as error:
            raise MigrationError(" ".join(str(error).split())) from error
        except (DriverError, OSError, EOFError) as error:
            raise error_of(error) from error
    return [names[migration.version] for migration in applied]


def require_migrated(url: str, directory: Path = MIGRATIONS) -> None:
    """MigrationError where a migration in ``directory`` is still to be applied to the database of ``url``.

    A database that is newer will do: tables only gain columns, so workers of the release before go on meanwhile. Raises
    Unreachable and Misconfigured (no such database) as `sinks.clickhouse`.
    """
    with ClickHouse(url) as client:
        client.query("SELECT 1")
    database = parse_address(url).database
    cluster = ClickhouseCluster(db_url=url, connect_timeout=CONNECT_TIMEOUT_S, query_timeout=SEND_RECEIVE_TIMEOUT_S)
    with _quiet_root_logger():
        try:
            names = MigrationStorage(directory).migration_filenames()
            rows = cluster.status(database, directory)
        except (DriverError, OSError, EOFError) as error:
            raise error_of(error) from error
    pending = [names[row.version] for row in rows if row.state == STATUS_PENDING]
    if pending:
        raise MigrationError(f"database {database!r} lacks {', '.join(pending)}: run `omnijourney migrate` first")


def _refuse_changed_history(cluster: ClickhouseCluster, database: str, directory: Path, names: dict[int, str]) -> None:
    """MigrationError where a file differs from what was applied, or the database is newer than this release."""
    for row in cluster.status(database, directory):
        if row.state == STATUS_MD5_MISMATCH:
            raise MigrationError(
                f"{names[row.version]} was changed after it was applied to {database!r}:"
                " restore it and put the change into a new file"
            )
        if row.state == STATUS_UNKNOWN:
            raise MigrationError(
                f"database {database!r} has migration {row.version}, which this release does not know: use a newer one"
            )


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """The library logs through the root logger, which then installs a handler on stderr if it has none: have one."""
    root, place = logging.getLogger(), logging.NullHandler()
    root.addHandler(place)
    try:
        yield
    finally:
        root.removeHandler(place)
