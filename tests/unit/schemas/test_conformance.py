"""What producers are told about a record that does not fit, and that fitting records are exactly those that encode."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode, encode
from schemas.conformance import Problem, problems
from tests.unit.schemas.record_strategies import NAMES, records

INT = f"an integer from {-(2**31)} to {2**31 - 1}"
LONG = f"an integer from {-(2**63)} to {2**63 - 1}"
TEXT = "text without NUL characters and lone surrogates"
CHANNELS = "one of email, web, mobile, social, service"

CLEAN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def touchpoint(**changes: Any) -> dict[str, Any]:
    """The shortest touchpoint with ``changes``; None takes a field away where it is required."""
    record = {
        "event_id": "e1",
        "channel": "web",
        "occurred_at": 1431857114000,
        "identifiers": [{"namespace": "cookie_id", "value": "28dc"}],
        "action": "page_viewed",
    }
    return {**record, **changes}


def test_a_touchpoint_without_its_optional_fields_fits() -> None:
    assert problems("touchpoint", touchpoint()) == []


@given(st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), records(name, CLEAN_TEXT))))
def test_whole_records_of_every_kind_fit(kind: tuple[str, dict[str, Any]]) -> None:
    assert problems(*kind) == []


@given(records("touchpoint", CLEAN_TEXT), st.data())
def test_what_fits_is_encoded_without_loss_whatever_json_stands_in_a_field(
    record: dict[str, Any], data: st.DataObject
) -> None:
    field = data.draw(st.sampled_from(sorted(record)))
    changed = {**record, field: data.draw(JSON)}
    if not problems("touchpoint", changed):
        assert decode(encode("touchpoint", changed)).record == {**record, **filled(changed)}


def filled(record: dict[str, Any]) -> dict[str, Any]:
    """``record`` with the defaults of the nested records that JSON may leave out."""
    acquisition = ("source", "medium", "campaign", "content", "term", "click_id", "referrer", "url")
    nested: dict[str, dict[str, Any]] = {
        "acquisition": dict.fromkeys(acquisition),
        "conversion": {"value_micros": 0, "currency": "", "order_id": None},
    }
    return record | {name: {**d, **record[name]} for name, d in nested.items() if isinstance(record[name], dict)}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"event_id": 5}, Problem("event_id", "5", "text")),
        ({"event_id": None}, Problem("event_id", "null", "text")),
        ({"event_id": "a\0b"}, Problem("event_id", "'a\\x00b'", TEXT)),
        ({"event_id": "\ud800"}, Problem("event_id", "'\\ud800'", TEXT)),
        ({"message_id": 7}, Problem("message_id", "7", "null or text")),
        ({"channel": "Web"}, Problem("channel", "'Web'", CHANNELS)),
        ({"channel": "UNKNOWN"}, Problem("channel", "'UNKNOWN'", CHANNELS)),
        ({"channel": ["web"]}, Problem("channel", "an array of 1", CHANNELS)),
        ({"direction": "in"}, Problem("direction", "'in'", "one of UNKNOWN, inbound, outbound")),
        ({"occurred_at": "2015-05-17"}, Problem("occurred_at", "'2015-05-17'", "an integer")),
        ({"occurred_at": 1431857114000.0}, Problem("occurred_at", "1431857114000.0", "an integer")),
        ({"occurred_at": True}, Problem("occurred_at", "true", "an integer")),
        ({"occurred_at": 2**63}, Problem("occurred_at", str(2**63), LONG)),
        ({"occurred_at": -(10**5000)}, Problem("occurred_at", "an integer of 16610 bits", LONG)),
        ({"sentiment": 2**31}, Problem("sentiment", str(2**31), f"null or {INT}")),
        ({"sentiment": False}, Problem("sentiment", "false", "null or an integer")),
        ({"backfill": 1}, Problem("backfill", "1", "true or false")),
        ({"properties": {"a": 1}}, Problem("properties.a", "1", "text")),
        ({"properties": {"a\0": ""}}, Problem("properties", "the key 'a\\x00'", f"keys that are {TEXT}")),
        ({"properties": []}, Problem("properties", "an array of 0", "an object")),
        ({"acquisition": "mail"}, Problem("acquisition", "'mail'", "null or an object")),
        ({"acquisition": {"source": 1}}, Problem("acquisition.source", "1", "null or text")),
        ({"conversion": {}}, Problem("conversion.type", "nothing", "text")),
        ({"satisfaction": {"metric": "nps", "score": 9.5}}, Problem("satisfaction.score", "9.5", "an integer")),
        ({"eventId": "x"}, Problem("eventId", "text of 1 characters", "no such field, perhaps event_id")),
        ({"zzzzzz": None}, Problem("zzzzzz", "null", "no such field")),
        ({"identifiers": {}}, Problem("identifiers", "an object of 0 fields", "an array")),
        ({"identifiers": [{"value": "v"}]}, Problem("identifiers[0].namespace", "nothing", "text")),
    ],
)
def test_a_problem_names_the_field_what_was_found_and_what_was_expected(
    change: dict[str, Any], problem: Problem
) -> None:
    assert problems("touchpoint", touchpoint(**change)) == [problem]


def test_all_problems_are_told_in_the_order_of_the_schema() -> None:
    found = problems("touchpoint", {"action": 1, "channel": "fax"})
    assert [p.field for p in found] == ["event_id", "channel", "occurred_at", "identifiers", "action"]


@pytest.mark.parametrize("record", [None, [], "touchpoint", 1, [touchpoint()]])
def test_what_is_no_object_is_one_problem_of_the_whole_record(record: object) -> None:
    assert [(p.field, p.expected) for p in problems("touchpoint", record)] == [("", "an object")]


def test_long_values_and_names_are_shortened() -> None:
    for change in ({"channel": "x" * 10_000}, {"x" * 10_000: 1}, {"properties": {"x" * 10_000: 1}}):
        (problem,) = problems("touchpoint", touchpoint(**change))
        assert len(problem.field) < 80
        assert len(problem.value) < 80


@pytest.mark.parametrize(
    "change",
    [
        {"identifiers": "alice@example.com"},
        {"identifiers": ["alice@example.com"]},
        {"identifiers": {"alice@example.com": "alice@example.com"}},
        {"identifiers": [{"namespace": "email", "value": ["alice@example.com"]}]},
        {"identifiers": [{"namespace": "email", "value": "alice@example.com\0"}]},
        {"identifiers": [{"namespace": "email", "valu": "alice@example.com"}]},
        {"identifier": "alice@example.com"},
        {"email": "alice@example.com"},
    ],
)
def test_no_identifier_is_ever_shown(change: dict[str, Any]) -> None:
    found = problems("touchpoint", touchpoint(**change))
    assert found
    assert "alice" not in str(found)


@given(JSON, st.text(st.characters()))
def test_anything_gets_an_answer_that_prints_on_one_line(record: object, name: str) -> None:
    for one in (record, touchpoint(**{name: record}), touchpoint(properties={name: record})):
        for problem in problems("touchpoint", one):
            assert " ".join(problem).isprintable()


def test_an_unknown_kind_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        problems("touchpoints", {})
