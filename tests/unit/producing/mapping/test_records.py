"""Where records end: with numpy and field by field it is the same, and as Python's csv module sees it."""

import csv
from io import StringIO

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.producing.mapping.records import _ends, _record, find_records

CELLS = st.lists(st.lists(st.text('ab,;"\n ü', max_size=6), min_size=2, max_size=4), min_size=1, max_size=8)


def written(rows: list[list[str]]) -> bytes:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


@given(CELLS)
def test_records_are_what_was_written(rows: list[list[str]]) -> None:
    data = written(rows)
    found = find_records(data, ",", '"')
    assert [data[start:end] for start, end in zip(found.starts, found.ends, strict=True)] == [
        written([row]) for row in rows
    ]
    lines = [written(rows[:number]).count(b"\n") for number in range(len(rows))]
    assert found.lines.tolist() == lines


@given(CELLS)
def test_field_by_field_it_is_the_same(rows: list[list[str]]) -> None:
    data = written(rows)
    ends = list(_ends(data, _record(",", '"')))
    assert ends == find_records(data, ",", '"').ends.tolist()


@given(CELLS, st.integers(0, 200))
def test_of_a_cut_file_only_whole_records_are_found(rows: list[list[str]], cut: int) -> None:
    data = written(rows)
    whole = find_records(data, ",", '"').ends
    found = find_records(data[:cut], ",", '"').ends
    assert np.array_equal(found, whole[whole <= cut])


@given(CELLS, st.integers(0, 200))
def test_that_holds_field_by_field_too(rows: list[list[str]], cut: int) -> None:
    # A quote in the midst of the first field keeps numpy out.
    data = b'5" pipe,x\n' + written(rows)
    whole = find_records(data, ",", '"').ends
    assert whole[1:].tolist() == [end + 10 for end in find_records(written(rows), ",", '"').ends]
    found = find_records(data[:cut], ",", '"').ends
    assert np.array_equal(found, whole[whole <= cut])


def test_a_quote_inside_an_unquoted_field_is_a_letter() -> None:
    data = b'1,5" pipe\n2,"a\nb"\n3,x"y"z\n'
    found = find_records(data, ",", '"')
    assert [data[s:e] for s, e in zip(found.starts, found.ends, strict=True)] == [
        b'1,5" pipe\n',
        b'2,"a\nb"\n',
        b'3,x"y"z\n',
    ]


def test_without_quotes_every_line_is_a_record() -> None:
    assert find_records(b'a\t"b\nc\td\n', "\t", "").ends.tolist() == [5, 9]
