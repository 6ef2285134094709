"""Lines in bounded memory: nothing is lost, nothing is longer than the limit."""

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from streams.producing.lines import Line, read_lines

LIMIT = 4


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\0"]), max_size=60).map(b"".join))
def test_all_pieces_together_are_the_stream(data: bytes) -> None:
    pieces = list(read_lines(BytesIO(data), LIMIT))
    assert b"".join(piece.raw for piece in pieces) == data
    assert all(len(piece.raw) <= LIMIT + 1 for piece in pieces)
    lines = [piece for piece in pieces if isinstance(piece, Line)]
    expected = data.removesuffix(b"\n").split(b"\n") if data else []
    assert [line.number for line in lines] == list(range(1, len(expected) + 1))
    assert [line.whole for line in lines] == [len(text) <= LIMIT for text in expected]


def test_a_line_of_exactly_the_limit_is_whole_with_and_without_its_end() -> None:
    assert [line.whole for line in read_lines(BytesIO(b"aaaa\naaaa"), LIMIT) if isinstance(line, Line)] == [True, True]


def test_a_line_after_a_long_one_is_read_as_usual() -> None:
    pieces = list(read_lines(BytesIO(b"a" * 13 + b"\nbb\n"), LIMIT))
    assert pieces[0] == Line(1, b"aaaaa", False)
    assert pieces[-1] == Line(2, b"bb\n", True)
