"""Rows from records: what a field becomes, and that no table is filled by guess."""

from typing import Any

import pytest

from schemas.codec import encode
from schemas.columns import decode_columns
from sinks.tables import CORRECTIONS, NOBODY, TABLES, TOUCHPOINTS, Accepted, Logged, letter_data
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.runtime.stage import PlainRecord, Records
from tests.unit.sinks.plain_records import BARE_TOUCHPOINT, MS, RESOLVED, bare


def row(table: Any, decoded: Any, epoch: int = 0) -> dict[str, Any]:
    """The only row, by column."""
    data = table.data_of(decoded, epoch)
    return {name: value for name, [value] in zip(table.columns, data, strict=True)}


def touchpoint_row(sent: dict[str, Any] = BARE_TOUCHPOINT, epoch: int = 0, **outer: Any) -> dict[str, Any]:
    outer = RESOLVED | {"touchpoint": encode("touchpoint", sent)} | outer
    resolved = decode_columns([encode("resolved_touchpoint", outer)], "resolved_touchpoint")
    return row(TOUCHPOINTS, Accepted(resolved, decode_columns(resolved.column("touchpoint"), "touchpoint")), epoch)


def row_of(record: str, fields: dict[str, Any], epoch: int = 0) -> dict[str, Any]:
    return row(TABLES[record], decode_columns([encode(record, fields)], record), epoch)


def test_what_intake_judged_replaces_what_the_producer_sent() -> None:
    row = touchpoint_row()
    assert (row["direction"], row["mode"], row["actor"]) == ("inbound", "asynchronous", "human")
    assert row["identifiers"] == ["email_sha256:ab12", "social_handle:net:anna"]
    assert row["via"] == "email_sha256:ab12"


def test_a_touchpoint_keeps_its_via_s_own_customer_whomever_it_was_resolved_to() -> None:
    own = customer_id(Identifier("email_sha256", "ab12"))
    assert [touchpoint_row(to=to)["via_customer"] for to in (own, NOBODY)] == [own, own]


def test_version_is_the_intake_offset_and_not_the_assignment() -> None:
    assert touchpoint_row()["version"] == 42


def test_times_stay_integer_milliseconds() -> None:
    row = touchpoint_row()
    assert (row["occurred_at"], row["received_at"]) == (MS, MS + 5)


def test_text_not_given_is_empty_and_answers_not_given_are_null() -> None:
    row = touchpoint_row()
    empty = ("source", "url", "message_id", "link", "conversion_type", "currency", "order_id", "user_agent")
    assert {row[column] for column in empty} == {""}
    assert {row[column] for column in ("sentiment", "satisfaction_score", "engaged_ms")} == {None}
    assert row["value_micros"] == 0


def test_nested_records_become_columns_of_their_own() -> None:
    touchpoint = BARE_TOUCHPOINT | {
        "acquisition": dict.fromkeys(("medium", "content", "term", "click_id", "referrer", "url"))
        | {"source": "newsletter", "campaign": "spring"},
        "conversion": {"type": "purchase", "value_micros": 19_990_000, "currency": "EUR", "order_id": None},
        "satisfaction": {"metric": "nps", "score": 0},
        "sentiment": 0,
    }
    row = touchpoint_row(touchpoint)
    assert (row["source"], row["medium"], row["campaign"]) == ("newsletter", "", "spring")
    assert (row["conversion_type"], row["value_micros"], row["currency"], row["order_id"]) == (
        "purchase",
        19_990_000,
        "EUR",
        "",
    )
    assert (row["satisfaction_metric"], row["satisfaction_score"], row["sentiment"]) == ("nps", 0, 0)


def test_steps_and_touches_become_parallel_arrays_in_order() -> None:
    steps = [
        {"at": 1, "channel": "email", "action": "clicked", "via": "cookie_id:a", "event_id": "e1"},
        {"at": 2, "channel": "web", "action": "page_viewed", "via": "cookie_id:a", "event_id": "e2"},
    ]
    texts = {"channel": "email", "marketing_channel": "Email", "campaign": "c", "content": ""}
    row = row_of("journey", bare("journey", steps=steps, touches=[{"at": 1, "touchpoints": 2, **texts}]))
    assert (row["steps_at"], row["steps_channel"], row["steps_event_id"]) == ([1, 2], ["email", "web"], ["e1", "e2"])
    assert (row["touches_marketing_channel"], row["touches_touchpoints"]) == (["Email"], [2])


def test_a_tombstone_without_steps_is_a_whole_row() -> None:
    row = row_of("journey", bare("journey", deleted=True))
    assert row["deleted"] is True
    assert row["steps_at"] == row["touches_at"] == []


PAIR = {
    "stronger": {"namespace": "user_id", "value": "u:1"},
    "weaker": {"namespace": "cookie_id", "value": "c"},
}


def test_an_assignment_is_the_customer_of_its_identifier() -> None:
    identifier = {"namespace": "social_handle", "value": "net:anna"}
    row = row_of("assignment", bare("assignment", identifier=identifier, customer=RESOLVED["to"], version=7))
    expected = {"namespace": "social_handle", "value": "net:anna", "customer_id": RESOLVED["to"], "version": 7}
    assert row == expected


def test_where_there_is_no_customer_or_journey_the_id_is_zeros() -> None:
    change = row_of("identity_change", bare("identity_change", kind="retracted", version=7))
    assert (change["from_customer"], change["to_customer"]) == (NOBODY, NOBODY)
    moved = row_of("identity_change", bare("identity_change", kind="merge", **{"from": "a", "to": "b"}))
    assert (moved["from_customer"], moved["to_customer"]) == ("a", "b")
    row = row_of("journey_change", bare("journey_change", journey_after="j"))
    assert (row["journey_before"], row["journey_after"]) == (NOBODY, "j")


def test_a_refused_link_names_both_identifiers() -> None:
    row = row_of("identity_violation", bare("identity_violation", **PAIR, reason="user_id", deleted=False))
    assert (row["stronger"], row["weaker"], row["reason"]) == ("user_id:u:1", "cookie_id:c", "user_id")


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_correction_has_the_version_of_what_it_causes(epoch: int) -> None:
    decoded = decode_columns([encode("correction", bare("correction", kind="asserted", **PAIR))], "correction")
    found = row(CORRECTIONS, Logged(decoded, [9]), epoch)
    assert (found["stronger"], found["weaker"], found["kind"]) == ("user_id:u:1", "cookie_id:c", "asserted")
    assert found["version"] == epoch * 2**48 + 10


def test_credits_before_and_after_become_parallel_arrays() -> None:
    texts = {"channel": "web", "campaign": "", "content": "", "touchpoints": 1}
    touches = [{"at": n, "marketing_channel": name, **texts} for n, name in enumerate(("Direct", "Email"))]
    empty = bare("journey_change")["before"]
    before = empty | {"touches": touches[:1], "credit_linear": [1.0]}
    after = empty | {"touches": touches, "credit_linear": [0.5, 0.5]}
    row = row_of("journey_change", bare("journey_change", before=before, after=after))
    assert (row["before_touches_at"], row["before_touches_marketing_channel"]) == ([0], ["Direct"])
    assert (row["after_touches_at"], row["after_touches_marketing_channel"]) == ([0, 1], ["Direct", "Email"])
    assert (row["before_credit_linear"], row["after_credit_linear"]) == ([1.0], [0.5, 0.5])
    assert row["after_credit_first"] == []


def test_columns_are_as_long_as_the_records_are_many() -> None:
    outcomes = [encode("outcome", bare("outcome", partition=p)) for p in range(40)]
    table = TABLES["outcome"]
    data = dict(zip(table.columns, table.data_of(decode_columns(outcomes, "outcome"), 0), strict=True))
    assert data["partition"] == list(range(40))
    assert {len(column) for column in data.values()} == {40}


@pytest.mark.parametrize("name", TABLES)
def test_no_records_are_empty_columns(name: str) -> None:
    assert TABLES[name].data_of(decode_columns([], name), 0) == [[]] * len(TABLES[name].columns)


def test_epoch_goes_into_the_versions_of_rows_that_stand_for_one_record() -> None:
    assert row_of("dead_letter", bare("dead_letter", offset=9), epoch=2)["version"] == 2 * 2**48 + 9
    assert row_of("late_touchpoint", bare("late_touchpoint", offset=9), epoch=2)["version"] == 2 * 2**48 + 9
    assert touchpoint_row(epoch=2)["version"] == 2 * 2**48 + 42


def test_the_sink_s_own_dead_letters_have_the_columns_of_the_others() -> None:
    records = Records("journeys", 3, [PlainRecord(9, 7, None, None), PlainRecord(11, 8, b"k", b"v")])
    table = TABLES["dead_letter"]
    data = dict(zip(table.columns, letter_data(records, "undecodable", "", "Avro", epoch=1), strict=True))
    letter = {"reason": "undecodable", "expected": "Avro", "topic": "journeys", "partition": 3, "original": b"v"}
    written = bare("dead_letter", **letter, key=b"k", offset=11, received_at=8)
    assert {name: column[1] for name, column in data.items()} == row_of("dead_letter", written, epoch=1)
    assert (data["key"][0], data["original"][0]) == (None, b"")
