"""NDJSON: every line that is not blank becomes a row or a reject that says why."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.producing.lines import MAX_LINE, read_lines
from streams.producing.readers import ndjson
from streams.producing.rows import Item, Reject, Remainder, Row


def read(data: bytes) -> list[Item]:
    return list(ndjson("f", read_lines(BytesIO(data))))


def test_objects_are_rows_with_their_line_as_it_was() -> None:
    assert read(b'{"a":1}\r\n {"a":2} \n{"a":3}') == [
        Row("f", 1, b'{"a":1}\r\n', {"a": 1}),
        Row("f", 2, b' {"a":2} \n', {"a": 2}),
        Row("f", 3, b'{"a":3}', {"a": 3}),
    ]


def test_blank_lines_are_ignored_but_counted_as_lines() -> None:
    (row,) = read(b'\n \t\r\n\n{"a":1}\n\n')
    assert isinstance(row, Row)
    assert row.line == 4


def test_a_byte_order_mark_is_ignored_only_at_the_beginning() -> None:
    first, second = read(b'\xef\xbb\xbf{"a":1}\n\xef\xbb\xbf{"a":2}\n')
    assert isinstance(first, Row)
    assert first.raw.startswith(b"\xef\xbb\xbf")
    assert isinstance(second, Reject)


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [
        (b'{"a":1', "6 bytes, unexpected end of data at column 7", "a JSON object on each line"),
        (b"{'a':1}", "at column 2", "a JSON object on each line"),
        (b'{"a":NaN}', "at column 6", "a JSON object on each line"),
        (b'{"a":1}{"a":2}', "at column 8", "a JSON object on each line"),
        (b"[" * 3000, "3000 bytes", "a JSON object on each line"),
        (b'{"a":"\xff"}', "the byte 0xff at column 7", "UTF-8"),
        (b'{"a":"\xc3', "the byte 0xc3 at column 7", "UTF-8"),
        (b'{"a":"\\ud800"}', "at column 7", "a JSON object on each line"),
        (b"[1, 2]", "an array of 2", "a JSON object on each line"),
        (b"null", "null", "a JSON object on each line"),
        (b'"text"', "'text'", "a JSON object on each line"),
        (b"\0", "1 bytes", "a JSON object on each line"),
    ],
)
def test_a_line_that_is_no_object_is_rejected_with_the_reason(line: bytes, value: str, expected: str) -> None:
    before, reject, after = read(b'{"a":1}\n' + line + b'\n{"a":2}')
    assert isinstance(reject, Reject)
    assert (reject.line, reject.field, reject.expected, reject.raw) == (2, "", expected, line + b"\n")
    assert value in reject.value
    assert reject.text == f"f:2: found {reject.value}, expected {expected}"
    assert isinstance(before, Row)
    assert isinstance(after, Row)


def test_a_line_beyond_the_limit_is_one_reject_and_all_of_its_bytes_are_kept() -> None:
    line = b'{"a":"' + b"x" * (2 * MAX_LINE) + b'"}\n'
    reject, *remainders, row = read(line + b'{"a":1}\n')
    assert isinstance(reject, Reject)
    assert reject.expected == f"at most {MAX_LINE} bytes"
    assert all(isinstance(remainder, Remainder) for remainder in remainders)
    assert reject.raw + b"".join(remainder.raw for remainder in remainders) == line
    assert isinstance(row, Row)
    assert row.line == 2


PIECES = st.sampled_from([b"\n", b" ", b"\r", b"{}", b'{"a":1}', b"\xef\xbb\xbf", b"\xff", b"\0", b'"', b"x"])


@given(st.lists(PIECES, max_size=20).map(b"".join))
def test_every_line_that_is_not_blank_is_told_of_once_and_as_it_was(data: bytes) -> None:
    lines = [(number, line) for number, line in enumerate(BytesIO(data), 1)]
    first = b"\xef\xbb\xbf"
    expected = [(n, line) for n, line in lines if (line.removeprefix(first) if n == 1 else line).strip()]
    assert [(item.line, item.raw) for item in read(data) if not isinstance(item, Remainder)] == expected
