"""Touchpoints find their customer: registers, hand-overs in pieces, forwarding, markers; all by real records.

Anna's cookie begins as a customer of its own, A; IDENTITY moves it to B and C.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from schemas.codec import decode, encode
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.domain.rules import Rules
from streams.domain.touchpoint import Touchpoint
from streams.runtime.stage import PlainRecord, Record, Records
from streams.stages.customers import Customers
from streams.stages.customers.messages import bytes_of
from streams.stages.invariants import VIOLATIONS
from tests.unit.builders import ANNA, DAY, NOON, Collected, MemoryState, purchase, resolved_record, run_batches, touch

A = customer_id(ANNA)
B = customer_id(Identifier("user_id", "b"))
C = customer_id(Identifier("user_id", "c"))


class Town:
    """All customers on one partition: what they send each other is appended to the log and read again."""

    def __init__(self) -> None:
        self.stage = Customers(Rules(), epoch=0)
        self.state = MemoryState(0)
        self.out = Collected()
        self.log: list[Record] = []
        self._read = 0

    def tell(self, *records: Record) -> Town:
        self.log += [self._at_end(record, i) for i, record in enumerate(records)]
        return self

    def _at_end(self, record: Record, i: int) -> PlainRecord:
        return PlainRecord(len(self.log) + i, NOON, record.key, record.value)

    def step(self) -> list[dict[str, Any]]:
        """Read all that is there; gives what customers then tell each other."""
        sent = len(self.out.sent)
        batch = Records(topics.ACTIVITY, 0, self.log[self._read :])
        self._read = len(self.log)
        run_batches(self.stage, [batch], self.out, self.state)
        told = [message for message in self.out.sent[sent:] if message.topic == topics.ACTIVITY]
        self.tell(*(PlainRecord(0, 0, message.key, message.value) for message in told))
        return [message.fields for message in told]

    def settle(self) -> Town:
        while self.step():
            assert len(self.log) < 500, "it goes on for ever"
        return self

    def journeys(self) -> dict[str, str]:
        """Each customer's journeys: the event_ids of their steps."""
        rows = self.out.live(topics.JOURNEYS)
        return {
            customer: " | ".join(
                " ".join(s["event_id"] for s in r["steps"]) for r in rows if r["customer_id"] == customer
            )
            for customer in {row["customer_id"] for row in rows}
        }


def came(*touchpoints: Touchpoint, to: str = A, version: int = 0, **more: Any) -> Iterable[PlainRecord]:
    return [resolved_record(t, to=to, version=version, **more) for t in touchpoints]


def moved(from_: str, to: str, version: int, *vias: str, piece: int = 100) -> PlainRecord:
    fields = {"from": from_, "to": to, "version": version, "cause": "merge", "cause_event_id": "login"}
    value = encode("identifiers_moved", {**fields, "identifiers": vias or (ANNA.text,), "piece": piece})
    return PlainRecord(0, NOON, from_.encode(), value)


def visits(count: int) -> list[Touchpoint]:
    return [touch(f"e{i}", NOON + i * DAY) for i in range(count)]


def test_what_came_by_an_identifier_that_moves_goes_with_it_and_the_emptied_customer_has_no_rows() -> None:
    town = Town().tell(*came(*visits(3)), moved(A, B, 1)).settle()
    assert town.journeys() == {B: "e0 e1 e2"}
    assert {row["customer_id"] for row in town.out.live(topics.SESSIONS)} == {B}


def test_touchpoints_that_come_after_the_move_are_forwarded_with_its_version() -> None:
    town = Town().tell(moved(A, B, 1), *came(*visits(1)))
    (forwarded,) = town.step()
    assert (forwarded["to"], forwarded["version"], forwarded["from"]) == (B, 1, A)
    assert town.settle().journeys() == {B: "e0"}


def test_a_customer_that_never_had_a_touchpoint_remembers_the_move() -> None:
    #   A -> B -> C is told to B before anything has come there
    town = Town().tell(moved(B, C, 2)).settle()
    assert town.tell(*came(*visits(1), to=B, version=1)).settle().journeys() == {C: "e0"}


@pytest.mark.parametrize("order", ["012", "021", "102", "120", "201", "210"])
def test_the_newest_fact_wins_in_whatever_order_facts_come(order: str) -> None:
    facts = [[moved(A, B, 1)], [moved(B, C, 2)], [*came(*visits(2), to=B, version=1)]]
    town = Town()
    for i in order:
        town.tell(*facts[int(i)]).settle()
    assert town.journeys() == {C: "e0 e1"}


def test_identifiers_that_come_home_keep_what_has_stayed() -> None:
    #   A -> B -> A
    town = Town().tell(*came(*visits(2)), moved(A, B, 1), moved(B, A, 2)).settle()
    assert town.journeys() == {A: "e0 e1"}
    assert town.tell(*came(touch("late", NOON + 5 * DAY), to=B, version=1)).settle().journeys() == {A: "e0 e1 late"}


def test_a_move_is_handed_over_in_pieces_and_what_is_left_counts_until_then() -> None:
    town = Town().tell(*came(*visits(5)), moved(A, B, 1, piece=2))
    told = town.step()
    assert [len(record["touchpoints"]) for record in told if "touchpoints" in record] == [2]
    assert [record["cursor"] != b"" for record in told if "cursor" in record] == [True]
    assert town.journeys() == {A: "e2 e3 e4"}
    assert town.settle().journeys() == {B: "e0 e1 e2 e3 e4"}


def test_a_piece_goes_over_all_identifiers_and_each_that_has_more_is_continued() -> None:
    others = [touch(f"f{i}", NOON + i * DAY, via="cookie_id:other") for i in range(3)]
    town = Town().tell(*came(*visits(3), *others), moved(A, B, 1, ANNA.text, "cookie_id:other", piece=2))
    told = town.step()
    assert sum(len(record["touchpoints"]) for record in told if "touchpoints" in record) == 2
    assert {(record["via"], record["cursor"] == b"") for record in told if "cursor" in record} == {
        (ANNA.text, False),
        ("cookie_id:other", True),
    }
    assert town.settle().journeys() == {B: "e0 f0 e1 f1 e2 f2"}


def test_pieces_may_end_within_an_hour() -> None:
    town = Town().tell(*came(*(touch(f"e{i}", NOON + i) for i in range(5))), moved(A, B, 1, piece=2)).settle()
    assert town.journeys() == {B: "e0 e1 e2 e3 e4"}


def test_a_newer_fact_ends_a_hand_over_and_a_later_move_begins_with_all_that_is_left() -> None:
    town = Town().tell(*came(*visits(4)), moved(A, B, 1, piece=1))
    town.step()
    # It is home again before the second piece.
    town.tell(moved(B, A, 2)).settle()
    assert town.journeys() == {A: "e0 e1 e2 e3"}
    assert town.tell(moved(A, C, 3, piece=1)).settle().journeys() == {C: "e0 e1 e2 e3"}


def test_a_continuation_that_comes_twice_hands_over_once() -> None:
    town = Town().tell(*came(*visits(4)), moved(A, B, 1, piece=1))
    town.step()
    (again,) = [record for record in town.log if record.value and decode(record.value).name == "hand_over_continued"]
    town.tell(again, again)
    told = town.step()
    assert sum(len(record["touchpoints"]) for record in told if "touchpoints" in record) == 1
    assert town.settle().journeys() == {B: "e0 e1 e2 e3"}


def test_a_touchpoint_that_turns_out_a_machines_leaves_and_no_copy_brings_it_back() -> None:
    town = Town().tell(*came(*visits(3)), *came(visits(3)[1], actor="machine", raised=True)).settle()
    assert town.journeys() == {A: "e0 e2"}
    town.tell(*came(visits(3)[1]), moved(A, B, 1)).settle()
    assert town.journeys() == {B: "e0 e2"}
    assert town.tell(*came(visits(3)[1], to=B, version=1)).settle().journeys() == {B: "e0 e2"}


def test_all_markers_of_a_hand_over_count() -> None:
    raised = [record for t in visits(3)[:2] for record in came(t, actor="machine", raised=True)]
    town = Town().tell(*raised, moved(A, B, 1)).settle()
    assert town.tell(*came(*visits(3), to=B, version=1)).settle().journeys() == {B: "e2"}


def test_a_marker_that_comes_first_goes_with_its_identifier() -> None:
    town = Town().tell(*came(visits(1)[0], actor="machine", raised=True), moved(A, B, 1)).settle()
    assert town.tell(*came(*visits(1))).settle().journeys() == {}


def test_journey_changes_tell_of_a_merge_at_both_ends() -> None:
    town = Town().tell(*came(touch("a", NOON), purchase("P", NOON + DAY)), moved(A, B, 1)).settle()
    rows = [sent.fields for sent in town.out.on(topics.JOURNEY_CHANGES)]
    told = [(r["customer_id"], r["cause"], len(r["before"]["touches"]), len(r["after"]["touches"])) for r in rows]
    assert told == [(A, "arrival", 0, 2), (A, "merge", 2, 0), (B, "merge", 0, 2)]
    assert {row["cause_event_id"] for row in rows[1:]} == {"login"}
    assert {row["conversion_event_id"] for row in rows} == {"P"}


def test_identifiers_that_leave_together_are_one_change() -> None:
    #   a (cookie) -- b (another) -- P (the customer's own): both cookies leave, the purchase stays
    vias = ["cookie_id:one", "cookie_id:two"]
    steps = [touch(via, NOON + i * DAY, via=via) for i, via in enumerate(vias)]
    town = Town().tell(*came(*steps, purchase("P", NOON + 2 * DAY)), moved(A, B, 1, *vias)).settle()
    told = [sent.fields for sent in town.out.on(topics.JOURNEY_CHANGES) if sent.fields["customer_id"] == A]
    touches = [(len(row["before"]["touches"]), len(row["after"]["touches"])) for row in told]
    assert touches == [(0, 3), (3, 1)]
    keys = [(row["version"], row["journey_before"], row["journey_after"]) for row in told]
    assert len({*keys}) == len(keys)


def test_a_verdict_that_is_raised_is_the_cause_of_what_it_changes() -> None:
    seen = [touch("a", NOON), purchase("P", NOON + DAY)]
    town = Town().tell(*came(*seen), *came(seen[0], actor="machine", raised=True)).settle()
    (*_, last) = [sent.fields for sent in town.out.on(topics.JOURNEY_CHANGES)]
    assert (last["cause"], last["cause_event_id"], last["conversion_event_id"]) == ("verdict", "a", "P")


def test_what_comes_in_order_is_an_arrival_even_where_more_than_its_journey_changes() -> None:
    #   P| -- b, from an advertisement, in the visit that P was in
    advert = {"has_acquisition": True, "marketing_channel": "Display"}
    town = Town().tell(*came(purchase("P", NOON)), *came(touch("b", NOON + 1, **advert)), *came(touch("a", NOON - 1)))
    town.settle()
    assert [sent.fields["cause"] for sent in town.out.on(topics.JOURNEY_CHANGES)] == ["arrival", "arrival", "late"]


def test_a_move_that_is_told_twice_hands_over_once() -> None:
    town = Town().tell(*came(*visits(2)), moved(A, B, 1), moved(A, B, 1))
    told = town.step()
    assert [len(record["touchpoints"]) for record in told] == [2]


def test_large_hand_overs_are_told_in_chunks() -> None:
    heavy = [touch(f"e{i}", NOON + i * DAY, campaign="x" * 200_000) for i in range(5)]
    town = Town().tell(*came(*heavy), moved(A, B, 1))
    # Campaigns are INTAKE's to tell, not in the touchpoint's bytes.
    told = town.step()
    assert [(record["chunk"], len(record["touchpoints"])) for record in told] == [(0, 2), (1, 2), (2, 1)]
    assert town.settle().journeys() == {B: "e0 e1 e2 e3 e4"}


def test_an_equal_version_with_another_customer_is_told_and_loses_nothing() -> None:
    before = violations()
    town = Town().tell(moved(A, B, 1), *came(*visits(1), version=1)).settle()
    assert town.journeys() == {B: "e0"}
    assert violations() == before + 1


def violations(invariant: str = "a_forward_is_newer_than_what_it_forwards") -> float:
    return VIOLATIONS.labels(invariant)._value.get()  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["identifiers_moved", "hand_over_continued", "touchpoints_handed_over"])
def test_what_customers_tell_each_other_is_never_set_aside(kind: str) -> None:
    town = Town().tell(*came(*visits(3)), moved(A, B, 1, piece=1))
    town.step()
    (record,) = [r for r in town.log if r.value and decode(r.value).name == kind]
    with pytest.raises(RuntimeError, match="can't be set aside: KeyError"):
        town.stage.bury(Records(topics.ACTIVITY, 0, [record]), "KeyError at x.py:1", town.state, town.out)


def test_days_without_touchpoints_of_an_identifier_are_forgotten() -> None:
    town = Town().tell(*came(*visits(5)), moved(A, B, 1, piece=2)).settle()
    emptied = bytes_of(A)
    assert [key[16:17] for key, _ in town.state.scan(emptied, emptied + b"\xff")] == [b"p"]


def test_two_moves_of_one_version_to_two_customers_are_told_and_the_first_counts() -> None:
    named = "a_version_of_an_identifier_names_one_customer"
    before = violations(named)
    town = Town().tell(*came(*visits(1)), moved(A, B, 1), moved(A, C, 1)).settle()
    assert town.journeys() == {B: "e0"}
    assert violations(named) == before + 1
