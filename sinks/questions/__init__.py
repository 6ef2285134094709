"""What analysts ask of the views: a file each, the question in their words above the query that answers it.

This module reads the files. What docs/tables.md makes of them is `sinks.describe`'s affair.
"""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

QUESTIONS = Path(__file__).parent
_COMMENT = "-- "


class Question(NamedTuple):
    """A view, what is asked of it with any remark behind, and the statement that answers, without semicolon."""

    view: str
    text: str
    query: str

    @property
    def asked(self) -> str:
        """The question without remark."""
        return self.text[: self.text.rindex("?") + 1]


def read_questions(directory: Path = QUESTIONS) -> dict[str, Question]:
    """The questions of ``directory``, a `<view>.sql` each, by view; ValueError as `read_question`."""
    return {path.stem: read_question(path) for path in sorted(directory.glob("*.sql"))}


def read_question(path: Path) -> Question:
    """The question of one file: lines of comment with a question and perhaps a remark, then one statement on the view.

    ValueError, naming the file and what is wrong, where it is made otherwise.
    """
    lines = path.read_text("utf-8").splitlines()
    asked = [*takewhile(lambda line: line.startswith(_COMMENT), lines)]
    text = " ".join(line.removeprefix(_COMMENT).strip() for line in asked)
    query = "\n".join(lines[len(asked) :]).strip()
    if "?" not in text:
        raise ValueError(f"{path.name}: begins with {text!r}, expected lines of comment with a question mark")
    if not query or ";" in query:
        raise ValueError(f"{path.name}: {query!r} is not one statement without semicolon")
    if not re.search(rf"\b{path.stem}\b", query.partition("FROM")[2]):
        raise ValueError(f"{path.name}: the query does not name {path.stem} behind FROM")
    return Question(path.stem, text, query)
