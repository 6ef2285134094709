"""CSV: whatever a row holds, it is a row or a reject, with its line and its bytes."""

from __future__ import annotations

import csv
from io import BufferedReader, BytesIO, StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.producing.errors import InputError
from streams.producing.lines import MAX_LINE
from streams.producing.mapping import csv_tables as module
from streams.producing.mapping.csv_tables import csv_tables
from streams.producing.mapping.tables import Table
from streams.producing.rows import Heading, Reject, Remainder
from tests.unit.producing.mapping.trying import declare

REST = 'channel = { constant = "web" }\naction = { constant = "x" }\n[identifiers]\nuser_id = "a"\n'
TWO = f'[touchpoint]\nevent_id = "a"\noccurred_at = "b"\n{REST}'
CELL, LAST_CELL = st.text("ab,;'\" ü|\t", max_size=6), st.text('ab\n"', max_size=6)
CELLS = st.lists(st.tuples(CELL, LAST_CELL), min_size=1, max_size=30)


def read(data: bytes, toml: str = TWO, name: str = "f.csv") -> tuple[list[tuple[int, tuple[Any, ...]]], list[Any]]:
    """Rows with their lines, and what else came."""
    rows, others = list[tuple[int, tuple[Any, ...]]](), list[Any]()
    for item in csv_tables(name, BufferedReader(BytesIO(data)), declare(toml)):
        if not isinstance(item, Table):
            others.append(item)
            continue
        columns = [item.columns[column].to_pylist() for column in ("a", "b") if column in item.columns]
        rows += zip(item.lines, zip(*columns, strict=True), strict=True)
        # The last line of a file gets the end that it lacks.
        assert all(item.raw(row).removesuffix(b"\n") in data for row in range(min(len(item), 50)))
    return rows, others


def written(rows: list[tuple[str, ...]], end: str = "\n") -> bytes:
    out = StringIO()
    csv.writer(out, lineterminator=end).writerows([("a", "b"), *rows])
    return out.getvalue().encode()


@given(CELLS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([5, 64, 1_048_576]), st.booleans())
def test_rows_are_what_was_written_however_the_file_is_cut_into_pieces(
    cells: list[tuple[str, str]], end: str, piece: int, has_last_line_end: bool
) -> None:
    data = written(cells, end)
    whole = data if has_last_line_end else data.removesuffix(end.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", piece)
        rows, others = read(whole)
    assert [cells for _, cells in rows] == cells
    assert [type(other) for other in others] == [Heading]
    lines = [written(cells[:number], end).count(b"\n") + 1 for number in range(len(cells))]
    assert [line for line, _ in rows] == lines


def test_rows_of_another_width_are_told_with_their_line_and_bytes_and_the_rest_goes_on() -> None:
    rows, others = read(b'a,b\n1,2\n3\n\n4,"5\n6"\n7,8,9\n\r\n10,11\n')
    assert rows == [(2, ("1", "2")), (5, ("4", "5\n6")), (9, ("10", "11"))]
    assert [(o.line, o.raw, o.problems[0].value) for o in others[1:]] == [
        (3, b"3\n", "1 columns"),
        (7, b"7,8,9\n", "3 columns"),
    ]
    assert others[2].text == "f.csv:7: found 3 columns, expected 2, as the header has"


def test_a_row_of_another_width_that_is_no_utf_8_is_told_like_others_and_leaves_no_trace() -> None:
    """A trace, though nobody would raise it, would fail this test as a warning."""
    rows, others = read(b"a,b\n1,2\n3,\xff,\xfe\n4,5\n")
    assert rows == [(2, ("1", "2")), (4, ("4", "5"))]
    assert [(o.line, o.raw, o.problems[0].value) for o in others[1:]] == [(3, b"3,\xff,\xfe\n", "3 columns")]


def test_a_byte_that_is_no_utf_8_and_a_nul_are_told_where_they_are() -> None:
    (table,) = (
        t for t in csv_tables("f.csv", BytesIO(b"a,b\n1,x\xff\n2,y\n3,z\0\n"), declare(TWO)) if isinstance(t, Table)
    )
    assert table.columns["b"].to_pylist() == [None, "y", None]
    assert {row: [(p.field, p.value) for p in problems] for row, problems in table.wrong.items()} == {
        0: [("b", "the byte 0xff")],
        2: [("b", "a NUL character")],
    }


def test_a_quote_that_is_never_closed_costs_its_line_alone() -> None:
    good = b"".join(b"%d,x\n" % number for number in range(200_000))
    rows, others = read(b'a,b\n1,"open\n' + good)
    assert len(rows) == 200_000
    assert [(type(o), o.line, o.raw) for o in others[1:]] == [(Reject, 2, b'1,"open\n')]
    assert rows[0] == (3, ("0", "x"))
    assert rows[-1] == (200_002, ("199999", "x"))


def test_a_line_longer_than_a_line_may_be_is_rejected_in_pieces() -> None:
    long = b"1," + b"x" * (3 * MAX_LINE) + b"\n"
    rows, others = read(b"a,b\n" + long + b"2,y\n")
    assert rows == [(3, ("2", "y"))]
    assert isinstance(others[1], Reject)
    assert all(isinstance(other, Remainder) for other in others[2:])
    assert b"".join(other.raw for other in others[1:]) == long


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_the_columns(delimiter: str) -> None:
    data = f'"x,y;z"{delimiter}a{delimiter}b\n0{delimiter}1{delimiter}2\n'.encode()
    assert read(data)[0] == [(2, ("1", "2"))]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert read(b"\xef\xbb\xbfa,b\n1,2\n")[0] == [(2, ("1", "2"))]


def test_a_header_in_the_mapping_makes_the_first_line_a_row() -> None:
    rows, others = read(b'1\t2\n3\t"4\n', f'delimiter = "\\t"\nquote = ""\nheader = ["a", "b"]\n{TWO}')
    assert (rows, others) == ([(1, ("1", "2")), (2, ("3", '"4'))], [])


@pytest.mark.parametrize("data", [b"", b"a,b\n", b"a,b", b"\n\n"])
def test_files_without_rows_have_none(data: bytes) -> None:
    assert read(data, TWO if data.strip() else f'header = ["a", "b"]\n{TWO}')[0] == []


def test_missing_columns_are_named_with_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        read(b"aa,time,c\n1,2,3\n")
    assert str(caught.value).splitlines() == [
        "f.csv: no column 'a', perhaps 'aa'",
        "f.csv: no column 'b'; it has aa, time, c",
    ]


def test_columns_that_may_lack_are_empty() -> None:
    rows, _ = read(b"a\n1\n", f'optional = ["b*"]\n{TWO}')
    assert rows == [(2, ("1",))]


def test_utf_16_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="is UTF-16, expected UTF-8"):
        read("a,b\n1,2\n".encode("utf-16"))


def test_a_carriage_return_in_the_midst_of_a_row_is_told() -> None:
    rows, others = read(b"a,b\n1,2\rx\n3,4\n")
    assert rows == [(3, ("3", "4"))]
    assert [(other.line, other.raw) for other in others[1:]] == [(2, b"1,2\rx\n")]


def test_a_needed_column_that_stands_twice_is_refused_and_another_is_not() -> None:
    with pytest.raises(InputError, match=r"f\.csv: column 'b' stands twice, expected once"):
        read(b"a,b,b\n1,2,3\n")
    assert read(b"a,b,c,c\n1,2,3,4\n")[0] == [(2, ("1", "2"))]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf"])
def test_a_file_without_anything_has_no_header(data: bytes) -> None:
    with pytest.raises(InputError, match=r"f\.csv: no header: the file is empty"):
        read(data)
