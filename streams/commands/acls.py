"""`omnijourney acls`: the rights that Kafka must give, for who sets them up."""

from __future__ import annotations

import sys

import click

from streams import config

WIDE = 200


@click.command("acls")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "kafka-acls"]),
    default="table",
    show_default=True,
    help="For people, or the arguments of kafka-acls.sh, a line a call.",
)
def acls_command(form: str) -> None:
    """Print the least that each stage and kind of user of this pipeline must be allowed on Kafka."""
    from rich.console import Console
    from rich.table import Table

    from streams.acls import acls, arguments, rules

    settings = config.read()
    users = acls(settings.namespace, settings.live_namespace)
    if form == "kafka-acls":
        click.echo("\n".join(arguments(users)))
        return
    table = Table("user", "may", "on", box=None, pad_edge=False)
    table.add_column("called", no_wrap=True)
    for user, resource, pattern, operations, names in rules(users):
        called = (name + ("*" if pattern == "prefixed" else "") for name in names)
        table.add_row(user, " ".join(operations), resource, "\n".join(called))
    # Beside a terminal nothing is cut or wrapped.
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


COMMANDS = (acls_command,)
