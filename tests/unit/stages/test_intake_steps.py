"""INTAKE's steps against the same steps taken plainly: one record after the other, each decoded by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Undecodable, decode, encode
from streams import topics
from streams.domain.actor import RULES_VERSION
from streams.domain.actor import judge as judge_actor
from streams.domain.identifiers import SHORTEST_SHOWN, Identifier, clean, mask
from streams.domain.identity.links import Date, Pair, links_of
from streams.domain.ids import customer_id
from streams.domain.lateness import advance, is_future, late_by
from streams.domain.marketing_channel import marketing_channel
from streams.domain.validation import Rejection, check, check_identifiers
from streams.domain.vocabulary import direction_of, mode_of
from streams.runtime.partitioner import partition_of
from streams.runtime.stage import PlainRecord
from streams.sample import generate
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake.judge import LARGEST_KEPT, JudgeRules
from tests.unit.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Collected,
    MemoryState,
    acquisition,
    cookie_on,
    cut,
    touchpoint_record,
)
from tests.unit.schemas.record_strategies import records as whole_records

PARTITIONS, HERE = 4, 1
BUDGET, TOLERANCE = 3 * DAY, 10 * MINUTE
OWN = frozenset({"shop.example"})
RULES = IntakeRules(JudgeRules(PARTITIONS, BUDGET, TOLERANCE), OWN, epoch=0)
WEB = "touchpoints.web"
LAST = Date(2**63, "")

Output = tuple[str, dict[str, Any]]


class Plainly:
    """What becomes of records of ``topic``, step by step."""

    def __init__(self, topic: str = WEB) -> None:
        self._topic, self._channel = topic, topics.channel_of(topic)
        self._seen: dict[tuple[str, str], dict[str, Any]] = {}
        self._links: dict[Pair, Date] = {}
        self._watermark: int | None = None

    def take(self, record: PlainRecord) -> list[Output]:
        """The topics and the fields that are sent for ``record``: nothing for a duplicate."""
        output = self._judged(record)
        if output is None:
            return []
        topic, fields = output
        return [output, *self._news(fields)] if topic == topics.ACTIVITY else [output]

    def _news(self, resolved: dict[str, Any]) -> Iterator[Output]:
        """The links that a touchpoint gives, unless they were told of one as early."""
        touchpoint = decode(resolved["touchpoint"]).record
        via, *others = (Identifier(**identifier) for identifier in resolved["identifiers"])
        for link in links_of(via, others, touchpoint["occurred_at"], touchpoint["event_id"]):
            if link.date < self._links.get(link.pair, LAST):
                self._links[link.pair] = link.date
                names = {"stronger": link.stronger._asdict(), "weaker": link.weaker._asdict()}
                yield topics.LINKS, {**link._asdict(), **names, "channel": self._channel}

    def _judged(self, record: PlainRecord) -> Output | None:
        try:
            kind, touchpoint = decode(record.value or b"")
        except Undecodable as error:
            expected = "a touchpoint in Avro single-object encoding"
            return self._dead(record, Rejection("undecodable", "", str(error)[:200], expected), {})
        if kind != "touchpoint":
            return self._dead(record, Rejection("undecodable", "", kind, "touchpoint"), {})
        identifiers = clean(touchpoint["identifiers"])
        rejection = check(touchpoint, self._channel) or check_identifiers(touchpoint, identifiers)
        if rejection is not None:
            return self._dead(record, rejection, touchpoint)
        if partition_of(identifiers[0].text.encode(), PARTITIONS) != HERE:
            return self._topic, touchpoint
        return self._take_here(record, touchpoint, identifiers)

    def _take_here(
        self, record: PlainRecord, touchpoint: dict[str, Any], identifiers: list[Identifier]
    ) -> Output | None:
        at, content = touchpoint["occurred_at"], {k: v for k, v in touchpoint.items() if k != "backfill"}
        if is_future(at, record.timestamp, TOLERANCE):
            limit = f"at most {TOLERANCE} ms after its receipt at {record.timestamp}"
            return self._dead(record, Rejection("future", "occurred_at", str(at), limit), touchpoint)
        identity = identifiers[0].text, touchpoint["event_id"]
        if identity in self._seen:
            if self._seen[identity] == content:
                return None
            same, name = "the content first accepted under this id", touchpoint["event_id"][:64]
            return self._dead(record, Rejection("conflicting_duplicate", "event_id", name, same), touchpoint)
        behind = late_by(at, self._watermark, BUDGET, backfill=touchpoint["backfill"])
        self._watermark = advance(self._watermark, at)
        if behind:
            told = {"event_id": touchpoint["event_id"], "occurred_at": at, "late_by_ms": behind}
            return topics.LATE, told | self._origin(record)
        self._seen[identity] = content
        return topics.ACTIVITY, self._resolved(record, touchpoint, identifiers)

    def _dead(self, record: PlainRecord, rejection: Rejection, touchpoint: dict[str, Any]) -> Output:
        told = rejection._asdict()
        for identifier in touchpoint.get("identifiers", ()):
            whole = identifier["value"].strip()
            for name in ("value", "expected") if len(whole) >= SHORTEST_SHOWN else ():
                told[name] = told[name].replace(whole, mask(whole))
        return topics.DEAD, told | self._origin(record)

    def _origin(self, record: PlainRecord) -> dict[str, Any]:
        where = {"channel": self._channel, "topic": self._topic, "partition": HERE, "offset": record.offset}
        return where | {"received_at": record.timestamp, "key": record.key, "original": record.value or b""}

    def _resolved(
        self, record: PlainRecord, touchpoint: dict[str, Any], identifiers: list[Identifier]
    ) -> dict[str, Any]:
        channel, action, given = self._channel, touchpoint["action"], touchpoint["direction"]
        origin = marketing_channel(channel, action, touchpoint["acquisition"], OWN)
        return {
            "to": customer_id(identifiers[0]),
            "via": identifiers[0]._asdict(),
            "version": 0,
            "actor": judge_actor(channel, action, touchpoint["user_agent"], touchpoint["provider_machine"]),
            "rules_version": RULES_VERSION,
            "raised": False,
            "direction": direction_of(channel, action) if given == "UNKNOWN" else given,
            "mode": mode_of(channel, action) if touchpoint["mode"] == "UNKNOWN" else touchpoint["mode"],
            "marketing_channel": origin.name,
            "has_acquisition": origin.has_acquisition,
            "campaign": origin.campaign,
            "content": origin.content,
            "identifiers": [identifier._asdict() for identifier in identifiers],
            "received_at": record.timestamp,
            "intake_offset": record.offset,
            "intake_partition": HERE,
            "touchpoint": record.value,
        }


def plainly(log: Iterable[PlainRecord], topic: str = WEB) -> list[Output]:
    """What is sent for each record of ``log`` by itself."""
    return [*chain.from_iterable(map(Plainly(topic).take, log))]


def log_of(values: Iterable[bytes | None]) -> list[PlainRecord]:
    return [PlainRecord(i, NOON + i, b"k", value) for i, value in enumerate(values)]


def fold(log: Sequence[PlainRecord], size: int, topic: str = WEB) -> tuple[Collected, MemoryState]:
    """What INTAKE sends for ``log``, called with slices of ``size``, and its state with what is still to be emitted."""
    stage, state, out = Intake(RULES), MemoryState(HERE), Collected()
    for records in cut(log, [size], topic, HERE):
        stage.fold(records, state, out)
    return out, state


def outputs(out: Collected) -> list[Output]:
    return [(sent.topic, sent.fields) for sent in out.sent]


def packed(state: MemoryState) -> list[tuple[bytes, bytes]]:
    return [(key, msgspec.msgpack.encode(value)) for key, value in state.scan(b"", b"\xff")]


ANNA, BEN = cookie_on(HERE, PARTITIONS, "anna"), cookie_on(HERE, PARTITIONS, "ben")
CARL = cookie_on(HERE + 1, PARTITIONS, "carl")
names = st.sampled_from(["user_id", "cookie_id", "click_id", " cookie_id ", "Cookie"])
values = st.sampled_from(["u1", "u2", "guest", "a-long-value-of-somebody", "0-0", "", "x\0y", " u1 "])
identifiers = st.one_of(
    st.sampled_from([[ANNA._asdict()], [BEN._asdict()], [ANNA._asdict(), {"namespace": "click_id", "value": "c1"}]]),
    st.lists(st.fixed_dictionaries({"namespace": names, "value": values}), max_size=3),
)
optional_text = st.sampled_from([None, "", "x", "(not set)", "google", "https://shop.example/a", "https://t.co/x"])
conversions = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["purchase", "", "a\0"]),
        "value_micros": st.sampled_from([0, 5, -1, 10**16]),
        "currency": st.sampled_from(["", "EUR", "eur"]),
        "order_id": st.sampled_from([None, "o1", "o\0"]),
    }
)
answers = st.fixed_dictionaries({"metric": st.sampled_from(["nps", "csat", "x"]), "score": st.integers(-1, 11)})
agents = st.sampled_from([None, "", "-", "Mozilla/5.0", "Googlebot/2.1 (+http://www.google.com/bot.html)"])
ordinary = st.builds(
    touchpoint_record,
    event_id=st.sampled_from(["e1", "e2", "e3", "a-long-value-of-somebody-1"]),
    identifiers=st.sampled_from([[ANNA._asdict()], [BEN._asdict()], [CARL._asdict()]]),
    occurred_at=st.sampled_from([NOON - 5 * DAY, NOON - HOUR, NOON, NOON + TOLERANCE, NOON + TOLERANCE + 20]),
    engaged_ms=st.sampled_from([None, 0, 5]),
    backfill=st.booleans(),
    properties=st.permutations([("a", "1"), ("b", "2")]).map(dict),
)
#: What may be strange about a touchpoint, field by field.
STRANGE: dict[str, st.SearchStrategy[Any]] = {
    "event_id": st.sampled_from(["", "a\0b", "e" * 1_024, "e" * 1_025]),
    "channel": st.sampled_from(["email", "UNKNOWN"]),
    "identifiers": identifiers,
    "occurred_at": st.sampled_from([-1, 0, 9_214_646_400_000, 9_214_646_400_001, 2**63 - 1]),
    "action": st.sampled_from(["purchased", "waved", "", "banner_shown", "w" * 1_025]),
    "direction": st.sampled_from(["inbound", "outbound"]),
    "mode": st.sampled_from(["synchronous", "asynchronous"]),
    "acquisition": st.builds(acquisition, source=optional_text, referrer=optional_text, click_id=optional_text),
    "conversion": conversions,
    "satisfaction": answers,
    "sentiment": st.sampled_from([-1_001, -1_000, 0, 1_000, 1_001]),
    "engaged_ms": st.sampled_from([-1, 0, 86_400_000, 86_400_001]),
    "user_agent": agents | st.just("Mozilla/5.0 " + "x" * LARGEST_KEPT),
    "provider_machine": st.booleans(),
    "message_id": st.text(max_size=3),
    "thread_id": st.text(max_size=3),
    "link": st.text(max_size=3),
    "properties": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3),
}


@st.composite
def touchpoints(draw: st.DrawFn) -> dict[str, Any]:
    """An ordinary touchpoint, half of them with one or two fields that are not."""
    fields = draw(st.lists(st.sampled_from(sorted(STRANGE)), max_size=2, unique=True)) if draw(st.booleans()) else []
    return draw(ordinary) | {field: draw(STRANGE[field]) for field in fields}


encoded = st.one_of(touchpoints(), touchpoints(), whole_records("touchpoint")).map(lambda t: encode("touchpoint", t))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A touchpoint with a byte changed, left out or put in."""
    whole = draw(encoded)
    at, byte, gone = draw(st.integers(0, len(whole) - 1)), draw(st.binary(max_size=1)), draw(st.integers(0, 1))
    return whole[:at] + byte + whole[at + gone :]


anything = st.one_of(encoded, encoded, encoded, mutated(), st.none() | st.binary(max_size=12))
logs = st.one_of(st.lists(anything, max_size=9), st.lists(anything, min_size=20, max_size=40)).map(log_of)


@given(logs)
@settings(max_examples=300)
def test_many_records_at_once_become_what_each_becomes_by_itself(log: list[PlainRecord]) -> None:
    assert outputs(fold(log, len(log))[0]) == plainly(log)


@pytest.mark.parametrize("topic", topics.TOUCHPOINTS)
def test_so_do_those_of_the_sample_company(topic: str) -> None:
    sample = [t for t in generate(customers=60, days=14, seed=3) if t["channel"] == topics.channel_of(topic)]
    log = [PlainRecord(i, NOON + 1_000 * DAY, b"k", encode("touchpoint", t)) for i, t in enumerate(sample)]
    assert outputs(fold(log, 100, topic)[0]) == plainly(log, topic)


@given(logs, st.integers(1, 20))
@settings(max_examples=150)
def test_state_versions_and_outputs_do_not_depend_on_how_many_records_fold_is_called_with(
    log: list[PlainRecord], size: int
) -> None:
    one_by_one, many = fold(log, 1), fold(log, size)
    assert many[0].sent == one_by_one[0].sent
    assert packed(many[1]) == packed(one_by_one[1])
    assert many[1].take_changed() == one_by_one[1].take_changed()


@pytest.mark.parametrize(
    "acquisition_",
    [{"referrer": "https://t.co/x"}, {"click_id": "g1"}, {"medium": "email"}, {"source": "x", "campaign": "shopping"}],
)
def test_what_two_touchpoints_came_from_is_told_apart(acquisition_: dict[str, str]) -> None:
    came = [None, acquisition(source="x"), acquisition(**acquisition_)]
    log = log_of(
        encode("touchpoint", touchpoint_record(event_id=str(i), identifiers=[ANNA._asdict()], acquisition=c))
        for i, c in enumerate(came * 8)
    )
    assert outputs(fold(log, len(log))[0]) == plainly(log)
