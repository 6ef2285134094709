"""`omnijourney replay`: what is asked, in words of the command line; `streams.repair` does it."""

from __future__ import annotations

import getpass
import time
from datetime import UTC, datetime

import click

from sinks.plain import printable
from sinks.plain_table import plain
from streams import config
from streams.commands.letters import TIMES
from streams.repair.comparing import Comparison, Different
from streams.verification.traces import time_text

EXIT_FAILED = 1
DRAIN_DEADLINE_S = 24 * 3600.0


@click.group(invoke_without_command=True)
@click.option("--from", "since", type=click.DateTime(TIMES), metavar="TIME", help="Received then or later, UTC.")
@click.option("--limit", default=3, show_default=True, type=click.IntRange(0), help="Examples shown a table and kind.")
@click.pass_context
def replay(context: click.Context, since: datetime | None, limit: int) -> None:
    """Fold the sources anew in a pipeline beside the one that serves, and compare the two.

    With OMNIJOURNEY_NAMESPACE, and what is to be done differently, in the environment: --from prepares the pipeline,
    runs one worker of each stage here until all is read, and compares. On a cluster: prepare, deploy the workers once
    more with that environment, compare. Exit code 1 where anything differs.
    """
    if context.invoked_subcommand is not None:
        if since is not None:
            raise click.UsageError("--from goes with no command, or with prepare")
        return
    if since is None:
        raise click.UsageError("expected --from TIME, or a command")
    from streams.offsets import Lag
    from streams.progress import Display
    from streams.repair.running import run_until_read

    _prepare(since)
    with Display().bar("reading again", "records") as update:

        def show(lag: Lag) -> None:
            ends = sum(position.end for position in lag.values())
            update(ends - sum(position.behind for position in lag.values()), ends, "")

        run_until_read(config.read(), DRAIN_DEADLINE_S, show)
    _compare(limit)


@replay.command()
@click.option("--from", "since", required=True, type=click.DateTime(TIMES), metavar="TIME", help="As above.")
def prepare(since: datetime) -> None:
    """Make the topics, tables and beginnings of a pipeline; its workers are deployed by you."""
    _prepare(since)


@replay.command()
@click.option("--limit", default=3, show_default=True, type=click.IntRange(0), help="Examples shown a table and kind.")
@click.option("--identifiers", is_flag=True, help="Show them as they are: personal data goes to the terminal.")
def compare(limit: int, identifiers: bool) -> None:
    """Compare the pipeline's tables with those that serve; exit code 1 where anything differs."""
    _compare(limit, identifiers)


@replay.command()
def switch() -> None:
    """Have the pipeline serve: the tables change places. The same with the other's settings is the way back.

    The workers of both must be stopped before, this pipeline's first; start them with what is printed.
    """
    from streams.repair.switching import live_variables
    from streams.repair.switching import switch as run

    mine, serving = config.read(), config.read_serving()
    tables = run(mine, serving, getpass.getuser(), _now())
    click.echo(f"exchanged {len(tables)} tables: {', '.join(tables)}")
    click.echo("now start this pipeline's workers with")
    for name, value in live_variables(mine).items():
        click.echo(f"  {name}={value}")
    click.echo(
        f"the other keeps its topics and state; the way back is the same command with {config.PREFIX}NAMESPACE="
        f"{serving.namespace} and {config.PREFIX}LIVE_NAMESPACE={mine.namespace}"
    )


@replay.command()
@click.confirmation_option(prompt="All topics, groups and tables of this pipeline go. Sure?")
def drop() -> None:
    """Take a pipeline away that doesn't serve: its topics, groups and tables."""
    from streams.repair.dropping import drop as run

    gone = run(config.read(), config.read_serving())
    click.echo(f"deleted {len(gone)} topics, the groups and the database; state folders are yours to delete")


def _prepare(since: datetime) -> None:
    from streams.repair.preparing import database_of
    from streams.repair.preparing import prepare as run

    mine = config.read()
    reads_from = round(since.replace(tzinfo=UTC).timestamp() * 1000)
    now = _now()
    if reads_from > now:
        raise click.UsageError(f"--from: found {time_text(reads_from)}, expected a time that has been, UTC")
    begins, cut = run(mine, config.read_serving(), reads_from, getpass.getuser(), now)
    click.echo(
        f"prepared {mine.namespace or 'the pipeline without a name'}: tables in {database_of(mine)}, reads"
        f" {len(begins)} partitions from {time_text(reads_from)}, {sum(begins.values()):,} records lie before"
    )
    if cut:
        click.echo(
            f"Kafka begins at {time_text(max(cut.values()))} on the emptiest of {len(cut)} partitions: it no longer has"
            " all since then, and who has touchpoints from before is left out"
        )


def _compare(limit: int, plainly: bool = False) -> None:
    from sinks.comparing import TwoDatabases
    from streams.progress import Display
    from streams.repair.comparing import compare as run
    from streams.repair.switching import require_pipeline, sources_read

    mine, serving = config.read(), config.read_serving()
    pipeline = require_pipeline(mine, serving)
    one, other = sources_read(mine), sources_read(serving)
    read = {log: min(at, other[log]) for log, at in one.items()}
    databases = TwoDatabases(serving.clickhouse_url, mine.clickhouse_url)
    found = run(databases, pipeline, read, limit, Display().step, plainly)
    click.echo("\n".join(_told(found)))
    if found.differs:
        raise SystemExit(EXIT_FAILED)


def _told(found: Comparison) -> list[str]:
    lines = []
    for table in found.tables:
        parts = {
            "different": table.different,
            "only in what serves": table.serving_only,
            "only in this one": table.beside_only,
        }
        counts = [f"{table.equal:,} equal", *(f"{n:,} {what}" for what, n in parts.items() if n)]
        lines.append(f"{table.name:<20} {', '.join(counts)}")
        lines += [line for example in table.examples for line in _example(example)]
    left = found.left_out
    if left.before or left.behind:
        lines.append(
            f"left out: {left.customers:,} customers, who have {left.before:,} touchpoints from before this pipeline"
            f" began to read, and {left.behind:,} that only one of the two has read yet, or may be one with who has"
        )
    lines.append("the tables differ" if found.differs else "all equal")
    return lines


def _example(example: Different) -> list[str]:
    cells = [
        f"      {cell.column}: serving {plain(cell.expected)}, this one {plain(cell.found)}" for cell in example.cells
    ]
    return [printable(line) for line in (f"  {example.where:<12} {', '.join(example.key)}", *cells)]


def _now() -> int:
    return round(time.time() * 1000)
