"""Files and standard input: refused before anything is sent, or read to the last byte that can be."""

import gzip
import os
import threading
from io import BytesIO
from pathlib import Path

import pytest

from streams.producing.rows import Item, Reject, Row
from streams.producing.sources import InputError, Sources

LINES = b'{"a":1}\n{"a":2}\n{"a":3}\n'
NO_STDIN = BytesIO()


def read(*paths: Path | str, stdin: bytes = b"") -> list[Item]:
    return list(Sources([str(p) for p in paths], BytesIO(stdin)))


def values(items: list[Item]) -> list[object]:
    return [item.record["a"] for item in items if isinstance(item, Row)]


def test_plain_and_packed_files_and_standard_input_are_read_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "plain.ndjson").write_bytes(b'{"a":1}\n')
    (tmp_path / "packed.ndjson.gz").write_bytes(gzip.compress(b'{"a":2}'))
    items = read(tmp_path / "packed.ndjson.gz", "-", tmp_path / "plain.ndjson", stdin=b'{"a":3}\n')
    assert values(items) == [2, 3, 1]
    assert [Path(item.source).name for item in items if isinstance(item, Row)] == [
        "packed.ndjson.gz",
        "stdin",
        "plain.ndjson",
    ]


def test_packed_input_is_known_by_its_first_byte_without_the_name(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(LINES))
    assert values(read(tmp_path / "packed")) == [1, 2, 3]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert read(tmp_path / "empty") == []


def test_a_packed_file_that_was_cut_gives_its_lines_and_then_a_reject_with_the_place(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b'{"a":%d}\n' % i for i in range(50_000)))
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    items = read(tmp_path / "cut.gz")
    rows = values(items)
    assert rows == list(range(len(rows)))
    assert len(rows) > 10_000
    last = items[-1]
    assert isinstance(last, Reject)
    # The line in which the file was cut is told of as well, if any of it was there.
    assert last.line == len(items)
    assert "cut.gz" in last.text
    assert f"stops after {len(whole) // 2} bytes" in last.text
    assert all(isinstance(item, Reject) for item in items[len(rows) :])


def test_a_file_that_only_calls_itself_packed_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(LINES)
    (reject,) = read(tmp_path / "a.gz")
    assert isinstance(reject, Reject)
    assert (reject.line, reject.expected) == (1, "a whole file")


def test_what_cannot_be_read_is_named_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Sources([str(tmp_path / "missing"), str(tmp_path), "-", "-"], NO_STDIN)
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/missing: No such file or directory",
        f"{tmp_path}: is a folder, expected a file",
        "-: standard input can be read only once",
    ]


def test_a_file_that_vanishes_before_its_turn_is_a_reject_and_the_others_go_on(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        (tmp_path / name).write_bytes(b'{"a":1}\n')
    items = iter(Sources([str(tmp_path / name) for name in ("first", "second", "third")], NO_STDIN))
    assert isinstance(next(items), Row)
    (tmp_path / "second").unlink()
    reject, row = list(items)
    assert isinstance(reject, Reject)
    assert "cannot be opened any more" in reject.text
    assert isinstance(row, Row)


def test_a_pipe_is_not_opened_to_try_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(LINES))
    writer.start()
    sources = Sources([str(pipe)], NO_STDIN)
    assert sources.total_bytes is None
    assert values(list(sources)) == [1, 2, 3]
    writer.join()


def test_progress_counts_the_bytes_of_the_files_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LINES)
    (tmp_path / "b.gz").write_bytes(gzip.compress(LINES))
    sources = Sources([str(tmp_path / "a"), str(tmp_path / "b.gz")], NO_STDIN)
    assert sources.total_bytes == len(LINES) + len(gzip.compress(LINES))
    items = iter(sources)
    next(items)
    assert sources.bytes_read == len(LINES) // 3
    assert len(list(items)) == 5
    assert sources.bytes_read == sources.total_bytes
