"""Columns to Avro: the bytes are those of the codec, record by record."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.pieces import long
from streams.producing.mapping.encoding import Entries, Group, encode_table, longs

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.just("x" * 300)
MAYBE = st.none() | TEXT
WHOLE = st.integers(-(2**63), 2**63 - 1)
RECORDS = st.fixed_dictionaries(
    {
        "event_id": TEXT,
        "channel": st.sampled_from(["email", "web", "mobile", "social", "service"]),
        "occurred_at": WHOLE,
        "identifiers": st.fixed_dictionaries({"user_id": MAYBE, "cookie_id": MAYBE}),
        "action": TEXT,
        "direction": st.sampled_from(["UNKNOWN", "inbound", "outbound"]),
        "acquisition": st.none() | st.fixed_dictionaries({"source": MAYBE, "url": MAYBE}),
        "conversion": st.none() | st.fixed_dictionaries({"type": TEXT, "value_micros": WHOLE, "order_id": MAYBE}),
        "sentiment": st.none() | st.integers(-1000, 1000),
        "user_agent": MAYBE,
        "provider_machine": st.booleans(),
        "engaged_ms": st.none() | WHOLE,
        "properties": st.fixed_dictionaries({"größe": MAYBE, "b": MAYBE}),
    }
)
TYPES = {"occurred_at": pa.int64(), "sentiment": pa.int64(), "engaged_ms": pa.int64(), "provider_machine": pa.bool_()}


def entries(rows: list[dict[str, Any]], field: str) -> Entries:
    return Entries({name: pa.array([row[field][name] for row in rows], pa.string()) for name in sorted(rows[0][field])})


def group(rows: list[dict[str, Any]], field: str, names: list[str]) -> Group:
    given = [row[field] or dict.fromkeys(names) for row in rows]
    types = {"value_micros": pa.int64()}
    columns = {name: pa.array([one[name] for one in given], types.get(name, pa.string())) for name in names}
    return Group(columns, pa.array([row[field] is not None for row in rows]))


def as_sent(row: dict[str, Any]) -> dict[str, Any]:
    pairs = [(name, value) for name, value in sorted(row["identifiers"].items()) if value is not None]
    return {
        **row,
        "identifiers": [{"namespace": name, "value": value} for name, value in pairs],
        "properties": {name: value for name, value in sorted(row["properties"].items()) if value is not None},
    }


@settings(max_examples=60)
@given(st.lists(RECORDS, min_size=1, max_size=6))
def test_a_table_is_its_records_encoded_one_by_one(rows: list[dict[str, Any]]) -> None:
    plain = [name for name in rows[0] if name not in ("identifiers", "properties", "acquisition", "conversion")]
    columns: dict[str, Any] = {
        name: pa.array([row[name] for row in rows], TYPES.get(name, pa.string())) for name in plain
    }
    columns |= {name: entries(rows, name) for name in ("identifiers", "properties")}
    columns["acquisition"] = group(rows, "acquisition", ["source", "url"])
    columns["conversion"] = group(rows, "conversion", ["type", "value_micros", "order_id"])
    encoded = encode_table("touchpoint", columns, len(rows)).to_pylist()
    assert encoded == [encode("touchpoint", as_sent(row)) for row in rows]


def test_what_is_not_given_takes_the_schemas_default() -> None:
    columns = {
        "event_id": pa.array(["e"]),
        "channel": pa.array(["web"]),
        "occurred_at": pa.array([1], pa.int64()),
        "identifiers": Entries({}),
        "action": pa.array(["a"]),
        "acquisition": Group({}, pa.array([True])),
    }
    record = {"event_id": "e", "channel": "web", "occurred_at": 1, "identifiers": [], "action": "a", "acquisition": {}}
    assert encode_table("touchpoint", columns, 1).to_pylist() == [encode("touchpoint", record)]


@given(st.lists(st.none() | WHOLE, max_size=20))
def test_integers_of_any_size(values: list[int | None]) -> None:
    found = longs(pa.array(values, pa.int64())).to_pylist()
    assert found == [None if value is None else long(value) for value in values]


def test_rows_whose_field_is_null_are_null() -> None:
    columns = {
        "event_id": pa.array([None, "e"], pa.string()),
        "channel": pa.array(["web", "fax"]),
        "occurred_at": pa.array([1, 1], pa.int64()),
        "identifiers": Entries({}),
        "action": pa.array(["a", "a"]),
    }
    assert encode_table("touchpoint", columns, 2).to_pylist() == [None, None]
