"""The settings as a table for people: what `omnijourney config` prints."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.table import Table
from rich.text import Text

from streams import config


def settings_table(settings: Sequence[config.Described], with_values: bool, narrow: bool) -> Table:
    """``narrow`` puts a meaning below its variable; in a column of its own it would have room for a word a line."""
    hidden = {*(() if with_values else ("value",)), *(("meaning",) if narrow else ())}
    shown = [name for name in config.Described._fields if name not in hidden]
    table = Table(box=None, pad_edge=False)
    for name in shown:
        # Values go on in the next line where they must; a variable is to be copied.
        table.add_column(name, no_wrap=name in ("variable", "unit"), overflow="fold")
    longest = max(len(setting.variable) for setting in settings)
    for setting in settings:
        first, *others = (Text(getattr(setting, name)) for name in shown)
        if narrow:
            below = wrap(setting.meaning, longest, initial_indent="  ", subsequent_indent="  ")
            first.append("\n" + "\n".join(below), style="dim")
        table.add_row(first, *others)
    return table
