"""docs/topics.md says what streams/topics.py declares."""

from pathlib import Path

from streams.topics import declared, describe

PAGE = Path(__file__).parents[2] / "docs" / "topics.md"


def test_the_page_has_the_table_that_the_declarations_give() -> None:
    assert describe(declared(12, 12)) in PAGE.read_text("utf-8")
