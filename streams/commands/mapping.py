"""Commands about mappings: try one on a file, list and print those that come with omnijourney."""

from __future__ import annotations

import sys
import time

import click

EXIT_FAILED = 1


@click.group()
def mapping() -> None:
    """Mappings of your own files to touchpoints; docs/mappings.md explains how to write one."""


@mapping.command("check")
@click.argument("name", metavar="M.toml")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def check_command(name: str, files: tuple[str, ...]) -> None:
    """Show the first ten touchpoints and every problem in the first 10,000 rows; nothing is sent.

    Exit code 1 where there is a problem.
    """
    from streams.producing.mapping.check import check
    from streams.producing.mapping.reading import read_mapping
    from streams.producing.mapping.telling import lines

    declared = read_mapping(name)
    checked = check(declared, files, sys.stdin.buffer)
    for line in lines(checked, declared, round(time.time() * 1000)):
        sys.stdout.write(line + "\n")
    if checked.rejected:
        raise SystemExit(EXIT_FAILED)


@mapping.command("list")
def list_command() -> None:
    """Name the mappings that can be used without a file."""
    from streams.producing.mapping.reading import shipped

    click.echo("\n".join(shipped()))


@mapping.command("show")
@click.argument("name")
def show_command(name: str) -> None:
    """Print a mapping that comes with omnijourney, as a beginning for your own."""
    from streams.producing.mapping.reading import SHIPPED, shipped

    if name not in shipped():
        raise click.BadParameter(f"found {name!r}, expected one of {', '.join(shipped())}")
    click.echo((SHIPPED / f"{name}.toml").read_text("utf-8"), nl=False)


COMMANDS = (mapping,)
