"""Rows to touchpoints: every field, every rule, and every row accounted for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.identifiers import clean
from tests.unit.producing.mapping.trying import LEAST, Tried, attempt

TIME = "2026-03-01T12:00:00Z"
NOON = 1_772_366_400_000


def one(toml: str, cells: dict[str, str]) -> Tried:
    row = {"id": "e1", "time": TIME, "channel": "web", "action": "page_viewed", "user": "u1", **cells}
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in row.values()]
    return attempt(toml, ",".join(row) + "\n" + ",".join(quoted) + "\n")


def test_the_least_row() -> None:
    tried = one(LEAST, {})
    (record,) = tried.records
    given = {name: value for name, value in record.items() if value not in (None, False, {}, "UNKNOWN")}
    assert given == {
        "event_id": "e1",
        "channel": "web",
        "occurred_at": NOON,
        "action": "page_viewed",
        "identifiers": [{"namespace": "user_id", "value": "u1"}],
    }
    assert tried.messages[0].key == b"user_id:u1"


@pytest.mark.parametrize(
    ("cells", "field", "expected"),
    [
        ({"id": " "}, "event_id (id)", "a value"),
        ({"id": "x" * 1025}, "event_id (id)", "at most 1024 characters"),
        ({"channel": "fax"}, "channel (channel)", "one of email, web, mobile, social, service"),
        ({"channel": ""}, "channel (channel)", "one of email, web, mobile, social, service"),
        ({"action": ""}, "action (action)", "a value"),
        ({"time": ""}, "occurred_at (time)", "a time"),
        ({"time": "1969-12-31T23:59:59Z"}, "occurred_at (time)", "a time from 1970 to 2262"),
        ({"user": "undefined"}, "identifiers", "at least one of user_id"),
        ({"user": "0000-0000"}, "identifiers", "at least one of user_id"),
        ({"user": "x" * 1025}, "identifiers.user_id (user)", "at most 1024 characters"),
    ],
)
def test_wrong_cells_are_told_by_field_and_column(cells: dict[str, str], field: str, expected: str) -> None:
    tried = one(LEAST, cells)
    assert tried.records == []
    assert (2, field, expected) in tried.problems


def test_an_address_as_identifier_is_refused_and_never_shown() -> None:
    tried = one(LEAST, {"user": "jane.doe@example.com"})
    ((_, field, expected),) = tried.problems
    assert field == "identifiers.user_id (user)"
    assert "email_sha256 = { email = COLUMN }" in expected
    assert "jane.doe" not in tried.rejects[0].text


@pytest.mark.parametrize(
    ("source", "cell"),
    [
        ('{ column = "user", prefix = "crm:" }', "jane.doe@example.com"),
        ('"user"', "Jane <jane.doe@example.com>"),
        ('{ join = ["user", "host"], separator = "@" }', "jane.doe"),
    ],
)
def test_an_address_in_an_identifier_is_refused_whatever_stands_around_it(source: str, cell: str) -> None:
    tried = one(LEAST.replace('"user"', source), {"user": cell, "host": "example.com"})
    assert tried.records == []
    assert "no e-mail address, which never enters Kafka" in tried.problems[0][2]
    assert "jane.doe" not in tried.rejects[0].text


@pytest.mark.parametrize(
    "source",
    [
        '{ column = "user", prefix = "instagram:" }',
        '{ join = ["shop", "user"], separator = ":" }',
        '{ column = "none", otherwise = "unknown" }',
    ],
)
@pytest.mark.parametrize("cell", ["null", "Unknown", "000-0", "undefined"])
def test_what_names_nobody_does_so_behind_a_prefix_too(source: str, cell: str) -> None:
    tried = one(LEAST.replace('"user"', source), {"user": cell, "shop": "north", "none": ""})
    assert tried.problems == [(2, "identifiers", "at least one of user_id")]


def test_of_several_columns_one_that_names_nobody_gives_way() -> None:
    (record,) = one(LEAST.replace('"user"', '["user", "alias"]'), {"user": "null", "alias": "a1"}).records
    assert record["identifiers"] == [{"namespace": "user_id", "value": "a1"}]


@pytest.mark.parametrize("cell", ["1.23457E+20", "2e+16", "-1.2e+17"])
def test_numbers_that_have_lost_digits_name_nobody_and_no_event(cell: str) -> None:
    for column, field in (("user", "identifiers.user_id (user)"), ("id", "event_id (id)")):
        ((_, told, expected),) = one(LEAST, {column: cell}).problems
        assert told == field
        assert expected.startswith("all its digits, as text")
    hashed = LEAST.replace('"id"', '{ hash = ["order"] }')
    assert [told for _, told, _ in one(hashed, {"order": cell}).problems] == ["order"]
    assert one(LEAST, {"user": "2e16", "id": "4e+"}).problems == []


def test_an_address_in_a_wrong_column_is_never_shown() -> None:
    tried = one(LEAST, {"time": "jane.doe@example.com", "channel": "mail jane.doe@example.com"})
    text = tried.rejects[0].text
    assert "found '(address)', expected a time" in text
    assert "found 'mail (address)', expected one of" in text


def test_a_handle_may_look_like_an_address() -> None:
    toml = LEAST.replace("user_id =", "social_handle =")
    (record,) = one(toml, {"user": "mastodon:@jane@example.social"}).records
    assert record["identifiers"] == [{"namespace": "social_handle", "value": "mastodon:@jane@example.social"}]


def test_addresses_in_texts_are_taken_out_and_left_in_message_ids() -> None:
    toml = LEAST.replace("[identifiers]", 'properties = ["note"]\nmessage_id = "mid"\nlink = "url"\n[identifiers]')
    toml += '[acquisition]\nfrom_url = "url"\nreferrer = "ref"\n'
    url = "https://x.de/?email=jane%40x.com&utm_source=a@b.de"
    cells = {"note": "from jane@x.com", "mid": "<1@mail.x.com>", "url": url, "ref": "https://y.de/jane@x.com"}
    tried = one(toml, cells)
    (record,) = tried.records
    assert record["properties"] == {"note": "from (address)"}
    assert record["message_id"] == "<1@mail.x.com>"
    assert record["link"] == "https://x.de/?email=(address)&utm_source=(address)"
    assert record["acquisition"]["source"] == "(address)"
    assert b"jane" not in tried.messages[0].value


@pytest.mark.parametrize(
    ("channel", "action", "direction", "sent"),
    [
        ("web", "page_viewed", "", "UNKNOWN"),
        ("web", "page_viewed", "inbound", "UNKNOWN"),
        ("web", "page_viewed", "outbound", None),
        ("web", "waved", "outbound", "outbound"),
        ("web", "waved", "", None),
        ("web", "waved", "sideways", None),
        ("email", "sent", "outbound", "UNKNOWN"),
    ],
)
def test_directions_from_a_column(channel: str, action: str, direction: str, sent: str | None) -> None:
    toml = LEAST.replace('{ constant = "inbound" }', '"dir"')
    tried = one(toml, {"channel": channel, "action": action, "dir": direction})
    assert [record["direction"] for record in tried.records] == ([] if sent is None else [sent])
    assert bool(tried.problems) == (sent is None)


def test_a_constant_direction_is_for_actions_that_the_vocabulary_lacks() -> None:
    assert one(LEAST, {"channel": "email", "action": "sent"}).records[0]["direction"] == "UNKNOWN"
    assert one(LEAST, {"action": "waved"}).records[0]["direction"] == "inbound"


def test_tables_of_values_come_before_columns_and_in_their_order() -> None:
    toml = LEAST + (
        '[by.action]\nBuy = { action = "purchased", conversion = "purchase", medium = "cpc" }\nNoise = "skip"\n'
        '[by.app]\nios = { channel = "mobile", action = "never" }\n'
    )
    (record,) = one(toml, {"action": "Buy", "app": "ios"}).records
    assert (record["channel"], record["action"]) == ("mobile", "purchased")
    assert record["conversion"] == {"type": "purchase", "value_micros": 0, "currency": "", "order_id": None}
    assert record["acquisition"]["medium"] == "cpc"
    skipped = one(toml, {"action": "Noise", "time": "wrong", "app": ""})
    assert (skipped.records, skipped.rejects, skipped.skipped) == ([], [], 1)


CONVERSION = '[conversion]\ntype = "conv"\nvalue = "value"\ncurrency = "cur"\norder_id = "order"\n'


@pytest.mark.parametrize(
    ("cells", "conversion"),
    [
        ({"conv": "purchase", "value": "1.5", "cur": "eur", "order": "O"}, ("purchase", 1_500_000, "EUR", "O")),
        ({"conv": "lead", "value": "", "cur": "", "order": ""}, ("lead", 0, "", None)),
        ({"conv": "lead", "value": "0", "cur": "", "order": ""}, ("lead", 0, "", None)),
        ({"conv": "", "value": "n/a", "cur": "?", "order": ""}, None),
    ],
)
def test_conversions(cells: dict[str, str], conversion: tuple[str, int, str, str | None] | None) -> None:
    (record,) = one(LEAST + CONVERSION, cells).records
    found = record["conversion"]
    assert (tuple(found.values()) if found else None) == conversion


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"conv": "p", "value": "1", "cur": "", "order": ""}, "conversion.currency (cur)"),
        ({"conv": "p", "value": "1", "cur": "€", "order": ""}, "conversion.currency (cur)"),
        ({"conv": "p", "value": "-1", "cur": "EUR", "order": ""}, "conversion.value (value)"),
    ],
)
def test_wrong_conversions_are_told(cells: dict[str, str], field: str) -> None:
    assert [told for _, told, _ in one(LEAST + CONVERSION, cells).problems] == [field]


def test_numbers_answers_and_flags() -> None:
    toml = LEAST.replace(
        "[identifiers]",
        'sentiment = "s"\nengaged_ms = { column = "e", unit = "s" }\nprovider_machine = "m"\n'
        'mode = "mo"\n[identifiers]',
    )
    toml += '[satisfaction]\nmetric = { constant = "nps" }\nscore = "score"\n'
    cells = {"s": "-250", "e": "1.5", "m": "t", "mo": "synchronous", "score": "9"}
    (record,) = one(toml, cells).records
    assert (record["sentiment"], record["engaged_ms"], record["provider_machine"]) == (-250, 1500, True)
    assert record["satisfaction"] == {"metric": "nps", "score": 9}
    assert record["mode"] == "synchronous"
    (record,) = one(toml, dict.fromkeys(cells, "")).records
    assert (record["sentiment"], record["engaged_ms"], record["satisfaction"]) == (None, None, None)
    wrong = one(toml, {"s": "2000", "e": "soon", "m": "x", "mo": "later", "score": "11"})
    assert sorted(field.split(" ")[0] for _, field, _ in wrong.problems) == [
        "engaged_ms",
        "mode",
        "provider_machine",
        "satisfaction.score",
        "sentiment",
    ]


def test_joined_prefixed_first_filled_and_otherwise() -> None:
    toml = LEAST.replace('"time"', '{ join = ["day", "clock"], time_zone = "UTC" }')
    toml = toml.replace('user_id = "user"', 'social_handle = { column = ["handle", "alias"], prefix = "x:" }')
    toml = toml.replace("[identifiers]", 'user_agent = { column = "ua", otherwise = "not recorded" }\n[identifiers]')
    (record,) = one(toml, {"day": "2026-03-01", "clock": "12:00", "handle": "", "alias": "jane", "ua": ""}).records
    assert record["occurred_at"] == NOON
    assert record["identifiers"] == [{"namespace": "social_handle", "value": "x:jane"}]
    assert record["user_agent"] == "not recorded"


def test_event_ids_of_columns_are_stable_and_tell_values_apart() -> None:
    toml = LEAST.replace('"id"', '{ column = "id", hash = ["a", "b"] }')

    def event_id(**cells: str) -> str:
        (record,) = one(toml, {"id": "", **cells}).records
        found: str = record["event_id"]
        return found

    # sha256 of 02 04 61 62 02 02 63: two texts as Avro writes them, "ab" and "c"; its first 32 digits.
    assert event_id(a="ab", b="c") == "7081d5afbcfd33fae78d7d9bb0f2b65f"
    assert (
        len({event_id(a="ab", b="c"), event_id(a="a", b="bc"), event_id(a="", b="abc"), event_id(a="abc", b="")}) == 4
    )
    assert event_id(a="ab", b="c", id="given") == "given"
    assert one(toml, {"id": "", "a": "", "b": ""}).problems == [(2, "event_id (id)", "a value")]


def test_words_for_nothing() -> None:
    tried = one('nothing = ["NULL", "\\\\N"]\n' + LEAST, {"user": "\\N", "action": "NULL"})
    assert {field for _, field, _ in tried.problems} == {"identifiers", "action (action)"}


def test_backfill_marks_the_records() -> None:
    data = f"id,time,channel,action,user\ne1,{TIME},web,page_viewed,u1\n"
    assert attempt(LEAST, data, backfill=True).records[0]["backfill"] is True
    assert attempt(LEAST, data).records[0]["backfill"] is False


def test_a_row_too_large_for_kafka_is_rejected() -> None:
    toml = LEAST.replace("[identifiers]", 'properties = ["note"]\n[identifiers]')
    ((_, _, expected),) = one(toml, {"note": "x" * 500_001}).problems
    assert expected == "at most 500000 bytes"


CELL = st.sampled_from(["", "x", "null", "a@b.de", "00", " y ", "é"])


@settings(max_examples=50)
@given(st.lists(st.tuples(CELL, CELL, CELL, st.sampled_from(["web", "fax", "", "email"])), min_size=1, max_size=12))
def test_every_row_is_a_message_or_a_reject_and_keyed_by_its_strongest_name(
    rows: list[tuple[str, str, str, str]],
) -> None:
    toml = LEAST + 'cookie_id = "cookie"\nnetwork_userid = "net"\n'
    lines = [f"e{n},{TIME},{row[3]},page_viewed,{row[0]},{row[1]},{row[2]}" for n, row in enumerate(rows)]
    tried = attempt(toml, "id,time,channel,action,user,cookie,net\n" + "\n".join(lines))
    assert len(tried.messages) + len(tried.rejects) == len(rows)
    assert sorted([m.line for m in tried.messages] + [r.line for r in tried.rejects]) == list(range(2, len(rows) + 2))
    for message, record in zip(tried.messages, tried.records, strict=True):
        assert message.key == clean(record["identifiers"])[0].text.encode()
        assert message.channel == record["channel"]
