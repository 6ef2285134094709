"""`omnijourney dead`: records that could not be taken, looked at and replayed."""

from __future__ import annotations

import click

from streams.commands.letters import commands_of


@click.group()
def dead() -> None:
    """Dead letters: what could not be taken and why, and another try."""


commands_of("dead", dead)
