"""What the pipeline must make of each touchpoint by the domain's own functions, and of engagement by a plain count.

What follows for customers, journeys and sessions is computed from that in `tests.integration.batch`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.codec import decode, encode
from streams.domain.actor import judge
from streams.domain.identifiers import Identifier, clean
from streams.domain.identity.links import Link, links_of
from streams.domain.marketing_channel import MarketingChannel, marketing_channel
from streams.domain.touchpoint import Conversion, Touchpoint, is_journey_forming
from streams.domain.validation import check, check_identifiers
from streams.domain.vocabulary import direction_of

SITE = "shop.example.com"
HOUR_MS = 3_600_000
#: (channel, action) of a person -> the component in which each message of a via counts once.
UNIQUES = {("email", "opened"): "openers", ("mobile", "push_opened"): "openers", ("email", "clicked"): "clickers"}

#: Clicks on links of messages.
CLICKS = {("email", "clicked"), ("web", "link_clicked"), ("social", "link_clicked")}


class Accepted(NamedTuple):
    """An accepted record with what is judged of it; ``identifiers`` are cleaned, strongest first."""

    record: dict[str, Any]
    identifiers: list[Identifier]
    actor: str
    direction: str
    origin: MarketingChannel

    @property
    def via(self) -> Identifier:
        return self.identifiers[0]


@dataclass
class Expected:
    """What the pipeline must make of each touchpoint. ``outcomes`` by (channel, outcome, reason)."""

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    accepted: list[Accepted] = field(default_factory=list)

    @property
    def links(self) -> Iterator[Link]:
        """What the accepted ones link, again and again."""
        for one in self.accepted:
            yield from links_of(one.via, one.identifiers, one.record["occurred_at"], one.record["event_id"])

    @property
    def histories(self) -> dict[Identifier, list[Touchpoint]]:
        """The journey-forming touchpoints of each via."""
        found: defaultdict[Identifier, list[Touchpoint]] = defaultdict(list)
        for one in self.accepted:
            if is_journey_forming(one.direction, one.actor):
                found[one.via].append(_touchpoint_of(one))
        return dict(found)


def expect(records: list[dict[str, Any]]) -> Expected:
    """Walk ``records`` in the order produced: duplicates are decided within a via, whose records keep their order."""
    expected = Expected()
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}
    for sent in records:
        # Through the codec once, so that defaults are filled as a reader sees them.
        record = decode(encode("touchpoint", sent)).record
        outcome, reason = _outcome(record, seen)
        expected.outcomes[record["channel"], outcome, reason] += 1
        if outcome == "accepted":
            expected.accepted.append(_judged(record))
    expected.accepted = [*_judged_together(expected.accepted)]
    return expected


def _outcome(record: dict[str, Any], seen: dict[tuple[str, str, str], dict[str, Any]]) -> tuple[str, str]:
    names = clean(record["identifiers"])
    rejection = check(record, record["channel"]) or check_identifiers(record, names)
    if rejection is not None:
        return "dead", rejection.reason
    first = seen.setdefault((record["channel"], names[0].text, record["event_id"]), record)
    if first is record:
        return "accepted", ""
    return ("duplicate", "") if first == record else ("dead", "conflicting_duplicate")


def _judged(record: dict[str, Any]) -> Accepted:
    channel, action = record["channel"], record["action"]
    return Accepted(
        record,
        clean(record["identifiers"]),
        judge(channel, action, record["user_agent"], record["provider_machine"]),
        direction_of(channel, action) or record["direction"],
        marketing_channel(channel, action, record["acquisition"], frozenset({SITE})),
    )


def _judged_together(accepted: list[Accepted]) -> Iterator[Accepted]:
    """With the verdicts of several touchpoints, by the words of the definition."""
    messages: defaultdict[tuple[str, str, str], list[Accepted]] = defaultdict(list)
    for one in accepted:
        message = one.record["message_id"]
        if message:
            messages[one.record["channel"], one.via.text, message].append(one)
    for one in accepted:
        message = one.record["message_id"]
        of = messages[one.record["channel"], one.via.text, message] if message else []
        yield one._replace(actor=_actor_among(one, of))


def _actor_among(one: Accepted, message: list[Accepted]) -> str:
    channel, action, at = (one.record[name] for name in ("channel", "action", "occurred_at"))
    if one.actor == "human" and (channel, action) == ("email", "opened"):
        deliveries = [other.record["occurred_at"] for other in message if other.record["action"] == "delivered"]
        return "suspect" if any(0 <= at - delivered <= 2_000 for delivered in deliveries) else "human"
    if (channel, action) not in CLICKS or not one.record["link"]:
        return one.actor
    clicks = [other.record for other in message if (channel, other.record["action"]) in CLICKS and other.record["link"]]
    for first in clicks:
        window = [click for click in clicks if 0 <= click["occurred_at"] - first["occurred_at"] <= 1_000]
        if 0 <= at - first["occurred_at"] <= 1_000 and len({click["link"] for click in window}) >= 5:
            return "machine"
    return one.actor


def _touchpoint_of(accepted: Accepted) -> Touchpoint:
    record, origin = accepted.record, accepted.origin
    conversion = record["conversion"]
    return Touchpoint(
        occurred_at=record["occurred_at"],
        event_id=record["event_id"],
        channel=record["channel"],
        via=accepted.via.text,
        action=record["action"],
        marketing_channel=origin.name,
        has_acquisition=origin.has_acquisition,
        campaign=origin.campaign,
        content=origin.content,
        engaged_ms=record["engaged_ms"] or 0,
        conversion=conversion
        and Conversion(
            conversion["type"], conversion["value_micros"], conversion["currency"], conversion["order_id"] or ""
        ),
    )


def count_engagement(accepted: list[Accepted]) -> dict[tuple[Any, ...], Counter[str]]:
    """(channel, campaign, hour, currency, actor) -> components, counted over the whole set at once.

    A message of a via counts as unique once, in the row of its earliest human opening or click.
    """
    rows: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    earliest: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for record, (via, *_), actor, direction, origin in accepted:
        channel, action, at, event_id = (record[name] for name in ("channel", "action", "occurred_at", "event_id"))
        money = record["conversion"] or {"currency": "", "value_micros": 0}
        key = (channel, origin.campaign, at // HOUR_MS * HOUR_MS, money["currency"], actor)
        rows[key] += Counter({"touchpoints": 1, direction: 1, f"action {action}": 1})
        rows[key]["engaged_ms"] += record["engaged_ms"] or 0
        rows[key]["conversions"] += record["conversion"] is not None
        rows[key]["revenue_micros"] += money["value_micros"]
        if actor == "human" and (channel, action) in UNIQUES:
            named = (record["message_id"], "") if record["message_id"] else ("", event_id)
            message = (UNIQUES[channel, action], channel, via.text, *named)
            earliest[message] = min(earliest.get(message, (at, event_id, key)), (at, event_id, key))
    for (unique, *_), (_, _, key) in earliest.items():
        rows[key][unique] += 1
    return rows
