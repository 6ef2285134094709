"""INTAKE and identity: which links it tells, and how assignments send touchpoints to other customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.runtime.stage import Records
from streams.stages import invariants
from streams.stages.intake import metrics
from tests.unit.builders import DAY, HOUR, NOON, Collected
from tests.unit.stages.test_intake import (
    ANNA,
    BEN,
    CARL,
    EMAIL,
    HERE,
    STAGE,
    Arrival,
    State,
    engagement,
    fields_of,
    outcomes,
    sent,
    take,
)

CLICK = Identifier("click_id", "k7")
OTHER_CLICK = Identifier("click_id", "k8")
ELSEWHERE = customer_id(Identifier("user_id", "anna"))
BEYOND = customer_id(Identifier("user_id", "berta"))
#: Ways to cut three records and more into batches.
CUTS = st.lists(st.integers(1, 4), min_size=1, max_size=4)


def together(*identifiers: Identifier, at: int = NOON, event_id: str = "e1", **fields: Any) -> dict[str, Any]:
    """A touchpoint on which ``identifiers`` stand, in their order; backfilled so that no order of arrival is late."""
    names = [identifier._asdict() for identifier in identifiers]
    return fields_of(**{"identifiers": names, "occurred_at": at, "event_id": event_id, "backfill": True} | fields)


def links(out: Collected) -> list[tuple[str, str, int, str]]:
    """(stronger, weaker, occurred_at, event_id) of what IDENTITY was told, in order."""
    found = [s.fields for s in out.on(topics.LINKS)]
    return [(f["stronger"]["value"], f["weaker"]["value"], f["occurred_at"], f["event_id"]) for f in found]


def assigned(*assignments: tuple[Identifier, str, int], first: int = 0) -> list[Arrival]:
    """``assignments``, of an identifier to a customer by version, as the log of our partition of their topic."""
    values = [encode("assignment", {"identifier": i._asdict(), "customer": c, "version": v}) for i, c, v in assignments]
    return sent(*values, topic=topics.ASSIGNMENTS, first=first)


def resolved(out: Collected) -> list[tuple[str, int]]:
    """(customer, version) of what was sent on, in order; its key is its customer."""
    activity = [(s.key.decode(), s.fields) for s in out.on(topics.ACTIVITY)]
    assert all(key == fields["to"] for key, fields in activity)
    return [(fields["to"], fields["version"]) for _, fields in activity]


def foreign() -> float:
    return metrics.REGISTRY.get_sample_value("journey_foreign_assignments_total") or 0.0


# Links


def test_a_touchpoint_links_its_via_with_each_other_identifier() -> None:
    cookie, click, badge = ANNA, CLICK, Identifier("badge", "ü\u2713")
    (first, second) = take(sent(together(click, badge, cookie, cookie))).on(topics.LINKS)
    evidence = {"stronger": cookie._asdict(), "occurred_at": NOON, "event_id": "e1", "channel": "web"}
    assert first.fields == evidence | {"weaker": click._asdict()}
    assert second.fields == evidence | {"weaker": badge._asdict()}
    assert [sent.value for sent in (first, second)] == [encode("link", sent.fields) for sent in (first, second)]
    assert (first.key, second.key) == (topics.LINKS_KEY, topics.LINKS_KEY)


@pytest.mark.parametrize("other", [ANNA, Identifier("user_id", "null"), Identifier("cookie_id", " ")])
def test_one_identifier_alone_links_nothing(other: Identifier) -> None:
    assert links(take(sent(together(ANNA, other)))) == []


def test_a_link_is_told_once_and_again_only_where_it_is_earlier() -> None:
    #   -2 h          -1 h          noon   noon           +1 h
    #   |third........|fourth.......|first second (also noon)......
    log = sent(
        together(ANNA, CLICK, event_id="b"),
        together(ANNA, CLICK, at=NOON + HOUR, event_id="later"),
        together(ANNA, CLICK, event_id="c"),
        together(ANNA, CLICK, event_id="a"),
        together(ANNA, CLICK, at=NOON - 2 * HOUR, event_id="z"),
        together(ANNA, CLICK, at=NOON - HOUR, event_id="y"),
    )
    told = [(ANNA.value, "k7", NOON, "b"), (ANNA.value, "k7", NOON, "a"), (ANNA.value, "k7", NOON - 2 * HOUR, "z")]
    assert links(take(log)) == told


def test_a_link_told_on_one_channel_is_told_on_none_again() -> None:
    opened = together(ANNA, CLICK, event_id="e2", channel="email", action="opened")
    assert len(links(take(sent(together(ANNA, CLICK)) + sent(opened, topic=EMAIL)))) == 1


def test_of_a_touchpoint_with_known_and_new_identifiers_only_the_new_ones_are_told() -> None:
    log = sent(together(ANNA, CLICK), together(ANNA, CLICK, OTHER_CLICK, at=NOON + 1, event_id="e2"))
    assert links(take(log)) == [(ANNA.value, "k7", NOON, "e1"), (ANNA.value, "k8", NOON + 1, "e2")]


@pytest.mark.parametrize(
    ("fields", "outcome"), [({"user_agent": None}, "machine"), ({"channel": "email", "action": "sent"}, "outbound")]
)
def test_what_machines_do_and_the_company_sends_links_too(fields: dict[str, Any], outcome: str) -> None:
    topic = topics.touchpoint_topic(fields.get("channel", "web"))
    out = take(sent(together(ANNA, CLICK, **fields), topic=topic))
    assert outcome in out.on(topics.ACTIVITY)[0].fields.values()
    assert len(links(out)) == 1


def test_what_is_not_accepted_links_nothing() -> None:
    log = sent(
        fields_of(),
        together(ANNA, CLICK, event_id="late", at=NOON - 4 * DAY, backfill=False),
        together(ANNA, CLICK, event_id="dead", sentiment=2_000),
        together(ANNA, CLICK, event_id="e1"),
        together(CARL, CLICK, event_id="rerouted"),
        together(Identifier("user_id", "a"), Identifier("user_id", "b"), CLICK, event_id="ambiguous"),
    )
    out = take(log)
    assert links(out) == []
    ends = ("accepted", "late", "invalid", "conflicting_duplicate", "rerouted", "ambiguous_user_id")
    assert outcomes(out) == dict.fromkeys(ends, 1)


def test_a_record_that_made_the_stage_raise_links_nothing() -> None:
    state, out = State(), Collected()
    STAGE.bury(Records("touchpoints.web", HERE, [sent(together(ANNA, CLICK))[0].record]), "ValueError", state.view, out)
    assert links(out) == []


NAMES = [ANNA, BEN, CLICK, OTHER_CLICK, Identifier("badge", "1")]
TOUCHPOINTS = st.builds(
    lambda names, at: (sorted(names, key=NAMES.index), at),
    st.sets(st.sampled_from(NAMES), min_size=1).filter(lambda names: names & {ANNA, BEN}),
    st.integers(NOON - 3, NOON + 3),
)


@given(st.lists(TOUCHPOINTS, min_size=1, max_size=8), CUTS, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_whatever_the_order_the_last_word_on_a_link_is_its_earliest_evidence(
    touchpoints: Sequence[tuple[list[Identifier], int]], cuts: list[int], random: Any
) -> None:
    events = [together(*names, at=at, event_id=str(i)) for i, (names, at) in enumerate(touchpoints)]
    earliest: dict[tuple[str, str], tuple[int, str]] = {}
    for i, (names, at) in enumerate(touchpoints):
        via, *others = sorted(names, key=lambda name: (NAMES.index(name) > 1, name.value))
        for other in others:
            pair = via.value, other.value
            earliest[pair] = min(earliest.get(pair, (at, str(i))), (at, str(i)))
    random.shuffle(events)
    told: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for stronger, weaker, *evidence in links(take(sent(*events), cuts)):
        told.setdefault((stronger, weaker), []).append((evidence[0], evidence[1]))
    assert {pair: words[-1] for pair, words in told.items()} == earliest
    assert all(words == sorted(set(words), reverse=True) for words in told.values())


def test_a_restart_forgets_no_link() -> None:
    state = State()
    take(sent(together(ANNA, CLICK)), state=state)
    again = State()
    again.disk.update(state.disk)
    log = sent(together(ANNA, CLICK, at=NOON + 1, event_id="e2"), together(ANNA, CLICK, at=NOON - 1, event_id="e3"))
    assert links(take(log, state=again)) == [(ANNA.value, "k7", NOON - 1, "e3")]


# Assignments


def test_a_via_that_nobody_assigned_is_a_customer_of_its_own() -> None:
    assert resolved(take(sent(fields_of()))) == [(customer_id(ANNA), 0)]


def test_a_touchpoint_goes_to_the_customer_its_via_was_assigned_to() -> None:
    log = [*assigned((ANNA, ELSEWHERE, 7)), *sent(together(ANNA, CLICK))]
    out = take(log)
    assert resolved(out) == [(ELSEWHERE, 7)]
    (activity,) = out.on(topics.ACTIVITY)
    assert activity.value == encode("resolved_touchpoint", activity.fields)
    assert activity.fields["via"] == ANNA._asdict()


def test_only_the_via_decides() -> None:
    log = [*assigned((CLICK, ELSEWHERE, 7)), *sent(together(ANNA, CLICK))]
    assert resolved(take(log)) == [(customer_id(ANNA), 0)]


def test_an_assignment_holds_from_when_it_is_read() -> None:
    log = [
        *sent(fields_of()),
        *assigned((ANNA, ELSEWHERE, 1)),
        *sent(fields_of(event_id="e2"), first=1),
        *assigned((ANNA, customer_id(ANNA), 2), first=1),
        *sent(fields_of(event_id="e3"), fields_of(BEN, event_id="e3"), first=2),
    ]
    own = customer_id(ANNA)
    assert resolved(take(log)) == [(own, 0), (ELSEWHERE, 1), (own, 2), (customer_id(BEN), 0)]


@given(st.permutations([1, 2, 2, 3, (1 << 48) + 1]), CUTS)
def test_the_newest_assignment_holds_whatever_the_order(versions: list[int], cuts: list[int]) -> None:
    customers = {1: BEYOND, 2: customer_id(ANNA), 3: BEYOND, (1 << 48) + 1: ELSEWHERE}
    log = assigned(*((ANNA, customers[version], version) for version in versions))
    state = State()
    take(log, cuts, state)
    assert resolved(take(sent(fields_of()), state=state)) == [(ELSEWHERE, (1 << 48) + 1)]


def test_a_restart_forgets_no_assignment() -> None:
    state = State()
    take(assigned((ANNA, ELSEWHERE, 3)), state=state)
    again = State()
    again.disk.update(state.disk)
    log = [*assigned((ANNA, BEYOND, 2)), *sent(fields_of())]
    assert resolved(take(log, state=again)) == [(ELSEWHERE, 3)]


@given(CUTS)
@settings(max_examples=20)
def test_assignments_change_neither_outcomes_nor_engagement_nor_links(cuts: list[int]) -> None:
    touchpoints = sent(together(ANNA, CLICK), together(ANNA, CLICK), together(BEN, CLICK, event_id="e2"))
    told = assigned((ANNA, ELSEWHERE, 1), (CLICK, ELSEWHERE, 1), (BEN, ELSEWHERE, 2))
    mixed = [arrival for pair in zip(told, touchpoints, strict=True) for arrival in pair]
    without, among = take(touchpoints), take(mixed, cuts)
    assert outcomes(among) == outcomes(without)
    assert engagement(among) == engagement(without)
    assert links(among) == links(without)
    assert take(told).sent == []


def test_what_is_no_assignment_is_counted_and_left_out() -> None:
    before = foreign()
    log = [
        *sent(b"?", None, fields_of(), topic=topics.ASSIGNMENTS),
        *assigned((ANNA, ELSEWHERE, 1), first=3),
        *sent(fields_of()),
    ]
    out = take(log, cuts=[4])
    assert foreign() == before + 3
    assert outcomes(out) == {"accepted": 1}
    assert resolved(out) == [(ELSEWHERE, 1)]


def test_one_version_with_two_customers_is_told_and_the_first_stays() -> None:
    name, labels = "journey_invariant_violations_total", {"invariant": "an_assignment_of_one_version_has_one_customer"}
    before = invariants.REGISTRY.get_sample_value(name, labels) or 0.0
    log = [*assigned((ANNA, ELSEWHERE, 1), (ANNA, ELSEWHERE, 1), (ANNA, BEYOND, 1)), *sent(fields_of())]
    assert resolved(take(log)) == [(ELSEWHERE, 1)]
    assert invariants.REGISTRY.get_sample_value(name, labels) == before + 1


def test_an_assignment_that_made_the_stage_raise_is_a_dead_letter_and_no_outcome() -> None:
    state, out = State(), Collected()
    (arrival,) = assigned((ANNA, ELSEWHERE, 1))
    STAGE.bury(Records(topics.ASSIGNMENTS, HERE, [arrival.record]), "ValueError", state.view, out)
    state.end_batch(out)
    (letter,) = out.sent
    assert (letter.topic, letter.fields["reason"], letter.fields["channel"]) == (topics.DEAD, "stage_raised", "")
