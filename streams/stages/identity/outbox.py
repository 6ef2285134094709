"""What IDENTITY tells of the changes that one record made, in the order in which others should hear it.

    assignment          whose an identifier is now: to INTAKE, and to the tables
    identifiers_moved   what leaves a customer for another one: to the one that it leaves
    identity_change     the same to people; and what an operator said, be it that nothing followed
    identity_violation  a link that counts for nothing, and why, or that it is none any more

Records are encoded many at once and sent in the order in which they were added.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from schemas.columns import encode_records
from streams import topics
from streams.domain.identity.facts import Changes, Move, Violation
from streams.domain.identity.links import Correction, Link
from streams.runtime.stage import Out

TOPICS = {
    "assignment": topics.ASSIGNMENTS,
    "identifiers_moved": topics.ACTIVITY,
    "identity_change": topics.IDENTITY_CHANGES,
    "identity_violation": topics.IDENTITY_CHANGES,
}
#: Records in memory at a time; one record's changes may be a thousand.
MOST_WAITING = 5_000


class Cause(NamedTuple):
    """The link or correction that changes who is who: its ``version``, its id and its time, when it was received, and
    the operator's reason; times in ms UTC."""

    version: int
    id: str
    at: int
    received_at: int
    reason: str


def cause_of(said: Link | Correction, version: int, received_at: int) -> Cause:
    """``said`` as a cause."""
    if isinstance(said, Link):
        return Cause(version, said.event_id, said.occurred_at, received_at, "")
    return Cause(version, said.correction_id, said.corrected_at, received_at, said.reason)


class Outbox:
    """Records for ``out``, sent by `flush` at the latest; ``piece``: touchpoints to be handed over at once."""

    def __init__(self, out: Out, piece: int) -> None:
        self._out = out
        self._piece = piece
        self._order: list[tuple[str, bytes]] = []
        self._records: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def tell(self, changes: Changes, cause: Cause) -> None:
        """Tell all ``changes``."""
        for move in changes.moves:
            for identifier in move.identifiers:
                fields = {"identifier": identifier._asdict(), "customer": move.joined, "version": cause.version}
                self._add("assignment", identifier.text, fields)
        for move in changes.moves:
            self._add("identifiers_moved", move.left, _identifiers_moved(move, cause, self._piece))
        for move in changes.moves:
            kind = "merge" if move.emptied else "split"
            self._change(kind, move.joined, move.left, move.joined, [i.text for i in move.identifiers], cause)
        for violation in changes.violations:
            key = "|".join(end.text for end in violation.pair)
            self._add("identity_violation", key, _violation(violation, cause.version))
        if len(self._order) >= MOST_WAITING:
            self.flush()

    def log(self, correction: Correction, cause: Cause) -> None:
        """Tell people what an operator said."""
        identifiers = sorted(end.text for end in correction.pair)
        self._change(correction.kind, correction.correction_id, "", "", identifiers, cause)

    def flush(self) -> None:
        """Send all that waits."""
        values = {record: iter(encode_records(record, fields)) for record, fields in self._records.items()}
        for record, key in self._order:
            self._out.send(TOPICS[record], key, next(values[record]))
        self._order.clear()
        self._records.clear()

    def _change(self, kind: str, key: str, left: str, joined: str, identifiers: list[str], cause: Cause) -> None:
        fields = {
            "kind": kind,
            "version": cause.version,
            "from": left,
            "to": joined,
            "identifiers": identifiers,
            "cause_event_id": cause.id,
            "caused_at": cause.at,
            "changed_at": cause.received_at,
            "reason": cause.reason,
        }
        self._add("identity_change", key, fields)

    def _add(self, record: str, key: str, fields: dict[str, Any]) -> None:
        self._order.append((record, key.encode()))
        self._records[record].append(fields)


def _identifiers_moved(move: Move, cause: Cause, piece: int) -> dict[str, Any]:
    return {
        "from": move.left,
        "to": move.joined,
        "version": cause.version,
        "cause": "merge" if move.emptied else "split",
        "cause_event_id": cause.id,
        "identifiers": [identifier.text for identifier in move.identifiers],
        "piece": piece,
    }


def _violation(violation: Violation, version: int) -> dict[str, Any]:
    return {
        **{end: identifier._asdict() for end, identifier in violation.pair._asdict().items()},
        "reason": violation.reason,
        "occurred_at": violation.date.at,
        "event_id": violation.date.id,
        "version": version,
        "deleted": not violation.reason,
    }
