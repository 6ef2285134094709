"""What makes a touchpoint a dead letter: reason, field, value and expectation of each rule, and its boundaries."""

from typing import Any

import pytest

from streams.domain.identifiers import clean
from streams.domain.validation import Rejection, are_in_range, check, check_identifiers
from tests.unit.builders import touchpoint_record

SHA = "9f86d081884c7d659a2feaa0c55ad015"


def buys(**fields: Any) -> dict[str, Any]:
    """The conversion of a purchase, with ``fields`` over it."""
    return {"conversion": {"type": "purchase", "value_micros": 5, "currency": "EUR", "order_id": "o1"} | fields}


def answers(metric: str, score: int) -> dict[str, Any]:
    return {"satisfaction": {"metric": metric, "score": score}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"channel": "email"}, ("wrong_topic", "channel", "email", "web")),
        ({"channel": "UNKNOWN"}, ("wrong_topic", "channel", "UNKNOWN", "web")),
        ({"event_id": ""}, ("invalid", "event_id", "", "1 to 1024 characters, no NUL")),
        ({"event_id": "e" * 1025}, ("invalid", "event_id", "e" * 64, "1 to 1024 characters, no NUL")),
        ({"event_id": "a\0b"}, ("invalid", "event_id", "a?b", "1 to 1024 characters, no NUL")),
        ({"action": ""}, ("invalid", "action", "", "1 to 1024 characters, no NUL")),
        ({"action": "page\0viewed"}, ("invalid", "action", "page?viewed", "1 to 1024 characters, no NUL")),
        ({"action": "waved"}, ("unknown_direction", "direction", "UNKNOWN", "inbound or outbound for 'waved'")),
        ({"direction": "outbound"}, ("contradicting_direction", "direction", "outbound", "inbound for page_viewed")),
        ({"occurred_at": -1}, ("invalid", "occurred_at", "-1", "0 to 9214646400000")),
        ({"occurred_at": 9_214_646_400_001}, ("invalid", "occurred_at", "9214646400001", "0 to 9214646400000")),
        ({"sentiment": -1001}, ("invalid", "sentiment", "-1001", "-1000 to 1000")),
        ({"sentiment": 1001}, ("invalid", "sentiment", "1001", "-1000 to 1000")),
        ({"engaged_ms": -1}, ("invalid", "engaged_ms", "-1", "0 to 86400000")),
        ({"engaged_ms": 86_400_001}, ("invalid", "engaged_ms", "86400001", "0 to 86400000")),
        (answers("stars", 5), ("invalid", "satisfaction.metric", "stars", "acsi or csat or nps")),
        (answers("nps", 11), ("invalid", "satisfaction.score", "11", "0 to 10")),
        (answers("nps", -1), ("invalid", "satisfaction.score", "-1", "0 to 10")),
        (answers("csat", 0), ("invalid", "satisfaction.score", "0", "1 to 5")),
        (answers("csat", 6), ("invalid", "satisfaction.score", "6", "1 to 5")),
        (answers("acsi", 2), ("invalid", "satisfaction.score", "2", "3 to 30")),
        (answers("acsi", 31), ("invalid", "satisfaction.score", "31", "3 to 30")),
        (buys(type=""), ("invalid", "conversion.type", "", "a name")),
        (buys(type="\0"), ("invalid", "conversion.type", "?", "a name")),
        (buys(order_id="\0"), ("invalid", "conversion.order_id", "?", "at most 1024 characters, no NUL")),
        (buys(order_id="o" * 1_025), ("invalid", "conversion.order_id", "o" * 64, "at most 1024 characters, no NUL")),
        (buys(currency="eur"), ("invalid", "conversion.currency", "eur", "an ISO 4217 code like EUR, or empty")),
        (buys(currency="EUR\n"), ("invalid", "conversion.currency", "EUR\n", "an ISO 4217 code like EUR, or empty")),
        (buys(currency=""), ("invalid", "conversion.currency", "", "an ISO 4217 code like EUR where there is a value")),
        (buys(value_micros=-1), ("invalid", "conversion.value_micros", "-1", f"0 to {10**15}")),
        (buys(value_micros=10**15 + 1), ("invalid", "conversion.value_micros", str(10**15 + 1), f"0 to {10**15}")),
    ],
)
def test_each_rule_names_its_reason_the_field_the_value_and_what_was_expected(
    fields: dict[str, Any], expected: tuple[str, str, str, str]
) -> None:
    assert check(touchpoint_record(**fields), "web") == Rejection(*expected)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"event_id": "e"},
        {"event_id": "ü" * 1024},
        {"action": "waved", "direction": "inbound"},
        {"action": "waved", "direction": "outbound"},
        {"direction": "inbound"},
        {"occurred_at": 0},
        {"occurred_at": 9_214_646_400_000},
        {"sentiment": -1000},
        {"sentiment": 1000},
        {"engaged_ms": 0},
        {"engaged_ms": 86_400_000},
        answers("nps", 0),
        answers("nps", 10),
        answers("csat", 1),
        answers("csat", 5),
        answers("acsi", 3),
        answers("acsi", 30),
        buys(),
        buys(order_id=None),
        buys(value_micros=0, currency=""),
        buys(value_micros=0, currency="EUR"),
        buys(value_micros=10**15),
    ],
)
def test_what_stands_on_the_boundary_is_taken(fields: dict[str, Any]) -> None:
    assert check(touchpoint_record(**fields), "web") is None


def test_the_first_broken_rule_is_told() -> None:
    broken = touchpoint_record(event_id="", sentiment=5000)
    assert check(broken, "web") == Rejection("invalid", "event_id", "", "1 to 1024 characters, no NUL")
    wrong_too = check(broken, "email")
    assert wrong_too is not None
    assert wrong_too.reason == "wrong_topic"


def rejected(*identifiers: tuple[str, str]) -> Rejection | None:
    entries = [{"namespace": n, "value": v} for n, v in identifiers]
    return check_identifiers(touchpoint_record(identifiers=entries), clean(entries))


def test_without_a_usable_identifier_nobody_could_be_found() -> None:
    expected = Rejection("no_identifier", "identifiers", "", "at least one identifier that is not blocked")
    assert rejected() == expected
    assert rejected(("cookie_id", " undefined ")) == expected


def test_two_user_ids_are_ambiguous_and_masked() -> None:
    found = rejected(("user_id", SHA), ("user_id", "4711"), ("cookie_id", "c"))
    assert found == Rejection("ambiguous_user_id", "identifiers", "…(4), 9f…(32)", "one user_id")


def test_one_user_id_twice_or_beside_a_blocked_one_is_not_ambiguous() -> None:
    assert rejected(("user_id", "u1"), ("user_id", " u1 "), ("user_id", "guest")) is None


def test_a_namespace_that_is_no_name_may_be_a_confused_value_and_is_masked() -> None:
    found = rejected(("cookie_id", "c"), (SHA + "@x", "email"))
    assert found == Rejection("invalid", "identifiers[1].namespace", "9f…(34)", "a lower-case name like cookie_id")


@pytest.mark.parametrize(("value", "shown"), [("x" * 1025, "xx…(1025)"), ("a\0b", "…(3)"), ("\0" * 12, "??…(12)")])
def test_an_identifier_that_is_too_long_or_holds_nul_is_refused_and_masked(value: str, shown: str) -> None:
    found = rejected(("cookie_id", value))
    assert found == Rejection("invalid", "identifiers[0].value", shown, "at most 1024 characters, no NUL")
    assert rejected(("cookie_id", "x" * 1024)) is None


@pytest.mark.parametrize("occurred_at", [-1, 0, 9_214_646_400_000, 9_214_646_400_001])
@pytest.mark.parametrize("sentiment", [None, -1_001, -1_000, 0, 1_000, 1_001])
@pytest.mark.parametrize("engaged_ms", [None, -1, 0, 86_400_000, 86_400_001])
def test_numbers_are_in_range_where_no_rule_is_broken(
    occurred_at: int, sentiment: int | None, engaged_ms: int | None
) -> None:
    record = touchpoint_record(occurred_at=occurred_at, sentiment=sentiment, engaged_ms=engaged_ms)
    assert are_in_range(occurred_at, sentiment, engaged_ms) == (check(record, "web") is None)
