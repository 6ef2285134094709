"""INTAKE through its real records: what becomes of each, what is counted, and that batch cuts don't matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, groupby
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode, encode
from schemas.registry import registry
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.runtime.stage import Headers, PlainRecord, Records
from streams.runtime.views import make_view
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake.contents import Content, digest_of, read
from streams.stages.intake.entries import identity_of
from streams.stages.intake.judge import JudgeRules
from tests.unit.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Collected,
    acquisition,
    cookie_on,
    touchpoint_record,
    without_version,
)

PARTITIONS = 4
HERE, ELSEWHERE = 1, 2
BUDGET, TOLERANCE = 3 * DAY, 10 * MINUTE
ANNA = cookie_on(HERE, PARTITIONS, "anna")
BEN = cookie_on(HERE, PARTITIONS, "ben")
CARL = cookie_on(ELSEWHERE, PARTITIONS, "carl")
STAGE = Intake(IntakeRules(JudgeRules(PARTITIONS, BUDGET, TOLERANCE), frozenset({"shop.example"}), epoch=0))
WEB, EMAIL = "touchpoints.web", "touchpoints.email"


def fields_of(via: Identifier = ANNA, **fields: Any) -> dict[str, Any]:
    """A touchpoint record of ``via`` at NOON."""
    return touchpoint_record(**{"identifiers": [via._asdict()]} | fields)


class Arrival(NamedTuple):
    """A record on our partition of ``topic``, and what it is made of."""

    topic: str
    record: PlainRecord


def sent(
    *touchpoints: dict[str, Any] | bytes | None, received: int = NOON, topic: str = WEB, first: int = 0
) -> list[Arrival]:
    """``touchpoints``, or values instead, as the log of our partition of ``topic`` from offset ``first``."""
    values = [encode("touchpoint", t) if isinstance(t, dict) else t for t in touchpoints]
    return [Arrival(topic, PlainRecord(first + i, received, f"k{i}".encode(), value)) for i, value in enumerate(values)]


def mailed(action: str, at: int, event_id: str, **fields: Any) -> dict[str, Any]:
    """A touchpoint on e-mail, backfilled so that no order of arrival is late."""
    mail = {"channel": "email", "action": action, "occurred_at": at, "event_id": event_id, "message_id": "m1"}
    return fields_of(**mail | {"backfill": True} | fields)


class Disk(dict[bytes, bytes]):
    """What is kept of a partition, packed."""

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        raise AssertionError("INTAKE never scans")


class State:
    """A partition's view as the runtime keeps it, without a cache: all is packed, and read again."""

    def __init__(self, partition: int = HERE) -> None:
        self.disk = Disk()
        self.view = make_view(partition, self.disk, STAGE.layout, cache_bytes=0)

    def end_batch(self, out: Collected) -> None:
        STAGE.emit(self.view.take_changed(), self.view, out)
        packed = self.view.pack()
        self.disk.update({key: value for key, value in packed if value is not None})
        for key in [key for key, value in packed if value is None]:
            self.disk.pop(key, None)
        self.view.settle(packed)


def take(log: Sequence[Arrival], cuts: Iterable[int] = (1,), state: State | None = None) -> Collected:
    """What INTAKE sends for ``log``, taken in batches of ``cuts``."""
    state, out, start = State() if state is None else state, Collected(), 0
    for size in cycle(cuts):
        if start >= len(log):
            return out
        for topic, arrivals in groupby(log[start : start + size], key=lambda arrival: arrival.topic):
            STAGE.fold(Records(topic, state.view.partition, [a.record for a in arrivals]), state.view, out)
        state.end_batch(out)
        start += size
    raise AssertionError("cycle ends")


def outcomes(out: Collected) -> Counter[str]:
    """Number of records by outcome, or reason of the dead, over all topics."""
    counts: Counter[str] = Counter()
    for row in out.final(topics.OUTCOMES).values():
        counts[row["reason"] or row["outcome"]] += row["records"]
    return counts


def dead_letters(out: Collected) -> list[dict[str, Any]]:
    return [s.fields for s in out.on(topics.DEAD)]


def told(letter: dict[str, Any]) -> tuple[str, str, str, str]:
    return letter["reason"], letter["field"], letter["value"], letter["expected"]


def engagement(out: Collected) -> dict[bytes, dict[str, Any]]:
    """Final engagement rows without their versions."""
    return {key: without_version(row) for key, row in out.final(topics.ENGAGEMENT).items()}


# Accepted


def test_an_accepted_touchpoint_goes_to_its_vias_customer_with_all_that_was_judged() -> None:
    came = acquisition(source="newsletter", medium="email", campaign=" spring ", content="top")
    identifiers = [
        ANNA._asdict(),
        {"namespace": "click_id", "value": " c1 "},
        {"namespace": "user_id", "value": "null"},
    ]
    touchpoint = fields_of(identifiers=identifiers, acquisition=came)
    (arrival,) = sent(touchpoint, received=NOON + 7)
    (activity,) = take([arrival]).on(topics.ACTIVITY)
    assert activity.key.decode() == customer_id(ANNA)
    resolved = activity.fields
    rules_version = resolved.pop("rules_version")
    assert "crawler-user-agents" in rules_version
    assert resolved == {
        "to": customer_id(ANNA),
        "via": ANNA._asdict(),
        "version": 0,
        "actor": "human",
        "raised": False,
        "direction": "inbound",
        "mode": "asynchronous",
        "marketing_channel": "Email",
        "has_acquisition": True,
        "campaign": "spring",
        "content": "top",
        "identifiers": [ANNA._asdict(), {"namespace": "click_id", "value": "c1"}],
        "received_at": NOON + 7,
        "intake_offset": 0,
        "intake_partition": HERE,
        "touchpoint": arrival.record.value,
    }


def test_a_direction_and_mode_that_are_given_stay() -> None:
    custom = fields_of(action="waved", direction="outbound", mode="synchronous")
    resolved = take(sent(custom)).on(topics.ACTIVITY)[0].fields
    assert (resolved["direction"], resolved["mode"]) == ("outbound", "synchronous")


def test_a_machine_is_accepted_and_marked() -> None:
    resolved = take(sent(fields_of(user_agent=None))).on(topics.ACTIVITY)[0].fields
    assert resolved["actor"] == "machine"


def test_a_referrer_on_our_own_domain_is_none() -> None:
    came = acquisition(referrer="https://www.shop.example/basket")
    resolved = take(sent(fields_of(acquisition=came))).on(topics.ACTIVITY)[0].fields
    assert (resolved["marketing_channel"], resolved["has_acquisition"]) == ("Direct", False)


@pytest.mark.parametrize(("campaign", "kept"), [("  spring ", "spring"), ("(not set)", ""), ("(direct)", "")])
def test_journeys_and_engagement_name_a_campaign_alike(campaign: str, kept: str) -> None:
    out = take(sent(fields_of(acquisition=acquisition(source="x", campaign=campaign))))
    assert out.on(topics.ACTIVITY)[0].fields["campaign"] == kept
    assert [row["campaign"] for row in engagement(out).values()] == [kept]


# Dead


def a_conversion(**fields: Any) -> dict[str, Any]:
    return {"type": "purchase", "value_micros": 5, "currency": "EUR", "order_id": None} | fields


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", ("undecodable", "", "expected Avro single-object encoding (c3 01), found nothing")),
        (None, ("undecodable", "", "expected Avro single-object encoding (c3 01), found nothing")),
        (b'{"event_id": "e1"}', ("undecodable", "", "expected Avro single-object encoding (c3 01), found 7b 22")),
        (b"\xc3\x01" + bytes(8), ("undecodable", "", "unknown schema fingerprint 0000000000000000")),
        (encode("touchpoint", fields_of())[:-1], ("undecodable", "", "damaged touchpoint")),
        (encode("touchpoint", fields_of()) + b"x", ("undecodable", "", "damaged touchpoint: bytes behind the end")),
        (fields_of(channel="email", action="opened"), ("wrong_topic", "channel", "email")),
        (fields_of(event_id=""), ("invalid", "event_id", "")),
        (fields_of(sentiment=1001), ("invalid", "sentiment", "1001")),
        (fields_of(conversion=a_conversion(currency="")), ("invalid", "conversion.currency", "")),
        (fields_of(action="waved"), ("unknown_direction", "direction", "UNKNOWN")),
        (fields_of(direction="outbound"), ("contradicting_direction", "direction", "outbound")),
        (fields_of(identifiers=[]), ("no_identifier", "identifiers", "")),
        (fields_of(Identifier("cookie_id", "guest")), ("no_identifier", "identifiers", "")),
        (
            fields_of(identifiers=[{"namespace": "user_id", "value": v} for v in ("u1", "u2")]),
            ("ambiguous_user_id", "identifiers", "…(2), …(2)"),
        ),
        (fields_of(occurred_at=NOON + TOLERANCE + 1), ("future", "occurred_at", str(NOON + TOLERANCE + 1))),
    ],
)
def test_what_cannot_be_taken_is_a_dead_letter_with_its_origin(
    value: dict[str, Any] | bytes | None, expected: tuple[str, str, str]
) -> None:
    (arrival,) = sent(value, first=5)
    out = take([arrival])
    (letter,) = out.on(topics.DEAD)
    assert letter.key == b"touchpoints.web-1-5"
    fields = letter.fields
    assert (fields["reason"], fields["field"]) == expected[:2]
    assert fields["value"].startswith(expected[2])
    assert fields["expected"]
    assert (fields["channel"], fields["topic"], fields["partition"], fields["offset"]) == ("web", WEB, HERE, 5)
    assert (fields["received_at"], fields["key"], fields["original"]) == (NOON, b"k0", arrival.record.value or b"")
    assert outcomes(out) == {expected[0]: 1}
    assert not out.on(topics.ACTIVITY)
    assert not out.on(topics.ENGAGEMENT)


def test_another_kind_of_record_is_no_touchpoint() -> None:
    outcome = {
        "topic": WEB,
        "channel": "web",
        "partition": 0,
        "outcome": "late",
        "reason": "",
        "version": 1,
        "records": 1,
    }
    (letter,) = dead_letters(take(sent(encode("outcome", outcome))))
    assert told(letter) == ("undecodable", "", "outcome", "touchpoint")


def test_a_dead_letter_remembers_nothing_so_that_it_can_be_mended_and_sent_again() -> None:
    out = take(sent(fields_of(sentiment=1001), fields_of(sentiment=1000)))
    assert outcomes(out) == {"invalid": 1, "accepted": 1}


HASH = "9f86d081884c7d659a2feaa0c55ad015"
ADDRESS = "anna.maier@example.com"


def secretive(**fields: Any) -> dict[str, Any]:
    user, other = Identifier("user_id", HASH), Identifier("user_id", ADDRESS)
    return fields_of(**{"identifiers": [user._asdict(), other._asdict()]} | fields)


def assert_masked(letter: dict[str, Any]) -> None:
    for name in ("reason", "field", "value", "expected", "channel", "topic"):
        assert HASH[:6] not in letter[name]
        assert ADDRESS[:6] not in letter[name]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"event_id": ""},
        {"action": "waved"},
        {"identifiers": [{"namespace": HASH, "value": "cookie_id"}]},
        {"identifiers": [{"namespace": ADDRESS, "value": HASH}]},
        {"identifiers": [{"namespace": "user_id", "value": HASH + "\0"}]},
        {"identifiers": [{"namespace": "user_id", "value": HASH * 40}]},
        {"identifiers": [{"namespace": "User_id", "value": HASH}]},
    ],
)
def test_no_dead_letter_shows_an_identifiers_value(fields: dict[str, Any]) -> None:
    (letter,) = dead_letters(take(sent(secretive(**fields))))
    assert_masked(letter)


def test_an_event_id_made_of_an_identifier_is_masked_where_it_is_told() -> None:
    cookie = Identifier("cookie_id", "a-very-long-cookie-value")
    first = fields_of(cookie, event_id="a-very-long-cookie-value-17")
    [letter] = dead_letters(take(sent(first, {**first, "engaged_ms": 5})))
    assert told(letter)[:3] == ("conflicting_duplicate", "event_id", "a-…(24)-17")


def test_no_dead_letter_of_damaged_bytes_shows_an_identifiers_value() -> None:
    whole = encode("touchpoint", secretive())
    damaged = [whole[:i] for i in range(len(whole))]
    damaged += [
        whole[:i] + bytes([whole[i] ^ flip]) + whole[i + 1 :] for i in range(len(whole)) for flip in (1, 2, 128)
    ]
    out = take(sent(*damaged), cuts=[100])
    assert outcomes(out).total() == len(damaged)
    for letter in dead_letters(out):
        # A flipped bit in a name may make it another one; what it was is shown nowhere all the same.
        assert_masked(letter)


# Duplicates


def test_the_same_touchpoint_again_is_a_duplicate_and_counts_nowhere_else() -> None:
    once, twice = take(sent(fields_of())), take(sent(fields_of(), fields_of()))
    assert outcomes(twice) == {"accepted": 1, "duplicate": 1}
    assert twice.on(topics.ACTIVITY) == once.on(topics.ACTIVITY)
    assert twice.on(topics.ENGAGEMENT) == once.on(topics.ENGAGEMENT)


def test_backfill_says_how_to_treat_a_record_and_makes_no_other_of_it() -> None:
    out = take(sent(fields_of(backfill=False), fields_of(backfill=True), fields_of(backfill=False)))
    assert outcomes(out) == {"accepted": 1, "duplicate": 2}


@pytest.mark.parametrize(
    "change",
    [
        {"occurred_at": NOON - 1},
        {"engaged_ms": 5},
        {"user_agent": "Mozilla/5.0"},
        {"properties": {"path": "/"}},
        {"acquisition": acquisition(source="x")},
        {"conversion": {"type": "purchase", "value_micros": 0, "currency": "", "order_id": None}},
        {"identifiers": [ANNA._asdict(), {"namespace": "click_id", "value": "c1"}]},
    ],
)
def test_one_id_with_other_content_is_a_conflict_and_the_first_stays(change: dict[str, Any]) -> None:
    out = take(sent(fields_of(), fields_of(**change), fields_of()))
    assert outcomes(out) == {"accepted": 1, "conflicting_duplicate": 1, "duplicate": 1}
    expected = ("conflicting_duplicate", "event_id", "e1", "the content first accepted under this id")
    assert [told(letter) for letter in dead_letters(out)] == [expected]


def test_properties_in_another_order_are_no_other_content() -> None:
    out = take(sent(fields_of(properties={"a": "1", "b": "2"}), fields_of(properties={"b": "2", "a": "1"})))
    assert outcomes(out) == {"accepted": 1, "duplicate": 1}


def test_one_event_id_of_two_people_or_channels_is_two_touchpoints() -> None:
    log = sent(fields_of(ANNA), fields_of(BEN)) + sent(fields_of(channel="email", action="opened"), topic=EMAIL)
    assert outcomes(take(log)) == {"accepted": 3}


def test_all_that_a_touchpoint_says_is_in_its_content_but_backfill() -> None:
    schema = {field["name"] for field in registry().current("touchpoint").source["fields"]}
    assert {*Content._fields, "identifiers", "backfill"} - {"namespaces", "values"} == schema


def test_what_is_kept_of_a_touchpoint_never_changes() -> None:
    """State on disk holds these: with others, everything that comes again would be new, or a conflict."""
    ((_, content, _),) = read(
        Records(WEB, HERE, [arrival.record for arrival in sent(fields_of(properties={"a": "1"}))])
    )
    assert content is not None
    assert digest_of(content).hex() == "a68c2a5f168d8512"
    assert identity_of("web", ANNA.text, "e1").hex() == "73df9f35b0f9aa54eda641afec0c9c485e"


# Late and future


def test_a_touchpoint_exactly_the_budget_behind_is_accepted_and_a_millisecond_more_is_late() -> None:
    #   -3 d 1 ms   -3 d                     watermark
    #   |l          i------------------------w
    log = sent(fields_of(), fields_of(event_id="i", occurred_at=NOON - BUDGET))
    log += sent(fields_of(event_id="l", occurred_at=NOON - BUDGET - 1), first=2)
    out = take(log)
    assert outcomes(out) == {"accepted": 2, "late": 1}
    (late,) = out.on(topics.LATE)
    assert late.key == b"touchpoints.web-1-2"
    assert late.fields == {
        "channel": "web",
        "event_id": "l",
        "occurred_at": NOON - BUDGET - 1,
        "late_by_ms": BUDGET + 1,
        "topic": WEB,
        "partition": HERE,
        "offset": 2,
        "received_at": NOON,
        "key": b"k0",
        "original": log[2].record.value,
    }
    assert sum(row["touchpoints"] for row in engagement(out).values()) == 2


def test_a_late_touchpoint_can_be_replayed_as_backfill() -> None:
    old = fields_of(event_id="l", occurred_at=NOON - 9 * DAY)
    out = take(sent(fields_of(), old, old, old | {"backfill": True}, old))
    assert outcomes(out) == {"accepted": 2, "late": 2, "duplicate": 1}


def test_history_raises_the_watermark_but_is_not_measured_against_it() -> None:
    #   arrivals: today (backfill), a year ago (backfill), four days ago (late)
    ages = ((0, True), (365, True), (4, False))
    log = [fields_of(event_id=str(age), occurred_at=NOON - age * DAY, backfill=b) for age, b in ages]
    assert outcomes(take(sent(*log))) == {"accepted": 2, "late": 1}


def test_each_topic_has_its_own_watermark() -> None:
    old = {"occurred_at": NOON - 9 * DAY}
    log = sent(fields_of()) + sent(fields_of(channel="email", action="opened", **old), topic=EMAIL)
    assert outcomes(take(log)) == {"accepted": 2}


def test_neither_the_dead_nor_duplicates_raise_the_watermark() -> None:
    ahead = fields_of(event_id="x", occurred_at=NOON + 4 * DAY)
    log = sent(ahead) + sent(fields_of(), first=1)
    log += sent(fields_of(event_id="x2", occurred_at=NOON + 4 * DAY, sentiment=2000), received=NOON + 4 * DAY, first=2)
    log += sent(fields_of(event_id="i", occurred_at=NOON - 2 * DAY), first=3)
    assert outcomes(take(log)) == {"future": 1, "invalid": 1, "accepted": 2}


def test_ten_minutes_after_its_receipt_is_taken_and_a_millisecond_more_is_a_dead_letter() -> None:
    in_time = fields_of(event_id="i", occurred_at=NOON + TOLERANCE)
    for backfill in (False, True):
        beyond = fields_of(event_id="b", occurred_at=NOON + TOLERANCE + 1, backfill=backfill)
        out = take(sent(in_time, beyond))
        assert outcomes(out) == {"accepted": 1, "future": 1}
        expected = f"at most {TOLERANCE} ms after its receipt at {NOON}"
        assert told(dead_letters(out)[0]) == ("future", "occurred_at", str(NOON + TOLERANCE + 1), expected)


# On the wrong partition


def rerouted(headers: Headers = (), received: int = NOON, **fields: Any) -> tuple[Collected, PlainRecord]:
    """What our partition makes of Carl's touchpoint, and the record that reaches his own an hour later."""
    out = take([Arrival(WEB, PlainRecord(0, received, b"", encode("touchpoint", fields_of(CARL, **fields)), headers))])
    again = out.on(WEB)[0]
    assert again.partition == ELSEWHERE
    return out, PlainRecord(0, received + HOUR, again.key, again.value, again.headers)


def test_a_record_on_the_wrong_partition_is_sent_to_the_right_one_as_it_was() -> None:
    out, arrived = rerouted()
    assert arrived.key == CARL.text.encode()
    assert arrived.value == encode("touchpoint", fields_of(CARL))
    assert arrived.headers == (("received_at", str(NOON).encode()), ("origin", f"{WEB}-{HERE}-0".encode()))
    assert outcomes(out) == {"rerouted": 1}
    assert {s.topic for s in out.sent} == {WEB, topics.OUTCOMES}


def test_a_rerouted_record_is_accepted_where_it_belongs_with_its_first_receipt() -> None:
    _, arrived = rerouted()
    out = take([Arrival(WEB, arrived)], state=State(ELSEWHERE))
    assert outcomes(out) == {"accepted": 1}
    assert out.on(topics.ACTIVITY)[0].fields["received_at"] == NOON


def test_a_record_that_is_rerouted_again_after_a_restart_counts_once() -> None:
    """Its copies differ in offset and receipt, and lie apart in the log."""
    for fields in ({}, {"sentiment": 0, "occurred_at": NOON - 4 * 24 * HOUR}):
        _, arrived = rerouted(**fields)
        newer = PlainRecord(0, NOON, b"", encode("touchpoint", fields_of(CARL, event_id="newer")))
        later = arrived._replace(offset=2, timestamp=arrived.timestamp + HOUR)
        log = [Arrival(WEB, record) for record in (newer, arrived._replace(offset=1), later)]
        once = outcomes(take(log[:2], state=State(ELSEWHERE)))
        assert outcomes(take(log, state=State(ELSEWHERE))) == once
        assert sum(once.values()) == 2


def test_the_future_is_judged_by_the_first_receipt() -> None:
    _, arrived = rerouted(occurred_at=NOON + TOLERANCE + 1)
    out = take([Arrival(WEB, arrived)], state=State(ELSEWHERE))
    assert outcomes(out) == {"future": 1}
    assert dead_letters(out)[0]["received_at"] == NOON


def test_a_record_that_says_nothing_is_dead_wherever_it_lies() -> None:
    assert outcomes(take(sent(fields_of(CARL, sentiment=2000)))) == {"invalid": 1}


@pytest.mark.parametrize(
    "value", [b"", b"yesterday", b"-1", b"9" * 16, b"9" * 5000, str(NOON + 1).encode(), "٣".encode(), None]
)
def test_a_header_that_cannot_be_a_first_receipt_counts_for_nothing(value: bytes) -> None:
    ahead = fields_of(occurred_at=NOON + TOLERANCE + 1)
    (arrival,) = sent(ahead)
    out = take([Arrival(WEB, arrival.record._replace(headers=(("received_at", value),)))])
    assert outcomes(out) == {"future": 1}
    assert dead_letters(out)[0]["received_at"] == NOON


# On which the stage raised


def bury(arrival: Arrival, state: State) -> Collected:
    out = Collected()
    STAGE.bury(Records(arrival.topic, HERE, [arrival.record]), "KeyError at judge.py:88", state.view, out)
    state.end_batch(out)
    return out


def test_a_record_on_which_the_stage_raised_is_a_dead_letter_with_its_cause_and_its_one_outcome() -> None:
    (arrival,) = sent(fields_of(), first=7)
    out = bury(arrival, State())
    (letter,) = out.on(topics.DEAD)
    assert letter.key == b"touchpoints.web-1-7"
    assert told(letter.fields) == ("stage_raised", "", "KeyError at judge.py:88", "a record that the stage can take")
    assert (letter.fields["channel"], letter.fields["original"]) == ("web", arrival.record.value)
    assert outcomes(out) == {"stage_raised": 1}


def test_what_was_buried_is_forgotten_and_can_be_sent_again() -> None:
    state = State()
    bury(sent(fields_of(occurred_at=NOON + 9 * DAY))[0], state)
    assert outcomes(take(sent(fields_of(), first=1), state=state)) == {"accepted": 1}


def test_a_rerouted_record_that_was_buried_counts_once_however_often_it_is_rerouted() -> None:
    _, arrived = rerouted()
    state = State(ELSEWHERE)
    records = [Records(WEB, ELSEWHERE, [arrived._replace(offset=offset)]) for offset in (0, 1)]
    out = Collected()
    for again in (records[0], *records):
        STAGE.bury(again, "KeyError", state.view, out)
        state.end_batch(out)
    STAGE.fold(records[1], state.view, out)
    state.end_batch(out)
    assert outcomes(out) == {"stage_raised": 1}


# Engagement


def test_a_touchpoint_counts_in_the_row_of_its_channel_campaign_hour_currency_actor_and_partition() -> None:
    bought = fields_of(
        action="purchased",
        occurred_at=NOON + 5,
        acquisition=acquisition(source="x", campaign="spring"),
        conversion=a_conversion(value_micros=7),
        engaged_ms=3,
    )
    ((key, row),) = take(sent(bought)).final(topics.ENGAGEMENT).items()
    assert key.decode() == f"web|spring|{NOON}|EUR|human|{HERE}"
    assert row == {
        "channel": "web",
        "campaign": "spring",
        "hour": NOON,
        "currency": "EUR",
        "actor": "human",
        "source_partition": HERE,
        "version": 0,
        "touchpoints": 1,
        "inbound": 1,
        "outbound": 0,
        "unique_openers": 0,
        "unique_clickers": 0,
        "engaged_ms": 3,
        "conversions": 1,
        "revenue_micros": 7,
        "actions": {"purchased": 1},
        "deleted": False,
    }


def by_hour(out: Collected, name: str) -> list[int]:
    """Component ``name`` of the final rows, hour by hour."""
    rows = sorted(engagement(out).values(), key=lambda row: row["hour"])
    return [row[name] for row in rows]


def test_a_message_opened_twice_has_one_unique_opener_in_the_hour_of_the_first() -> None:
    log = [mailed("opened", NOON, "a"), mailed("opened", NOON + HOUR, "b"), mailed("clicked", NOON + HOUR, "c")]
    out = take(sent(*log, topic=EMAIL, received=NOON + DAY))
    assert by_hour(out, "unique_openers") == [1, 0]
    assert by_hour(out, "unique_clickers") == [0, 1]
    assert [row["actions"] for row in engagement(out).values()] == [{"opened": 1}, {"opened": 1, "clicked": 1}]


def test_an_earlier_opening_that_arrives_later_moves_the_unique_opener_and_the_row_it_leaves_is_sent() -> None:
    #   12:00       13:00
    #   b (later)   a
    log = sent(mailed("opened", NOON + HOUR, "a"), mailed("opened", NOON, "b"), topic=EMAIL, received=NOON + DAY)
    out = take(log)
    assert by_hour(out, "unique_openers") == [1, 0]
    left = [s.fields for s in out.on(topics.ENGAGEMENT) if s.fields["hour"] == NOON + HOUR]
    assert [(row["version"], row["unique_openers"]) for row in left] == [(0, 1), (1, 0)]
    assert engagement(take(log, cuts=[2])) == engagement(out)


def test_the_unique_opener_moves_to_the_campaign_of_the_earlier_opening() -> None:
    named = {"acquisition": acquisition(source="x", medium="email", campaign="spring")}
    out = take(sent(mailed("opened", NOON + 1, "a"), mailed("opened", NOON, "b", **named), topic=EMAIL))
    assert {row["campaign"]: row["unique_openers"] for row in engagement(out).values()} == {"": 0, "spring": 1}


def test_people_messages_and_channels_have_their_own_uniques_and_machines_none() -> None:
    log = [
        mailed("opened", NOON, "a"),
        mailed("opened", NOON, "b", identifiers=[BEN._asdict()]),
        mailed("opened", NOON, "c", message_id="m2"),
        mailed("opened", NOON, "d", message_id=None),
        mailed("opened", NOON, "e", message_id="m3", provider_machine=True),
    ]
    rows = engagement(take(sent(*log, topic=EMAIL))).values()
    assert {row["actor"]: row["unique_openers"] for row in rows} == {"human": 4, "machine": 0}


def test_one_message_id_on_two_channels_is_two_messages() -> None:
    pushed = mailed("push_opened", NOON, "b", channel="mobile")
    log = sent(mailed("opened", NOON, "a"), topic=EMAIL) + sent(pushed, topic="touchpoints.mobile")
    rows = engagement(take(log)).values()
    assert {row["channel"]: row["unique_openers"] for row in rows} == {"email": 1, "mobile": 1}


def test_a_total_beyond_64_bits_stays_at_the_largest_instead_of_stopping_the_stage() -> None:
    most = a_conversion(value_micros=10**15)
    log = [fields_of(event_id=f"e{i}", conversion=most, engaged_ms=86_400_000) for i in range(10_000)]
    (row,) = take(sent(*log), cuts=[5_000]).final(topics.ENGAGEMENT).values()
    assert (row["revenue_micros"], row["engaged_ms"]) == (2**63 - 1, 10_000 * 86_400_000)


# Whatever comes in whatever order


@st.composite
def touchpoints(draw: st.DrawFn) -> dict[str, Any]:
    """Few people, messages and hours, so that everything repeats; one id has one content."""
    number = draw(st.integers(0, 40))
    rng = Random(number)
    channel, action = rng.choice([("email", "opened"), ("email", "clicked"), ("email", "sent"), ("web", "page_viewed")])
    return fields_of(
        rng.choice([ANNA, BEN]),
        event_id=f"e{number}",
        channel=channel,
        action=action,
        occurred_at=NOON + rng.randrange(4) * HOUR // 2 + rng.randrange(2),
        message_id=rng.choice(["m1", "m2", None]),
        acquisition=rng.choice([None, acquisition(source="x", medium="email", campaign="spring")]),
        engaged_ms=rng.choice([None, 500]),
        provider_machine=rng.random() < 0.2,
        conversion=rng.choice([None, None, a_conversion()]),
        backfill=True,
    )


def logged(all_touchpoints: Iterable[dict[str, Any]]) -> list[Arrival]:
    """Each touchpoint on its channel's topic, every topic with offsets of its own."""
    offsets: Counter[str] = Counter()
    log = []
    for touchpoint in all_touchpoints:
        topic = f"touchpoints.{touchpoint['channel']}"
        log += sent(touchpoint, topic=topic, received=NOON + 2 * DAY, first=offsets[topic])
        offsets[topic] += 1
    return log


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=6)
some = st.lists(touchpoints(), min_size=1, max_size=12) | st.lists(touchpoints(), min_size=10, max_size=25)


@given(some, sizes, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_any_order_duplication_and_batch_cuts_give_the_same_engagement_totals(
    given_: list[dict[str, Any]], cuts: list[int], random: Random
) -> None:
    shuffled = [*given_, *random.choices(given_, k=3)]
    random.shuffle(shuffled)
    assert engagement(take(logged(shuffled), cuts)) == engagement(take(logged(given_)))


@given(some)
@settings(max_examples=50)
def test_engagement_totals_are_those_of_a_plain_count(given_: list[dict[str, Any]]) -> None:
    once = {t["event_id"]: t for t in given_}.values()
    rows = engagement(take(logged(given_))).values()
    assert sum(row["touchpoints"] for row in rows) == len(once)
    assert sum(row["inbound"] for row in rows) == sum(t["action"] != "sent" for t in once)
    assert sum(row["engaged_ms"] for row in rows) == sum(t["engaged_ms"] or 0 for t in once)
    assert sum(row["revenue_micros"] for row in rows) == 5 * sum(t["conversion"] is not None for t in once)
    for action, name in (("opened", "unique_openers"), ("clicked", "unique_clickers")):
        first: dict[tuple[str, str], int] = {}
        for t in once:
            if t["action"] == action and not t["provider_machine"]:
                message = (t["identifiers"][0]["value"], t["message_id"] or t["event_id"])
                first[message] = min(first.get(message, t["occurred_at"]), t["occurred_at"])
        expected = Counter(at - at % HOUR for at in first.values())
        found: Counter[int] = Counter()
        for row in rows:
            found[row["hour"]] += row[name]
        assert +found == expected


@given(some, sizes, sizes, st.randoms(use_true_random=False))
@settings(max_examples=75)
def test_a_replay_with_other_batch_cuts_gives_equal_final_rows(
    given_: list[dict[str, Any]], cuts: list[int], other_cuts: list[int], random: Random
) -> None:
    # The crash comes after an emit: its outputs stay, the state is lost and folded again from the beginning.
    log = logged(given_)
    survived = log[: random.randrange(len(log) + 1)]
    first, whole = take(survived, cuts), take(log, other_cuts)
    both = Collected()
    both.sent = first.sent + whole.sent
    for topic in (topics.ENGAGEMENT, topics.OUTCOMES):
        assert both.final(topic) == whole.final(topic) == take(log).final(topic)


anything = st.one_of(
    st.binary(max_size=30),
    st.binary(max_size=5).map(lambda tail: encode("touchpoint", fields_of()) + tail),
    st.builds(
        fields_of,
        st.sampled_from([ANNA, BEN, CARL, Identifier("cookie_id", "guest"), Identifier("Cookie", "x")]),
        event_id=st.sampled_from(["", "e1", "e2", "e3"]),
        channel=st.sampled_from(["web", "web", "email"]),
        action=st.sampled_from(["page_viewed", "offer_made", "waved"]),
        direction=st.sampled_from(["UNKNOWN", "inbound", "outbound"]),
        occurred_at=st.sampled_from([-1, 0, NOON - 5 * DAY, NOON, NOON + TOLERANCE, NOON + DAY]),
        sentiment=st.sampled_from([None, None, 5000]),
        backfill=st.booleans(),
    ),
)


@given(st.lists(anything, max_size=25), sizes)
@settings(max_examples=100)
def test_every_record_has_one_outcome_and_outcomes_add_up_with_what_was_read(
    given_: list[dict[str, Any] | bytes], cuts: list[int]
) -> None:
    log = sent(*given_)
    out = take(log, cuts)
    rows = out.final(topics.OUTCOMES).values()
    counts = Counter({row["outcome"]: 0 for row in rows})
    for row in rows:
        counts[row["outcome"]] += row["records"]
        assert (row["reason"] != "") == (row["outcome"] == "dead")
    assert counts.total() == len(log)
    consequences = {"accepted": topics.ACTIVITY, "late": topics.LATE, "dead": topics.DEAD, "rerouted": WEB}
    assert {name: len(out.on(topic)) for name, topic in consequences.items()} == {n: counts[n] for n in consequences}
    assert sum(row["touchpoints"] for row in engagement(out).values()) == counts["accepted"]
    kept = [s.fields["original"] for s in (*out.on(topics.DEAD), *out.on(topics.LATE))]
    kept += [decode(s.value).record["touchpoint"] for s in out.on(topics.ACTIVITY)] + [s.value for s in out.on(WEB)]
    assert not Counter(kept) - Counter(arrival.record.value for arrival in log)
