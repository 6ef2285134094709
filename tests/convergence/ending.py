"""How every scenario must end: as a batch over the accepted touchpoints and the corrections says, row by row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain
from math import isclose
from typing import Any

from schemas.codec import decode, encode
from streams.domain.attribution import CreditModels
from streams.domain.identifiers import Identifier
from streams.domain.identity.links import Pair
from streams.domain.ids import customer_id
from streams.domain.stitch import stitch
from streams.domain.touchpoint import Touchpoint
from streams.stages.customers.records import journey_fields, session_fields
from tests.convergence.chronicles import require_identity_changes, require_journey_changes
from tests.convergence.events import name_of
from tests.convergence.expected import Expected, expected_of
from tests.convergence.holdings import holdings_of, require_registers
from tests.convergence.invariants import Invariants
from tests.integration.expectation import count_engagement
from tests.unit.builders import without_version

Fields = dict[str, Any]


def require_expected(world: Any) -> None:
    """AssertionError with what differs."""
    expected, invariants = expected_of(world), world.invariants
    invariants.require_chains()
    _require_outcomes(invariants, expected)
    _require_engagement(invariants.final("engagement").values(), expected)
    _require_identity(world, expected)
    require_identity_changes(invariants, world.shape.identifiers)
    _require_rows(world, expected.customers)
    _require_one_journey_each(invariants.final("journey").values(), chain.from_iterable(expected.histories.values()))
    require_journey_changes(invariants)
    _require_holdings(world, expected)


def _require_outcomes(invariants: Invariants, expected: Expected) -> None:
    _require("outcomes", _outcomes(invariants.final("outcome").values()), expected.accepted.outcomes)
    _require("dead letters", _dead(invariants.dead.values()), expected.dead)
    judged = {name_of(one.record): one.actor for one in expected.judged}
    _require("verdicts", {name: told[max(told)] for name, told in invariants.verdicts.items()}, judged)


def _outcomes(rows: Iterable[Fields]) -> dict[tuple[str, int, str, str], int]:
    return {(row["topic"], row["partition"], row["outcome"], row["reason"]): row["records"] for row in rows}


def _dead(letters: Iterable[Fields]) -> Counter[tuple[str, int, str, str]]:
    return Counter((letter["topic"], letter["partition"], "dead", letter["reason"]) for letter in letters)


def _require_engagement(rows: Iterable[Fields], expected: Expected) -> None:
    found: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row in rows:
        key = tuple(row[name] for name in ("channel", "campaign", "hour", "currency", "actor"))
        counted = {name: row[name] for name in ("touchpoints", "inbound", "outbound", "engaged_ms", "conversions")}
        counted |= {"openers": row["unique_openers"], "clickers": row["unique_clickers"]}
        counted |= {"revenue_micros": row["revenue_micros"]}
        assert min(counted.values()) >= 0, f"engagement {key}: a negative total"
        found[key].update(counted | {f"action {action}": count for action, count in row["actions"].items()})
    _require("engagement", _without_zeros(found), _without_zeros(count_engagement(expected.judged)))


def _without_zeros(rows: Mapping[tuple[Any, ...], Counter[str]]) -> dict[tuple[Any, ...], Counter[str]]:
    return {key: +row for key, row in rows.items() if +row}


def _require_identity(world: Any, expected: Expected) -> None:
    told = {_identifier(text): found[max(found)] for text, found in world.invariants.assigned.items()}
    every = {*world.shape.identifiers, *told}
    found = {i: told.get(i) or customer_id(i) for i in every}
    _require("customers of identifiers", found, {i: expected.customer(i) for i in every})
    rows = [row for row in world.invariants.final("identity_violation").values() if not row["deleted"]]
    violations = {Pair(Identifier(**row["stronger"]), Identifier(**row["weaker"])): row["reason"] for row in rows}
    _require("violations", violations, expected.identified.violations)


def _identifier(text: str) -> Identifier:
    return Identifier(*text.split(":", 1))


def _require_rows(world: Any, customers: Mapping[str, list[Touchpoint]]) -> None:
    journeys: dict[str, Fields] = {}
    sessions: dict[str, Fields] = {}
    for customer, touchpoints in customers.items():
        stitched = stitch(customer, touchpoints, world.shape.rules)
        journeys |= {j.journey_id: _row("journey", journey_fields(j, 0)) for j in stitched.journeys}
        sessions |= {s.session_id: _row("session", session_fields(s, 0)) for s in stitched.sessions}
    _require("journeys", _live(world.invariants.final("journey")), journeys)
    _require("sessions", _live(world.invariants.final("session")), sessions)


def _row(record: str, fields: Fields) -> Fields:
    return without_version(decode(encode(record, fields)).record)


def _live(rows: Mapping[bytes, Fields]) -> dict[str, Fields]:
    return {key.decode(): without_version(row) for key, row in rows.items() if not row["deleted"]}


def _require_one_journey_each(rows: Iterable[Fields], forming: Iterable[Touchpoint]) -> None:
    steps: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        if row["deleted"]:
            continue
        steps.update((step["channel"], step["via"], step["event_id"]) for step in row["steps"])
        for model in CreditModels._fields if row["converted"] else ():
            assert isclose(sum(row[f"credit_{model}"]), 1), f"{model} credits of {row['journey_id']}"
    _require("in how many live journeys", dict(steps), {(t.channel, t.via, t.event_id): 1 for t in forming})


def _require_holdings(world: Any, expected: Expected) -> None:
    holdings = holdings_of(world)
    histories = {customer: sorted(found) for customer, found in expected.customers.items()}
    _require("histories", {customer: sorted(found) for customer, found in holdings.touchpoints.items()}, histories)
    markers = {(customer, order): expected.customer(_identifier(order.via)) for customer, order in holdings.markers}
    _require("customers of markers", markers, {(customer, order): customer for customer, order in markers})
    live = {id_: True for record in ("journey", "session") for id_ in _live(world.invariants.final(record))}
    _require("live rows", dict.fromkeys(holdings.rows, True), live)
    require_registers(holdings.registers, world.invariants.assigned)


def _require(what: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    if found == expected:
        return
    keys = sorted((k for k in {*found, *expected} if found.get(k) != expected.get(k)), key=str)
    told = "; ".join(f"{key}: {_difference(found.get(key), expected.get(key))}" for key in keys[:4])
    raise AssertionError(f"{what}: {told}")


def _difference(found: Any, expected: Any) -> str:
    if isinstance(found, dict) and isinstance(expected, dict):
        fields = [f for f in {**found, **expected} if found.get(f) != expected.get(f)]
        return ", ".join(f"{f} {found.get(f)}, expected {expected.get(f)}" for f in fields)
    return f"{_shortened(found)}, expected {_shortened(expected)}"


def _shortened(value: Any) -> Any:
    """Of a row what names it."""
    if isinstance(value, dict) and "customer_id" in value:
        return {name: value[name] for name in ("customer_id", "channel", "started_at", "steps") if name in value}
    return value
