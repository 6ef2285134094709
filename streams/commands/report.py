"""The command that makes the managers' page. It decides how wrong use reads; `sinks.page` makes the page."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import click

from streams import config
from streams.commands.days import DAY

EXIT_FAILED = 1


@click.command()
@click.option("--since", metavar="DAY", type=DAY, help="First day, UTC; without it, the first that there is.")
@click.option("--until", metavar="DAY", type=DAY, help="Last day, UTC; without it, the last complete one.")
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.",
)
def report(since: date | None, until: date | None, output: Path) -> None:
    """Write one page for managers: engagement, paths, attribution, cohorts, funnel, and what each figure means.

    The page is a single file that asks no network for anything. Exit code 1 where no touchpoint lies in the period; the
    page says so.
    """
    from sinks.clickhouse import ClickHouse
    from sinks.migrate import require_migrated
    from sinks.page import WrongPeriod, choose_period, page, read_extent, read_figures

    began, now = time.monotonic(), datetime.now(UTC)
    url = config.read().clickhouse_url
    require_migrated(url)
    with _draft(output) as draft, ClickHouse(url) as client:
        extent = read_extent(client)
        try:
            period = choose_period(since, until, extent, now.date())
        except WrongPeriod as error:
            raise click.UsageError(str(error)) from None
        figures = read_figures(client, period, extent, now)
        written = _put(page(figures), draft, output)
    click.echo(f"{output}: {period.since} to {period.until}, {written:,} bytes, {time.monotonic() - began:.1f} s")
    if figures["empty"]:
        click.echo(f"no touchpoint from {period.since} to {period.until}: the page says so", err=True)
        raise SystemExit(EXIT_FAILED)


@contextmanager
def _draft(output: Path) -> Iterator[Path]:
    """A file to be beside ``output``: that it can't be written is known before anything is asked."""
    with ExitStack() as last:
        try:
            folder = last.enter_context(tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent))
        except OSError as error:
            raise _unwritable(output, error) from None
        yield Path(folder) / output.name


def _put(html: str, draft: Path, output: Path) -> int:
    """Write ``html`` whole or not at all, so that nobody reads half a page; the bytes."""
    content = html.encode()
    try:
        draft.write_bytes(content)
        draft.replace(output)
    except OSError as error:
        raise _unwritable(output, error) from None
    return len(content)


def _unwritable(output: Path, error: OSError) -> click.BadParameter:
    return click.BadParameter(f"cannot write {output}: {error.strerror}", param_hint="'-o'")
