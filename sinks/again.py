"""Rows that ClickHouse once refused, inserted again: made by the sink's own functions, so they are what it would write.

A row has the version of its record: where a newer one is there meanwhile, that one stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sinks.clickhouse import ClickHouse, Rejected
from sinks.letters import Letter
from sinks.outputs import TableOutputs
from sinks.sink import Sink
from sinks.tables import Data, Table
from streams.runtime.stage import PlainRecord, Records

REFUSED = "rejected_by_clickhouse"


class _Rows(TableOutputs):
    """Keeps what `Sink` makes instead of inserting it; ``foreign``: a record is none of ours."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self.made: list[tuple[Table[Any], Data]] = []
        self.foreign = False

    def put(self, table: Table[Any], decoded: Any, origins: Records) -> None:
        self.made.append((table, table.data_of(decoded, self._epoch)))

    def bury(self, origins: Records, reason: str, value: str, expected: str) -> None:
        self.foreign = True


class Again:
    """Inserts letters' rows into the database at ``url``; ``kinds`` of record by topic, ``epoch`` of the log."""

    def __init__(self, url: str, kinds: Mapping[str, Sequence[str]], epoch: int) -> None:
        self._url = url
        self._sink = Sink(kinds)
        self._kinds = kinds
        self._epoch = epoch

    def refusal(self, letter: Letter) -> str:
        """Why ``letter`` is no row that could be inserted again; '' where it is one."""
        return "" if self._rows(letter) else "it is no record of ours"

    def insert(self, letter: Letter) -> str:
        """Insert the row of ``letter``; why it was refused again, or ''. Raises Unreachable or Misconfigured."""
        with ClickHouse(self._url) as client:
            try:
                for table, data in self._rows(letter):
                    client.insert(table.name, table.columns, data)
            except Rejected as rejected:
                return f"table {rejected.table} refuses it still"
        return ""

    def _rows(self, letter: Letter) -> Sequence[tuple[Table[Any], Data]]:
        if letter.topic not in self._kinds:
            return ()
        rows = _Rows(self._epoch)
        record = PlainRecord(letter.offset, letter.received_at, letter.key, letter.original)
        records = Records(letter.topic, letter.partition, [record])
        self._sink.fold(records, _NO_STATE, rows)
        return () if rows.foreign else rows.made


_NO_STATE: Any = None
