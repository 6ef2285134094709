"""Large answers as streams: rows are taken as they come, sorted and grouped on the server's disk where need be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from clickhouse_driver.errors import Error as DriverError

from sinks.clickhouse import ClickHouse, Row, error_of

#: Sorting and grouping of more than this goes to the server's disk.
MEMORY_BYTES = 2 << 30
BLOCK_ROWS = 4_096
_SETTINGS = {
    "max_bytes_before_external_sort": MEMORY_BYTES,
    "max_bytes_before_external_group_by": MEMORY_BYTES,
    "max_block_size": BLOCK_ROWS,
    "max_execution_time": 0,
}


def stream(
    url: str, sql: str, params: Mapping[str, object] | None = None, tables: Sequence[dict[str, Any]] = ()
) -> Iterator[Row]:
    """Rows of a SELECT, over a connection of its own, so that several may be open; ``tables`` are sent along.

    Raises Unreachable or Misconfigured (`sinks.clickhouse`).
    """
    with closing(_Streaming(url)) as client:
        yield from client.stream(sql, params, tables)


class _Streaming(ClickHouse):
    def stream(self, sql: str, params: Mapping[str, object] | None, tables: Sequence[dict[str, Any]]) -> Iterator[Row]:
        client = self._connected()
        try:
            yield from client.execute_iter(sql, params, external_tables=[*tables], settings=_SETTINGS)
        except (DriverError, OSError, EOFError) as error:
            raise error_of(error) from error
