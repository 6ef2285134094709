"""What the logs of changes tell must add up: from nothing to how things stand at the end, each change from the last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from tests.convergence.invariants import Invariants

Fields = dict[str, Any]


def require_identity_changes(invariants: Invariants, identifiers: Iterable[Identifier]) -> None:
    """Each move is told to people too: a merge where nothing stays with the customer that was left, else a split.

    ``identifiers``: all that there may be.
    """
    told = {}
    for fields in invariants.changes("identity_change"):
        if fields["from"]:
            told[fields["version"], fields["from"], fields["to"]] = (fields["kind"], sorted(fields["identifiers"]))
    moved = defaultdict(list)
    for identifier, moves in invariants.moves.items():
        for version, (left, joined) in moves.items():
            moved[version, left, joined].append(identifier)
    kinds = {key: (_kind(invariants, identifiers, *key[:2]), sorted(texts)) for key, texts in moved.items()}
    assert told == kinds, f"identity changes: {_differing(told, kinds)}"


def _kind(invariants: Invariants, identifiers: Iterable[Identifier], version: int, left: str) -> str:
    """Who stays with ``left`` after ``version``? One that was never told of is with its own customer."""
    for identifier in identifiers:
        told = invariants.assigned.get(identifier.text, {})
        last = max((known for known in told if known <= version), default=None)
        if (customer_id(identifier) if last is None else told[last]) == left:
            return "split"
    return "merge"


def require_journey_changes(invariants: Invariants) -> None:
    """Of each conversion of a customer: every change begins where the one before ended, the last at the live row."""
    changes: defaultdict[tuple[str, ...], list[Fields]] = defaultdict(list)
    for fields in invariants.changes("journey_change"):
        if fields["conversion_event_id"]:
            changes[(fields["customer_id"], *_conversion(fields))].append(fields)
    found = {}
    for conversion, of_one in changes.items():
        credited: Any = ("", [])
        of_one.sort(key=lambda fields: fields["version"])
        for fields in of_one:
            before = (fields["journey_before"], _credits(fields["before"]))
            assert before == credited, f"{conversion}, version {fields['version']}: before {before}, told {credited}"
            credited = (fields["journey_after"], _credits(fields["after"]))
        if credited != ("", []):
            found[conversion] = credited
    live = {}
    for row in invariants.final("journey").values():
        if row["converted"] and not row["deleted"]:
            last = row["steps"][-1]
            conversion = (row["customer_id"], last["channel"], last["via"], last["event_id"])
            live[conversion] = (row["journey_id"], _credits(row))
    assert found == live, f"credits by their changes: {_differing(found, live)}"


def _conversion(fields: Fields) -> tuple[str, ...]:
    return fields["conversion_channel"], fields["conversion_via"], fields["conversion_event_id"]


def _credits(fields: Fields) -> list[Any]:
    """Each touch with its credits, whatever they are called."""
    touches = [{name: touch[name] for name in touch if name != "touchpoints"} for touch in fields["touches"]]
    models = sorted(name for name in fields if name.startswith("credit_"))
    return [(touch, *(fields[model][at] for model in models)) for at, touch in enumerate(touches)]


def _differing(found: dict[Any, Any], expected: dict[Any, Any]) -> str:
    keys = [key for key in {**found, **expected} if found.get(key) != expected.get(key)]
    return "; ".join(f"{key}: {found.get(key)}, expected {expected.get(key)}" for key in keys[:3])
