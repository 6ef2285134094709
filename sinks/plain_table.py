"""Rows of an answer as plain text for the documentation: columns, figures to the right, times in UTC, nothing cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from sinks.clickhouse import Row

EMPTY = "(no rows)"


def plain_table(names: Sequence[str], rows: Sequence[Row]) -> str:
    """``rows`` under their ``names``, two blanks between columns, no blanks at a line's end; EMPTY for no rows."""
    if not rows:
        return EMPTY
    columns = [[name, *(plain(row[i]) for row in rows)] for i, name in enumerate(names)]
    widths = [max(map(len, cells)) for cells in columns]
    to_right = [all(_is_figure(row[i]) for row in rows) for i in range(len(names))]
    lines = []
    for line in zip(*columns, strict=True):
        cells = zip(line, widths, to_right, strict=True)
        lines.append("  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells))
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def plain(value: object) -> str:
    """A value as a person writes it: ``NULL``, ``12.5``, ``2026-03-02 09:00:00.123``, ``a, b``, ``EUR: 12.5``."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.12g}"
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case datetime():
            return value.replace(tzinfo=None).isoformat(" ", "milliseconds" if value.microsecond else "seconds")
        case date():
            return value.isoformat()
        case Mapping():
            return ", ".join(f"{plain(key)}: {plain(inner)}" for key, inner in value.items())
        case list() | tuple():
            return ", ".join(map(plain, value))
        case _:
            return str(value)


def _is_figure(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))
