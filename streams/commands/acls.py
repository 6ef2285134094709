"""`omnijourney acls`: the rights that Kafka must give, for who sets them up."""

from __future__ import annotations

import click


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
    """Print the least that each stage and kind of user must be allowed on Kafka."""
    from rich.console import Console
    from rich.table import Table

    from streams.acls import acls, arguments, rules

    if form == "kafka-acls":
        click.echo("\n".join(arguments(acls())))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("user", "may", "on", "called"):
        # Names are to be copied.
        table.add_column(heading, no_wrap=heading == "called")
    for user, resource, pattern, operations, names in rules(acls()):
        called = (name + ("*" if pattern == "prefixed" else "") for name in names)
        table.add_row(user, " ".join(operations), resource, "\n".join(called))
    Console().print(table)


COMMANDS = (acls_command,)
