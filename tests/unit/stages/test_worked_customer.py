"""The customer whom streams/README.md follows: through the real stages, record by record, to the rows that it names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from schemas.codec import decode, encode
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.identity.limits import Limits
from streams.domain.ids import customer_id
from streams.domain.rules import Rules
from streams.runtime.stage import PlainRecord, Records, Stage
from streams.stages.customers import Customers
from streams.stages.identity import Identity, IdentityRules
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake.judge import JudgeRules
from tests.unit.builders import DAY, HOUR, MIDNIGHT, MINUTE, Collected, MemoryState, acquisition, touchpoint_record

PHONE, LAPTOP, TABLET = (Identifier("cookie_id", name) for name in ("phone", "laptop", "tablet"))
MAIL, CLICK = Identifier("email_sha256", "5f1c"), Identifier("click_id", "k7")
ANNA, BEN = Identifier("user_id", "anna"), Identifier("user_id", "ben")
MONDAY = MIDNIGHT + 3 * DAY
NAMES = {customer_id(one): one.text for one in (PHONE, LAPTOP, TABLET, MAIL, CLICK, ANNA, BEN)}
NEWSLETTER = acquisition(source="newsletter", medium="email", campaign="spring")


class Company:
    """All stages on one partition each, one after the other, until nobody has anything to say."""

    def __init__(self) -> None:
        day = 100 * DAY
        rules = IntakeRules(JudgeRules(1, 3 * DAY, day), frozenset(), 0)
        self._stages: list[tuple[Stage[Any], MemoryState]] = [
            (Intake(rules), MemoryState(0)),
            (Identity(IdentityRules(Limits(), 0, 100, day)), MemoryState(0)),
            (Customers(Rules(), 0), MemoryState(0)),
        ]
        self._logs: dict[str, list[PlainRecord]] = defaultdict(list)
        self._read: dict[tuple[str, str], int] = defaultdict(int)
        self.out = Collected()

    def take(self, *events: dict[str, Any]) -> Company:
        for fields in events:
            record = touchpoint_record(**fields)
            self._append(topics.touchpoint_topic(record["channel"]), b"", encode("touchpoint", record))
        while any([self._work(*one) for one in self._stages]):  # noqa: C419 - each has its turn
            pass
        return self

    def _append(self, topic: str, key: bytes, value: bytes) -> None:
        log = self._logs[topic]
        log.append(PlainRecord(len(log), MONDAY + 20 * DAY, key, value))

    def _work(self, stage: Stage[Any], state: MemoryState) -> bool:
        sent = len(self.out.sent)
        busy = False
        for topic in stage.inputs:
            start, log = self._read[stage.name, topic], self._logs[topic]
            self._read[stage.name, topic] = len(log)
            if start < len(log):
                busy = True
                stage.fold(Records(topic, 0, log[start:]), state, self.out)
        stage.emit(state.take_changed(), state, self.out)
        for output in self.out.sent[sent:]:
            self._append(output.topic, output.key, output.value)
        return busy

    def told(self, topic: str, kind: str) -> list[dict[str, Any]]:
        """The records of a kind on ``topic``, in order."""
        decoded = [decode(record.value or b"") for record in self._logs[topic]]
        return [found.record for found in decoded if found.name == kind]

    def journeys(self) -> dict[str, list[str]]:
        """Customer -> each journey's event_ids, a ! where it converted."""
        found: dict[str, list[str]] = defaultdict(list)
        for row in self.out.live(topics.JOURNEYS):
            steps = " ".join(step["event_id"] for step in row["steps"])
            found[NAMES[row["customer_id"]]].append(steps + "!" * row["converted"])
        return dict(found)

    def moves(self) -> list[tuple[int, str, str, list[str]]]:
        """(version, from, to, identifiers) of each move that IDENTITY told, in order."""
        moved = self.told(topics.ACTIVITY, "identifiers_moved")
        return [
            (record["version"], NAMES[record["from"]], NAMES[record["to"]], record["identifiers"]) for record in moved
        ]


def event(event_id: str, at: int, names: Iterable[Identifier], channel: str = "web", **more: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "occurred_at": at,
        "channel": channel,
        "identifiers": [one._asdict() for one in names],
        **more,
    }


BOUGHT = {"type": "purchase", "value_micros": 40_000_000, "currency": "EUR", "order_id": "o1"}
PHONE_VISIT = event("a1", MONDAY + 9 * HOUR, [PHONE], acquisition=acquisition(source="google", medium="cpc"))
LAPTOP_VISIT = event("a2", MONDAY + DAY + 20 * HOUR, [LAPTOP])
MAIL_CLICK = event("a3", MONDAY + 2 * DAY + 8 * HOUR, [MAIL, CLICK], "email", action="clicked", acquisition=NEWSLETTER)
LANDING = event("a4", MONDAY + 2 * DAY + 8 * HOUR + MINUTE, [PHONE, CLICK], acquisition=NEWSLETTER)
LOGIN = event("a5", MONDAY + 3 * DAY + 21 * HOUR, [ANNA, MAIL, LAPTOP], action="logged_in")
PURCHASE = event("a6", MONDAY + 3 * DAY + 21 * HOUR + 5 * MINUTE, [ANNA, LAPTOP], action="purchased", conversion=BOUGHT)
ON_TABLET = event("a7", MONDAY + 5 * DAY, [ANNA, TABLET])
BEN_ON_TABLET = event("b1", MONDAY + 6 * DAY, [BEN, TABLET])
TABLET_ALONE = event("a8", MONDAY + 6 * DAY + HOUR, [TABLET])
LATE = event("a9", MONDAY + 3 * DAY + 20 * HOUR, [LAPTOP])


def test_the_worked_customer_is_as_the_readme_says() -> None:
    company = Company().take(PHONE_VISIT, LAPTOP_VISIT)
    assert company.journeys() == {PHONE.text: ["a1"], LAPTOP.text: ["a2"]}

    company.take(MAIL_CLICK, LANDING)
    assert company.moves() == [
        (1, CLICK.text, MAIL.text, [CLICK.text]),
        (2, PHONE.text, MAIL.text, [PHONE.text]),
    ]
    assert company.journeys() == {MAIL.text: ["a1 a3 a4"], LAPTOP.text: ["a2"]}

    company.take(LOGIN, PURCHASE)
    assert company.moves()[2:] == [
        (3, MAIL.text, ANNA.text, [CLICK.text, PHONE.text, MAIL.text]),
        (4, LAPTOP.text, ANNA.text, [LAPTOP.text]),
    ]
    assert company.journeys() == {ANNA.text: ["a1 a2 a3 a4 a5 a6!"]}
    (row,) = company.out.live(topics.JOURNEYS)
    assert [touch["marketing_channel"] for touch in row["touches"]] == ["Paid Search", "Direct", "Email", "Direct"]
    assert row["credit_position"] == pytest.approx([0.4, 0.1, 0.1, 0.4])

    company.take(ON_TABLET, BEN_ON_TABLET, TABLET_ALONE)
    (violation,) = company.told(topics.IDENTITY_CHANGES, "identity_violation")
    assert (violation["stronger"]["value"], violation["weaker"]["value"], violation["reason"]) == (
        "ben",
        "tablet",
        "user_id",
    )
    assert company.journeys() == {ANNA.text: ["a1 a2 a3 a4 a5 a6!", "a7 a8"], BEN.text: ["b1"]}

    assert violation["version"] == 6
    company.take(LATE)
    assert company.journeys()[ANNA.text] == ["a1 a2 a3 a4 a9 a5 a6!", "a7 a8"]
    change = company.told(topics.JOURNEY_CHANGES, "journey_change")[-1]
    assert (change["cause"], change["cause_event_id"], change["conversion_event_id"]) == ("late", "a9", "a6")
    assert [len(change[side]["touches"]) for side in ("before", "after")] == [4, 5]
