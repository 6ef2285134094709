"""How figures read: the boundaries of units, no figure cut, a journey on one line."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.figures import amount, count, counted, duration, journey_line, money, percent, shortened

START = datetime(2026, 10, 3, 9, 12, tzinfo=UTC)
DAY = 86_400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (DAY - 1, "23 h 59 min"),
        (DAY, "1 d 0 h"),
        (3 * DAY + 4 * 3600 + 59, "3 d 4 h"),
        (1234 * DAY, "1,234 d 0 h"),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_rate_over_no_denominator_is_a_dash_and_not_zero() -> None:
    assert (percent(None), percent(0.0), percent(0.4217)) == ("-", "0.0 %", "42.2 %")


def test_currencies_are_never_added_up() -> None:
    values = {"USD": Decimal("20"), "EUR": Decimal("1234.5"), "": Decimal(0)}
    assert money(values) == "1,234.50 EUR\n20.00 USD"
    assert money({}) == money({"": Decimal(0)}) == "-"


def test_figures_have_separators_for_thousands() -> None:
    assert (count(1234567), amount(Decimal("1234567.891"))) == ("1,234,567", "1,234,567.89")


def test_one_is_no_plural() -> None:
    assert [counted(n, "journey") for n in (0, 1, 1234)] == ["0 journeys", "1 journey", "1,234 journeys"]


def test_of_many_names_the_first_are_shown_and_the_others_counted() -> None:
    assert shortened(["anna"]) == "anna"
    assert shortened(["a", "b", "c"]) == "a, b, c"
    assert shortened(["a", "b" * 17, "c", "d", "e"]) == "a, bbbbbbbbbbbbbb.., c and 2 more"


@given(st.lists(st.text(), min_size=1, max_size=2000))
def test_names_are_ascii_and_leave_room_for_their_namespace(names: list[str]) -> None:
    text = shortened(names)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 70


def test_a_journey_reads_as_runs_of_one_channel() -> None:
    steps = [
        ("email", "opened"),
        ("email", "clicked"),
        *[("web", "page_viewed")] * 5,
        ("web", "cart_added"),
        ("web", "purchased"),
    ]
    assert journey_line(START, steps, "89.90 EUR", 4500, 120) == (
        "2026-10-03 09:12  email opened, clicked > web 5 pages, cart added, purchased 89.90 EUR (1 h 15 min)"
    )


def test_a_long_run_keeps_its_beginning_and_its_last_action() -> None:
    steps = [("web", action) for action in ("searched", "page_viewed", "cart_added", "checkout_started", "purchased")]
    assert "web searched, page viewed, ..., purchased 1.00 EUR" in journey_line(START, steps, "1.00 EUR", 60, 100)


def test_a_crowded_journey_shows_each_runs_last_action_before_it_drops_a_run() -> None:
    steps = [(channel, action) for channel in ("email", "web", "service") for action in ("opened", "clicked", "called")]
    assert journey_line(START, steps, "5.00 EUR", DAY, 90) == (
        "2026-10-03 09:12  email called > web called > service called 5.00 EUR (1 d 0 h)"
    )


def test_a_journey_without_money_has_no_gap_in_its_line() -> None:
    assert journey_line(START, [("web", "signed_up")], "", 5, 100) == "2026-10-03 09:12  web signed up (5 s)"


def test_a_long_journey_loses_its_middle_and_keeps_beginning_and_conversion() -> None:
    steps = (
        [("email", "opened")] + [(("web", "social")[i % 2], "shared") for i in range(40)] + [("mobile", "purchased")]
    )
    line = journey_line(START, steps, "5.00 EUR", DAY, 100)
    assert len(line) <= 100
    assert line.startswith("2026-10-03 09:12  email opened > ")
    assert line.endswith(" > mobile purchased 5.00 EUR (1 d 0 h)")
    assert line.count(" > ... > ") == 1


CHANNELS = st.sampled_from(["email", "web", "mobile", "social", "service"])
ACTIONS = st.sampled_from(["page_viewed", "opened", "purchased", "screen_viewed"])


@given(st.lists(st.tuples(CHANNELS, ACTIONS), min_size=1, max_size=60))
def test_every_journey_fits_on_one_line_of_ascii(steps: list[tuple[str, str]]) -> None:
    line = journey_line(START, steps, "89.90 EUR", 4500, 160)
    assert len(line) <= 160
    assert line.isascii()
    assert "\n" not in line


def test_runs_in_the_middle_are_counted_before_they_are_left_out() -> None:
    steps = [("mobile", "app_opened"), *[("email", "opened")] * 3, *[("web", "page_viewed"), ("web", "searched")] * 4]
    steps += [("mobile", "screen_viewed"), ("web", "purchased")]
    assert journey_line(START, steps, "9.00 EUR", 60, 100) == (
        "2026-10-03 09:12  mobile app opened > email x3 > web x8 > mobile x1 > web purchased 9.00 EUR (1 min)"
    )
