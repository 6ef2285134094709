"""The one place that talks to ClickHouse: columnar inserts, queries, and errors named after what to do about them.

It decides how a block is sent and what a failure means. It leaves to the caller when to retry, how to bisect a rejected
block, and what the rows are (`sinks.tables`). One object serves one thread.

    ClickHouseError
    +- Unreachable      nothing was refused: the server is away, busy or full; send the same again later
       +- Untrusted     no TLS there, or with a certificate that nobody we trust has signed
    +- Rejected         this data is refused by the server or can't be packed by the driver; bisect and dead-letter
    +- Misconfigured    table, database, right, password or SQL is wrong; neither helps, a person must act
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self, cast

from clickhouse_driver import Client
from clickhouse_driver.errors import (
    CannotParseUuidError,
    ErrorCodes,
    NetworkError,
    ServerException,
    SocketTimeoutError,
    TypeMismatchError,
)
from clickhouse_driver.errors import Error as DriverError
from clickhouse_driver.util.helpers import parse_url

CONNECT_TIMEOUT_S = 5
SEND_RECEIVE_TIMEOUT_S = 60
BLOCK_ROWS = 100_000

INSERT_SETTINGS = {
    "async_insert": 0,
    # On a cluster an insert is acknowledged when all shards have their rows, and none is dropped for having been sent
    # before: what a row is, its key and version say. A single node takes no notice of the two.
    "distributed_foreground_insert": 1,
    "insert_deduplicate": 0,
    # The server's limit of 100 months a block would refuse an import of ten years' history for good.
    "max_partitions_per_insert_block": 0,
}

# What views on a cluster have in themselves (`sinks.sharding`), for our own questions; a single node takes no notice.
CLUSTER_SETTINGS = {"distributed_product_mode": "global", "prefer_localhost_replica": 0}

# The driver logs a traceback for each failed attempt to connect; here the caller gets that as Unreachable.
logging.getLogger("clickhouse_driver.connection").setLevel(logging.ERROR)

Column = Sequence[object]
Row = tuple[Any, ...]

_DATA_CODES = frozenset(
    {
        ErrorCodes.CANNOT_PARSE_TEXT,
        ErrorCodes.TYPE_MISMATCH,
        ErrorCodes.ARGUMENT_OUT_OF_BOUND,
        ErrorCodes.CANNOT_CONVERT_TYPE,
        ErrorCodes.INCORRECT_DATA,
        ErrorCodes.TOO_LARGE_ARRAY_SIZE,
        ErrorCodes.TOO_LARGE_STRING_SIZE,
        ErrorCodes.SIZES_OF_ARRAYS_DOESNT_MATCH,
        ErrorCodes.CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN,
        ErrorCodes.VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE,
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
    }
)
# Their messages name users, rights, databases and settings, and never quote the query.
_CONNECTION_CODES = frozenset(
    {
        ErrorCodes.UNKNOWN_DATABASE,
        ErrorCodes.UNKNOWN_SETTING,
        ErrorCodes.UNKNOWN_USER,
        ErrorCodes.WRONG_PASSWORD,
        ErrorCodes.REQUIRED_PASSWORD,
        497,  # ACCESS_DENIED
        516,  # AUTHENTICATION_FAILED
    }
)
_MISUSE_CODES = _CONNECTION_CODES | {
    ErrorCodes.NO_SUCH_COLUMN_IN_TABLE,
    ErrorCodes.UNKNOWN_IDENTIFIER,
    ErrorCodes.UNKNOWN_TABLE,
    ErrorCodes.SYNTAX_ERROR,
    ErrorCodes.READONLY,
}
_PASSING_CODES = frozenset(
    {
        ErrorCodes.TIMEOUT_EXCEEDED,
        ErrorCodes.TOO_MANY_SIMULTANEOUS_QUERIES,
        ErrorCodes.MEMORY_LIMIT_EXCEEDED,
        ErrorCodes.NETWORK_ERROR,
        ErrorCodes.SOCKET_TIMEOUT,
        ErrorCodes.QUERY_WAS_CANCELLED,
        ErrorCodes.ABORTED,
        ErrorCodes.ALL_CONNECTION_TRIES_FAILED,  # a shard is away
    }
)
_TLS = re.compile(r"\[SSL: \w+\] (.+?) \(_ssl\.c")
# What the driver raises for a value that it can't pack: wrong types, lone surrogates, numbers too large.
_UNPACKABLE = (AttributeError, TypeError, ValueError, LookupError, TypeMismatchError, CannotParseUuidError)


class ClickHouseError(Exception):
    """Any failure of ClickHouse; the message is one line. It may quote values, so it belongs in no log."""


class Unreachable(ClickHouseError):
    """No answer, or a refusal that passes by itself (memory, too many parts, shutting down): retry the same.

    ``code`` is the number of the server's error, 0 where it did not answer.
    """

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class Untrusted(Unreachable):
    """The server can't prove who it is, or speaks no TLS."""


class Rejected(ClickHouseError):
    """The server or the driver refuses this data: bisect, dead-letter the rows that stay refused."""

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(f"{table}: {reason}")
        self.table = table
        self.reason = reason


class Misconfigured(ClickHouseError):
    """The request itself is wrong (no such table, database or right): stop, a person must act."""

    def __init__(self, reason: str, quotes_no_data: bool = True) -> None:
        """``quotes_no_data`` is False for a server's answer to what may hold data: its message may quote that."""
        super().__init__(reason)
        self.quotes_no_data = quotes_no_data


class Address(NamedTuple):
    """A server and database, from ``clickhouse://user:password@host:port/database``."""

    host: str
    database: str
    options: Mapping[str, Any]


def parse_address(url: str) -> Address:
    """The parts of ``url``; Misconfigured where it is no native address or names no database. Never quotes the URL."""
    try:
        host, options = parse_url(url)
    except ValueError as error:
        raise Misconfigured(f"ClickHouse address: {error}") from None
    if not url.startswith(("clickhouse://", "clickhouses://")) or not host:
        raise Misconfigured("ClickHouse address: expected clickhouse://user:password@host:port/database")
    database = options.pop("database", "")
    if not database:
        raise Misconfigured("ClickHouse address: names no database, expected clickhouse://.../database")
    return Address(host, database, options)


def error_of(error: Exception, table: str | None = None) -> ClickHouseError:
    """``error``, raised by the driver, as ours. With ``table`` it came from an insert into it.

    A server error that nobody has classified is Unreachable for an insert: to retry blocks visibly, while to
    dead-letter whole batches because a disk is full would lose them.
    """
    if isinstance(error, ServerException):
        # To a wrong password the server adds advice of many lines on its own files.
        text = f"{_first_line(error.message).partition(' If you ')[0]} (code {error.code})"
        if table is not None and error.code in _DATA_CODES:
            return Rejected(table, text)
        if error.code in _MISUSE_CODES or (table is None and error.code not in _PASSING_CODES):
            # The statement of an insert names tables and columns alone.
            return Misconfigured(text, quotes_no_data=table is not None or error.code in _CONNECTION_CODES)
        return Unreachable(text, error.code)
    if table is not None and isinstance(error, _UNPACKABLE):
        return Rejected(table, f"{type(error).__name__}: {_first_line(str(error))}")
    if isinstance(error, NetworkError | SocketTimeoutError):
        # The driver keeps of OpenSSL's error its text alone.
        refused = _TLS.search(error.message)
        if refused:
            return Untrusted(f"no TLS with ClickHouse: {refused[1]}")
        return Unreachable(f"ClickHouse does not answer: {error.message}")
    return Unreachable(f"connection to ClickHouse lost: {_first_line(str(error)) or type(error).__name__}")


def _first_line(message: str) -> str:
    """A server's message on one line, without stack trace."""
    return " ".join(message.split("Stack trace:")[0].removeprefix("DB::Exception:").split())


class ClickHouse:
    """A connection to one database, made on first use and made anew after a failure.

    Raises the errors in the module's docstring. Not for use by two threads at once.
    """

    def __init__(self, url: str) -> None:
        self._address = parse_address(url)
        self._client: Client | None = None

    @property
    def database(self) -> str:
        """Name of the database."""
        return self._address.database

    def insert(self, table: str, columns: Sequence[str], data: Sequence[Column]) -> int:
        """Inserts ``data``, a list or tuple of values for each of ``columns``; gives the number of rows.

        DateTime64(3) values are integer milliseconds UTC. Up to BLOCK_ROWS rows are one block; more are several, and if
        a later one fails, the earlier ones stay: send all again, the tables replace rows by version. ValueError where
        the columns are not as many as their names or not equally long.
        """
        if len(columns) != len(data) or len({len(column) for column in data}) > 1:
            raise ValueError(f"{table}: {len(columns)} column names need as many columns of one length")
        rows = len(data[0]) if data else 0
        names = ", ".join(f"`{column}`" for column in columns)
        for start in range(0, rows, BLOCK_ROWS):
            block = [column[start : start + BLOCK_ROWS] for column in data] if rows > BLOCK_ROWS else data
            self._execute(f"INSERT INTO `{table}` ({names}) VALUES", block, table)
        return rows

    def query(self, sql: str, params: Mapping[str, object] | None = None) -> list[Row]:
        """Rows of a SELECT, or none for another statement; ``params`` fill ``%(name)s``, escaped by the driver."""
        return cast(list[Row], self._execute(sql, params, None) or [])

    def close(self) -> None:
        """Closes the connection; the next call makes it anew."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _execute(self, sql: str, data: object, table: str | None) -> object:
        settings = INSERT_SETTINGS if table is not None else None
        client = self._connected()
        try:
            return client.execute(sql, data, columnar=table is not None, settings=settings)
        except (DriverError, OSError, EOFError, *_UNPACKABLE) as error:
            # A server exception leaves the connection usable, everything else leaves it in the middle of a packet.
            if not isinstance(error, ServerException):
                self.close()
            raise error_of(error, table) from error

    def _connected(self) -> Client:
        try:
            if self._client is not None and not self._client.connection.ping():
                self.close()
            if self._client is None:
                self._require_database()
                self._client = self._new_client(self.database)
                self._client.connection.connect()
        except (DriverError, OSError, EOFError) as error:
            self.close()
            raise error_of(error) from error
        return self._client

    def _require_database(self) -> None:
        """Asked without naming it: a handshake that names an unknown database aborts the local server's process."""
        client = self._new_client("")
        try:
            found = client.execute(
                "SELECT count() FROM system.databases WHERE name = %(name)s", {"name": self.database}
            )
        finally:
            client.disconnect()
        if not found[0][0]:
            raise Misconfigured(f"ClickHouse has no database {self.database!r}: run `omnijourney migrate`")

    def _new_client(self, database: str) -> Client:
        options = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "send_receive_timeout": SEND_RECEIVE_TIMEOUT_S,
            **self._address.options,
            "database": database,
            # The driver ignores a misspelt setting otherwise, and would reconnect by itself, past the question above.
            "settings_is_important": True,
            "disable_reconnect": True,
        }
        settings = {**CLUSTER_SETTINGS, **options.pop("settings", {}), "insert_block_size": BLOCK_ROWS}
        return Client(self._address.host, settings=settings, **options)
