"""The reference part of docs/tables.md, written from the database: every table, view and column with its comment.

``python -m sinks.describe URL FILE`` writes the part between the two marks of FILE anew; a contract test holds it equal
to the migrations.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from sinks.clickhouse import ClickHouse

BEGIN = "<!-- reference: written by sinks.describe -->"
END = "<!-- end of reference -->"
BOOKKEEPING = "schema_versions"

_COLUMNS = """
SELECT tables.name, tables.engine = 'View', tables.comment, tables.sorting_key,
    columns.name, columns.type, columns.comment
FROM system.columns AS columns
INNER JOIN system.tables AS tables ON tables.database = columns.database AND tables.name = columns.table
WHERE columns.database = %(database)s AND columns.table != %(bookkeeping)s
ORDER BY tables.engine = 'View', tables.name, columns.position
"""


def describe(client: ClickHouse) -> str:
    """Markdown of all tables, then all views, of the client's database, by name; columns in their order."""
    rows = client.query(_COLUMNS, {"database": client.database, "bookkeeping": BOOKKEEPING})
    parts = []
    for (name, is_view, comment, key), columns in groupby(rows, key=lambda row: row[:4]):
        kind = "View" if is_view else f"Table, one row a ({key})"
        lines = [f"| {column} | `{type_}` | {meaning} |" for *_, column, type_, meaning in columns]
        head = f"### {name}\n\n{comment}. {kind}.\n\n| column | type | meaning |\n|---|---|---|\n"
        parts.append(head + "\n".join(lines))
    return "\n\n".join(parts)


def replace_reference(text: str, reference: str) -> str:
    """``text`` with ``reference`` between its two marks; ValueError where a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"expected the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{reference}\n\n{END}{after}"


def main(url: str, file: str) -> None:
    """Writes the reference into ``file``."""
    path = Path(file)
    with ClickHouse(url) as client:
        path.write_text(replace_reference(path.read_text("utf-8"), describe(client)), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
