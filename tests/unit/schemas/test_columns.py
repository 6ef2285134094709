"""Many at once is the same as one by one: decoded, refused and encoded, whatever is damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.arrow import FEWEST, decode_batch, encode_batch
from schemas.codec import HEADER_BYTES, Undecodable, decode, encode
from schemas.columns import decode_columns, encode_records
from tests.unit.schemas.record_strategies import NAMES, records, source

#: Records with bytes in them, and those with nulls, are left to fastavro.
WITH_BYTES = ("dead_letter", "late_touchpoint", "hand_over_continued")
TOGETHER = sorted(set(NAMES) - set(WITH_BYTES))
ENCODED_TOGETHER = sorted(set(TOGETHER) - {"touchpoint", "touchpoints_handed_over"})

# Numbers of 10 bytes and more, of 32 bits and more, half characters, overlong ones, negative counts with their sizes.
STRANGE = [
    *(b"\xff" * 9 + b"\x01", b"\xff" * 9 + b"\x7f", b"\x80" * 12 + b"\x01", b"\xfe\xff\xff\xff\x1f", b"\x80\x00"),
    *(b"\xed\xa0\x80", b"\xc0\x80", b"\xff", b"\x01", b"\x03", b"\x01\x00", b"\x03\x08"),
]


def whole(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Records of ``name`` as our stages write them: a resolved touchpoint holds a touchpoint."""
    if name != "resolved_touchpoint":
        return records(name)
    inner = records("touchpoint").map(lambda touchpoint: {"touchpoint": encode("touchpoint", touchpoint)})
    return st.builds(lambda outer, held: outer | held, records(name), inner)


@st.composite
def batches(draw: st.DrawFn, name: str) -> list[bytes]:
    """Enough values of ``name`` to be decoded together."""
    distinct = draw(st.lists(whole(name).map(lambda record: encode(name, record)), min_size=1, max_size=4))
    return [distinct[i % len(distinct)] for i in range(draw(st.integers(FEWEST, FEWEST + 8)))]


@st.composite
def damaged(draw: st.DrawFn, value: bytes) -> bytes:
    """``value`` with something cut out, put in or changed behind its header, where it hurts."""
    start = draw(st.integers(HEADER_BYTES, len(value)))
    stop = draw(st.integers(start, min(len(value), start + 3)))
    return value[:start] + draw(st.sampled_from(STRANGE) | st.binary(max_size=9)) + value[stop:]


def paths(schema: Any, named: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Every path into records of ``schema``."""
    if isinstance(schema, str):
        schema = named.get(schema, schema)
    if isinstance(schema, list):
        for branch in schema:
            yield from paths(branch, named, prefix)
    elif isinstance(schema, dict) and schema["type"] == "array":
        yield from paths(schema["items"], named, prefix)
    elif isinstance(schema, dict) and schema["type"] == "record":
        named[schema["name"]] = schema
        for field in schema["fields"]:
            yield prefix + field["name"]
            yield from paths(field["type"], named, f"{prefix}{field['name']}.")


def at_path(value: Any, names: list[str]) -> Any:
    for depth, name in enumerate(names):
        if value is None:
            return None
        if isinstance(value, list):
            return [at_path(item, names[depth:]) for item in value]
        value = value[name]
    return value


def told(error: Undecodable) -> str:
    """The message without the place in memory that fastavro names."""
    return re.sub("0x[0-9a-f]+", "", str(error))


def one_by_one(values: list[bytes], name: str) -> list[str]:
    """What `decode` makes of each, as text, so that NaN is equal to itself."""
    found = []
    for value in values:
        try:
            kind, record = decode(value)
        except Undecodable as error:
            found.append(told(error))
        else:
            found.append(repr(record) if kind == name else f"found {kind}, expected {name}")
    return found


def together(values: list[bytes], name: str) -> list[str]:
    columns = decode_columns(values, name)
    found = dict(zip(columns.positions, map(repr, columns.records()), strict=True))
    assert not found.keys() & columns.errors.keys()
    found |= {at: told(error) for at, error in columns.errors.items()}
    return [found[at] for at in range(len(values))]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(data=st.data())
def test_every_column_and_record_is_that_of_the_codec(name: str, data: st.DataObject) -> None:
    values = data.draw(batches(name))
    expected = [decode(value).record for value in values]
    columns = decode_columns(values, name)
    assert (len(columns), columns.errors) == (len(values), {})
    assert columns.records() == expected
    for path in paths(source(name), {}):
        assert columns.column(path) == [at_path(record, path.split(".")) for record in expected], path


@pytest.mark.parametrize("name", TOGETHER)
@settings(max_examples=40)
@given(data=st.data())
def test_what_our_stages_write_is_decoded_together(name: str, data: st.DataObject) -> None:
    values = data.draw(batches(name))
    batch = decode_batch(values, name)
    assert batch is not None
    assert list(batch.positions) == list(range(len(values)))


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_damaged_values_are_what_the_codec_makes_of_them_and_spoil_no_other(name: str, data: st.DataObject) -> None:
    values = data.draw(batches(name))
    for at in data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=3)):
        values[at] = data.draw(damaged(values[at]))
    assert together(values, name) == one_by_one(values, name)


def session(**fields: Any) -> dict[str, Any]:
    texts = ("session_id", "customer_id", "channel", "marketing_channel", "campaign", "content")
    numbers = ("version", "started_at", "ended_at", "touchpoints", "page_views", "engaged_ms", "conversions")
    return dict.fromkeys(texts, "") | dict.fromkeys(numbers, 0) | {"deleted": False, "engaged": True} | fields


def sessions(count: int = 2 * FEWEST) -> list[bytes]:
    return [encode("session", session(version=i)) for i in range(count)]


@pytest.mark.parametrize("bad", [b"", b"hello", None, b"\xc3\x01" + bytes(8)])
def test_what_is_no_record_of_ours_is_told_with_its_position(bad: bytes | None) -> None:
    columns = decode_columns([*sessions(), bad, *sessions()], "session")
    assert list(columns.errors) == [2 * FEWEST]
    assert columns.column("version") == [*range(2 * FEWEST)] * 2


def test_a_record_of_another_kind_is_undecodable() -> None:
    late = {"topic": "t", "channel": "web", "partition": 0, "outcome": "late", "reason": "", "version": 1, "records": 1}
    columns = decode_columns([*sessions(), encode("outcome", late)], "session")
    assert str(columns.errors[2 * FEWEST]) == "found outcome, expected session"


def test_bytes_behind_the_end_are_seen_also_if_they_look_like_a_record_s_end() -> None:
    value = sessions(1)[0]
    [body] = decode_columns([value] * FEWEST, "session").records()[:1]
    longer = value + bytes(8)
    columns = decode_columns([value] * FEWEST + [longer], "session")
    assert list(columns.errors) == [FEWEST]
    assert columns.records() == [body] * FEWEST


def test_a_touchpoint_s_bytes_must_be_as_many_as_the_record_around_it_says() -> None:
    """What is inside is cut off before its length is known."""
    resolved = dict.fromkeys(("to", "rules_version", "marketing_channel", "campaign", "content"), "")
    resolved |= dict.fromkeys(("version", "received_at", "intake_offset", "intake_partition"), 0)
    via = {"namespace": "user_id", "value": "u"}
    judged = {"actor": "human", "direction": "inbound", "mode": "synchronous", "has_acquisition": False}
    touchpoint = {"event_id": "e", "channel": "web", "occurred_at": 1, "identifiers": [via], "action": "a"}
    inner = encode("touchpoint", touchpoint)
    fields = {**resolved, **judged, "via": via, "identifiers": [via], "touchpoint": inner}
    value = encode("resolved_touchpoint", fields)
    columns = decode_columns([value] * FEWEST + [value + b"x", value[:-1]], "resolved_touchpoint")
    assert list(columns.errors) == [FEWEST, FEWEST + 1]
    assert columns.column("touchpoint") == [inner] * FEWEST


def test_numbers_too_large_for_an_int_are_not_cut() -> None:
    version, touchpoints = 12, 2**40 + 1
    value = encode("session", session(version=version))
    wide = encode("session", session(version=version, touchpoints=touchpoints))
    assert decode_columns([value, wide] * FEWEST, "session").column("touchpoints") == [0, touchpoints] * FEWEST


def test_no_values_are_no_rows() -> None:
    columns = decode_columns([], "session")
    assert (len(columns), columns.column("version"), columns.records(), columns.errors) == (0, [], [], {})


def test_an_unknown_kind_or_field_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        decode_columns([], "nothing")
    with pytest.raises(KeyError):
        decode_columns(sessions(), "session").column("nothing")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(data=st.data())
def test_records_encoded_together_are_the_same_bytes(name: str, data: st.DataObject) -> None:
    rows = [decode(value).record for value in data.draw(batches(name))]
    assert encode_records(name, rows) == [encode(name, row) for row in rows]


@pytest.mark.parametrize("name", ENCODED_TOGETHER)
@settings(max_examples=40)
@given(data=st.data())
def test_what_stages_write_most_is_encoded_together(name: str, data: st.DataObject) -> None:
    rows = [decode(value).record for value in data.draw(batches(name))]
    assert encode_batch(rows, name) is not None


@pytest.mark.parametrize(
    "wrong", [{"channel": None}, {"channel": 5}, {"channel": "\ud800"}, {"version": "x"}, {"version": 2**70}]
)
def test_what_the_schema_does_not_hold_is_refused_as_one_by_one(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)) as alone:
        encode("session", session(**wrong))
    with pytest.raises(alone.type):
        encode_records("session", [session()] * FEWEST + [session(**wrong)])


def test_a_null_inside_an_array_is_not_made_empty_text() -> None:
    step = {"at": 1, "channel": "web", "action": "page_viewed", "via": None, "event_id": "e"}
    journey = decode(encode("journey", _journey([step | {"via": "v"}]))).record
    with pytest.raises((ValueError, TypeError)):
        encode_records("journey", [journey] * FEWEST + [journey | {"steps": [step]}])


def test_a_missing_field_is_its_default() -> None:
    bare = _journey([])
    assert encode_records("journey", [bare] * FEWEST) == [encode("journey", bare)] * FEWEST


def _journey(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A journey without credits, which have a default."""
    texts = ("journey_id", "customer_id", "first_channel", "last_channel", "conversion_type", "currency", "order_id")
    numbers = ("version", "started_at", "ended_at", "touchpoints", "value_micros", "goals")
    fields = dict.fromkeys(texts, "") | dict.fromkeys(numbers, 0) | {"deleted": False, "converted": False}
    return fields | {"steps": steps, "touches": []}
