"""A customer drawn: what is long is shortened and counted, what is narrow fits, and nothing is lost on the way."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from sinks.customer.drawing import WIDTH, draw
from sinks.customer.found import (
    Customer,
    Evidence,
    IdentityChange,
    Journey,
    JourneyChange,
    Link,
    Pair,
    Refusal,
    Session,
    Shared,
    Some,
    Step,
    Totals,
    Touch,
)
from sinks.customer.timeline import shortened

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
ID = "35b629a9-e4f8-5e5a-8d67-d5d3e47a351f"
NONE: Some[Any] = Some([], 0)


def customer(**fields: Any) -> Customer:
    """One of whom nothing is known but ``fields``."""
    bare = Customer(ID, "user_id:a", ["user_id:a"], [], NONE, [], Totals(0, 0, None, None, 0), NONE, [], [], NONE, NONE)
    return bare._replace(**fields)


def drawn(**fields: Any) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=WIDTH)
    for line in draw(customer(**fields)):
        console.print(line)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= WIDTH
    return lines


def section(lines: list[str], title: str) -> list[str]:
    """The lines below ``title``."""
    below = lines[lines.index(title) + 1 :]
    return below[: below.index("")] if "" in below else below


def visits(number: int, steps: int, action: str = "page_viewed") -> Journey:
    """A visit a day, ``steps`` touchpoints each, every other one of another kind."""
    touches = [Touch(START + i * DAY, "Direct", "", steps, 0.0) for i in range(number)]
    all_steps = [
        Step(START + i * DAY + j * SECOND, "web", f"{action}{j % 2}", "cookie_id:c")
        for i in range(number)
        for j in range(steps)
    ]
    return Journey(ID, START, START + number * DAY, number * steps, "", all_steps, touches)


def test_somebody_of_whom_nothing_is_known_yet_is_drawn_too() -> None:
    assert drawn() == [
        f"Customer {ID}",
        "    0 journeys, 0 converted",
        "",
        "Identifiers (1)",
        "    user_id        a",
        "",
        "Timeline (UTC)",
        "  nothing yet",
    ]


@pytest.mark.parametrize("number", range(30))
def test_the_parts_of_what_is_shortened_are_all_of_it(number: int) -> None:
    first, left_out, last = shortened(range(number), 9)
    assert [*first, *left_out, *last] == [*range(number)]
    assert len(first) + len(last) <= 10
    assert len(left_out) != 1


def test_of_many_visits_the_middle_is_counted() -> None:
    lines = drawn(journeys=Some([visits(40, 3)], 1))
    assert "| ... 28 more visits, 84 touchpoints" in lines
    assert sum(line.startswith("| Visit") for line in lines) == 12


def test_of_a_long_session_the_middle_is_counted() -> None:
    lines = drawn(journeys=Some([visits(1, 100)], 1))
    assert "| | | ... 91 more touchpoints" in lines
    assert sum(line.startswith("| | | 09:") for line in lines) == 9


def test_steps_that_the_row_does_not_hold_are_counted() -> None:
    journey = visits(2, 500)
    cut = journey._replace(touches=[*journey.touches[:1], journey.touches[1]._replace(touchpoints=1_500)])
    assert "| | ... 1,000 more touchpoints" in drawn(journeys=Some([cut], 1))


def test_earlier_journeys_are_counted_and_numbers_go_on() -> None:
    lines = drawn(journeys=Some([visits(1, 1)], 31))
    assert "... 30 earlier journeys" in lines
    assert any(line.startswith("Journey 31  2026-03-01 09:00") for line in lines)


def test_a_session_says_its_own_figures_even_where_the_journey_holds_a_part() -> None:
    session = Session("web", START - MINUTE, START + MINUTE, 7, True)
    lines = drawn(journeys=Some([visits(1, 2)], 1), sessions=[session])
    assert [line.split("  ")[0] for line in lines if "session" in line] == [
        "| | web session, 7 touchpoints, 2 min, engaged"
    ]


def test_a_via_is_named_where_it_is_another_than_before() -> None:
    journey = visits(1, 4)
    steps = [step._replace(via=via) for step, via in zip(journey.steps, ("c:1", "c:1", "u:2", "u:2"), strict=True)]
    lines = drawn(journeys=Some([journey._replace(steps=steps)], 1))
    below = lines[lines.index("Timeline (UTC)") + 4 :]
    assert [line.split()[-1] if ":" in line.split()[-1] else "" for line in below] == ["c:1", "", "", "u:2", ""]


def test_what_stands_apart_has_its_place_in_time() -> None:
    journey = visits(2, 1)
    at = [START - DAY, START + MINUTE, START + 5 * DAY]
    apart = [Step(when, "email", "sent", "email_sha256:m", "outbound") for when in at]
    timeline = section(drawn(journeys=Some([journey], 1), apart=apart), "Timeline (UTC)")
    said = [line.rstrip() for line in timeline if "sent" in line or "Visit" in line or "Journey" in line]
    assert [line.partition("  ")[0] for line in said] == [
        ". 2026-02-28 09:00",
        "Journey 1",
        "| Visit 2026-03-01 09:00",
        "| . 2026-03-01 09:01",
        "| Visit 2026-03-02 09:00",
        ". 2026-03-06 09:00",
    ]


def test_many_that_stand_apart_are_one_line_a_day_and_then_counted() -> None:
    apart = [Step(START + i * DAY / 10, "email", "sent", "e:m", "outbound") for i in range(200)]
    assert section(drawn(apart=apart), "Timeline (UTC)") == [
        ". 2026-03-01 09:00  email sent x7 (outbound)",
        ". 2026-03-02 01:48  email sent x10 (outbound)",
        ". 2026-03-03 01:48  email sent x10 (outbound)",
        ". ... 170 more that stand apart",
        ". 2026-03-21 01:48  email sent x3 (outbound)",
    ]


def test_hundreds_of_identifiers_take_a_line_a_namespace() -> None:
    lines = section(drawn(identifiers=[f"cookie_id:{i:016}" for i in range(100)]), "Identifiers (100)")
    assert len(lines) == 1
    assert lines[0].endswith("0000000000000002 and 97 more")


def test_what_a_terminal_would_take_as_a_command_is_not_passed_on() -> None:
    evil = "\x1b[2Jcookie\r\x07"
    link = Link(Pair("user_id:a", evil), Evidence(START, "web", evil), None)
    text = "\n".join(drawn(identifiers=[f"user_id:{evil}"], links=[link]))
    assert text.count("?[2Jcookie") == 3
    assert all(character.isprintable() or character == "\n" for character in text)


def test_links_stand_below_their_stronger_end_and_long_lists_are_cut() -> None:
    long = "email_sha256:" + "a" * 64
    evidence = Evidence(START, "web", "w1")
    links = [Link(Pair("user_id:a", long), evidence, None)]
    links += [Link(Pair(long, f"click_id:{i}"), evidence, None) for i in range(100)]
    lines = section(drawn(links=links), "Links, each with the earliest touchpoint that bears both")
    assert lines[:4] == ["    user_id:a", f"        {long}", "            2026-03-01 09:00  web w1", f"    {long}"]
    assert "        ... 88 more" in lines


def test_refused_links_that_were_not_read_are_counted() -> None:
    refusals = [Refusal(Pair(f"user_id:{i}", "user_id:a"), "shared", START, "e") for i in range(20)]
    lines = section(drawn(refusals=Some(refusals, 5_000)), "Links that don't count, and why")
    assert lines[0] == "    user_id:a"
    assert lines[-1] == "    ... 4,980 more"


def test_who_shares_it_is_named_as_far_as_there_is_room() -> None:
    shared = [Shared("device_id:tablet", 4_000, [f"user_id:{'u' * 30}{i}" for i in range(5)])]
    (line,) = section(drawn(shared=shared), "Shared by too many users to say whose it is")
    assert line.startswith("    device_id:tablet  4,000 users: user_id:u")
    assert line.endswith(" and 3,999 more")


def test_changes_are_the_first_and_the_latest() -> None:
    changes = [IdentityChange(START + i * DAY, "merge", ID, ID, [f"cookie_id:{i}"], "e", "") for i in range(50)]
    lines = section(drawn(identity_changes=Some(changes, 70)), "Changes of who is who")
    assert len(lines) == 13
    assert "    ... 58 more" in lines


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("", "b" * 36, "journey bbbbbbbb began"),
        ("a" * 36, "", "journey aaaaaaaa ceased"),
        ("a" * 36, "b" * 36, "journey aaaaaaaa became bbbbbbbb"),
    ],
)
def test_a_journey_that_changes_begins_ceases_or_becomes_another(before: str, after: str, said: str) -> None:
    change = JourneyChange(START, "late", "e1", before, after, "", {}, {})
    lines = section(drawn(journey_changes=Some([change], 1)), "Changes of journeys")
    assert lines == [f"    2026-03-01 09:00  late: {said.replace('became b', 'became journey b')}  cause e1"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"Direct": 1.0}, "credited to Direct 100.0 %"),
        ({"Direct": 1.0}, {"Email": 1.0, "Direct": 0.0}, "credited to Direct 100.0 % -> Email 100.0 %"),
        ({"Direct": 1.0}, {"Direct": 1.0}, "closes journey bbbbbbbb, no longer aaaaaaaa"),
        ({"Direct": 1.0}, {}, "no longer closes a journey here"),
    ],
)
def test_credits_that_change_stand_beside_what_they_were(
    before: dict[str, float], after: dict[str, float], said: str
) -> None:
    change = JourneyChange(START, "merge", "e1", "a" * 36, "b" * 36, "purchase 9.00 EUR", before, after)
    lines = section(drawn(journey_changes=Some([change], 1)), "Changes of journeys")
    assert lines == [f"    2026-03-01 09:00  merge: purchase 9.00 EUR {said}  cause e1"]
