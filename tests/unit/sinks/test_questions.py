"""Files of questions: what is read of them, and how one that is made wrong is told."""

from pathlib import Path

import pytest

from sinks.questions import Question, read_question, read_questions


def test_a_remark_may_follow_the_question(tmp_path: Path) -> None:
    file = tmp_path / "v.sql"
    file.write_text("-- How many?\n-- Machines count, too.\nSELECT count() FROM v\n")
    question = read_question(file)
    assert (question.text, question.asked) == ("How many? Machines count, too.", "How many?")


def test_a_question_stands_above_its_query_and_may_take_several_lines(tmp_path: Path) -> None:
    file = tmp_path / "journeys_now.sql"
    file.write_text("-- How many journeys\n-- are open?\nSELECT count() -- all\nFROM journeys_now\n")
    expected = Question("journeys_now", "How many journeys are open?", "SELECT count() -- all\nFROM journeys_now")
    assert read_question(file) == expected
    assert read_questions(tmp_path) == {"journeys_now": expected}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT 1 FROM v", "v.sql: begins with '', expected lines of comment with a question mark"),
        ("-- Counts.\nSELECT 1 FROM v", "v.sql: begins with 'Counts.', expected lines"),
        ("-- How many?\n", "v.sql: '' is not one statement without semicolon"),
        ("-- How many?\nSELECT 1 FROM v;", "v.sql: 'SELECT 1 FROM v;' is not one statement"),
        ("-- How many?\nSELECT 1", "v.sql: the query does not name v behind FROM"),
        ("-- How many?\nSELECT v FROM vv", "v.sql: the query does not name v behind FROM"),
    ],
)
def test_a_file_that_is_made_otherwise_is_named_with_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "v.sql"
    file.write_text(text)
    with pytest.raises(ValueError, match="^" + told.replace("(", r"\(")):
        read_question(file)
