"""`produce --mapping` without a broker: packed files, patterns, several files, rejects that can be produced again."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.producing.counts import ChannelCounts
from streams.producing.errors import InputError
from streams.producing.mapping.declared import Declared
from streams.producing.produce import Result, produce_files
from streams.producing.rows import Failure, Reject
from tests.unit.producing.mapping.trying import LEAST, declare

HEAD = "id,time,channel,action,user\n"
NO_BROKER = "127.0.0.1:1"


def row(number: int, channel: str = "email") -> str:
    return f"e{number},2026-03-01T12:00:00Z,{channel},opened,u{number % 7}\n"


def run(*paths: Path | str, mapping: Declared | None = None, **options: Any) -> tuple[Result, list[Failure]]:
    told: list[Failure] = []
    declared = declare(LEAST) if mapping is None else mapping
    names = [str(path) for path in paths]
    return produce_files(names, NO_BROKER, mapping=declared, dry_run=True, on_failure=told.append, **options), told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of two rows: plain, gzip and zstd."""
    (tmp_path / "a.csv").write_text(HEAD + row(1) + row(2))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress((HEAD + row(3) + row(4)).encode()))
    packed = tmp_path / "c.csv.zst"
    with pa.OSFile(str(packed), "wb") as file, pa.CompressedOutputStream(file, "zstd") as stream:
        stream.write((HEAD + row(5) + row(6)).encode())
    return tmp_path


def test_a_pattern_stands_for_its_files_packed_or_not(folder: Path) -> None:
    result, told = run(f"{folder}/*.csv*")
    assert result.complete
    assert result.counts.by_channel == {"email": ChannelCounts(read=6, sent=6)}
    assert told == []


def test_a_pattern_that_matches_nothing_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no file matches"):
        run(f"{folder}/*.parquet")


def test_standard_input(folder: Path) -> None:
    assert run("-", stdin=BytesIO((HEAD + row(1)).encode()))[0].counts.total.sent == 1


def test_a_cut_zstd_file_gives_its_rows_and_then_a_reject(folder: Path) -> None:
    whole = folder / "big.csv.zst"
    with pa.OSFile(str(whole), "wb") as file, pa.CompressedOutputStream(file, "zstd") as stream:
        stream.write((HEAD + "".join(row(n) for n in range(200_000))).encode())
    whole.write_bytes(whole.read_bytes()[:-1000])
    result, told = run(whole)
    assert result.counts.total.sent > 1_000
    assert isinstance(told[-1], Reject)
    assert "the zstd stream is damaged or cut" in told[-1].text


def test_wrong_rows_are_kept_under_their_header_and_can_be_produced_again(folder: Path) -> None:
    (folder / "d.csv").write_text(HEAD + row(1) + row(2, "fax") + "short\n" + row(3))
    result, told = run(folder / "d.csv", folder / "a.csv", rejects=str(folder / "rejects.csv"))
    assert result.counts.by_channel == {
        "": ChannelCounts(read=2, rejected=2),
        "email": ChannelCounts(read=4, sent=4),
    }
    kept = (folder / "rejects.csv").read_text()
    # Rows of another width are known first.
    assert kept == HEAD + "short\n" + row(2, "fax")
    assert [failure.line for failure in told if isinstance(failure, Reject)] == [4, 3]
    (folder / "rejects.csv").write_text(kept.replace("fax", "email"))
    again, _ = run(folder / "rejects.csv")
    assert again.counts.total == ChannelCounts(read=2, sent=1, rejected=1)


def test_missing_columns_of_any_file_are_told_before_anything_is_sent(folder: Path) -> None:
    (folder / "d.csv").write_text("id,zeit,channel,action,user\n1,2,3,4,5\n")
    (folder / "e.csv").write_text("id\n")
    with pytest.raises(InputError) as caught:
        run(folder / "a.csv", folder / "d.csv", folder / "e.csv")
    told = str(caught.value).splitlines()
    assert len(told) == 5
    assert "d.csv: no column 'time'" in told[0]


def test_skipped_rows_are_counted_apart_and_the_run_is_complete(folder: Path) -> None:
    mapping = declare(LEAST + '[by.id]\ne1 = "skip"\n')
    result, told = run(folder / "a.csv", mapping=mapping)
    assert result.counts.by_channel == {"email": ChannelCounts(read=2, sent=1, skipped=1)}
    assert result.complete
    assert told == []


def test_a_pace_holds_for_rows_too(folder: Path) -> None:
    result, _ = run(folder / "a.csv", rate=100_000.0)
    assert result.counts.total.sent == 2


def test_parquet_without_a_mapping_is_refused_by_name(folder: Path) -> None:
    (folder / "f.parquet").write_bytes(b"PAR1....")
    with pytest.raises(InputError, match="is Parquet, which needs a mapping"):
        produce_files([str(folder / "f.parquet")], NO_BROKER, dry_run=True)


def test_ndjson_of_touchpoints_may_be_zstd_and_backfill(folder: Path) -> None:
    line = b'{"event_id":"e","channel":"web","occurred_at":1,"action":"a","identifiers":[],"backfill":false}\n'
    with pa.OSFile(str(folder / "t.zst"), "wb") as file, pa.CompressedOutputStream(file, "zstd") as stream:
        stream.write(line * 3)
    assert produce_files([str(folder / "t.zst")], NO_BROKER, dry_run=True, backfill=True).counts.total.sent == 3


def test_a_rate_that_is_no_number_is_told_in_one_line(folder: Path) -> None:
    (folder / "m.toml").write_text(LEAST)
    command = ["produce", "--dry-run", "--rate", "nan", "--mapping", str(folder / "m.toml"), str(folder / "a.csv")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "rate: found nan, expected more than 0 events per second" in result.stderr
