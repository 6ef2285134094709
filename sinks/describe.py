"""The reference part of docs/tables.md, written from a database: every table, view and column with its comment, and of
each view a question, the query that answers it, and the answer.

``python -m sinks.describe URL FILE`` writes the part between the two marks of FILE anew. The answers are those of the
database: give the address of one that holds the sample company. A contract test holds all but the answers equal to the
migrations and questions.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from sinks.clickhouse import ClickHouse, Row
from sinks.plain_table import plain_table
from sinks.questions import Question, read_questions

BEGIN = "<!-- reference: written by sinks.describe -->"
END = "<!-- end of reference -->"
BOOKKEEPING = "schema_versions"

_OBJECTS = """
SELECT name, engine = 'View', comment, sorting_key, parameterized_view_parameters
FROM system.tables
WHERE database = %(database)s AND name != %(bookkeeping)s
ORDER BY engine = 'View', name
"""
_COLUMNS = """
SELECT table, name, type, comment
FROM system.columns
WHERE database = %(database)s AND table != %(bookkeeping)s
ORDER BY table, position
"""
# system.columns has none of a parameterized view; those that it was created with stand one a line in its statement.
_DECLARED_COLUMN = re.compile(r"^    `(\w+)` (.+?) COMMENT '(.*)',?$", re.MULTILINE)
_ANSWER = re.compile(r"^```text\n.*?^```\n\n", re.DOTALL | re.MULTILINE)


class Described(NamedTuple):
    """A table or view: ``parameters`` are (name, type), ``columns`` (name, type, comment)."""

    name: str
    is_view: bool
    comment: str
    key: str
    parameters: list[tuple[str, str]]
    columns: list[tuple[str, str, str]]


def described(client: ClickHouse) -> list[Described]:
    """All tables, then all views, of the client's database, by name; columns in their order."""
    params = {"database": client.database, "bookkeeping": BOOKKEEPING}
    rows = groupby(client.query(_COLUMNS, params), key=lambda row: row[0])
    columns = {table: [(name, type_, comment) for _, name, type_, comment in found] for table, found in rows}
    return [
        Described(name, is_view, comment, key, parameters, columns.get(name) or _declared_columns(client, name))
        for name, is_view, comment, key, parameters in client.query(_OBJECTS, params)
    ]


def _declared_columns(client: ClickHouse, view: str) -> list[tuple[str, str, str]]:
    [(statement,)] = client.query(f"SHOW CREATE VIEW `{view}`")
    return [(name, type_, comment.replace("\\'", "'")) for name, type_, comment in _DECLARED_COLUMN.findall(statement)]


def describe(client: ClickHouse) -> str:
    """Markdown: what is asked, then all tables, then all views with their questions and the database's answers."""
    asked = read_questions()
    index = "\n".join(f"- [{question.asked}](#{question.view})" for question in asked.values())
    sections = [_section(client, one, asked.get(one.name)) for one in described(client)]
    return "\n\n".join([f"### Questions\n\n{index}", *sections])


def _section(client: ClickHouse, one: Described, question: Question | None) -> str:
    kind = "View" if one.is_view else f"Table, one row a ({one.key})"
    head = f"### {one.name}\n\n{one.comment}. {kind}."
    if one.parameters:
        head += " Parameters: " + ", ".join(f"`{name}` ({type_})" for name, type_ in one.parameters) + "."
    lines = [f"| {column} | `{type_}` | {meaning} |" for column, type_, meaning in one.columns]
    table = "\n".join(["| column | type | meaning |", "|---|---|---|", *lines])
    return "\n\n".join([head, *([_answered(client, question)] if question else []), table])


def _answered(client: ClickHouse, question: Question) -> str:
    names, rows = ask(client, question)
    return f"*{question.text}*\n\n```sql\n{question.query}\n```\n\n```text\n{plain_table(names, rows)}\n```"


def ask(client: ClickHouse, question: Question) -> tuple[list[str], list[Row]]:
    """The names of the answer's columns and its rows."""
    names = [name for name, *_ in client.query(f"DESCRIBE TABLE (\n{question.query}\n)")]
    return names, client.query(question.query)


def without_answers(text: str) -> str:
    """``text`` of a file, or of a reference, without the blocks that depend on a database's rows."""
    return _ANSWER.sub("", text)


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
