"""IDENTITY through its real records: what it tells whom, in which order, and that batches and restarts don't matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode
from streams import topics
from streams.domain.identity.definition import identify
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Correction, Link
from streams.domain.ids import customer_id
from streams.runtime.stage import PlainRecord, Record
from streams.runtime.versions import version_of
from streams.runtime.views import make_view
from streams.stages import invariants
from streams.stages.identity import Identity, IdentityRules, measuring
from tests.unit.builders import DAY, MIDNIGHT, MINUTE, Collected, MemoryState, cut, run_batches
from tests.unit.domain.identity.people import (
    ANNA,
    BEN,
    CHROME,
    CLEO,
    CLICK,
    FIREFOX,
    KIOSK,
    MAIL,
    SAFARI,
    TABLET,
    Said,
    asserted,
    lifted,
    retracted,
    seen,
)

RECEIVED_AT = MIDNIGHT + 100 * DAY
TOLERANCE_MS = 10 * MINUTE
PIECE = 7


def stage(limits: Limits = Limits(), epoch: int = 0) -> Identity:  # noqa: B008
    return Identity(IdentityRules(limits, epoch, PIECE, TOLERANCE_MS))


def record(said: Said, offset: int, **wrong: Any) -> PlainRecord:
    """``said`` as a record of identity.links, ``wrong`` fields over it."""
    fields: dict[str, Any] = {**said._asdict(), "stronger": said.stronger._asdict(), "weaker": said.weaker._asdict()}
    name = "correction"
    if isinstance(said, Link):
        name, fields["channel"] = "link", "web"
    return PlainRecord(offset, RECEIVED_AT + offset, b"links", encode(name, fields | wrong))


def log(said: Iterable[Said]) -> list[Record]:
    return [record(one, offset) for offset, one in enumerate(said)]


def told(*said: Said, cuts: Sequence[int] = (100,), state: MemoryState | None = None) -> Collected:
    """What IDENTITY sends for ``said``, its first record at offset 0."""
    out = Collected()
    run_batches(stage(), cut(log(said), cuts, topics.LINKS), out, state)
    return out


def fields(out: Collected, topic: str, kind: str = "") -> list[dict[str, Any]]:
    return [sent.fields for sent in out.on(topic) if not kind or sent.fields.get("kind") == kind]


# What is told


def test_who_joins_a_customer_is_told_to_intake_to_customers_and_to_people() -> None:
    out = told(seen(ANNA, CHROME, 3, "login"))
    assert [sent.topic for sent in out.sent] == [topics.ASSIGNMENTS, topics.ACTIVITY, topics.IDENTITY_CHANGES]
    assignment, moved, change = out.sent
    left, joined = customer_id(CHROME), customer_id(ANNA)
    assert (assignment.key, moved.key, change.key) == (CHROME.text.encode(), left.encode(), joined.encode())
    assert assignment.fields == {"identifier": CHROME._asdict(), "customer": joined, "version": 1}
    assert moved.fields == {
        "from": left,
        "to": joined,
        "version": 1,
        "cause": "merge",
        "cause_event_id": "login",
        "identifiers": [CHROME.text],
        "piece": PIECE,
    }
    assert change.fields == {
        "kind": "merge",
        "version": 1,
        "from": left,
        "to": joined,
        "identifiers": [CHROME.text],
        "cause_event_id": "login",
        "caused_at": MIDNIGHT + 3 * DAY,
        "changed_at": RECEIVED_AT,
        "reason": "",
    }


def test_versions_are_offsets_above_the_default_below_the_epoch() -> None:
    out = Collected()
    run_batches(stage(epoch=2), cut([record(seen(ANNA, CHROME), 41)], [1], topics.LINKS), out)
    assert {sent.fields["version"] for sent in out.sent} == {version_of(2, 42)}


def test_every_step_of_a_batch_is_told_not_what_it_comes_to() -> None:
    out = told(seen(ANNA, TABLET, 2), seen(BEN, TABLET, 1), retracted(BEN, TABLET), lifted(BEN, TABLET, 2))
    customers = [row["customer"] for row in fields(out, topics.ASSIGNMENTS)]
    assert customers == [customer_id(who) for who in (ANNA, BEN, ANNA, BEN)]
    assert [(row["from"], row["to"]) for row in fields(out, topics.ACTIVITY)] == [
        (customer_id(left), customer_id(joined))
        for left, joined in ((TABLET, ANNA), (ANNA, BEN), (BEN, ANNA), (ANNA, BEN))
    ]


def test_of_one_record_assignments_come_before_moves_and_these_before_changes_and_violations() -> None:
    out = told(seen(ANNA, KIOSK, 1), seen(KIOSK, SAFARI, 1), seen(BEN, KIOSK, 2), seen(CLEO, KIOSK, 3))
    last = [sent for sent in out.sent if sent.fields["version"] == 4]
    assert [sent.topic for sent in last] == [
        *[topics.ASSIGNMENTS] * 2,
        *[topics.ACTIVITY] * 2,
        *[topics.IDENTITY_CHANGES] * 6,
    ]
    assert [sent.fields.get("kind") for sent in last[4:]] == ["split", "split", None, None, None, None]


def test_a_split_leaves_something_where_it_was_and_a_merge_nothing() -> None:
    out = told(seen(ANNA, TABLET, 2), seen(BEN, TABLET, 1))
    assert [row["kind"] for row in fields(out, topics.IDENTITY_CHANGES) if "kind" in row] == ["merge", "split"]
    assert [row["cause"] for row in fields(out, topics.ACTIVITY)] == ["merge", "split"]


def test_a_link_that_counts_for_nothing_is_told_and_that_it_counts_again() -> None:
    out = told(seen(ANNA, TABLET, 1), seen(BEN, TABLET, 2, "ben's"), retracted(ANNA, TABLET))
    refused, counts = [sent for sent in out.on(topics.IDENTITY_CHANGES) if "deleted" in sent.fields]
    assert refused.key == counts.key == b"user_id:ben|device_id:tablet"
    assert refused.fields == {
        "stronger": BEN._asdict(),
        "weaker": TABLET._asdict(),
        "reason": "user_id",
        "occurred_at": MIDNIGHT + 2 * DAY,
        "event_id": "ben's",
        "version": 2,
        "deleted": False,
    }
    assert counts.fields == {**refused.fields, "reason": "", "version": 3, "deleted": True}


def test_what_is_known_already_is_not_told_again() -> None:
    out = told(seen(ANNA, CHROME), seen(ANNA, CHROME), seen(ANNA, CHROME, 9))
    assert {sent.fields["version"] for sent in out.sent} == {1}


# Corrections


def test_what_an_operator_says_is_logged_even_where_nothing_moves() -> None:
    (sent,) = told(retracted(ANNA, CHROME, 5, "k1")).sent
    assert (sent.topic, sent.key) == (topics.IDENTITY_CHANGES, b"k1")
    assert sent.fields == {
        "kind": "retracted",
        "version": 1,
        "from": "",
        "to": "",
        "identifiers": [CHROME.text, ANNA.text],
        "cause_event_id": "k1",
        "caused_at": MIDNIGHT + 5 * DAY,
        "changed_at": RECEIVED_AT,
        "reason": "because",
    }


def test_what_an_operator_says_twice_is_logged_once() -> None:
    state = MemoryState(0)
    said = asserted(ANNA, CHROME, 5, "k1"), asserted(ANNA, CHROME, 5, "k1"), retracted(ANNA, CHROME, 6, "k2")
    out = told(*said, cuts=[1], state=state)
    logged = [row for row in fields(out, topics.IDENTITY_CHANGES) if row.get("from") == ""]
    assert [(row["kind"], row["version"]) for row in logged] == [("asserted", 1), ("retracted", 3)]


def test_what_follows_from_a_correction_bears_its_id_and_reason() -> None:
    out = told(asserted(ANNA, CHROME, 5, "k1"))
    (merge,) = fields(out, topics.IDENTITY_CHANGES, "merge")
    assert (merge["cause_event_id"], merge["reason"]) == ("k1", "because")
    assert fields(out, topics.ACTIVITY)[0]["cause_event_id"] == "k1"


# What can't be taken


LINK, WORD = seen(ANNA, CHROME), retracted(ANNA, CHROME)


@pytest.mark.parametrize(
    ("value", "reason", "field", "found"),
    [
        (b"no record", "undecodable", "", None),
        (None, "undecodable", "", None),
        (
            encode("assignment", {"identifier": ANNA._asdict(), "customer": "c", "version": 1}),
            "undecodable",
            "",
            "assignment",
        ),
        (record(LINK, 0, weaker=ANNA._asdict()).value, "invalid", "weaker", "user_id:…(4)"),
        (record(WORD, 0, stronger=CHROME._asdict(), weaker=ANNA._asdict()).value, "invalid", "weaker", "user_id:…(4)"),
        (record(LINK, 0, weaker={"namespace": "cookie_id", "value": "None"}).value, "invalid", "weaker.value", "…(4)"),
        (record(WORD, 0, weaker={"namespace": "cookie_id", "value": " x"}).value, "invalid", "weaker.value", "…(2)"),
        (
            record(LINK, 0, stronger={"namespace": "Anna's id", "value": "x"}).value,
            "invalid",
            "stronger.namespace",
            "…(9)",
        ),
        (record(LINK, 0, weaker={"namespace": "cookie_id", "value": "a\0b"}).value, "invalid", "weaker.value", "…(3)"),
        (record(LINK, 0, event_id="").value, "invalid", "event_id", ""),
        (record(WORD, 0, correction_id="").value, "invalid", "correction_id", ""),
        (record(WORD, 0, kind="UNKNOWN").value, "invalid", "kind", "UNKNOWN"),
        (record(LINK, 0, occurred_at=-1).value, "invalid", "occurred_at", "-1"),
        (record(WORD, 0, corrected_at=RECEIVED_AT + TOLERANCE_MS + 1).value, "future", "corrected_at", None),
    ],
)
def test_what_cant_be_taken_is_a_dead_letter_that_says_why(
    value: bytes | None, reason: str, field: str, found: str | None
) -> None:
    out = Collected()
    records = [PlainRecord(3, RECEIVED_AT, b"links", value), record(seen(BEN, SAFARI), 4)]
    run_batches(stage(), cut(records, [2], topics.LINKS), out)
    (dead,) = out.on(topics.DEAD)
    assert dead.key == b"identity.links-0-3"
    assert (dead.fields["reason"], dead.fields["field"]) == (reason, field)
    assert dead.fields["expected"]
    assert found is None or dead.fields["value"] == found
    assert (dead.fields["original"], dead.fields["received_at"]) == (value or b"", RECEIVED_AT)
    assert len(out.on(topics.ASSIGNMENTS)) == 1


def test_a_time_within_the_tolerance_is_taken() -> None:
    out = Collected()
    just = record(WORD, 0, corrected_at=RECEIVED_AT + TOLERANCE_MS)
    run_batches(stage(), cut([just], [1], topics.LINKS), out)
    assert not out.on(topics.DEAD)


def test_a_record_on_which_it_raised_is_a_dead_letter() -> None:
    out = Collected()
    (records,) = cut([record(LINK, 5)], [1], topics.LINKS)
    stage().bury(records, "KeyError in graph.py", MemoryState(0), out)
    (dead,) = out.on(topics.DEAD)
    assert (dead.fields["reason"], dead.fields["value"]) == ("stage_raised", "KeyError in graph.py")


# Batches and restarts

people = st.sampled_from([ANNA, BEN, CLEO])
things = st.sampled_from([MAIL, TABLET, KIOSK, CHROME, FIREFOX, CLICK])
evidence = st.lists(
    st.builds(seen, people, things, st.integers(1, 5))
    | st.builds(asserted, people, things, st.integers(1, 5), st.sampled_from("kl"))
    | st.builds(retracted, people, things, st.integers(1, 5), st.sampled_from("kl")),
    max_size=20,
)
sizes = st.lists(st.integers(1, 5), min_size=1, max_size=4)


class MemoryDisk(dict[bytes, bytes]):
    """What a view needs of a store."""

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterable[tuple[bytes, bytes]]:
        return [(key, self[key]) for key in sorted(self, reverse=reverse) if start <= key < stop]


@settings(max_examples=60)
@given(evidence, sizes)
def test_however_batches_are_cut_and_workers_restarted_the_same_is_told(said: list[Said], cuts: list[int]) -> None:
    disk, out = MemoryDisk(), Collected()
    for records in cut(log(said), cuts, topics.LINKS):
        anew = stage()
        view = make_view(0, disk, anew.layout, 1 << 20)  # type: ignore[arg-type]
        anew.fold(records, view, out)
        assert not view.take_changed()
        for key, value in view.pack():
            if value is None:
                disk.pop(key, None)
            else:
                disk[key] = value
    assert out.sent == told(*said).sent


@settings(max_examples=60)
@given(evidence)
def test_who_follows_the_assignments_knows_who_is_who(said: list[Said]) -> None:
    out = told(*said)
    links = [one for one in said if isinstance(one, Link)]
    expected = identify(links, [one for one in said if isinstance(one, Correction)], Limits())
    newest = {key: row["customer"] for key, row in out.final(topics.ASSIGNMENTS).items()}
    assert {who: newest.get(who.text.encode(), customer_id(who)) for who in expected.customers} == expected.customers
    violations = [row for row in fields(out, topics.IDENTITY_CHANGES) if "deleted" in row]
    last = {(row["stronger"]["value"], row["weaker"]["value"]): row for row in violations}
    live = {pair: row["reason"] for pair, row in last.items() if not row["deleted"]}
    assert live == {(one.value, other.value): why for (one, other), why in expected.violations.items()}


def test_what_the_state_depends_on_is_named() -> None:
    assert stage(Limits(identifiers=9)).layout.made_with == Limits(identifiers=9).text


# What ops see


def gauge(name: str, **labels: str) -> float:
    registries = (measuring.REGISTRY, invariants.REGISTRY)
    return sum(registry.get_sample_value(name, labels) or 0.0 for registry in registries)


def test_what_should_be_rare_is_counted_in_the_state() -> None:
    state = MemoryState(0)
    told(seen(ANNA, TABLET), seen(BEN, TABLET), *[seen(user, KIOSK) for user in (ANNA, BEN, CLEO)], state=state)
    told(seen(ANNA, CHROME))
    told(seen(ANNA, TABLET), state=state)
    measuring.show([state.get])
    assert gauge("journey_identity_shared_identifiers") == 1
    assert gauge("journey_identity_overfull_islands") == 1


def test_a_worker_that_lost_the_partition_or_stands_by_shows_none() -> None:
    state = MemoryState(0)
    told(*[seen(user, KIOSK) for user in (ANNA, BEN, CLEO)], state=state)
    measuring.show([state.get])
    assert gauge("journey_identity_shared_identifiers") == 1
    measuring.show([])
    assert gauge("journey_identity_shared_identifiers") == 0


def test_a_version_that_doesnt_rise_is_an_alert() -> None:
    name, labels = "journey_invariant_violations_total", {"invariant": "identity's versions rise"}
    before = gauge(name, **labels)
    out, state = Collected(), MemoryState(0)
    run_batches(stage(), cut([record(seen(ANNA, CHROME), 9)], [1], topics.LINKS), out, state)
    # The topic was made anew, and the epoch not raised.
    run_batches(stage(), cut([record(retracted(ANNA, CHROME), 0)], [1], topics.LINKS), out, state)
    assert gauge(name, **labels) == before + 1
