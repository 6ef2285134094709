"""Days in commands' options: which there are, and how a wrong one is told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import click

from streams.attribution.spend import FIRST_DAY, LAST_DAY

# Ranges end where the day after begins, so that must be a day of ClickHouse's, too.
_LAST: Final = LAST_DAY - timedelta(days=1)


class Day(click.ParamType):
    """A day, UTC, that ClickHouse's Date holds together with the one after it."""

    name = "day"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day; BadParameter where ``value`` is none."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"found {value!r}, expected a day as 2026-03-31", param, ctx)
        if not FIRST_DAY <= day <= _LAST:
            self.fail(f"found {value!r}, expected a day from {FIRST_DAY} to {_LAST}", param, ctx)
        return day


DAY: Final = Day()
