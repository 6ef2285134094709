"""`omnijourney verify`: what it is asked, in words of the command line; `streams.verification` does it."""

from __future__ import annotations

import gc
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from streams import composition, config
from streams.verification.part import Asked

EXIT_FAILED = 1
_SAMPLE = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<percent>%?)")


def sample(_context: click.Context, _parameter: click.Parameter, value: str) -> Asked:
    """What ``value`` asks for: all, a number of customers or a share of them; BadParameter where it says none."""
    if value == "all":
        return Asked()
    said = _SAMPLE.fullmatch(value)
    if said and said["percent"] and 0 < float(said["number"]) <= 100:
        return Asked(share=float(said["number"]) / 100)
    if said and not said["percent"] and said["number"].isdecimal() and int(said["number"]):
        return Asked(customers=int(said["number"]))
    raise click.BadParameter(f"found {value!r}, expected all, a number of customers (500), or a share of them (1%)")


def writable(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    """``value``, in a folder that can be written; BadParameter, before anything is read, where it isn't."""
    if value is not None and not os.access(value.parent, os.W_OK | os.X_OK):
        raise click.BadParameter(f"found {str(value)!r}, expected a file in a folder that can be written")
    return value


@click.command()
@click.option(
    "--customers",
    "asked",
    default="all",
    show_default=True,
    metavar="SAMPLE|all",
    callback=sample,
    help="So many customers (500) or a share of them (1%), and as large a share of the hours of engagement.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Only customers with touchpoints since this day, UTC, whole; engagement from then on.",
)
@click.option("--seed", default="", metavar="TEXT", help="Another one, another sample; the date, for example.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(0), help="Differences listed a table.")
@click.option(
    "--metrics",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    callback=writable,
    help="Write what was found for Prometheus, to where node_exporter collects text files.",
)
def verify(asked: Asked, since: datetime | None, seed: str, limit: int, metrics: Path | None) -> None:
    """Compute customers, journeys, sessions, credits and engagement again and compare; exit code 1 where anything
    differs, or where the part that was asked for has no customer.

    The pipeline should be at rest, and the settings those of its workers.
    """
    from sinks.migrate import require_migrated
    from sinks.verify import Tables
    from streams.progress import Display
    from streams.verification.metrics import write
    from streams.verification.report import lines
    from streams.verification.verify import verify as run

    # No cycles are made of rows: to look for them among the rows at hand would take a third of the time.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    settings = config.read()
    require_migrated(settings.clickhouse_url)
    since_ms = None if since is None else round(since.replace(tzinfo=UTC).timestamp() * 1000)
    verified = run(
        Tables(settings.clickhouse_url),
        composition.stitching_rules(settings),
        composition.identity_limits(settings),
        limit,
        asked._replace(since=since_ms, seed=seed),
        Display().step,
    )
    for line in lines(verified):
        sys.stdout.write(line + "\n")
    if metrics is not None:
        write(verified, metrics, time.time())
    if not verified.succeeded:
        raise SystemExit(EXIT_FAILED)


COMMANDS = (verify,)
