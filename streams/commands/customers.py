"""Commands about customers: show one, say who is who. Each calls what does it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from streams import config
from streams.domain.identifiers import RANKS, Identifier, clean, is_namespace, mask
from streams.domain.validation import MAX_TEXT
from streams.topics import LINKS, physical

if TYPE_CHECKING:
    from streams.domain.identity.links import Kind

#: An e-mail address or a phone number, which never enters the system.
_ADDRESS = re.compile(r".*@|\+")
NAMESPACES = ", ".join(RANKS)


class UnknownIdentifier(LookupError):
    """Nobody ever bore it; the message is one line. The operator must act."""


def identifier(_context: click.Context, _parameter: click.Parameter, value: str) -> Identifier:
    """The cleaned identifier that ``value`` names; BadParameter where it names none."""
    namespace, equals, name = (part.strip() for part in value.partition("="))
    if not equals or not is_namespace(namespace) or len(name) > MAX_TEXT:
        raise click.BadParameter(
            f"found {value!r}, expected NAMESPACE=VALUE, NAMESPACE one of {NAMESPACES}, or your own"
        )
    if namespace.endswith("_sha256") and _ADDRESS.match(name):
        raise click.BadParameter(f"{namespace}: found {mask(name)!r}, an address itself, expected its SHA-256")
    cleaned = clean([{"namespace": namespace, "value": name}])
    if not cleaned:
        raise click.BadParameter(f"found {value!r}: {name!r} names nobody, so it is never taken as an identifier")
    return cleaned[0]


def _pair(command: Callable[..., None]) -> Callable[..., None]:
    """Two identifiers and a reason."""
    command = click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the change.")(command)
    command = click.argument("other", metavar="NAMESPACE=VALUE", callback=identifier)(command)
    return click.argument("one", metavar="NAMESPACE=VALUE", callback=identifier)(command)


@click.command()
@click.argument("asked", metavar="NAMESPACE=VALUE", callback=identifier)
def customer(asked: Identifier) -> None:
    """Show the customer to whom an identifier belongs: why, what happened, what changed.

    For example user_id=4711. E-mail addresses and phone numbers are asked for by their SHA-256.
    """
    from rich.console import Console

    from sinks.clickhouse import ClickHouse
    from sinks.customer.drawing import WIDTH, draw
    from sinks.customer.reading import read
    from sinks.migrate import require_migrated

    url = config.read().clickhouse_url
    require_migrated(url)
    with ClickHouse(url) as client:
        found = read(client, asked)
    if found is None:
        raise UnknownIdentifier(f"nobody is known as {asked.namespace}={asked.value}")
    console = Console(width=WIDTH, highlight=False)
    for line in draw(found):
        console.print(line)


@click.command()
@_pair
def unlink(one: Identifier, other: Identifier, reason: str) -> None:
    """Retract the link between two identifiers for good, whatever the evidence."""
    _correct("retracted", one, other, reason)


@click.command()
@_pair
def link(one: Identifier, other: Identifier, reason: str) -> None:
    """Assert that two identifiers are one customer's, whatever the evidence."""
    _correct("asserted", one, other, reason)


@click.command()
@_pair
def lift(one: Identifier, other: Identifier, reason: str) -> None:
    """Take back what `link` or `unlink` said of two identifiers: the evidence decides again."""
    _correct("lifted", one, other, reason)


def _correct(
    kind: Kind, one: Identifier, other: Identifier, reason: str, clock: Callable[[], float] = time.time
) -> None:
    from streams.corrections import CONSEQUENCES, correction, send

    said = correction(kind, one, other, reason, correction_id=str(uuid.uuid4()), corrected_at=round(clock() * 1000))
    settings = config.read()
    send(settings.kafka, physical(LINKS, settings.namespace), [said])
    click.echo(f"{kind}: {said.stronger.text} -- {said.weaker.text} (correction {said.correction_id})")
    click.echo(CONSEQUENCES[kind])
    click.echo("It is logged in identity_changes, with what follows from it, once IDENTITY has read it.")


COMMANDS = (customer, link, unlink, lift)
