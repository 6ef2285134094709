"""Many touchpoints that come and go at once: live rows, what was touched, how the history ends, what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.changes import JourneyChange
from streams.domain.ids import row_id
from streams.domain.journeys import Journey
from streams.domain.rules import Rules
from streams.domain.stitch import stitch
from streams.domain.touchpoint import Touchpoint, order_of
from streams.stages.customers.history import CUSTOMER_BYTES, JOURNEY, SESSION, CustomerHistory
from streams.stages.customers.history import HOUR as HOUR_OF_VIA
from streams.stages.customers.live import Live
from streams.stages.customers.messages import bytes_of
from streams.stages.customers.rows import rows_at
from tests.unit.builders import CUSTOMER, DAY, HOUR, MIDNIGHT, MINUTE, NOON, MemoryState, purchase, touch
from tests.unit.histories import histories, rule_sets

ANNA = bytes_of(CUSTOMER)


class Step(NamedTuple):
    """A customer after a change: the touchpoints that there are, what was touched, what was told."""

    state: MemoryState
    there: list[Touchpoint]
    touched: set[bytes]
    changes: list[JourneyChange]


def walked(history: list[Touchpoint], rules: Rules, random: Random) -> Iterator[Step]:
    """``history`` comes and goes in pieces, until nothing is left."""
    state, version = MemoryState(0), 0
    there: set[Touchpoint] = set()
    coming = [*history]
    random.shuffle(coming)
    while coming or there:
        live = Live(state, ANNA, rules)
        size = random.choice([1, 1, 2, 5])
        comes = bool(coming) and (not there or random.random() < 0.6)
        goes = bool(there) and (not comes or random.random() < 0.2)
        gone = sorted(random.sample(sorted(there), k=min(len(there), size))) if goes else []
        piece, coming = (coming[:size], coming[size:]) if comes else ([], coming)
        known = random.sample(sorted(there - {*gone}), k=min(len(there) - len(gone), random.randrange(2)))
        changes = live.change(sorted([*piece, *known]), gone, version)
        there.difference_update(gone)
        there.update(piece)
        coming += [t for t in gone if random.random() < 0.3]
        version += 1
        yield Step(state, sorted(there), set(state.take_changed()), changes)


def kinds(state: MemoryState) -> list[tuple[bytes, bytes]]:
    """Every entry's kind and key."""
    return [(key[CUSTOMER_BYTES : CUSTOMER_BYTES + 1], key) for key, _ in state.scan(ANNA, ANNA + b"\xff")]


def live_rows(state: MemoryState, rules: Rules) -> dict[bytes, object]:
    return {**rows_at(state, [key for kind, key in kinds(state) if kind in (JOURNEY, SESSION)], rules)}


@given(histories(), rule_sets, st.randoms(use_true_random=False))
@settings(max_examples=120)
def test_after_each_change_what_is_live_is_what_the_batch_definition_gives(
    history: list[Touchpoint], rules: Rules, random: Random
) -> None:
    before: dict[bytes, object] = {}
    for state, there, touched, _ in walked(history, rules, random):
        after = live_rows(state, rules)
        stitched = stitch(CUSTOMER, there, rules)
        # A journey and a session that begin with the same touchpoint have the same id.
        expected = sorted((*stitched.sessions, *stitched.journeys), key=repr)
        assert sorted(after.values(), key=repr) == expected
        assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} <= touched
        before = after


@given(histories(), rule_sets, st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_a_history_ends_as_if_what_is_there_had_always_been_all(
    history: list[Touchpoint], rules: Rules, random: Random
) -> None:
    for state, there, _, _ in walked(history, rules, random):
        again = MemoryState(0)
        Live(again, ANNA, rules).change(there, (), 0)
        assert CustomerHistory(state, ANNA).tail == CustomerHistory(again, ANNA).tail
        if not there:
            assert {kind for kind, _ in kinds(state)} <= {HOUR_OF_VIA}


@given(histories(), rule_sets, st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_what_is_told_of_conversions_adds_up_to_their_credits_now(
    history: list[Touchpoint], rules: Rules, random: Random
) -> None:
    told: dict[tuple[object, ...], Journey | None] = {}
    alive: set[str] = set()
    for _, there, _, changes in walked(history, rules, random):
        for change in changes:
            if change.conversion is not None:
                at = order_of(change.conversion)
                assert credited(told.get(at)) == credited(change.before)
                told[at] = change.after
        journeys = stitch(CUSTOMER, there, rules).journeys
        now = {order_of(j.touchpoints[-1]): credited(j) for j in journeys if j.conversion}
        assert {at: credited(journey) for at, journey in told.items() if journey is not None} == now
        alive = {j.journey_id for j in journeys}
    assert not alive


def credited(journey: Journey | None) -> object:
    return journey and (journey.journey_id, journey.credits, [t._replace(touchpoints=0) for t in journey.touches])


def changes_of(*steps: Touchpoint) -> list[list[tuple[str, str]]]:
    """The journeys, by their first touchpoints' event_ids, before and after each change that a step made."""
    live, names = Live(MemoryState(0), ANNA, Rules()), {"": ""}
    for step in steps:
        names[row_id(CUSTOMER, step.channel, step.via, step.event_id)] = step.event_id
    return [
        [(names[change.journey_before], names[change.journey_after]) for change in live.change([step], (), version)]
        for version, step in enumerate(steps)
    ]


def test_what_follows_tells_nothing_but_a_conversion() -> None:
    assert changes_of(touch("a", NOON), touch("b", NOON + 40 * DAY), purchase("P", NOON + 41 * DAY)) == [
        [],
        [],
        [("", "b")],
    ]


def test_a_bridge_tells_of_the_journey_that_ceases() -> None:
    assert changes_of(touch("a", NOON), touch("b", NOON + 50 * DAY), touch("x", NOON + 25 * DAY))[-1] == [("b", "")]


def test_an_earlier_first_touchpoint_tells_of_a_conversion_in_another_journey() -> None:
    assert changes_of(touch("b", NOON), purchase("P", NOON + 1), touch("a", NOON - DAY))[-1] == [("b", "a")]


def test_a_late_touchpoint_within_a_journey_without_conversion_tells_nothing() -> None:
    assert changes_of(touch("a", NOON), touch("c", NOON + 2 * DAY), touch("b", NOON + DAY))[-1] == []


class Counted(MemoryState):
    """Counts the entries that scans read."""

    read = 0

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, object]]:
        for entry in super().scan(start, stop, reverse=reverse):
            self.read += 1
            yield entry


def test_a_late_touchpoint_of_a_hot_customer_costs_its_days_and_not_the_history() -> None:
    """A kiosk: a touchpoint every ten minutes on two channels by turns, for most of a year, without end or purchase."""
    kiosk, rules = Counted(0), Rules()
    touchpoints = [touch(f"e{i:05}", MIDNIGHT + i * 10 * MINUTE, ("web", "mobile")[i % 2]) for i in range(40_000)]
    Live(kiosk, ANNA, rules).change(touchpoints, (), 0)
    kiosk.take_changed()
    kiosk.read = 0
    late = touch("late", MIDNIGHT + 140 * DAY + 12 * HOUR + 1)
    Live(kiosk, ANNA, rules).change([late], (), 1)
    assert kiosk.read < 4_000
    rows = rows_at(kiosk, kiosk.take_changed(), rules).values()
    assert {type(row).__name__ for row in rows} == {"Journey", "Session"}
    assert len(rows) == 2
    kiosk.read = 0
    Live(kiosk, ANNA, rules).change((), [late], 2)
    assert kiosk.read < 4_000
    Live(kiosk, ANNA, rules).change((), touchpoints[-1:], 3)
    assert kiosk.read < 8_000
