"""From the lines of NDJSON to rows.

Decides what a record is and what is wrong with a line that is none. No line is lost: whatever is not blank becomes a
row or a reject. Whether a row is a touchpoint is decided later. Other formats need a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from schemas.conformance import Problem, shown
from streams.producing.lines import MAX_LINE, Line
from streams.producing.rows import Item, Reject, Remainder, Row

BOM = b"\xef\xbb\xbf"
OBJECT = "a JSON object on each line"


def ndjson(source: str, lines: Iterable[Line | Remainder]) -> Iterator[Item]:
    """One JSON object a line, UTF-8; blank lines are ignored, and so is a byte order mark at the beginning."""
    for line in lines:
        if isinstance(line, Remainder):
            yield line
        elif not line.whole:
            problem = Problem("", f"a line of more than {MAX_LINE} bytes", f"at most {MAX_LINE} bytes")
            yield Reject(source, line.number, [problem], line.raw)
        elif text := (line.raw.removeprefix(BOM) if line.number == 1 else line.raw).strip():
            yield _record(source, line, text)


def _record(source: str, line: Line, text: bytes) -> Row | Reject:
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Reject(source, line.number, [_not_json(text, error)], line.raw)
    if not isinstance(record, dict):
        return Reject(source, line.number, [Problem("", shown(record), OBJECT)], line.raw)
    return Row(source, line.number, line.raw, record)


def _not_json(text: bytes, error: orjson.JSONDecodeError) -> Problem:
    try:
        text.decode()
    except UnicodeDecodeError as undecodable:
        at = undecodable.start
        return Problem("", f"the byte {text[at]:#04x} at column {at + 1}", "UTF-8")
    return Problem("", f"{len(text)} bytes, {error.msg} at column {error.colno}", OBJECT)
