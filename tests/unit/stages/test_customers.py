"""CUSTOMERS through its real records: rows, tombstones, and that nothing but the set of touchpoints matters.

Timelines are in days; P is a purchase, which closes. What is drawn are the live journeys after the last arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode, encode
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.domain.rules import Rules
from streams.domain.stitch import stitch
from streams.domain.touchpoint import Touchpoint, order_of
from streams.runtime.stage import Record, Records
from streams.runtime.values import Values
from streams.stages.customers import Customers, live
from streams.stages.customers.history import (
    CUSTOMER_BYTES,
    JOURNEY,
    LAYOUT,
    SESSION,
    CustomerHistory,
    order_at,
    place,
)
from streams.stages.customers.messages import bytes_of
from streams.stages.customers.records import journey_fields, session_fields
from streams.stages.customers.rows import row_id_of, rows_at
from tests.unit.builders import (
    CUSTOMER,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Collected,
    MemoryState,
    activity,
    cut,
    goal,
    purchase,
    resolved_record,
    run_batches,
    touch,
    without_version,
)
from tests.unit.histories import histories, rule_sets

OUTCOME = {
    "topic": "touchpoints.web",
    "channel": "web",
    "partition": 0,
    "outcome": "accepted",
    "reason": "",
    "version": 1,
    "records": 1,
}
sizes = st.lists(st.integers(1, 5), min_size=1, max_size=6)
OUTPUTS = (topics.JOURNEYS, topics.SESSIONS)
BEN = Identifier("user_id", "ben")


def through(records: Sequence[Record], rules: Rules = Rules(), cuts: Iterable[int] = (1,)) -> Collected:  # noqa: B008
    """What CUSTOMERS sends for ``records``."""
    out = Collected()
    run_batches(Customers(rules, epoch=0), cut(records, cuts), out)
    return out


def drawn(*arrivals: Touchpoint, rules: Rules = Rules(), cuts: Iterable[int] = (1,)) -> list[str]:  # noqa: B008
    """Each live journey's event_ids, a ! where it converted."""
    rows = through(activity(arrivals), rules, cuts).live(topics.JOURNEYS)
    return [" ".join(s["event_id"] for s in row["steps"]) + "!" * row["converted"] for row in rows]


def expected_rows(touchpoints: Iterable[Touchpoint], rules: Rules, customer: str = CUSTOMER) -> list[dict[str, Any]]:
    """The rows of journeys and sessions that the batch definition gives, by kind and time."""
    stitched = stitch(customer, touchpoints, rules)
    journeys = [decode(encode("journey", journey_fields(journey, 0))).record for journey in stitched.journeys]
    sessions = [decode(encode("session", session_fields(session, 0))).record for session in stitched.sessions]
    journeys.sort(key=lambda row: (row["started_at"], row["journey_id"]))
    sessions.sort(key=lambda row: (row["started_at"], row["session_id"]))
    return [without_version(row) for row in (*journeys, *sessions)]


def live_rows(out: Collected) -> list[dict[str, Any]]:
    return out.live(topics.JOURNEYS) + out.live(topics.SESSIONS)


def shuffled(history: Sequence[Touchpoint], random: Random) -> list[Touchpoint]:
    """``history`` in any order, some of it again."""
    arrivals = [*history, *random.choices(history, k=random.randrange(4))] if history else []
    random.shuffle(arrivals)
    return arrivals


# Rows


def test_a_converting_journey_is_a_whole_row() -> None:
    #   0        1
    #   a G------P|
    came = {"has_acquisition": True, "marketing_channel": "Email", "campaign": "spring", "content": "top"}
    arrivals = [touch("a", NOON, "email", **came), goal("G", NOON + 1), purchase("P", NOON + DAY, "o1")]
    out = through(activity(arrivals))
    (row,) = out.final(topics.JOURNEYS).values()
    via = "cookie_id:annas-cookie"
    assert row["customer_id"] == CUSTOMER
    assert (row["version"], row["deleted"]) == (2, False)
    assert (row["started_at"], row["ended_at"]) == (NOON, NOON + DAY)
    assert (row["first_channel"], row["last_channel"]) == ("email", "web")
    assert (row["touchpoints"], row["goals"], row["converted"]) == (3, 1, True)
    assert (row["conversion_type"], row["order_id"]) == ("purchase", "o1")
    assert (row["value_micros"], row["currency"]) == (20_000_000, "EUR")
    assert row["steps"] == [
        {"at": NOON, "channel": "email", "action": "page_viewed", "via": via, "event_id": "a"},
        {"at": NOON + 1, "channel": "web", "action": "signed_up", "via": via, "event_id": "G"},
        {"at": NOON + DAY, "channel": "web", "action": "purchased", "via": via, "event_id": "P"},
    ]
    mail = {"marketing_channel": "Email", "campaign": "spring", "content": "top"}
    direct = {"marketing_channel": "Direct", "campaign": "", "content": ""}
    assert row["touches"] == [
        {"at": NOON, "channel": "email", **mail, "touchpoints": 2},
        {"at": NOON + DAY, "channel": "web", **direct, "touchpoints": 1},
    ]
    assert (row["credit_first"], row["credit_last"], row["credit_last_non_direct"]) == ([1, 0], [0, 1], [1, 0])
    assert (row["credit_linear"], row["credit_position"]) == ([0.5, 0.5], [0.5, 0.5])
    assert (row["credit_j_shaped"], row["credit_inverse_j"]) == ([0.25, 0.75], [0.75, 0.25])
    older = 2 ** (-1 / 7)
    assert row["credit_time_decay"] == pytest.approx([older / (older + 1), 1 / (older + 1)])


def test_rows_are_keyed_by_their_id_on_the_customers_partition() -> None:
    state, out = MemoryState(3), Collected()
    run_batches(Customers(Rules(), epoch=0), [activity([touch("a", NOON)])], out, state)
    assert {(s.topic, s.partition) for s in out.sent} == {("journeys", 3), ("sessions", 3)}
    assert all(s.key.decode() in (s.fields.get("journey_id"), s.fields.get("session_id")) for s in out.sent)


def test_the_epoch_stands_above_every_offset() -> None:
    out = Collected()
    run_batches(Customers(Rules(), epoch=2), [activity([touch("a", NOON)])], out)
    assert {s.fields["version"] for s in out.sent} == {2 * 2**48}


@pytest.mark.parametrize(("count", "steps"), [(1_000, 1_000), (1_001, 1_000)])
def test_a_row_holds_at_most_a_thousand_steps_and_counts_all(count: int, steps: int) -> None:
    arrivals = [touch(f"e{i:04}", NOON + i) for i in range(count)]
    (row,) = through(activity(arrivals), cuts=[count]).live(topics.JOURNEYS)
    assert (len(row["steps"]), row["touchpoints"]) == (steps, count)
    assert row["steps"][-1]["event_id"] == "e0999"
    assert row["ended_at"] == NOON + count - 1


def test_machine_and_outbound_touchpoints_make_no_rows() -> None:
    a, bought = touch("a", NOON), purchase("x", NOON + 20 * DAY)
    sent = touch("y", NOON + 40 * DAY, "email", action="sent")
    records = [resolved_record(a, 0), resolved_record(bought, 1, actor="machine")]
    records += [resolved_record(sent, 2, direction="outbound"), resolved_record(touch("b", NOON + 60 * DAY), 3)]
    rows = through(records).live(topics.JOURNEYS)
    assert [[s["event_id"] for s in row["steps"]] for row in rows] == [["a"], ["b"]]


def test_suspects_form_journeys() -> None:
    assert len(through([resolved_record(touch("a", NOON), actor="suspect")]).live(topics.JOURNEYS)) == 1


# Arrivals


def test_a_touchpoint_in_between_bridges_two_journeys_and_the_later_is_deleted() -> None:
    #   0         25        50
    #   a         x         b       a and b stand 50 days apart until x arrives
    arrivals = [touch("a", NOON), touch("b", NOON + 50 * DAY), touch("x", NOON + 25 * DAY)]
    assert drawn(*arrivals[:2]) == ["a", "b"]
    assert drawn(*arrivals) == ["a x b"]
    tombstones = [s.fields for s in through(activity(arrivals)).on(topics.JOURNEYS) if s.fields["deleted"]]
    assert [(row["version"], row["touchpoints"], row["steps"]) for row in tombstones] == [(2, 0, [])]


def test_a_touchpoint_in_between_cannot_bridge_what_a_conversion_closed() -> None:
    #   0         25        50
    #   a P|      x         b
    arrivals = [touch("a", NOON), purchase("P", NOON + 1), touch("b", NOON + 50 * DAY), touch("x", NOON + 25 * DAY)]
    assert drawn(*arrivals) == ["a P!", "x b"]


def test_a_late_conversion_splits_a_journey() -> None:
    assert drawn(touch("a", NOON), touch("b", NOON + 2 * DAY), purchase("P", NOON + DAY)) == ["a P!", "b"]


def test_an_earlier_first_touchpoint_renames_the_journey_and_deletes_its_old_row() -> None:
    out = through(activity([touch("b", NOON), touch("a", NOON - DAY)]))
    final = out.final(topics.JOURNEYS)
    assert sorted(row["deleted"] for row in final.values()) == [False, True]
    assert drawn(touch("b", NOON), touch("a", NOON - DAY)) == ["a b"]


def test_the_same_order_arriving_earlier_makes_the_later_one_plain_and_its_journey_merges_on() -> None:
    #   0        10          20           25
    #   a        P2(o1)      b----P2'(o1)|----c         P2 arrives last: P2' converts no more, c joins its journey
    arrivals = [touch("b", NOON + 20 * DAY), purchase("P2'", NOON + 21 * DAY, "o1"), touch("c", NOON + 25 * DAY)]
    assert drawn(*arrivals) == ["b P2'!", "c"]
    assert drawn(*arrivals, touch("a", NOON), purchase("P2", NOON + 10 * DAY, "o1")) == ["a P2!", "b P2' c"]


def test_the_same_order_in_another_journey_far_away_is_demoted_too() -> None:
    #   0          ...        200       201
    #   P(o1)|                b P'(o1)---c
    later = [touch("b", NOON + 200 * DAY), purchase("P'", NOON + 200 * DAY + 1, "o1"), touch("c", NOON + 201 * DAY)]
    assert drawn(*later) == ["b P'!", "c"]
    assert drawn(*later, purchase("P", NOON, "o1")) == ["P!", "b P' c"]
    sessions = through(activity([*later, purchase("P", NOON, "o1")])).live(topics.SESSIONS)
    assert [row["conversions"] for row in sessions] == [1, 0, 0]


def test_a_later_conversion_of_a_known_order_touches_no_other_rows() -> None:
    #   0        100          200
    #   P(o1)|   P'(o1)       P"(o1)
    arrivals = [purchase(name, NOON + i * 100 * DAY, "o1") for i, name in enumerate(("P", "P'", 'P"'))]
    versions = [row["version"] for row in through(activity(arrivals)).final(topics.JOURNEYS).values()]
    assert sorted(versions) == [0, 1, 2]


def test_a_goal_of_an_order_that_arrives_earlier_takes_the_count_with_it() -> None:
    out = through(activity([goal("G2", NOON + 90 * DAY, "r1"), goal("G", NOON, "r1")]))
    assert [row["goals"] for row in out.live(topics.JOURNEYS)] == [1, 0]


def test_a_late_origin_changes_the_touches_of_the_journey_that_its_visit_began_in() -> None:
    #   12:00 a -- 12:10 P| -- 12:20 b       then x, from an advertisement, at 12:05
    advert = {"has_acquisition": True, "marketing_channel": "Display"}
    arrivals = [touch("a", NOON), purchase("P", NOON + 10 * MINUTE), touch("b", NOON + 20 * MINUTE)]
    rows = through(activity([*arrivals, touch("x", NOON + 5 * MINUTE, **advert)])).live(topics.JOURNEYS)
    assert [[t["marketing_channel"] for t in row["touches"]] for row in rows] == [["Display"], ["Display"]]


def test_a_bridge_between_visits_behind_a_conversion_makes_one_touch_of_two() -> None:
    #   12:00 a         12:20 x       12:40 b
    rows = through(activity([touch("a", NOON), touch("b", NOON + 40 * MINUTE), touch("x", NOON + 20 * MINUTE)]))
    assert [t["touchpoints"] for t in rows.live(topics.JOURNEYS)[0]["touches"]] == [3]


def test_a_duplicate_changes_and_sends_nothing() -> None:
    once = through(activity([touch("a", NOON)]))
    again = through(activity([touch("a", NOON), touch("a", NOON)]))
    assert again.sent == once.sent


def test_what_follows_a_long_run_touches_its_own_session_and_journey_only() -> None:
    #   12:00 a -- 12:20 P| -- 12:40 b -- ... three days later           and x
    arrivals = [touch(f"e{i:03}", NOON + i * 20 * MINUTE) for i in range(3 * 72)]
    arrivals[1::9] = [purchase(t.event_id, t.occurred_at) for t in arrivals[1::9]]
    out = through(activity(arrivals), cuts=[len(arrivals) - 1, 1])
    assert [len([s for s in out.on(topic) if s.fields["version"] == 215]) for topic in OUTPUTS] == [1, 1]


@pytest.mark.parametrize("cuts", [[1], [10, 50], [400]])
def test_journeys_within_a_run_of_days_are_rows_of_the_batch_definition(cuts: list[int]) -> None:
    #   12:00 a -- 12:20 P| -- 12:40 b -- ...      journeys of three hours in visits of days, their origins elsewhere
    arrivals = [touch(f"e{i:03}", NOON + i * 20 * MINUTE, ("web", "email")[i % 7 == 0]) for i in range(5 * 72)]
    arrivals[1::9] = [purchase(t.event_id, t.occurred_at) for t in arrivals[1::9]]
    arrivals[::60] = [t._replace(has_acquisition=True, campaign=t.event_id) for t in arrivals[::60]]
    late = [arrivals.pop(i) for i in (250, 119, 0)]
    out = through(activity([*arrivals, *late]), cuts=cuts)
    assert live_rows(out) == expected_rows([*arrivals, *late], Rules())


def test_a_row_that_lived_within_a_batch_only_leaves_its_tombstone() -> None:
    out = through(activity([touch("b", NOON), touch("a", NOON - DAY)]), cuts=[2])
    assert sorted(s.fields["deleted"] for s in out.on(topics.JOURNEYS)) == [False, True]


@pytest.mark.parametrize(
    "value",
    [b"hello", encode("outcome", OUTCOME), b"", None],
    ids=["no record", "another kind of record", "nothing", "a tombstone"],
)
def test_a_foreign_record_is_left_to_the_sink_and_the_next_is_taken(value: bytes | None) -> None:
    (first,) = activity([touch("a", 0)])
    foreign = first._replace(offset=0, value=value)
    out = through([foreign, first._replace(offset=1)])
    assert {sent.topic for sent in out.sent} == {topics.JOURNEYS, topics.SESSIONS}
    assert len(out.live(topics.JOURNEYS)) == 1


def test_a_record_that_is_buried_is_a_dead_letter_with_its_bytes_and_touches_nothing() -> None:
    state, out = MemoryState(2), Collected()
    record = activity([touch("a", NOON)])[0]._replace(offset=7, timestamp=NOON + 1)
    Customers(Rules(), epoch=0).bury(Records(topics.ACTIVITY, 2, [record]), "KeyError at live.py:1", state, out)
    (letter,) = out.sent
    assert (letter.topic, letter.key) == (topics.DEAD, b"customers.activity-2-7")
    assert letter.fields == {
        "reason": "stage_raised",
        "field": "",
        "value": "KeyError at live.py:1",
        "expected": "a record that the stage can take",
        "channel": "",
        "topic": topics.ACTIVITY,
        "partition": 2,
        "offset": 7,
        "received_at": NOON + 1,
        "key": record.key,
        "original": record.value,
    }
    assert (len(state), state.take_changed()) == (0, {})


def test_a_customer_that_is_no_uuid_raises() -> None:
    with pytest.raises(ValueError, match="UUID"):
        through([resolved_record(touch("a", NOON), to="8c0c1f8e")])


def test_customers_do_not_meet() -> None:
    bens = [touch("e", NOON, via=BEN.text), purchase("f", NOON + 1, "o1", via=BEN.text)]
    annas = [touch("e", NOON), purchase("f", NOON + 2, "o1")]
    rows = live_rows(through(activity([bens[0], annas[0], annas[1], bens[1]])))
    expected = expected_rows(annas, Rules()) + expected_rows(bens, Rules(), customer_id(BEN))
    assert sorted(rows, key=str) == sorted(expected, key=str)


# Whatever the order, the cuts, the crashes


@given(histories(), rule_sets, sizes, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_any_order_duplication_and_batch_cuts_give_the_rows_of_the_batch_definition(
    history: list[Touchpoint], rules: Rules, cuts: list[int], random: Random
) -> None:
    out = through(activity(shuffled(history, random)), rules, cuts)
    assert live_rows(out) == expected_rows(history, rules)


@given(histories(), rule_sets, sizes, sizes, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_a_replay_with_other_batch_cuts_leaves_no_row_that_the_first_attempt_wrote(
    history: list[Touchpoint], rules: Rules, cuts: list[int], other_cuts: list[int], random: Random
) -> None:
    # The crash comes after an emit: its outputs stay, the state is lost and folded again from the beginning.
    log, stage, out = activity(shuffled(history, random)), Customers(rules, epoch=0), Collected()
    survived = random.randrange(len(log) + 1)
    run_batches(stage, cut(log[:survived], cuts), out)
    run_batches(stage, cut(log, other_cuts), out)
    assert live_rows(out) == expected_rows(history, rules)


@given(histories(), rule_sets, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_a_row_whose_content_changes_is_touched_by_the_record_that_changes_it(
    history: list[Touchpoint], rules: Rules, random: Random
) -> None:
    """So a row's content is the same wherever between two touches a batch ends: one (key, version), one content."""
    stage, state, out = Customers(rules, epoch=0), MemoryState(0), Collected()
    before: dict[bytes, object] = {}
    for record in activity(shuffled(history, random)):
        stage.fold(Records(topics.ACTIVITY, 0, [record]), state, out)
        touched = state.take_changed()
        after = contents(state, rules)
        assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} <= touched.keys()
        assert set(touched.values()) <= {record.offset}
        before = after


def contents(state: MemoryState, rules: Rules) -> dict[bytes, object]:
    """Every live row's content by its key in the state."""
    return {**rows_at(state, live_keys(state, JOURNEY) + live_keys(state, SESSION), rules)}


def live_keys(state: MemoryState, kind: bytes) -> list[bytes]:
    return [key for key, _ in state.scan(b"", b"\xff" * 20) if key.startswith(kind, CUSTOMER_BYTES)]


@given(histories(), rule_sets, st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_following_the_end_of_a_history_does_what_stitching_again_does(
    history: list[Touchpoint], rules: Rules, in_order: bool, random: Random
) -> None:
    log = activity(sorted(history) if in_order else shuffled(history, random))
    followed = [*steps(log, rules)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "follow", lambda *_: None)
        assert [*steps(log, rules)] == followed


def steps(log: Sequence[Record], rules: Rules) -> Iterator[tuple[dict[bytes, object], dict[bytes, int]]]:
    """State and touched keys after each record."""
    stage, state = Customers(rules, epoch=0), MemoryState(0)
    for record in log:
        stage.fold(Records(topics.ACTIVITY, 0, [record]), state, Collected())
        yield dict(state.scan(b"", b"\xff" * 20)), state.take_changed()


@given(histories(), rule_sets, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_state_reads_back_as_it_was_written(history: list[Touchpoint], rules: Rules, random: Random) -> None:
    state = run_batches(Customers(rules, epoch=0), [activity(shuffled(history, random))], Collected())
    values = Values(LAYOUT)
    for key, value in state.scan(b"", b"\xff" * 20):
        values.require(key)
        assert values.unpack(key, values.pack(value)) == value


@given(histories(), rule_sets, sizes, st.randoms(use_true_random=False))
@settings(max_examples=75)
def test_every_touchpoint_is_a_step_of_exactly_one_live_journey_and_counted_in_one_session(
    history: list[Touchpoint], rules: Rules, cuts: list[int], random: Random
) -> None:
    out = through(activity(shuffled(history, random)), rules, cuts)
    steps = [
        (s["at"], s["event_id"], s["channel"], s["via"]) for row in out.live(topics.JOURNEYS) for s in row["steps"]
    ]
    assert sorted(steps) == sorted(t[:4] for t in history)
    sessions = out.live(topics.SESSIONS)
    assert sum(row["touchpoints"] for row in sessions) == len(history)
    for row in out.live(topics.JOURNEYS):
        sums = [sum(shares) for name, shares in row.items() if name.startswith("credit_")]
        assert sums == pytest.approx([float(row["converted"])] * 8, abs=1e-9)


# The order of the state's keys


texts = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)


@given(st.lists(st.builds(touch, texts, st.integers(-5, 5), st.sampled_from(["web", "email"])), min_size=2))
def test_places_sort_as_touchpoints_do_and_read_back(touchpoints: list[Touchpoint]) -> None:
    by_place = sorted(touchpoints, key=lambda t: place(order_of(t)))
    assert [t[:4] for t in by_place] == sorted(t[:4] for t in touchpoints)
    assert all(order_at(place(order_of(t))) == t[:4] for t in touchpoints)


def test_a_histories_neighbours_are_its_own() -> None:
    state = MemoryState(0)
    annas, bens = (CustomerHistory(state, bytes_of(customer)) for customer in (CUSTOMER, customer_id(BEN)))
    for i in range(3):
        for history, touchpoint in ((annas, touch(f"a{i}", NOON + i)), (bens, touch(f"b{i}", NOON + i, via=BEN.text))):
            history.add(touchpoint, order_of(touchpoint))
    middle = order_of(touch("a1", NOON + 1))
    assert [t.event_id for t in annas.since(middle)] == ["a1", "a2"]
    assert [t.event_id for t in annas.before(middle)] == ["a0"]
    assert annas.between(place(middle), place(middle) + b"\0") == ([place(middle)], [touch("a1", NOON + 1)])


def test_an_entry_names_the_row_that_it_stands_for() -> None:
    out, state = Collected(), MemoryState(0)
    run_batches(
        Customers(Rules(), epoch=0), [activity([touch("a", NOON), touch("b", NOON + HOUR, "email")])], out, state
    )
    live = {row_id_of(key).encode() for kind in (JOURNEY, SESSION) for key in live_keys(state, kind)}
    assert live == {sent.key for sent in out.sent}
