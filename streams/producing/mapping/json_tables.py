"""NDJSON to tables: one JSON object a line, whose fields are the columns, nested ones by their path.

A field that an object lacks is null: objects need not be alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import pyarrow as pa

from schemas.conformance import Problem
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.paths import getter
from streams.producing.mapping.tables import Table, text_of
from streams.producing.rows import Item, Reject, Remainder, Row

ROWS = 4_096
BYTES = 4_194_304


def json_tables(items: Iterable[Item], declared: Declared) -> Iterator[Table | Reject | Remainder]:
    """The rows of ``items`` as tables, in front of them what was no row."""
    getters = {name: getter(name) for name in declared.columns}
    rows: list[Row] = []
    size = 0
    for item in chain(items, [None]):
        if isinstance(item, Row):
            rows.append(item)
            size += len(item.raw)
        elif item is not None:
            yield item
        if rows and (item is None or len(rows) == ROWS or size > BYTES):
            wrong: dict[int, list[Problem]] = {}
            columns = {
                name: text_of(_column([get(row.record) for row in rows]), name, wrong) for name, get in getters.items()
            }
            yield Table(rows[0].source, columns, [row.line for row in rows], _raw(rows), wrong)
            rows, size = [], 0


def _column(texts: list[str | None]) -> pa.Array:
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        # Half of a surrogate pair, which JSON can write and UTF-8 can't: told as bytes that are no UTF-8.
        return pa.array([text and text.encode("utf-8", "surrogatepass") for text in texts], pa.binary())


def _raw(rows: list[Row]) -> Callable[[int], bytes]:
    return lambda row: rows[row].raw
