"""Fields set anew on a touchpoint's bytes, and what can't be mended."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import decode, encode
from streams.repair.mending import Mended, Setting, Unmendable, mend
from streams.stages.intake.contents import digest_of, read_one
from tests.unit.builders import ANNA, touchpoint_record

CONVERSION = {"type": "purchase", "value_micros": 5, "currency": "euro", "order_id": None}


def bytes_of(**fields: Any) -> bytes:
    return encode("touchpoint", touchpoint_record(**fields))


def mended(original: bytes, *settings: str) -> Mended:
    return mend(original, "web", [Setting.parse(text) for text in settings])


def test_unmended_it_is_the_same_touchpoint_marked_as_history() -> None:
    original = bytes_of()
    channel, key, value = mended(original)
    assert (channel, key) == ("web", ANNA.text.encode())
    assert decode(value).record == {**decode(original).record, "backfill": True}
    assert digest_of(read_one(value)) == digest_of(read_one(original))


def test_a_field_within_a_field_is_set() -> None:
    record = decode(mended(bytes_of(conversion=CONVERSION), "conversion.currency=EUR").value).record
    assert record["conversion"] == {**CONVERSION, "currency": "EUR"}


@pytest.mark.parametrize(
    ("text", "value"), [("a=1", 1), ("a=EUR", "EUR"), ('a="1"', "1"), ("a=null", None), ("a=b=c", "b=c"), ("a=", "")]
)
def test_a_value_is_json_or_else_text(text: str, value: object) -> None:
    assert Setting.parse(text) == Setting("a", value)


@pytest.mark.parametrize("text", ["", "=1", "a", "a.=1", ".a=1"])
def test_a_setting_without_a_field_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected FIELD=VALUE"):
        Setting.parse(text)


def test_the_key_and_the_topic_follow_what_was_set() -> None:
    names = '[{"namespace": "cookie_id", "value": "b"}, {"namespace": "user_id", "value": "7"}]'
    channel, key, _ = mended(bytes_of(), f"identifiers={names}", "channel=mobile")
    assert (channel, key) == ("mobile", b"user_id:7")


def test_a_channel_that_nobody_set_moves_no_touchpoint() -> None:
    """INTAKE says of it what it said before: a wrong topic."""
    assert mended(bytes_of(channel="email")).channel == "web"


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("occurred_at=soon", "occurred_at: found 'soon', expected"),
        ("colour=red", "colour: found"),
        ("conversion.currency=EUR", "found no record at conversion"),
        ("event_id.name=x", "found no record at event_id"),
    ],
)
def test_a_field_that_can_not_be_so_is_refused(setting: str, complaint: str) -> None:
    with pytest.raises(Unmendable, match=complaint):
        mended(bytes_of(), setting)


def test_what_is_no_touchpoint_stays_as_it_is_and_takes_no_field() -> None:
    assert mended(b"garbage") == Mended("web", None, b"garbage")
    with pytest.raises(Unmendable, match="no touchpoint"):
        mended(b"garbage", "event_id=1")


def test_json_nested_too_deeply_is_refused_and_digits_for_text_say_what_is_missing() -> None:
    with pytest.raises(ValueError, match=r"^identifiers: found JSON that is nested too deeply"):
        Setting.parse(f"identifiers={'[' * 100_000}")
    with pytest.raises(Unmendable, match=r"""^event_id: found 123, .* --set 'event_id="\.\.\."'$"""):
        mended(bytes_of(), "event_id=123")
