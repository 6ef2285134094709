"""The codec against the `avro` package: two implementations, the same bytes."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import avro.schema
import pytest
from avro.io import BinaryDecoder, BinaryEncoder, DatumReader, DatumWriter
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import HEADER_BYTES, MARKER, Codec, Undecodable, decode, encode
from schemas.registry import FOLDER, load, registry
from tests.unit.schemas.record_strategies import NAMES, records, source

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST_TOUCHPOINT: dict[str, Any] = {
    "event_id": "e1",
    "channel": "web",
    "occurred_at": 1431857114000,
    "identifiers": [{"namespace": "cookie_id", "value": "28dc"}],
    "action": "page_viewed",
}


def of_any_kind() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), records(name)))


def avro_encode(schema: Any, record: dict[str, Any]) -> bytes:
    body = BytesIO()
    DatumWriter(avro.schema.parse(json.dumps(schema))).write(record, BinaryEncoder(body))
    return body.getvalue()


def avro_decode(schema: Any, data: bytes) -> Any:
    return DatumReader(avro.schema.parse(json.dumps(schema))).read(BinaryDecoder(BytesIO(data)))


@given(of_any_kind())
def test_bytes_that_avro_writes_are_the_bytes_that_the_codec_writes(kind: tuple[str, dict[str, Any]]) -> None:
    name, record = kind
    assert encode(name, record)[HEADER_BYTES:] == avro_encode(source(name), record)


@given(of_any_kind())
def test_what_the_codec_writes_both_read_back(kind: tuple[str, dict[str, Any]]) -> None:
    name, record = kind
    data = encode(name, record)
    assert decode(data) == (name, record)
    assert avro_decode(source(name), data[HEADER_BYTES:]) == record


@given(of_any_kind())
def test_what_avro_writes_behind_a_header_the_codec_reads(kind: tuple[str, dict[str, Any]]) -> None:
    name, record = kind
    header = MARKER + registry().current(name).fingerprint
    assert decode(header + avro_encode(source(name), record)) == (name, record)


@given(st.integers(0, 253_402_300_799_999))
def test_a_time_that_avro_writes_as_timestamp_millis_is_read_as_integer_milliseconds(occurred_at: int) -> None:
    with_logical_types = registry().current("touchpoint").source
    record = {**decode(encode("touchpoint", SHORTEST_TOUCHPOINT)).record}
    moment = EPOCH + timedelta(milliseconds=occurred_at)
    body = avro_encode(with_logical_types, {**record, "occurred_at": moment})
    read = decode(MARKER + registry().current("touchpoint").fingerprint + body).record
    assert read == {**record, "occurred_at": occurred_at}
    assert avro_decode(with_logical_types, body)["occurred_at"] == moment


def test_missing_optional_fields_are_written_with_their_defaults() -> None:
    record = decode(encode("touchpoint", SHORTEST_TOUCHPOINT)).record
    defaults = {f["name"]: f["default"] for f in source("touchpoint")["fields"] if "default" in f}
    assert record == {**defaults, **SHORTEST_TOUCHPOINT}


def test_a_missing_required_field_is_not_written() -> None:
    with pytest.raises(ValueError, match="event_id"):
        encode("touchpoint", {k: v for k, v in SHORTEST_TOUCHPOINT.items() if k != "event_id"})


@pytest.fixture
def two_versions(tmp_path: Path) -> Codec:
    """The released touchpoint and a next version: one field more, one optional field gone, one symbol more."""
    text = (FOLDER / "touchpoint.v1.avsc").read_text("utf-8")
    (tmp_path / "touchpoint.v1.avsc").write_text(text, "utf-8")
    following = json.loads(text)
    following["fields"] = [f for f in following["fields"] if f["name"] != "link"]
    following["fields"].append({"name": "language", "type": "string", "default": "und", "doc": "BCP 47."})
    channel = next(f for f in following["fields"] if f["name"] == "channel")
    channel["type"]["symbols"].append("kiosk")
    (tmp_path / "touchpoint.v2.avsc").write_text(json.dumps(following), "utf-8")
    return Codec(load(tmp_path))


def test_a_kept_older_version_is_read_as_the_current_one(two_versions: Codec) -> None:
    old = encode("touchpoint", {**SHORTEST_TOUCHPOINT, "link": "https://shop.example/"})
    record = two_versions.decode(old).record
    assert record["language"] == "und"
    assert "link" not in record
    assert {k: record[k] for k in SHORTEST_TOUCHPOINT} == SHORTEST_TOUCHPOINT


def test_the_highest_version_is_the_one_written(two_versions: Codec) -> None:
    data = two_versions.encode("touchpoint", {**SHORTEST_TOUCHPOINT, "channel": "kiosk", "language": "de"})
    assert two_versions.decode(data).record["language"] == "de"
    with pytest.raises(Undecodable, match="unknown schema fingerprint"):
        decode(data)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "nothing"),
        (b"\xc3", "c3"),
        (b'{"event_id":"e1"}', "7b 22"),
        (MARKER + b"\x00" * 8 + b"x", "unknown schema fingerprint"),
        (MARKER + b"\x00", "unknown schema fingerprint"),
        (encode("touchpoint", SHORTEST_TOUCHPOINT) + b"\x00", "bytes behind the end"),
        (encode("touchpoint", SHORTEST_TOUCHPOINT)[:HEADER_BYTES], "damaged touchpoint"),
    ],
)
def test_what_is_no_record_is_said_to_be_undecodable_with_what_was_found(data: bytes, found: str) -> None:
    with pytest.raises(Undecodable, match=found):
        decode(data)


@given(of_any_kind(), st.data())
def test_truncated_bytes_are_undecodable(kind: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    whole = encode(*kind)
    with pytest.raises(Undecodable):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(of_any_kind(), st.data())
def test_flipped_bits_are_read_or_undecodable_and_nothing_else(
    kind: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    damaged = bytearray(encode(*kind))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        name, record = decode(bytes(damaged))
    except Undecodable:
        return
    assert name in NAMES
    assert set(record) == {f["name"] for f in source(name)["fields"]}
