"""Files of spend: what is taken, and what each wrong line is told."""

from datetime import date

import pytest

from streams.attribution.spend import Problem, Spend, WrongSpend, read_spend

HEADER = "day,marketing_channel,amount,currency"


def problems(*lines: str) -> list[Problem]:
    with pytest.raises(WrongSpend) as raised:
        read_spend(f"{line}\n" for line in lines)
    return list(raised.value.problems)


def test_a_file_by_marketing_channel_is_taken_to_the_millionth() -> None:
    lines = [HEADER, "2026-03-01,Paid Search,1234.5,EUR", "", " 2026-03-02 , Display ,0.000001,CHF"]
    assert read_spend(f"{line}\r\n" for line in lines) == [
        Spend(date(2026, 3, 1), "marketing_channel", "Paid Search", "EUR", 1_234_500_000),
        Spend(date(2026, 3, 2), "marketing_channel", "Display", "CHF", 1),
    ]


def test_columns_may_stand_in_any_order_and_campaigns_may_have_commas() -> None:
    lines = ["currency,amount,campaign,day", 'EUR,7,"spring, garden",2026-03-01']
    assert read_spend(lines) == [Spend(date(2026, 3, 1), "campaign", "spring, garden", "EUR", 7_000_000)]


def test_a_header_alone_has_no_rows() -> None:
    assert read_spend([HEADER]) == []


@pytest.mark.parametrize(
    "header",
    [
        "",
        "day,amount,currency",
        "day;marketing_channel;amount;currency",
        "day,marketing_channel,campaign,amount,currency",
        "day,marketing_channel,amount,currency,note",
        "day,campaign,amount,amount,currency",
    ],
)
def test_another_header_is_refused(header: str) -> None:
    assert [(p.line, p.field, p.value) for p in problems(header, "2026-03-01,Display,1,EUR")] == [(1, "header", header)]


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("01.03.2026,Display,1,EUR", "day", "01.03.2026"),
        ("2026-02-30,Display,1,EUR", "day", "2026-02-30"),
        ("1969-12-31,Display,1,EUR", "day", "1969-12-31"),
        ("20260301,Display,1,EUR", "day", "20260301"),
        ("2026-03-01,Dispaly,1,EUR", "marketing_channel", "Dispaly"),
        ("2026-03-01,,1,EUR", "marketing_channel", ""),
        ("2026-03-01,Display,-1,EUR", "amount", "-1"),
        ("2026-03-01,Display,1e3,EUR", "amount", "1e3"),
        ('2026-03-01,Display,"1,5",EUR', "amount", "1,5"),
        ("2026-03-01,Display,nan,EUR", "amount", "nan"),
        ("2026-03-01,Display,1.0000001,EUR", "amount", "1.0000001"),
        ("2026-03-01,Display,1,eur", "currency", "eur"),
        ("2026-03-01,Display,1,", "currency", ""),
        ("2026-03-01,Display,1", "line", "2026-03-01,Display,1"),
    ],
)
def test_a_wrong_value_is_named_with_its_line_and_field(line: str, field: str, value: str) -> None:
    [problem] = problems(HEADER, "2026-03-01,Email,1,EUR", line)
    assert (problem.line, problem.field, problem.value) == (3, field, value)
    assert problem.expected in problem.text


def test_every_wrong_line_is_told() -> None:
    found = problems(HEADER, "x,Display,1,EUR", "2026-03-01,Display,y,z")
    assert [(p.line, p.field) for p in found] == [(2, "day"), (3, "amount"), (3, "currency")]


def test_a_row_that_stands_twice_is_refused_since_one_would_replace_the_other() -> None:
    [problem] = problems(HEADER, "2026-03-01,Display,1,EUR", "2026-03-01,Display,1,USD", "2026-03-01,Display,2,EUR")
    assert problem.text == "line 4: line: found '2026-03-01, Display, EUR', expected it once; line 2 has it, too"


def test_a_quote_that_is_never_closed_is_told() -> None:
    [problem] = problems(HEADER, '2026-03-01,"Display,1,EUR')
    assert (problem.line, problem.field) == (2, "line")
