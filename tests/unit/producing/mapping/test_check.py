"""`omnijourney mapping check`: the beginning of a file as touchpoints, problems counted, remarks."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.producing.mapping.check import check
from streams.producing.mapping.telling import lines
from tests.unit.producing.mapping.trying import LEAST, declare

NOON = 1_772_366_400_000
HEAD = "id,time,channel,action,user\n"


def row(number: int, time: str = "2026-03-01T12:00:00Z", channel: str = "email", action: str = "opened") -> str:
    return f"e{number},{time},{channel},{action},u{number % 7}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Twelve thousand rows, of which every tenth has a wrong channel and every hundredth a wrong time too."""
    wrong = ["fax" if n % 10 == 0 else "email" for n in range(12_000)]
    times = ["noon" if n % 100 == 0 else "2026-03-01T12:00:00Z" for n in range(12_000)]
    path = tmp_path / "f.csv"
    path.write_text(HEAD + "".join(row(n, times[n], wrong[n]) for n in range(12_000)))
    return path


def test_the_first_ten_thousand_rows_are_counted(file: Path) -> None:
    checked = check(declare(LEAST), [str(file)], BytesIO())
    assert (checked.rows, checked.touchpoints, checked.rejected, checked.skipped) == (10_000, 9_000, 1_000, 0)
    assert [(tally.first.field, tally.rows, tally.line) for tally in checked.problems] == [
        ("channel (channel)", 1_000, 2),
        ("occurred_at (time)", 100, 2),
    ]
    assert [line for line, _ in checked.shown] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 13]
    assert checked.times == (NOON, NOON)


def test_it_says_how_event_ids_come_about_and_what_one_should_know(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = [
        row(1),
        row(1),
        row(1, action="clicked"),
        row(2, "2030-01-01T00:00:00Z"),
        row(3, channel="web", action="page_viewed"),
    ]
    path.write_text(HEAD.replace("\n", ",empty\n") + "".join(line.replace("\n", ",\n") for line in rows))
    declared = declare(LEAST.replace("[identifiers]", 'message_id = "empty"\n[identifiers]'))
    checked = check(declared, [str(path)], BytesIO())
    told = "\n".join(lines(checked, declared, now=NOON + 4 * 86_400_000))
    assert "event_id: id\nread 5 = touchpoints 5 + rejected 0" in told
    assert "remark: some are in the future" in told
    assert "remark: some are more than 3 days old: produce them with --backfill" in told
    assert "remark: 2 rows repeat the event_id of an earlier one" in told
    assert "remark: 1 of them say something else" in told
    assert "remark: 1 rows will count as a machine's" in told
    assert "remark: nothing in empty, in any of these rows" in told


@pytest.mark.parametrize(
    ("zone", "times", "told"),
    [
        ("UTC", ["2026-03-01", "2026-03-02"], True),
        ("Europe/Berlin", ["2026-03-01", "2026-07-02"], True),
        ("Europe/Berlin", ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"], False),
        ("UTC", ["2026-03-01", "2026-03-02T08:00:00"], False),
    ],
)
def test_times_that_are_only_days_are_told_where_there_are_messages(
    tmp_path: Path, zone: str, times: list[str], told: bool
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(HEAD + "".join(row(number, time) for number, time in enumerate(times)))
    zoned = LEAST.replace('"time"', f'{{ column = "time", time_zone = "{zone}" }}')
    for toml, expected in (
        (zoned.replace("[identifiers]", 'message_id = "user"\n[identifiers]'), told),
        (zoned, False),
    ):
        declared = declare(toml)
        found = list(lines(check(declared, [str(path)], BytesIO()), declared, now=NOON))
        assert any("is a midnight" in line for line in found) == expected


def test_an_empty_file_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(LEAST)
    (tmp_path / "f.csv").touch()
    result = CliRunner().invoke(main, ["mapping", "check", str(tmp_path / "m.toml"), str(tmp_path / "f.csv")])
    assert result.exit_code == 2
    assert "no header: the file is empty" in result.stderr


def test_the_command_shows_it_and_its_exit_code_says_whether_there_is_a_problem(file: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(LEAST)
    result = CliRunner().invoke(main, ["mapping", "check", str(mapping), str(file)])
    assert result.exit_code == 1
    assert "1,000 rows  channel (channel): expected one of email, web" in result.stdout
    assert "(first in line 2: 'fax')" in result.stdout
    good = tmp_path / "good.csv"
    good.write_text(HEAD + row(1))
    assert CliRunner().invoke(main, ["mapping", "check", str(mapping), str(good)]).exit_code == 0
    mapping.write_text(LEAST.replace("event_id", "event"))
    result = CliRunner().invoke(main, ["mapping", "check", str(mapping), str(good)])
    assert result.exit_code == 2
    assert "touchpoint.event: no such key, perhaps event_id" in result.stderr


def test_shipped_mappings_are_listed_and_shown() -> None:
    listed = CliRunner().invoke(main, ["mapping", "list"]).stdout.split()
    assert {"ga4", "snowplow", "segment_pages"} <= set(listed)
    assert "event_params.page_location" in CliRunner().invoke(main, ["mapping", "show", "ga4"]).stdout
    assert CliRunner().invoke(main, ["mapping", "show", "ga5"]).exit_code == 2
