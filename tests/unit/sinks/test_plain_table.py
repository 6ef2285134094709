"""How answers read in the documentation."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from sinks.plain_table import plain, plain_table

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "true"),
        (1234567, "1234567"),
        (0.1 + 0.2, "0.3"),
        (2.0, "2"),
        (Decimal("12.500000"), "12.5"),
        (Decimal("100"), "100"),
        (Decimal("0E-6"), "0"),
        (MORNING, "2026-03-02 09:00:00"),
        (MORNING.replace(microsecond=7000), "2026-03-02 09:00:00.007"),
        (date(2026, 3, 2), "2026-03-02"),
        (["web", "email"], "web, email"),
        ({"EUR": Decimal("3.10"), "USD": Decimal(1)}, "EUR: 3.1, USD: 1"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    ],
)
def test_values_read_as_a_person_writes_them(value: object, text: str) -> None:
    assert plain(value) == text


def test_figures_stand_to_the_right_and_no_line_ends_in_blanks() -> None:
    assert plain_table(["path", "share"], [("Direct > Email", 0.5), ("Direct", None)]).splitlines() == [
        "path            share",
        "--------------  -----",
        "Direct > Email    0.5",
        "Direct           NULL",
    ]
    assert plain_table(["n", "to"], [(10, "web"), (9, "social")]).splitlines() == [
        " n  to",
        "--  ------",
        "10  web",
        " 9  social",
    ]


def test_an_answer_without_rows_says_so() -> None:
    assert plain_table(["a"], []) == "(no rows)"
