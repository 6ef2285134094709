"""The rejects file: lines byte for byte."""

from pathlib import Path

import pytest

from schemas.conformance import Problem
from streams.producing.rejects import RejectsFile
from streams.producing.rows import Failure, Reject, Remainder, Undelivered
from streams.producing.sources import InputError

PROBLEM = Problem("", "1", "an object")


def kept(path: Path, *failures: Failure) -> bytes:
    with RejectsFile(str(path), []) as rejects:
        for failure in failures:
            rejects.add(failure)
    return path.read_bytes()


def test_lines_are_kept_verbatim_with_their_ends_and_nothing_else(tmp_path: Path) -> None:
    failures = (Reject("f", 1, [PROBLEM], b"\xff\r\n"), Undelivered("f", 2, "away", b'{"a":1}\n'))
    assert kept(tmp_path / "r", *failures) == b'\xff\r\n{"a":1}\n'


def test_a_long_line_is_put_together_again(tmp_path: Path) -> None:
    failures = (
        Reject("f", 1, [PROBLEM], b"aaa"),
        Remainder(b"bbb"),
        Remainder(b"c\n"),
        Reject("f", 2, [PROBLEM], b"d"),
    )
    assert kept(tmp_path / "r", *failures) == b"aaabbbc\nd"


def test_a_last_line_without_an_end_does_not_run_into_the_next_file(tmp_path: Path) -> None:
    failures = (Reject("f", 9, [PROBLEM], b"last"), Reject("g", 1, [PROBLEM], b"first\n"))
    assert kept(tmp_path / "r", *failures) == b"last\nfirst\n"


def test_an_unreadable_file_leaves_nothing_behind(tmp_path: Path) -> None:
    assert kept(tmp_path / "r", Reject("f", 9, [PROBLEM], b"")) == b""


def test_rejects_never_overwrite_the_file_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"touchpoints")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(InputError, match="is read in the same run"):
        RejectsFile(str(tmp_path / "link"), ["-", str(tmp_path / "in")])
    assert (tmp_path / "in").read_bytes() == b"touchpoints"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        RejectsFile(str(tmp_path / "missing" / "r"), [])
