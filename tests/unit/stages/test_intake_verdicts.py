"""INTAKE and verdicts of several touchpoints: what is sent again, and what moves in engagement.

12:00:00.000   delivered
12:00:01.500   opened       suspect, in whatever order the two arrive
13:00:00.000   five links within 400 ms: a machine's, also those that were sent on as a human's
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.domain.verdicts import CLICKS, Deed, Message
from streams.domain.verdicts import take as take_deed
from streams.runtime.stage import Records
from streams.stages.intake import Intake, IntakeRules, meaning
from streams.stages.intake.judge import JudgeRules
from tests.unit.builders import DAY, HOUR, NOON, Collected, acquisition
from tests.unit.stages.test_intake import (
    ANNA,
    BEN,
    BUDGET,
    EMAIL,
    HERE,
    PARTITIONS,
    TOLERANCE,
    Arrival,
    State,
    engagement,
    mailed,
    sent,
    take,
)
from tests.unit.stages.test_intake_identity import CUTS, assigned

LINKS = [f"https://shop.example/{name}" for name in "abcdef"]
DELIVERED = mailed("delivered", NOON, "d")
OPENED = mailed("opened", NOON + 1_500, "o")
BURST = [mailed("clicked", NOON + HOUR + 100 * at, f"c{at}", link=LINKS[at]) for at in range(5)]


def mail(*touchpoints: dict[str, Any], first: int = 0) -> list[Arrival]:
    return sent(*touchpoints, topic=EMAIL, received=NOON + DAY, first=first)


def verdicts(out: Collected) -> list[tuple[str, str, bool, int]]:
    """(event_id, actor, raised, offset) of what was sent on, in order."""
    activity = [s.fields for s in out.on(topics.ACTIVITY)]
    names = [decode(fields["touchpoint"]).record["event_id"] for fields in activity]
    return [(name, f["actor"], f["raised"], f["intake_offset"]) for name, f in zip(names, activity, strict=True)]


def last(out: Collected) -> dict[str, str]:
    """event_id -> the last actor; its row has the highest offset."""
    found: dict[str, tuple[int, str]] = {}
    for name, actor, _, offset in verdicts(out):
        assert offset >= found.get(name, (-1, ""))[0]
        found[name] = offset, actor
    return {name: actor for name, (_, actor) in found.items()}


def counted(out: Collected, name: str = "touchpoints") -> dict[str, int]:
    """actor -> ``name`` over the final rows that are there."""
    counts: Counter[str] = Counter()
    for row in engagement(out).values():
        assert row["deleted"] == (not row["touchpoints"])
        assert min(row["actions"].values(), default=1) > 0
        counts[row["actor"]] += row[name]
    return {actor: count for actor, count in counts.items() if count}


def test_an_opening_behind_its_delivery_is_sent_as_suspect_at_once() -> None:
    out = take(mail(DELIVERED, OPENED))
    assert verdicts(out) == [("d", "human", False, 0), ("o", "suspect", True, 1)]
    assert counted(out) == {"human": 1, "suspect": 1}
    assert counted(out, "unique_openers") == {}


def test_an_opening_that_came_before_its_delivery_is_sent_again_as_suspect() -> None:
    out = take(mail(OPENED, DELIVERED))
    assert verdicts(out) == [("o", "human", False, 0), ("d", "human", False, 1), ("o", "suspect", True, 1)]
    assert counted(out) == {"human": 1, "suspect": 1}
    assert counted(out, "unique_openers") == {}


def test_what_is_sent_again_is_what_was_sent_but_for_the_verdict_and_the_offset() -> None:
    came = acquisition(source="news", medium="email", campaign="spring", content="top")
    out = take(mail({**OPENED, "acquisition": came}, DELIVERED))
    first, _, again = (s.fields for s in out.on(topics.ACTIVITY))
    differing = {"actor": "suspect", "raised": True, "intake_offset": 1}
    assert again == first | differing
    assert first["campaign"] == "spring"


def test_what_rises_is_not_remembered_where_its_campaign_is_long() -> None:
    """Or a producer could fill the memory with thirty thousand campaigns of half a megabyte."""
    before = meaning._risen_kept.cache_info().currsize
    came = acquisition(source="news", medium="email", campaign="x" * 100_000)
    out = take(mail({**OPENED, "acquisition": came}, DELIVERED))
    assert verdicts(out)[2] == ("o", "suspect", True, 1)
    assert counted(out) == {"human": 1, "suspect": 1}
    assert meaning._risen_kept.cache_info().currsize == before


def test_an_opening_long_after_its_delivery_stays_a_humans() -> None:
    out = take(mail(DELIVERED, mailed("opened", NOON + 2_001, "o")))
    assert last(out) == {"d": "human", "o": "human"}
    assert counted(out, "unique_openers") == {"human": 1}


def test_the_fifth_link_of_a_burst_raises_the_four_before_it() -> None:
    out = take(mail(*BURST))
    assert [name for name, _, raised, _ in verdicts(out) if raised] == ["c4", "c0", "c1", "c2", "c3"]
    assert set(last(out).values()) == {"machine"}
    assert counted(out) == {"machine": 5}
    assert counted(out, "unique_clickers") == {}
    (row,) = [row for row in engagement(out).values() if not row["deleted"]]
    assert row["actions"] == {"clicked": 5}


def test_the_row_that_a_burst_leaves_empty_is_deleted() -> None:
    out = take(mail(*BURST))
    (left,) = [row for row in engagement(out).values() if row["actor"] == "human"]
    assert left["deleted"]
    assert (left["touchpoints"], left["inbound"], left["actions"]) == (0, 0, {})


def test_the_unique_clicker_moves_to_the_next_humans_click() -> None:
    later = mailed("clicked", NOON + 3 * HOUR, "z", link=LINKS[0])
    out = take(mail(later, *BURST))
    assert counted(out, "unique_clickers") == {"human": 1}
    (row,) = [row for row in engagement(out).values() if row["unique_clickers"]]
    assert row["hour"] == NOON + 3 * HOUR


def test_a_touchpoint_without_message_is_of_no_message_of_another() -> None:
    alone = mailed("opened", NOON + 1, "m1", message_id=None)
    out = take(mail(alone, DELIVERED, mailed("opened", NOON + HOUR, "o")))
    assert last(out) == {"m1": "human", "d": "human", "o": "human"}
    assert counted(out, "unique_openers") == {"human": 2}


def test_bursts_are_of_one_message_and_one_via() -> None:
    others = [{**click, "message_id": "m2"} for click in BURST[:2]]
    bens = [{**click, "identifiers": [BEN._asdict()]} for click in BURST[2:]]
    out = take(mail(*others, *bens))
    assert set(last(out).values()) == {"human"}


def test_a_duplicate_of_what_has_risen_is_a_duplicate() -> None:
    out = take(mail(*BURST, BURST[0]))
    assert len(verdicts(out)) == 5 + 4
    assert counted(out) == {"machine": 5}


def test_what_rises_goes_where_its_via_belongs_now() -> None:
    state, out = State(), Collected()
    anna = customer_id(Identifier("user_id", "anna"))
    for log in (mail(OPENED), assigned((ANNA, anna, 7)), mail(DELIVERED, first=1)):
        out.sent += take(log, state=state).sent
    sent_on = [(s.key.decode(), s.fields["version"]) for s in out.on(topics.ACTIVITY)]
    assert sent_on == [(customer_id(ANNA), 0), (anna, 7), (anna, 7)]


def test_nothing_is_held_of_what_cannot_rise_any_more() -> None:
    state = State()
    take(mail(*BURST, OPENED, DELIVERED), state=state)
    assert not [key for key in state.disk if key.startswith(b"v")]


def test_a_click_without_link_and_an_opening_without_message_are_not_held() -> None:
    state = State()
    log = [mailed("clicked", NOON, "a"), mailed("opened", NOON, "b", message_id=None)]
    take(mail(*log), state=state)
    assert not [key for key in state.disk if key.startswith(b"v")]


@st.composite
def mails(draw: st.DrawFn) -> dict[str, Any]:
    """One of a few touchpoints of two messages, close together and around an hour's end."""
    at = NOON + HOUR + draw(st.sampled_from([-1_500, -1_000, -1, 0, 1, 500, 999, 1_000, 2_000, 2_001]))
    action = draw(st.sampled_from(["delivered", "opened", "clicked", "clicked", "clicked"]))
    fields: dict[str, Any] = {"message_id": draw(st.sampled_from(["m1", "m1", "m1", "m2", None]))}
    if action == "clicked":
        fields["link"] = draw(st.sampled_from([*LINKS, *LINKS, None]))
    else:
        fields["engaged_ms"] = draw(st.sampled_from([None, 3]))
    fields["provider_machine"] = draw(st.sampled_from([False, False, False, False, True]))
    if draw(st.booleans()):
        fields["acquisition"] = acquisition(source="x", medium="email", campaign="spring")
    return mailed(action, at, f"{action}{at}{fields}", **fields)


some = st.lists(mails(), min_size=1, max_size=24, unique_by=lambda fields: fields["event_id"])


def plainly(touchpoints: list[dict[str, Any]]) -> dict[str, str]:
    """Each one's actor by the words of the definition."""
    found = {t["event_id"]: "machine" if t["provider_machine"] else "human" for t in touchpoints}
    messages = {t["message_id"] for t in touchpoints} - {None}
    for message in messages:
        of = [t for t in touchpoints if t["message_id"] == message]
        deliveries = [t["occurred_at"] for t in of if t["action"] == "delivered"]
        clicks = [t for t in of if t["action"] == "clicked" and t["link"]]
        for t in of:
            hasty = any(0 <= t["occurred_at"] - at <= 2_000 for at in deliveries)
            if t["action"] == "opened" and hasty and found[t["event_id"]] == "human":
                found[t["event_id"]] = "suspect"
        for first in clicks:
            window = [t for t in clicks if 0 <= t["occurred_at"] - first["occurred_at"] <= 1_000]
            if len({t["link"] for t in window}) >= 5:
                found.update((t["event_id"], "machine") for t in window)
    return found


@given(some, CUTS, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_verdicts_and_totals_are_functions_of_the_set(
    given_: list[dict[str, Any]], cuts: list[int], random: Random
) -> None:
    expected = plainly(given_)
    for order in (given_, random.sample(given_, len(given_))):
        out = take(mail(*order), cuts)
        assert last(out) == expected
        assert counted(out) == Counter(expected.values())
        people = [t for t in order if t["action"] == "opened" and expected[t["event_id"]] == "human"]
        opened = {t["message_id"] or t["event_id"] for t in people}
        assert sum(counted(out, "unique_openers").values()) == len(opened)


def test_what_rises_is_said_again_as_it_was_judged_then() -> None:
    """Between the opening and its delivery the worker was given another own domain and another list of bots."""
    from_shop = acquisition(source="", medium="", referrer="https://partner.example/offer")
    opening = {**OPENED, "acquisition": from_shop, "user_agent": "Odd/1.0"}
    state, out = State(), Collected()
    out.sent += take(mail(opening), state=state).sent
    rules = IntakeRules(JudgeRules(PARTITIONS, BUDGET, TOLERANCE), frozenset({"partner.example"}), epoch=0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(meaning, "judge_actor", lambda *_: "machine")
        later = Intake(rules)
        (arrival,) = mail(DELIVERED, first=1)
        later.fold(Records(EMAIL, HERE, [arrival.record]), state.view, out)
        state.end_batch(out)
    first, _, again = (s.fields for s in out.on(topics.ACTIVITY))
    assert again == first | {"actor": "suspect", "raised": True, "intake_offset": 1}
    assert first["marketing_channel"] == "Referral"
    rows = engagement(out).values()
    assert sorted((row["actor"], row["touchpoints"]) for row in rows) == [("human", 0), ("machine", 1), ("suspect", 1)]


def test_a_burst_of_a_thousand_clicks_is_found_without_squaring_them() -> None:
    """Looked at once each: with windows built anew for each, this took minutes."""
    clicks = [Deed(NOON, f"{at:04}", "", "", "human", bytes([at % 256])) for at in range(1_000)]
    message = Message()
    for click in clicks:
        message = take_deed(message, CLICKS, click).message
    assert {click.actor for click in message.clicks} == {"machine"}
