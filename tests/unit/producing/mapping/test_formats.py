"""NDJSON and Parquet: nested values by their path, types as text, formats known by name or content."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streams.producing.errors import InputError
from streams.producing.mapping.paths import getter
from tests.unit.producing.mapping.trying import LEAST, attempt

ROW = {"id": "e1", "time": "2026-03-01T12:00:00Z", "channel": "web", "action": "page_viewed", "user": "u1"}
NOON = 1_772_366_400_000


def parquet(rows: list[dict[str, Any]], **types: pa.DataType) -> bytes:
    out = BytesIO()
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(kind))
    pq.write_table(table, out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a", "x"),
        ("b.c", "7"),
        ("b.d", "true"),
        ("b.e", "1.5"),
        ("b.none.f", None),
        ("a.b", None),
        ("dotted.name", "own"),
        ("params.page", "/home"),
        ("params.count", "3"),
        ("params.absent", None),
        ("list", '["p","q"]'),
        ("missing", None),
    ],
)
def test_paths(path: str, text: str | None) -> None:
    record = {
        "a": "x",
        "b": {"c": 7, "d": True, "e": 1.5, "none": None},
        "dotted.name": "own",
        "list": ["p", "q"],
        "params": [
            {"key": "page", "value": {"string_value": "/home", "int_value": None}},
            {"key": "count", "value": {"string_value": None, "int_value": 3}},
        ],
    }
    assert getter(path)(record) == text


def test_json_lines_that_are_none_are_told_and_the_rest_goes_on() -> None:
    lines = [json.dumps(ROW), "{", json.dumps({**ROW, "id": 7}), "[]", json.dumps({"id": "e"}), ""]
    tried = attempt(LEAST, "\n".join(lines), "f.ndjson")
    assert [record["event_id"] for record in tried.records] == ["e1", "7"]
    assert sorted({reject.line for reject in tried.rejects}) == [2, 4, 5]


def test_half_a_surrogate_pair_in_json_is_told() -> None:
    tried = attempt(LEAST, json.dumps(ROW) + '\n{"id": "\\ud800"}\n', "f.ndjson")
    assert len(tried.records) == 1


@pytest.mark.parametrize("name", ["f.json", "f.jsonl.gz", "stdin", "whatever"])
def test_ndjson_is_known_by_its_name_or_first_byte(name: str) -> None:
    assert len(attempt(LEAST, json.dumps(ROW), name).records) == 1


def test_parquet_is_known_by_its_first_bytes() -> None:
    assert attempt(LEAST, parquet([ROW]), "part-0").records == attempt(LEAST, json.dumps(ROW), "x.json").records


def test_the_mapping_may_name_the_format() -> None:
    assert len(attempt('format = "ndjson"\n' + LEAST, json.dumps(ROW), "f.csv").records) == 1


def test_parquet_types_are_read_as_what_they_mean() -> None:
    toml = LEAST + '[conversion]\ntype = { constant = "p" }\nvalue = "value"\ncurrency = { constant = "EUR" }\n'
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows = [{**ROW, "time": moment, "user": 4711, "value": Decimal("12.34")}]
    for time in (pa.timestamp("us", "UTC"), pa.timestamp("ms", "Europe/Berlin"), pa.timestamp("ns", "UTC")):
        (record,) = attempt(toml, parquet(rows, time=time, user=pa.int64()), "f.parquet").records
        assert record["occurred_at"] == NOON
        assert record["identifiers"][0]["value"] == "4711"
        assert record["conversion"]["value_micros"] == 12_340_000


def test_naive_parquet_times_need_a_zone_as_texts_do() -> None:
    data = parquet([{**ROW, "time": datetime(2026, 3, 1, 12)}])
    assert attempt(LEAST, data, "f.parquet").problems[0][1] == "occurred_at (time)"
    zoned = LEAST.replace('"time"', '{ column = "time", time_zone = "UTC" }')
    assert attempt(zoned, data, "f.parquet").records[0]["occurred_at"] == NOON


def test_parquet_rows_are_named_by_number_and_kept_as_json() -> None:
    rows = [{**ROW, "id": f"e{n}", "channel": "fax" if n == 5000 else "web"} for n in range(1, 9001)]
    tried = attempt(LEAST, parquet(rows), "f.parquet")
    assert len(tried.records) == 8999
    ((reject),) = tried.rejects
    assert reject.line == 5000
    assert json.loads(reject.raw) == rows[4999]
    # Mended, it can be produced again by the same mapping.
    assert len(attempt(LEAST, reject.raw.replace(b"fax", b"web"), "rejects").records) == 1


def test_what_is_no_parquet_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        attempt(LEAST, b"PAR1 and nothing else", "f.parquet")
    with pytest.raises(InputError, match="no column 'time'"):
        attempt(LEAST, parquet([{"id": "1", "zeit": "x"}]), "f.parquet")


def test_times_of_nanoseconds_come_whole_and_their_rejects_can_be_mended() -> None:
    toml = LEAST.replace('"time"', '{ column = "time", time_zone = "UTC" }').replace('"user"', '"who.name"')
    out = BytesIO()
    table = pa.Table.from_pylist([{**ROW, "who": {}}, {**ROW, "channel": "fax", "who": {}}])
    # 12:00:00.123456789; Python's times have no nanoseconds.
    moments = pa.array([1_772_366_400_123_456_789] * 2, pa.timestamp("ns"))
    who = pa.StructArray.from_arrays([pa.array(["u1", "u2"]), moments], ["name", "seen"])
    pq.write_table(table.set_column(1, "time", moments).set_column(5, "who", who), out)
    tried = attempt(toml, out.getvalue(), "f.parquet")
    assert [record["occurred_at"] for record in tried.records] == [NOON + 123]
    (record,) = attempt(toml, tried.rejects[0].raw.replace(b"fax", b"web"), "r.ndjson").records
    assert (record["occurred_at"], record["identifiers"][0]["value"]) == (NOON + 123, "u2")


def test_a_mended_reject_of_parquet_is_spelt_as_the_row_was() -> None:
    toml = LEAST.replace('"id"', '{ hash = ["time", "user", "total"] }')
    toml = toml.replace('"time"\nchannel', '{ column = "time" }\nchannel')
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows = [{**ROW, "time": moment, "user": 4711.0, "total": 12.5, "channel": name} for name in ("web", "fax")]
    tried = attempt(toml, parquet(rows), "f.parquet")
    (good,) = tried.records
    (mended,) = attempt(toml, tried.rejects[0].raw.replace(b"fax", b"web"), "r.ndjson").records
    assert good["identifiers"] == [{"namespace": "user_id", "value": "4711"}]
    assert mended == good


@pytest.mark.parametrize(
    ("number", "text"), [(4711.0, "4711"), (-0.0, "0"), (12.5, "12.5"), (1e15, "1000000000000000"), (None, "nobody")]
)
def test_numbers_are_spelt_alike_by_every_reader(number: float | None, text: str) -> None:
    toml = LEAST.replace('"user"', '{ column = "user", prefix = "n", otherwise = "nobody" }')
    row = {**ROW, "user": number}
    wanted = [{"namespace": "user_id", "value": text if number is None else f"n{text}"}]
    if text == "0":  # names nobody
        wanted = [{"namespace": "user_id", "value": "nobody"}]
    for data, name in ((parquet([row], user=pa.float64()), "f.parquet"), (json.dumps(row), "f.ndjson")):
        assert [record["identifiers"] for record in attempt(toml, data, name).records] == [wanted]


def test_numbers_of_more_digits_than_a_float_has_are_refused_as_identifiers() -> None:
    numbers = [123456789012345678901, 2**53]
    lines = "\n".join(json.dumps({**ROW, "user": number}) for number in numbers)
    assert [told for _, told, _ in attempt(LEAST, lines, "f.ndjson").problems] == ["identifiers.user_id (user)"]
    whole = parquet([{**ROW, "user": float(2**53)}, {**ROW, "user": 2e16}])
    assert [line for line, _, _ in attempt(LEAST, whole, "f.parquet").problems] == [1, 2]
    exact = attempt(LEAST, parquet([{**ROW, "user": 2**53 + 1}]), "f.parquet").records
    assert exact[0]["identifiers"][0]["value"] == "9007199254740993"


def test_decimals_and_times_inside_records_are_as_they_are_outside() -> None:
    toml = LEAST.replace('"time"', '{ column = "at.time", time_zone = "UTC" }')
    toml = toml.replace("[identifiers]", 'properties = ["at.day"]\n[identifiers]')
    toml += '[conversion]\ntype = { constant = "p" }\nvalue = "at.value"\ncurrency = { constant = "EUR" }\n'
    at = {"time": datetime(2026, 3, 1, 12), "day": date(2026, 3, 1), "value": Decimal("12.34")}
    (record,) = attempt(toml, parquet([{**ROW, "at": at}]), "f.parquet").records
    assert record["occurred_at"] == NOON
    assert record["conversion"]["value_micros"] == 12_340_000
    assert record["properties"] == {"at.day": "2026-03-01"}


def test_a_needed_column_of_parquet_that_stands_twice_is_refused() -> None:
    out = BytesIO()
    names = [*ROW, "user"]
    pq.write_table(pa.table([pa.array([ROW[name]]) for name in names], names=names), out)
    with pytest.raises(InputError, match=r"column 'user' stands twice"):
        attempt(LEAST, out.getvalue(), "f.parquet")
