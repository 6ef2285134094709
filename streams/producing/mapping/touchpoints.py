"""From tables to messages: the rows that are touchpoints encoded and keyed, the others told.

Whatever is in a table is accounted for: each row is a message, a reject or skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.conformance import Problem
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.encoding import encode_table
from streams.producing.mapping.fields import Fields
from streams.producing.mapping.findings import Findings
from streams.producing.mapping.names import keys
from streams.producing.mapping.tables import Cells, Table
from streams.producing.rows import MAX_RECORD, Heading, Message, Reject, Remainder, Skipped

#: What becomes of a table's rows.
Parcel: TypeAlias = list[Message] | Skipped | Reject | Remainder


class Touchpoints:
    """What a mapping makes of tables."""

    def __init__(self, declared: Declared, backfill: bool = False) -> None:
        self._declared = declared
        self._fields = Fields(declared, backfill)

    def map(self, tables: Iterable[Any]) -> Iterator[Parcel | Heading]:
        """Of each `Table` its rejects in the order of lines, then its messages; everything else as it comes."""
        for item in tables:
            if isinstance(item, Table):
                yield from self._table(item)
            else:
                yield item

    def _table(self, table: Table) -> Iterator[Parcel]:
        rows = len(table)
        if not rows:
            return
        cells, findings = Cells(table, self._declared.shape.nothing), Findings()
        findings.add(table.wrong)
        columns: Mapping[str, Any] = self._fields.of(cells, findings, rows)
        skipped = self._fields.lookups.skips(cells, rows).to_numpy(zero_copy_only=False)
        values = encode_table("touchpoint", columns, rows)
        self._check_size(values, findings)
        channels = columns["channel"].to_pylist()
        wrong = sorted(row for row in findings.by_row if not skipped[row])
        for row in wrong:
            channel = channels[row] or ""
            yield Reject(table.source, table.lines[row], findings.by_row[row], table.raw(row), channel)
        if skipped.any():
            yield Skipped(Counter(channels[row] or "" for row in np.flatnonzero(skipped).tolist()))
        yield _messages(table, columns, values, np.flatnonzero(~_union(skipped, wrong)).tolist())

    def _check_size(self, values: pa.Array, findings: Findings) -> None:
        sizes = pc.binary_length(values)
        for row in pc.indices_nonzero(pc.fill_null(pc.greater(sizes, MAX_RECORD), False)).to_pylist():
            problem = Problem("", f"{sizes[row].as_py()} bytes encoded", f"at most {MAX_RECORD} bytes")
            findings.add({row: [problem]})


def _messages(table: Table, columns: Mapping[str, Any], values: pa.Array, rows: list[int]) -> list[Message]:
    names = keys(columns["identifiers"].columns).view(pa.binary()).to_pylist()
    channels = columns["channel"].to_pylist()
    bodies = values.to_pylist()
    source, lines, raw = table.source, table.lines, table.raw
    return [Message(channels[row], names[row], bodies[row], source, lines[row], raw(row)) for row in rows]


def _union(skipped: NDArray[np.bool_], wrong: list[int]) -> NDArray[np.bool_]:
    found = skipped.copy()
    found[wrong] = True
    return found
