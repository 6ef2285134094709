"""Reads one customer: who an identifier belongs to, what else does, on what evidence, and what came of it.

Journeys and sessions are as their rows have them, with the steps that the rows hold: what tables say is what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sinks.clickhouse import ClickHouse, Row
from sinks.customer import queries
from sinks.customer.found import (
    Correction,
    Customer,
    Evidence,
    IdentityChange,
    Journey,
    JourneyChange,
    Link,
    Pair,
    Refusal,
    Session,
    Shared,
    Some,
    Step,
    Totals,
    Touch,
)
from sinks.figures import amount
from sinks.tables import NOBODY
from streams.domain.identifiers import Identifier, strength
from streams.domain.ids import customer_id

T = TypeVar("T")
Params = Mapping[str, Any]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def read(client: ClickHouse, asked: Identifier) -> Customer | None:
    """The customer whom ``asked``, a cleaned identifier, belongs to; None where nobody ever bore it.

    Raises Unreachable or Misconfigured (`sinks.clickhouse`).
    """
    customer = _find(client, asked)
    if customer is None:
        return None
    params = {"customer": customer, "canonical": _canonical(client, customer, asked).text}
    violations = _some(client.query(queries.VIOLATIONS, params), lambda row: Refusal(Pair(*row[:2]), *row[2:]))
    corrections = {Pair(*row[:2]): Correction(*row[2]) for row in client.query(queries.CORRECTIONS, params)}
    journeys = _some(client.query(queries.JOURNEYS, params)[::-1], _journey)
    # What lies before the journeys that are shown is counted only.
    since = journeys.shown[0].started_at if journeys.total > len(journeys.shown) else _BEGINNING
    period = {**params, "since": round(since.timestamp() * 1000)}
    return Customer(
        customer_id=customer,
        asked=asked.text,
        identifiers=_identifiers(client, params),
        links=_links(client, params, corrections, {refusal.pair for refusal in violations.shown}),
        refusals=_with_retracted(violations, corrections),
        shared=_shared(client, violations.shown),
        totals=Totals(*client.query(queries.TOTALS, params)[0], *client.query(queries.CONVERSIONS, params)[0]),
        journeys=journeys,
        sessions=[Session(*row) for row in client.query(queries.SESSIONS, period)],
        apart=[Step(*row) for row in client.query(queries.APART, period)[::-1]],
        identity_changes=_some(client.query(queries.IDENTITY_CHANGES, params)[::-1], _identity_change),
        journey_changes=_some(client.query(queries.JOURNEY_CHANGES, params)[::-1], _journey_change),
    )


def _find(client: ClickHouse, asked: Identifier) -> str | None:
    """The customer of ``asked``; None where no touchpoint and no link ever named it."""
    for (customer,) in client.query(queries.ASSIGNED, asked._asdict()):
        return str(customer)
    return customer_id(asked) if client.query(queries.KNOWN, {"text": asked.text}) else None


def _canonical(client: ClickHouse, customer: str, asked: Identifier) -> Identifier:
    """The identifier that gives ``customer`` its id: it was never assigned, so `identities` doesn't name it."""
    if customer_id(asked) == customer:
        return asked
    candidates = (_identifier(text) for (text,) in client.query(queries.CANDIDATES, {"customer": customer}))
    return next((identifier for identifier in candidates if customer_id(identifier) == customer), asked)


def _identifiers(client: ClickHouse, params: Params) -> list[str]:
    found = {_identifier(text) for (text,) in client.query(queries.IDENTIFIERS, params)}
    return [identifier.text for identifier in sorted(found, key=strength)]


def _identifier(text: str) -> Identifier:
    namespace, _, value = text.partition(":")
    return Identifier(namespace, value)


def _links(
    client: ClickHouse, params: Params, corrections: Mapping[Pair, Correction], refused: set[Pair]
) -> list[Link]:
    """The pairs that hold the customer together, those by evidence by its date, then those that were only asserted."""
    evidence = {Pair(*row[:2]): Evidence(*row[2]) for row in client.query(queries.EVIDENCE, params)}
    evidence = {Pair(*sorted(pair, key=lambda t: strength(_identifier(t)))): e for pair, e in evidence.items()}
    asserted = {pair: said for pair, said in corrections.items() if said.kind == "asserted"}
    retracted = {pair for pair, said in corrections.items() if said.kind == "retracted"}
    pairs = dict.fromkeys([*evidence, *asserted])
    return [Link(p, evidence.get(p), asserted.get(p)) for p in pairs if p not in refused and p not in retracted]


def _with_retracted(violations: Some[Refusal], corrections: Mapping[Pair, Correction]) -> Some[Refusal]:
    retracted = [
        Refusal(pair, f"retracted: {said.reason}", said.at, said.correction_id)
        for pair, said in corrections.items()
        if said.kind == "retracted"
    ]
    return Some([*violations.shown, *retracted], violations.total + len(retracted))


def _shared(client: ClickHouse, refusals: Sequence[Refusal]) -> list[Shared]:
    ends = {end for refusal in refusals if refusal.reason == "shared" for end in refusal.pair}
    return [Shared(*row) for row in client.query(queries.SHARED, {"ends": sorted(ends)})] if ends else []


def _some(rows: Sequence[Row], make: Callable[[Row], T]) -> Some[T]:
    """What ``make`` makes of ``rows``, of which the last column says how many there are in all."""
    return Some([make(row[:-1]) for row in rows], rows[0][-1] if rows else 0)


def _journey(row: Row) -> Journey:
    journey_id, started_at, ended_at, touchpoints, type_, value_micros, currency, steps, touches = row
    return Journey(
        journey_id,
        started_at,
        ended_at,
        touchpoints,
        _conversion(type_, value_micros, currency),
        [Step(*step) for step in steps],
        [Touch(*touch) for touch in touches],
    )


def _conversion(type_: str, value_micros: int, currency: str) -> str:
    """``purchase 89.90 EUR``; '' for none."""
    return f"{type_} {amount(Decimal(value_micros) / 10**6)} {currency}" if currency else type_


def _identity_change(row: Row) -> IdentityChange:
    at, kind, from_customer, to_customer, identifiers, cause, reason = row
    return IdentityChange(at, kind, _somebody(from_customer), _somebody(to_customer), identifiers, cause, reason)


def _journey_change(row: Row) -> JourneyChange:
    at, cause, event_id, before, after, type_, value_micros, currency, credits_before, credits_after = row
    conversion = _conversion(type_, value_micros, currency)
    journeys = (_somebody(before), _somebody(after))
    return JourneyChange(
        at, cause, event_id, *journeys, conversion, _by_channel(credits_before), _by_channel(credits_after)
    )


def _by_channel(credits_: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Linear credits added up by marketing channel."""
    channels = dict.fromkeys(channel for channel, _ in credits_)
    return {channel: sum(share for name, share in credits_ if name == channel) for channel in channels}


def _somebody(id_: str) -> str:
    return "" if id_ == NOBODY else id_
