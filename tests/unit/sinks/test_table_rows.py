"""Rows from records: what a field becomes, and that no table is filled by guess."""

import pytest

from sinks.tables import TABLES, TOUCHPOINTS, journey_row, touchpoint_row

MS = 1_431_857_114_123
RESOLVED = {
    "to": "8c0c1f8e-4b0f-5f0c-9f5f-0d5a3f0e6a11",
    "via": {"namespace": "email_sha256", "value": "ab12"},
    "version": 77,
    "actor": "human",
    "rules_version": "1",
    "direction": "inbound",
    "mode": "asynchronous",
    "marketing_channel": "Email",
    "has_acquisition": True,
    "campaign": "spring",
    "content": "",
    "identifiers": [
        {"namespace": "email_sha256", "value": "ab12"},
        {"namespace": "social_handle", "value": "net:anna"},
    ],
    "received_at": MS + 5,
    "intake_offset": 42,
    "intake_partition": 3,
    "touchpoint": b"",
}
BARE_TOUCHPOINT = {
    "event_id": "e1",
    "channel": "web",
    "occurred_at": MS,
    "identifiers": [{"namespace": "cookie_id", "value": "undefined"}],
    "action": "page_viewed",
    "direction": "UNKNOWN",
    "mode": "UNKNOWN",
    "acquisition": None,
    "message_id": None,
    "thread_id": None,
    "conversion": None,
    "sentiment": None,
    "satisfaction": None,
    "user_agent": None,
    "provider_machine": False,
    "link": None,
    "engaged_ms": None,
    "backfill": False,
    "properties": {"path": "/"},
}


def named(columns: tuple[str, ...], row: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(columns, row, strict=True))


def test_what_intake_judged_replaces_what_the_producer_sent() -> None:
    row = named(TOUCHPOINTS.columns, touchpoint_row(RESOLVED, BARE_TOUCHPOINT, 42))
    assert (row["direction"], row["mode"], row["actor"]) == ("inbound", "asynchronous", "human")
    assert row["identifiers"] == ["email_sha256:ab12", "social_handle:net:anna"]
    assert row["via"] == "email_sha256:ab12"
    assert row["via_customer"] == RESOLVED["to"]


def test_version_is_the_intake_offset_and_not_the_assignment() -> None:
    assert named(TOUCHPOINTS.columns, touchpoint_row(RESOLVED, BARE_TOUCHPOINT, 42))["version"] == 42


def test_times_stay_integer_milliseconds() -> None:
    row = named(TOUCHPOINTS.columns, touchpoint_row(RESOLVED, BARE_TOUCHPOINT, 42))
    assert (row["occurred_at"], row["received_at"]) == (MS, MS + 5)


def test_text_not_given_is_empty_and_answers_not_given_are_null() -> None:
    row = named(TOUCHPOINTS.columns, touchpoint_row(RESOLVED, BARE_TOUCHPOINT, 42))
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
    row = named(TOUCHPOINTS.columns, touchpoint_row(RESOLVED, touchpoint, 42))
    assert (row["source"], row["medium"], row["campaign"]) == ("newsletter", "", "spring")
    assert (row["conversion_type"], row["value_micros"], row["currency"], row["order_id"]) == (
        "purchase",
        19_990_000,
        "EUR",
        "",
    )
    assert (row["satisfaction_metric"], row["satisfaction_score"], row["sentiment"]) == ("nps", 0, 0)


def test_steps_and_touches_become_parallel_arrays_in_order() -> None:
    journey = dict.fromkeys(TABLES["journey"].columns, 0) | {
        "steps": [
            {"at": 1, "channel": "email", "action": "clicked", "via": "cookie_id:a", "event_id": "e1"},
            {"at": 2, "channel": "web", "action": "page_viewed", "via": "cookie_id:a", "event_id": "e2"},
        ],
        "touches": [
            {
                "at": 1,
                "channel": "email",
                "marketing_channel": "Email",
                "campaign": "c",
                "content": "",
                "touchpoints": 2,
            }
        ],
    }
    row = named(TABLES["journey"].columns, journey_row(journey))
    assert (row["steps_at"], row["steps_channel"], row["steps_event_id"]) == ([1, 2], ["email", "web"], ["e1", "e2"])
    assert (row["touches_marketing_channel"], row["touches_touchpoints"]) == (["Email"], [2])


def test_a_tombstone_without_steps_is_a_whole_row() -> None:
    journey = dict.fromkeys(TABLES["journey"].columns, 0) | {"steps": [], "touches": [], "deleted": True}
    row = named(TABLES["journey"].columns, journey_row(journey))
    assert row["deleted"] is True
    assert row["steps_at"] == row["touches_at"] == []


def test_columns_are_as_long_as_the_records_are_many() -> None:
    outcomes = [
        {"topic": "t", "channel": "web", "partition": p, "outcome": "late", "reason": "", "version": p, "records": 5}
        for p in range(3)
    ]
    data = TABLES["outcome"].columns_of(outcomes)
    assert named(TABLES["outcome"].columns, tuple(data))["partition"] == (0, 1, 2)


@pytest.mark.parametrize("name", TABLES)
def test_no_records_are_empty_columns(name: str) -> None:
    assert TABLES[name].columns_of([]) == [()] * len(TABLES[name].columns)


def test_a_record_of_another_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        TABLES["session"].columns_of([{"topic": "t"}])


def test_epoch_goes_into_the_versions_of_rows_that_stand_for_one_record() -> None:
    dead = dict.fromkeys(TABLES["dead_letter"].columns, "") | {"offset": 9}
    assert TABLES["dead_letter"].columns_of([dead], epoch=2)[-1] == (2 * 2**48 + 9,)
    versions = TOUCHPOINTS.columns_of([(RESOLVED, BARE_TOUCHPOINT)], epoch=2)[-1]
    assert versions == (2 * 2**48 + 42,)
