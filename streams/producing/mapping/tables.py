"""Some thousand rows of a file, as columns of text, whatever the file's format.

Readers make tables; `streams.producing.mapping.fields` makes touchpoints of them. A cell is text, trimmed; an empty one
and those that the mapping calls nothing are null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from schemas.conformance import Problem
from streams.producing.mapping.declared import Source


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` are text of equal length; ``lines`` says where each row begins, ``raw`` gives its bytes.

    ``wrong`` are problems that the reader found in rows which are there all the same, by row.
    """

    source: str
    columns: Mapping[str, pa.Array]
    lines: Sequence[int]
    raw: Callable[[int], bytes]
    wrong: Mapping[int, Sequence[Problem]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def head(self, rows: int) -> Table:
        """The first ``rows`` rows, or fewer."""
        columns = {name: column.slice(0, rows) for name, column in self.columns.items()}
        wrong = {row: problems for row, problems in self.wrong.items() if row < rows}
        return Table(self.source, columns, self.lines[:rows], self.raw, wrong)


class Cells:
    """The columns of a table as fields ask for them."""

    def __init__(self, table: Table, nothing: Sequence[str]) -> None:
        self._table = table
        self._nothing = pa.array(["", *nothing], pa.string())
        self._known: dict[str, pa.Array] = {}

    def column(self, name: str) -> pa.Array:
        """The cells of a column; all null where the file has no such column."""
        if name not in self._known:
            self._known[name] = self._trimmed(self._table.columns.get(name))
        return self._known[name]

    def find(self, source: Source, clean: Callable[[pa.Array], pa.Array] | None = None) -> pa.Array:
        """What ``source`` gives in each row, null for nothing; ``clean`` nulls cells before they are put together."""
        if source.constant is not None:
            return pa.repeat(source.constant, len(self._table))
        columns = [self.column(name) for name in source.columns]
        if clean is not None:
            columns = [clean(column) for column in columns]
        if source.joiner is not None:
            found = pc.binary_join_element_wise(*columns, source.joiner)
        else:
            found = columns[0] if len(columns) == 1 else pc.coalesce(*columns)
        if source.prefix:
            found = pc.binary_join_element_wise(source.prefix, found, "")
        return found if source.otherwise is None else pc.fill_null(found, source.otherwise)

    def _trimmed(self, column: pa.Array | None) -> pa.Array:
        if column is None:
            return pa.nulls(len(self._table), pa.string())
        trimmed = pc.utf8_trim_whitespace(column)
        return pc.if_else(pc.is_in(trimmed, self._nothing), pa.scalar(None, pa.string()), trimmed)


def text_of(column: pa.Array, name: str, wrong: dict[int, list[Problem]]) -> pa.Array:
    """``column`` of bytes as text; what is no text is null and becomes a problem in ``wrong``, by row."""
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.array(
            [_decoded(value, row, name, wrong) for row, value in enumerate(column.to_pylist())], pa.string()
        )
    zeros = pc.match_substring(text, "\0")
    if not pc.any(zeros).as_py():
        return text
    for row in pc.indices_nonzero(zeros.fill_null(False)).to_pylist():
        wrong.setdefault(row, []).append(Problem(name, "a NUL character", "text without NUL characters"))
    return pc.if_else(zeros, pa.scalar(None, pa.string()), text)


def _decoded(value: bytes | None, row: int, name: str, wrong: dict[int, list[Problem]]) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError as error:
        found = f"the byte {value[error.start]:#04x}" if value is not None else ""
        wrong.setdefault(row, []).append(Problem(name, found, "UTF-8"))
        return None
