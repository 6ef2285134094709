"""docs/mappings.md: its example does what it says, and no key is left out."""

from __future__ import annotations

import re
from pathlib import Path

from streams.producing.mapping.keys import ADDRESSES, KEYS, SETTABLE, SHAPE, SOURCE, TIME_FORMATS
from streams.producing.mapping.reading import shipped
from tests.unit.producing.mapping.trying import attempt, declare

DOCUMENT = (Path(__file__).parents[4] / "docs" / "mappings.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    found = re.findall(rf"^ *```{kind}\n(.*?)^ *```", DOCUMENT, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in found]


def test_the_example_becomes_the_touchpoints_that_it_shows() -> None:
    tried = attempt(blocks("toml")[0], blocks("")[0], "shop.csv")
    view, order = tried.records
    assert (view["occurred_at"], view["channel"], view["action"]) == (1_772_362_805_000, "web", "page_viewed")
    assert f"event_id {view['event_id']}" in DOCUMENT
    assert order["conversion"]["value_micros"] == 12_500_000
    assert [entry["namespace"] for entry in order["identifiers"]] == ["user_id", "email_sha256"]
    assert tried.rejects == []


def test_tables_of_values_as_shown_can_be_read() -> None:
    declare(blocks("toml")[0].partition("[by.event]")[0] + blocks("toml")[1])


def test_every_key_is_explained() -> None:
    keys = {key for section in KEYS.values() for key in section}
    keys |= {option for section in KEYS.values() for options in section.values() for option in options}
    keys |= {*SHAPE, *SOURCE, *SETTABLE, *TIME_FORMATS, *ADDRESSES, "region"}
    prose = re.sub(r"```.*?```", "", DOCUMENT, flags=re.DOTALL)
    explained = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`[^`\n]+`", prose))))
    assert keys - explained == set()


def test_every_shipped_mapping_is_named() -> None:
    for name in shipped():
        vendor, _, table = name.partition("_")
        assert f"`{vendor}" in DOCUMENT
        assert not table or f"_{table}`" in DOCUMENT
