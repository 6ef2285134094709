"""omnijourney's commands. Each is a few lines that call what does it; wrong use is one clear line and an exit code.

    1  something asked for could not be done (a line was wrong, topics differ)
    2  wrong use, a setting or a prerequisite: nothing was done
    3  Kafka or ClickHouse cannot be reached
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from streams import composition, config
from streams.broker import BrokerUnreachable

EXIT_FAILED = 1
EXIT_WRONG_USE = 2
EXIT_UNREACHABLE = 3


class Failure(click.ClickException):
    """One line (or a few) for people, and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def _failures() -> Iterator[None]:
    """Turns what commands raise on purpose into one line and an exit code; anything else keeps its trace."""
    from deploy.local.errors import LocalStackError, MissingTool
    from sinks.clickhouse import ClickHouseError, Unreachable
    from sinks.migrate import MigrationError
    from streams.producing.errors import ProducingError
    from streams.topic_admin import Refused

    try:
        yield
    except config.ConfigError as error:
        raise Failure(str(error), EXIT_WRONG_USE) from None
    except MissingTool as error:
        raise Failure(str(error), EXIT_WRONG_USE) from None
    except BrokerUnreachable as error:
        raise Failure(str(error), EXIT_UNREACHABLE) from None
    except Unreachable as error:
        raise Failure(f"{error}; start it, or set OMNIJOURNEY_CLICKHOUSE_URL", EXIT_UNREACHABLE) from None
    except (ClickHouseError, MigrationError, LocalStackError, Refused, ProducingError, TimeoutError) as error:
        raise Failure(str(error), EXIT_FAILED) from None


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        with _failures():
            return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="omnijourney")
def main() -> None:
    """Customer journeys from touchpoints of every channel: Kafka, Faust, ClickHouse; correct to the row.

    Settings are environment variables; `omnijourney config` lists them. For the local stack that a demo keeps running:
    eval "$(omnijourney stack env)".
    """


@main.command("config")
def config_command() -> None:
    """Print every setting: value, default, meaning."""
    from rich.console import Console
    from rich.table import Table

    table = Table("variable", "value", "default", "meaning", box=None, pad_edge=False)
    for row in config.describe(config.read()):
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@main.command()
@click.argument("stage", type=click.Choice(composition.STAGES))
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
    for change in topic_admin.apply(settings.kafka_bootstrap, composition.topics(settings), settings.replication):
        click.echo(change.text)


@topics.command("diff")
def topics_diff() -> None:
    """Show what apply would change; exit code 1 where anything would."""
    from streams import topic_admin

    settings = config.read()
    changes = topic_admin.diff(settings.kafka_bootstrap, composition.topics(settings))
    for change in changes:
        click.echo(change.text)
    if changes:
        raise SystemExit(EXIT_FAILED)


@main.command()
def migrate() -> None:
    """Bring ClickHouse's tables and views to this version; safe to repeat."""
    from sinks.migrate import migrate as run

    for name in run(config.read().clickhouse_url):
        click.echo(f"applied {name}")


if __name__ == "__main__":
    main()
