"""Amounts and numbers: exact, whatever way they are written."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.producing.mapping.values import Unfit, duration_reader, integer_reader, micros_reader, read_boolean


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("12.34", 12_340_000),
        ("0.1", 100_000),
        ("8.1", 8_100_000),
        ("1e-6", 1),
        ("1.5E2", 150_000_000),
        (".5", 500_000),
        ("7.", 7_000_000),
        ("0", 0),
        ("-0", 0),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("0.0000025", 2),
        ("1000000000", 10**15),
    ],
)
def test_amounts_become_millionths_half_to_even(text: str, micros: int) -> None:
    assert micros_reader(".")(text) == micros


@pytest.mark.parametrize("text", ["-1", "1000000000.01", "1,5", "1 000", "EUR 5", "nan", "", "1e400", "0x10", "٣"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Unfit, match=r"an amount like 1234\.56, from 0 to 1000000000"):
        micros_reader(".")(text)


@pytest.mark.parametrize(("text", "micros"), [("12,34", 12_340_000), ("1.234,5", 1_234_500_000), ("5", 5_000_000)])
def test_a_comma_for_the_decimals(text: str, micros: int) -> None:
    assert micros_reader(",")(text) == micros


@pytest.mark.parametrize("text", ["12.34", "1,234.5", "1.2.3"])
def test_a_dot_where_commas_are_said_is_refused_unless_it_groups_three_digits(text: str) -> None:
    with pytest.raises(Unfit, match="1234,56"):
        micros_reader(",")(text)


@given(st.integers(0, 10**15))
def test_every_amount_of_six_decimals_is_exact(micros: int) -> None:
    assert micros_reader(".")(f"{micros // 10**6}.{micros % 10**6:06}") == micros


@given(st.decimals(0, 10**8, allow_nan=False, places=9))
def test_no_amount_is_off_by_more_than_half_a_millionth(amount: Decimal) -> None:
    found = micros_reader(".")(f"{amount:f}")
    assert abs(Fraction(found) - Fraction(amount) * 10**6) <= Fraction(1, 2)


@given(st.floats(0, 10**6))
def test_amounts_that_were_floats_are_read_as_they_are_written(amount: float) -> None:
    assert micros_reader(".")(repr(amount)) == round(Fraction(repr(amount)) * 10**6)


def test_durations() -> None:
    assert duration_reader("ms")("1500") == duration_reader("s")("1.5") == 1500
    for text in ("-1", "86401", "soon"):
        with pytest.raises(Unfit, match="a duration in s, from 0 to 86400"):
            duration_reader("s")(text)


def test_integers() -> None:
    read = integer_reader(0, 10)
    assert [read("7"), read("7.0"), read("1e1")] == [7, 7, 10]
    for text in ("7.5", "7.000001", "11", "-1", "seven"):
        with pytest.raises(Unfit, match="an integer from 0 to 10"):
            read(text)


def test_yes_and_no() -> None:
    assert [read_boolean(text) for text in ("true", "T", "1", "Yes")] == [True] * 4
    assert [read_boolean(text) for text in ("False", "f", "0", "n")] == [False] * 4
    with pytest.raises(Unfit, match="true or false"):
        read_boolean("maybe")
