"""Wrong mappings: each thing that is wrong is told with its place, and the nearest name that is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.producing.mapping.reading import MappingError, read_mapping, shipped
from tests.unit.producing.mapping.trying import LEAST, declare


def wrong(toml: str) -> list[str]:
    with pytest.raises(MappingError) as caught:
        declare(toml)
    return [line.removeprefix("m.toml: ") for line in str(caught.value).splitlines()]


def test_the_least_that_a_mapping_needs() -> None:
    declared = declare(LEAST)
    assert sorted(declared.columns) == ["action", "channel", "id", "time", "user"]
    assert declared.event_id_text == "id"


def test_an_empty_one_is_told_all_that_it_needs() -> None:
    assert [line.split(":")[0] for line in wrong("")] == [
        "touchpoint.channel",
        "touchpoint.action",
        "touchpoint.occurred_at",
        "touchpoint.event_id",
        "identifiers",
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("event_id =", "evnt_id =", "touchpoint.evnt_id: no such key, perhaps event_id"),
        ("[identifiers]", "[identifier]", "identifier: no such key, perhaps identifiers"),
        ('"time"', '{ colum = "time" }', "touchpoint.occurred_at.colum: no such key, perhaps column"),
        ('"time"', '{ column = "t", format = "epoch" }', "found 'epoch', expected iso8601"),
        ('"time"', '{ column = "t", format = "epoch_sec" }', "perhaps epoch_s"),
        ('"time"', '{ column = "t", format = "%Q", time_zone = "UTC" }', "found '%Q'"),
        ('"time"', '{ column = "t", format = "%H:%M %Z", time_zone = "UTC" }', "found '%H:%M %Z', expected %z, which"),
        ('"time"', '{ column = "t", format = "%d.%m.%Y" }', "expected a time_zone beside it, or %z in the pattern"),
        ('"time"', '{ column = "t", time_zone = "Berlin" }', "found 'Berlin', expected a time zone like Europe/Berlin"),
        ('"time"', "7", "found 7, expected a column, a list of columns, or a table"),
        ('"time"', '""', "expected a column"),
        ('"time"', "[1]", "expected a list of texts"),
        ('channel = "channel"', 'channel = { constant = "webb" }', "found 'webb', expected one of email, web"),
        ('"inbound"', '"inward"', "touchpoint.direction: found 'inward', expected one of inbound, outbound"),
        (
            'channel = "channel"',
            'channel = { constant = "web", column = "c" }',
            "column, constant, expected one of the",
        ),
        ('channel = "channel"', "channel = {}", "neither column, join nor constant"),
        ("user_id =", "User = ", "identifiers.User: found 'User', expected a lower-case name like cookie_id"),
        ('user_id = "user"', 'phone_sha256 = { phone = "p", region = "Germany" }', "a region like DE or US"),
        ('user_id = "user"', 'email_sha256 = { mail = "m" }', "identifiers.email_sha256.mail: no such key"),
        ("[identifiers]", 'properties = "a"\n[identifiers]', "touchpoint.properties: found 'a', expected a list"),
        (
            "[identifiers]",
            'engaged_ms = { column = "e", unit = "min" }\n[identifiers]',
            "found 'min', expected ms or s",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(before: str, after: str, told: str) -> None:
    assert before in LEAST
    (line,) = wrong(LEAST.replace(before, after))[:1]
    assert told in line


def test_a_pattern_may_have_a_percent_sign_before_a_z() -> None:
    declare(LEAST.replace('"time"', '{ column = "time", format = "%Y-%m-%d %%Z", time_zone = "UTC" }'))


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('[by]\nevent = "x"\n', "by.event: found 'x', expected a table of the column's values"),
        ('[by.event]\na = "skipp"\n', "by.event.a: found 'skipp', expected \"skip\" or a table of channel, action"),
        ('[by.event]\na = { acton = "x" }\n', "by.event.a.acton: no such key, perhaps action"),
        ('[by.event]\na = { channel = "mail" }\n', "found 'mail', expected one of email"),
        ("[by.event]\na = { action = 1 }\n", "by.event.a.action: found 1, expected text"),
    ],
)
def test_tables_of_values_are_checked(section: str, told: str) -> None:
    (line,) = wrong(LEAST + section)
    assert told in line


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ('format = "cvs"\n', "format: found 'cvs', expected one of csv, ndjson, parquet, perhaps csv"),
        ('delimiter = "||"\n', "delimiter: found '||', expected one ASCII character"),
        ('quote = "«"\n', "quote: found '«', expected one ASCII character"),
        ('header = ["a", "a"]\n', "header: found"),
        ("nothing = 1\n", "nothing: found 1, expected a list of texts"),
    ],
)
def test_the_shape_of_the_file_is_checked(head: str, told: str) -> None:
    (line,) = wrong(head + LEAST)
    assert told in line


@pytest.mark.parametrize(
    "use",
    [
        'properties = ["mail"]\n[identifiers]\nuser_id = "user"\n',
        'message_id = "mail"\n[identifiers]\nuser_id = "user"\n',
        '[identifiers]\nuser_id = ["user", "mail"]\n',
        '[identifiers]\nuser_id = { join = ["user", "mail"] }\n',
    ],
)
def test_a_column_with_addresses_reaches_kafka_by_no_other_way(use: str) -> None:
    head = LEAST.partition("[identifiers]")[0]
    (line,) = wrong(f'{head}{use}email_sha256 = {{ email = "mail" }}\n')
    assert "identifiers.email_sha256 says that it holds addresses, which never enter Kafka" in line


@pytest.mark.parametrize(("held", "used"), [("traits.phone", "traits"), ("traits", "traits.phone")])
def test_nor_does_what_holds_that_column_or_is_in_it(held: str, used: str) -> None:
    toml = LEAST.replace("[identifiers]", f'properties = ["{used}", "traits2", "trait"]\n[identifiers]')
    (line,) = wrong(f'{toml}phone_sha256 = {{ phone = "{held}" }}\n')
    assert f"touchpoint.properties.{used}: found '{used}', expected another column" in line


def test_an_address_may_be_part_of_a_hash() -> None:
    toml = LEAST.replace('"id"', '{ hash = ["mail", "time"] }').replace(
        "user_id", 'email_sha256 = { email = "mail" }\nx'
    )
    assert declare(toml).event_id_text == "a hash of mail, time"


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text("[touchpoint\n")
    with pytest.raises(MappingError, match=r"m\.toml: is no TOML: .*line 1"):
        read_mapping(str(tmp_path / "m.toml"))
    (tmp_path / "m.toml").write_bytes(b"\xff")
    with pytest.raises(MappingError, match="is no UTF-8"):
        read_mapping(str(tmp_path / "m.toml"))
    with pytest.raises(
        MappingError, match=r"ga5: No such file or directory; expected a file, or one of .*, perhaps ga4"
    ):
        read_mapping("ga5")


def test_shipped_ones_are_named_without_a_path() -> None:
    families = {name.partition("_")[0] for name in shipped()}
    assert families == {"clickstream", "ga4", "rudderstack", "segment", "snowplow"}
    assert [read_mapping(name).name for name in shipped()] == list(shipped())
