"""Where the records of a CSV file end: at line ends that are not inside quotes.

Found with numpy where quotes stand as RFC 4180 wants them, else field by field as pyarrow reads them: a quote opens
only at the beginning of a field, and what follows the closing one belongs to the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LINE_END = 10
Positions = NDArray[np.int64]


class Records(NamedTuple):
    """Whole records in some bytes: where each begins and ends (its line end included), and its line, from 0."""

    starts: Positions
    ends: Positions
    lines: Positions


def find_records(data: bytes, delimiter: str, quote: str) -> Records:
    """The records of ``data``, which begins with one; a last one without line end is not among them."""
    array = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(array == LINE_END)
    if not quote or quote.encode() not in data:
        ends = newlines + 1
    else:
        quotes = np.flatnonzero(array == ord(quote))
        if _are_regular(array, quotes, delimiter, quote):
            ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0] + 1
        else:
            ends = np.fromiter(_ends(data, _record(delimiter, quote)), np.int64)
    starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    return Records(starts, ends, np.searchsorted(newlines, starts))


def _are_regular(array: NDArray[np.uint8], quotes: Positions, delimiter: str, quote: str) -> bool:
    """Whether every other quote opens behind a delimiter or line end, and the others close before one (or are two)."""
    neighbours = np.array([ord(delimiter), LINE_END, 13, ord(quote)], np.uint8)
    before = quotes[0::2] - 1
    behind = quotes[1::2] + 1
    behind = behind[behind < len(array)]
    return bool(np.isin(array[before[before >= 0]], neighbours).all() and np.isin(array[behind], neighbours).all())


def _ends(data: bytes, record: re.Pattern[bytes]) -> Iterator[int]:
    """Where each record ends; one that isn't whole, its quote still open, is the last."""
    at = 0
    while found := record.match(data, at):
        at = found.end()
        yield at


@cache
def _record(delimiter: str, quote: str) -> re.Pattern[bytes]:
    d, q = re.escape(delimiter.encode()), re.escape(quote.encode())
    field = rb"(?:%b[^%b]*+(?:%b%b[^%b]*+)*+%b[^%b\n]*+|(?!%b)[^%b\n]*+)" % (q, q, q, q, q, q, d, q, d)
    return re.compile(rb"%b(?:%b%b)*+\n" % (field, d, field))
