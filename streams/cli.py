"""omnijourney's commands. Each is a few lines that call what does it; wrong use is one clear line and an exit code.

1  something asked for could not be done (a line was wrong, topics differ)
2  wrong use, a setting or a prerequisite: nothing was done
3  Kafka or ClickHouse cannot be reached
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import click

from deploy.local.processes import StackState
from streams import commands, composition, config
from streams.broker import BrokerUnreachable

EXIT_FAILED = 1
EXIT_WRONG_USE = 2
EXIT_UNREACHABLE = 3
#: A terminal with fewer columns has no room for the settings' meanings beside their values.
NARROW = 150


class Failure(click.ClickException):
    """One line (or a few) for people, and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def _failures() -> Iterator[None]:
    """Turns what commands raise on purpose into one line and an exit code; of anything else a trace is told."""
    from kafka.errors import KafkaError

    from deploy.local.errors import LocalStackError, MissingTool
    from sinks.clickhouse import ClickHouseError, Unreachable, Untrusted
    from sinks.migrate import MigrationError
    from streams.broker import TopicMissing
    from streams.commands.customers import UnknownIdentifier
    from streams.corrections import UnfitCorrection
    from streams.producing.errors import InputError, ProducingError
    from streams.repair.preparing import NotApart
    from streams.repair.running import WorkerEnded
    from streams.repair.switching import NotYet
    from streams.runtime.failures import StateInUse
    from streams.runtime.health import CannotListen
    from streams.topic_admin import Refused

    try:
        yield
    except (config.ConfigError, MissingTool, InputError, NotApart, UnfitCorrection) as error:
        raise Failure(str(error), EXIT_WRONG_USE) from None
    except BrokerUnreachable as error:
        raise Failure(str(error), EXIT_UNREACHABLE) from None
    except Untrusted as error:
        raise Failure(
            f"{error}; set OMNIJOURNEY_CLICKHOUSE_CA_FILE or OMNIJOURNEY_CLICKHOUSE_URL", EXIT_UNREACHABLE
        ) from None
    except Unreachable as error:
        raise Failure(f"{error}; start it, or set OMNIJOURNEY_CLICKHOUSE_URL", EXIT_UNREACHABLE) from None
    except KafkaError as error:
        raise Failure(f"Kafka: {error}", EXIT_FAILED) from None
    except (
        CannotListen,
        ClickHouseError,
        MigrationError,
        LocalStackError,
        NotYet,
        ProducingError,
        Refused,
        StateInUse,
        TopicMissing,
        TimeoutError,
        UnknownIdentifier,
        WorkerEnded,
    ) as error:
        raise Failure(str(error), EXIT_FAILED) from None


def _tell_crash(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Types and places: commands run unattended too, and what an exception says may quote a customer's data."""
    from streams.runtime.logs import trace_of

    sys.stderr.write(trace_of((kind, error or kind(), trace)) + "\n")


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        with _failures():
            return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="omnijourney")
@click.pass_context
def main(context: click.Context) -> None:
    """Customer journeys from touchpoints of every channel: Kafka, Faust, ClickHouse; correct to the row.

    Settings are environment variables; `omnijourney config` lists them. For the local stack that a demo keeps running:
    eval "$(omnijourney stack env)".
    """
    sys.excepthook = _tell_crash
    threading.excepthook = lambda args: _tell_crash(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _tell_crash(args.exc_type, args.exc_value, args.exc_traceback)
    # Those that need no setting, too: a typing error should not wait for the command that does.
    if context.invoked_subcommand != "config":
        config.read()


@main.command("config")
def config_command() -> None:
    """Print every setting: value, default, unit, meaning. With a wrong one in the environment: without values."""
    from rich.console import Console

    from streams.settings_table import settings_table

    try:
        settings, wrong = config.read(), None
    except config.ConfigError as error:
        settings, wrong = config.read({}), error
    console = Console(width=None if sys.stdout.isatty() else 210)
    console.print(settings_table(config.describe(settings), wrong is None, console.width < NARROW))
    if wrong:
        raise wrong


@main.command()
@click.argument("stage", metavar="STAGE", type=click.Choice(composition.STAGES))
def worker(stage: str) -> None:
    """Run one worker of STAGE until SIGTERM."""
    composition.run_worker(stage, config.read())


@main.group()
def topics() -> None:
    """The topics: what is declared, brought to the broker."""


@topics.command("apply")
def topics_apply() -> None:
    """Create and configure what is missing or differs; safe to repeat."""
    from streams import topic_admin

    settings = config.read()
    for change in topic_admin.apply(settings.kafka, composition.topics(settings), settings.replication):
        click.echo(change.text)


@topics.command("diff")
def topics_diff() -> None:
    """Show what apply would change; exit code 1 where anything would."""
    from streams import topic_admin

    settings = config.read()
    changes = topic_admin.diff(settings.kafka, composition.topics(settings))
    for change in changes:
        click.echo(change.text)
    if changes:
        raise SystemExit(EXIT_FAILED)


@main.command()
def migrate() -> None:
    """Bring ClickHouse's tables and views to this version; safe to repeat."""
    from sinks.migrate import migrate as run

    settings = config.read()
    for name in run(settings.clickhouse_url, cluster=settings.clickhouse_cluster):
        click.echo(f"applied {name}")


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--mapping", metavar="M.toml", help="What is which column: a file, or a shipped mapping's name.")
@click.option("--backfill", is_flag=True, help="This is history: lateness is not judged.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Touchpoints a second at most.")
@click.option("--dry-run", is_flag=True, help="Check everything, send nothing; needs no broker.")
@click.option("--rejects", type=click.Path(dir_okay=False), help="Keep wrong lines here, as they were.")
def produce(
    files: tuple[str, ...], mapping: str | None, backfill: bool, rate: float | None, dry_run: bool, rejects: str | None
) -> None:
    """Send the touchpoints in each FILE to Kafka: NDJSON, or CSV, NDJSON and Parquet of any shape by a mapping.

    Plain, .gz or .zst; a pattern in quotes is expanded; - is standard input. A wrong line is told and the rest goes on;
    exit code 1 where any was.
    """
    from streams.producing.report import produce_and_report

    kafka = config.read().kafka
    if not produce_and_report(
        files, kafka, mapping=mapping, backfill=backfill, rate=rate, dry_run=dry_run, rejects=rejects
    ):
        raise SystemExit(EXIT_FAILED)


@main.command()
@click.option("--customers", default=2000, show_default=True, type=click.IntRange(1), help="How many customers.")
@click.option("--days", default=28, show_default=True, type=click.IntRange(1, 3650), help="How many days.")
@click.option("--seed", default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--live", is_flag=True, help="From now on, each touchpoint at its time, judged for lateness.")
@click.option("--spend", is_flag=True, help="What it spent instead, as `omnijourney spend` takes it.")
def sample(customers: int, days: int, seed: int, live: bool, spend: bool) -> None:
    """Write the sample company's touchpoints as NDJSON to standard output."""
    from streams.sample import generate, to_ndjson
    from streams.sample.live import replay
    from streams.sample.spending import spending

    if live and spend:
        raise click.UsageError("--live are touchpoints, --spend is none of them: expected one of the two")
    if spend:
        click.echo("\n".join(spending(customers, days, seed)))
        return
    records = replay(customers, days, seed) if live else generate(customers, days, seed)
    out = click.get_binary_stream("stdout")
    for record in records:
        out.write(to_ndjson(record))
        if live:
            out.flush()


@main.group()
def stack() -> None:
    """A local Kafka and ClickHouse, without Docker; for development, tests and demos."""


def _stack_name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from deploy.local.stack import Stack

    try:
        return Stack(value).name
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_NAME = click.option(
    "--name",
    default="demo",
    show_default=True,
    callback=_stack_name,
    help="Which stack; each has its own ports and data.",
)


@stack.command("up")
@_NAME
@click.option("--kafka-port", type=click.IntRange(1, 65535), help="A free one unless given.")
@click.option("--clickhouse-port", type=click.IntRange(1, 65535), help="A free one unless given.")
def stack_up(name: str, kafka_port: int | None, clickhouse_port: int | None) -> None:
    """Start a stack, or find the running one, and print how commands find it."""
    from deploy.local.stack import Stack
    from streams.local import exports
    from streams.progress import Display

    addresses = Stack(name).up(on_progress=Display().step, kafka_port=kafka_port, clickhouse_port=clickhouse_port)
    click.echo("\n".join(exports(addresses)))


@stack.command("env")
@_NAME
def stack_env(name: str) -> None:
    """Print how commands find a running stack: eval "$(omnijourney stack env)"."""
    from streams.local import exports

    addresses = _running(name).addresses
    if addresses is not None:
        click.echo("\n".join(exports(addresses)))


@stack.command("status")
@_NAME
def stack_status(name: str) -> None:
    """Show each process of a stack; exit code 1 where it isn't running."""
    for process in _running(name).processes:
        click.echo(f"{process.name:<12} {process.status:<10} pid {process.pid or '-':<8} restarts {process.restarts}")


@stack.command("logs")
@_NAME
@click.option("--lines", default=50, show_default=True, type=click.IntRange(1), help="How many, from the end.")
@click.argument("process")
def stack_logs(name: str, lines: int, process: str) -> None:
    """Print the end of a process's log."""
    from deploy.local.stack import Stack

    try:
        click.echo("\n".join(Stack(name).logs(process, lines)))
    except FileNotFoundError:
        raise Failure(f"stack {name} has no log of {process}", EXIT_FAILED) from None


@stack.command("down")
@_NAME
@click.option("--purge", is_flag=True, help="Throw its data away, too.")
def stack_down(name: str, purge: bool) -> None:
    """End a stack and everything in it."""
    from deploy.local.stack import Stack

    Stack(name).down(purge=purge)


def _running(name: str) -> StackState:
    from deploy.local.stack import Stack

    state = Stack(name).status()
    if not state.running:
        raise Failure(f"stack {name} isn't running; start it with `omnijourney stack up --name {name}`", EXIT_FAILED)
    return state


@main.command()
@_NAME
@click.option("--keep", is_flag=True, help="Leave everything running and print the addresses.")
@click.option(
    "--input", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="NDJSON of touchpoints."
)
def demo(name: str, keep: bool, path: Path | None) -> None:
    """The whole way on a local stack: sample touchpoints (or a file's) to an analyst's figures."""
    from streams.demo import run

    run(keep, path, name)


for command in commands.COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main()
