"""Tables of values: what a column's values say of fields, and which rows are no touchpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from streams.producing.mapping.declared import Declared
from streams.producing.mapping.tables import Cells


class Lookups:
    """All tables of a mapping; where several say something of a field, the first that does counts."""

    def __init__(self, declared: Declared) -> None:
        self._tables = [(column, _Lookup(table)) for column, table in declared.tables.items()]

    def skips(self, cells: Cells, rows: int) -> pa.Array:
        """The rows that are no touchpoints; boolean."""
        found = pa.repeat(False, rows)
        for column, table in self._tables:
            found = pc.or_(found, table.skips(cells.column(column)))
        return found

    def says(self, path: str, cells: Cells) -> Iterator[pa.Array]:
        """What each table says of the field ``path``, null where it says nothing."""
        for column, table in self._tables:
            if path in table.fields:
                yield table.field(path, cells.column(column))

    def columns_of(self, path: str) -> list[str]:
        """The columns that have a say in ``path``."""
        return [column for column, table in self._tables if path in table.fields]


class _Lookup:
    def __init__(self, table: Mapping[str, Mapping[str, str] | None]) -> None:
        self._values = pa.array(list(table), pa.string())
        self._skip = pa.array([entry is None for entry in table.values()], pa.bool_())
        paths = dict.fromkeys(path for entry in table.values() for path in entry or ())
        self.fields = {
            path: pa.array([(entry or {}).get(path) for entry in table.values()], pa.string()) for path in paths
        }

    def skips(self, column: pa.Array) -> pa.Array:
        return pc.fill_null(self._skip.take(pc.index_in(column, self._values)), False)

    def field(self, path: str, column: pa.Array) -> pa.Array:
        return self.fields[path].take(pc.index_in(column, self._values))
