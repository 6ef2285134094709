"""What is wrong with the rows of a table, collected while its columns are worked out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.conformance import Problem
from streams.domain.identifiers import mask
from streams.producing.mapping.addresses import shown_without_emails
from streams.producing.mapping.values import Unfit


class Findings:
    """Problems by row, numbered within the table."""

    def __init__(self) -> None:
        self.by_row: dict[int, list[Problem]] = {}

    def add(self, problems: Mapping[int, Sequence[Problem]]) -> None:
        """What somebody else found."""
        for row, found in problems.items():
            self.by_row.setdefault(row, []).extend(found)

    def tell(self, rows: Iterable[int], field: str, values: pa.Array | None, expected: str, hidden: bool) -> None:
        """Each of ``rows`` has the same problem with ``field``; of ``hidden`` values no more is shown than may be."""
        for row in rows:
            value = values[row].as_py() if values is not None else None
            self.by_row.setdefault(int(row), []).append(Problem(field, _seen(value, hidden), expected))

    def where(
        self, mask_of: pa.Array, field: str, values: pa.Array | None, expected: str, hidden: bool = False
    ) -> None:
        """As `tell` for the rows in which ``mask_of`` is true."""
        if mask_of.true_count:
            rows = np.flatnonzero(mask_of.fill_null(False).to_numpy(zero_copy_only=False))
            self.tell(rows.tolist(), field, values, expected, hidden)

    def convert(
        self, column: pa.Array, read: Callable[[str], Any], to: pa.DataType, field: str, hidden: bool = False
    ) -> pa.Array:
        """``column`` read value by value, each distinct one once; null, and told, where ``read`` raises Unfit."""
        encoded = column.dictionary_encode()
        results: list[Any] = []
        wrong: dict[int, str] = {}
        for index, text in enumerate(encoded.dictionary.to_pylist()):
            try:
                results.append(read(text))
            except Unfit as error:
                results.append(None)
                wrong[index] = str(error)
        if wrong:
            indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            for index, expected in wrong.items():
                self.tell(np.flatnonzero(indices == index).tolist(), field, column, expected, hidden)
        return pa.array(results, to).take(encoded.indices)


def _seen(value: str | None, hidden: bool) -> str:
    if value is None:
        return "nothing"
    return mask(value) if hidden else shown_without_emails(value)
