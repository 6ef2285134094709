"""The command that makes the managers' page: wrong use, what it says, and that nobody finds half a page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sinks.clickhouse import ClickHouse
from sinks.page.figures import read_extent, read_figures
from sinks.page.period import Period
from streams.cli import EXIT_FAILED, EXIT_UNREACHABLE, EXIT_WRONG_USE, main
from tests.browser.tables import fill_all
from tests.integration.filled import DAY_MS, HOUR_MS, MINUTE_MS, database, touchpoint

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def url(stack: Any) -> Iterator[str]:
    with database(stack, "report") as url:
        with ClickHouse(url) as client:
            fill_all(client, [touchpoint(f"e{i}", i * DAY_MS, "web", "page_viewed", "cookie_id:a") for i in range(3)])
        yield url


def report(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments], env={"OMNIJOURNEY_CLICKHOUSE_URL": url})


def test_complete_days_are_shown_where_none_are_asked_for(url: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    done = report(url, "-o", str(path))
    assert done.exit_code == 0, done.output
    size = path.stat().st_size
    assert done.stdout.startswith(f"{path}: 2026-03-01 to 2026-03-02, {size:,} bytes, ")
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "2026-03-02", "--until", "2026-03-01"), "since 2026-03-02 is after until 2026-03-01"),
        (("--since", "yesterday"), "found 'yesterday', expected a day as 2026-03-31"),
        (("--until", "2026-02-30"), "found '2026-02-30', expected a day as 2026-03-31"),
        (("--until", "9999-12-31"), "found '9999-12-31', expected a day from 1970-01-01 to 2149-06-05"),
        (("--until", "2149-06-06"), "found '2149-06-06', expected a day from 1970-01-01 to 2149-06-05"),
        (("--since", "0001-01-01"), "found '0001-01-01', expected a day from 1970-01-01 to 2149-06-05"),
        (("--since", "1969-12-31"), "found '1969-12-31', expected a day from 1970-01-01 to 2149-06-05"),
    ],
)
def test_wrong_days_are_named(url: str, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = report(url, *arguments, "-o", str(tmp_path / "report.html"))
    assert done.exit_code == EXIT_WRONG_USE
    assert said in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_all_days_that_can_be_asked_for_make_a_page(url: str, tmp_path: Path) -> None:
    done = report(url, "--since", "1970-01-01", "--until", "2149-06-05", "-o", str(tmp_path / "report.html"))
    assert (done.exit_code, done.stderr) == (0, ""), done.output


@pytest.mark.parametrize("arguments", [("--since", "2149-06-05"), ("--until", "1970-01-01")])
def test_the_furthest_days_make_a_page_with_nothing(url: str, tmp_path: Path, arguments: tuple[str, str]) -> None:
    done = report(url, *arguments, "-o", str(tmp_path / "report.html"))
    day = arguments[1]
    assert (done.exit_code, done.stderr) == (EXIT_FAILED, f"no touchpoint from {day} to {day}: the page says so\n")


def test_a_file_that_cannot_be_written_is_told_and_an_old_one_stays(url: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "report.html"
    done = report(url, "-o", str(missing))
    assert done.exit_code == EXIT_WRONG_USE
    assert f"cannot write {missing}: No such file or directory" in done.stderr
    done = report(url, "-o", str(tmp_path))
    assert done.exit_code == EXIT_WRONG_USE
    assert "is a directory" in done.stderr
    old = tmp_path / "report.html"
    old.write_text("old")
    assert report(url, "-o", str(old), "--since", "2026-03-03", "--until", "2026-03-01").exit_code == EXIT_WRONG_USE
    assert old.read_text() == "old"


def test_a_database_that_is_not_migrated_and_one_that_is_away(stack: Any, tmp_path: Path) -> None:
    server = stack.clickhouse_url.rpartition("/")[0]
    done = report(f"{server}/never_made", "-o", str(tmp_path / "report.html"))
    assert done.exit_code == EXIT_FAILED
    assert "omnijourney migrate" in done.stderr
    done = report("clickhouse://default@127.0.0.1:1/journeys", "-o", str(tmp_path / "report.html"))
    assert done.exit_code == EXIT_UNREACHABLE
    assert [*tmp_path.iterdir()] == []


def test_who_comes_over_midnight_is_active_on_both_days_and_in_the_period_alone(stack: Any) -> None:
    def visit(who: str, midnight: int, *minutes: int) -> list[dict[str, Any]]:
        # The days of March begin 9 hours before the hour that touchpoints are counted from.
        begin = (midnight - 1) * DAY_MS - 9 * HOUR_MS
        return [
            touchpoint(f"{who}{at}", begin + at * MINUTE_MS, "web", "page_viewed", f"cookie_id:{who}") for at in minutes
        ]

    with database(stack, "edges") as url, ClickHouse(url) as client:
        came = [
            *visit("before", 3, -20, -10),
            *visit("into", 3, -10, 10),
            *visit("inside", 4, -10, 10),
            *visit("out of", 5, -10, 10),
            *visit("after", 5, 10, 20),
        ]
        fill_all(client, came)
        made_at = datetime(2026, 3, 6, tzinfo=UTC)
        found = read_figures(client, Period(date(2026, 3, 3), date(2026, 3, 4)), read_extent(client), made_at)
    assert found["headline"]["now"]["active_customers"] == 3
    assert found["channels"]["now"]["web"]["active_customers"] == 3
    # The third: into and inside. The fourth: inside and out of.
    assert found["engagement"]["measures"]["active_customers"]["web"] == [2, 2]
