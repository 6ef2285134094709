"""`omnijourney late`: touchpoints that came too late, looked at and replayed."""

from __future__ import annotations

import click

from streams.commands.letters import commands_of


@click.group()
def late() -> None:
    """Late touchpoints: what came too late to count, and how to take it after all."""


commands_of("late", late)
