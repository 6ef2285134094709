"""What must hold all the way: judged on every record when it is appended.

One (key, version) has one content, one (identifier, version) one customer; identifiers move from the customer last
told; a forward's stamp exceeds its arrival's; a row is on its customer's partition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from schemas.codec import decode
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from tests.convergence.events import Name
from tests.convergence.logs import Output

Fields = dict[str, Any]
#: Topics of records that stages of ours decode, and rows.
_HEARD = frozenset(
    {topics.ACTIVITY, topics.JOURNEYS, topics.SESSIONS, topics.ENGAGEMENT, topics.OUTCOMES}
    | {topics.LINKS, topics.ASSIGNMENTS, topics.IDENTITY_CHANGES, topics.JOURNEY_CHANGES, topics.DEAD}
)
#: What tells rows of a log of changes apart, the version included.
_KEYS_OF_CHANGES = {
    "identity_change": ("kind", "version", "from", "to", "cause_event_id"),
    "journey_change": (
        "customer_id", "version", "journey_before", "journey_after", "conversion_channel", "conversion_via",
        "conversion_event_id",
    ),
}  # fmt: skip


class Invariants:
    """Hears everything; keeps what the end and the producers ask for."""

    def __init__(self) -> None:
        self._decoded: dict[bytes, tuple[str, Fields]] = {}
        #: (record, key) -> version -> row
        self.rows: defaultdict[tuple[str, bytes], dict[int, Fields]] = defaultdict(dict)
        #: INTAKE's verdicts on a touchpoint, by the version of its row.
        self.verdicts: defaultdict[Name, dict[int, str]] = defaultdict(dict)
        #: identifier -> version -> customer
        self.assigned: defaultdict[str, dict[int, str]] = defaultdict(dict)
        #: identifier -> version -> (from, to)
        self.moves: defaultdict[str, dict[int, tuple[str, str]]] = defaultdict(dict)
        #: What operators said.
        self.corrections: list[Fields] = []
        #: Dead letters by where they were read.
        self.dead: dict[bytes, Fields] = {}
        #: (identifier, version, customer) by which touchpoints came
        self._ways: set[tuple[str, int, str]] = set()
        #: (customer, touchpoint) -> lowest version with which it came there
        self._arrivals: dict[tuple[str, Name], int] = {}
        self._changes: dict[tuple[Any, ...], Fields] = {}
        self._judge: dict[str, Callable[[Output, Fields], None]] = {
            "resolved_touchpoint": self._resolved,
            "touchpoints_handed_over": self._handed_over,
            "identifiers_moved": self._moved,
            "assignment": self._assigned,
            "correction": lambda _, fields: self.corrections.append(fields),
            "dead_letter": self._buried,
            **dict.fromkeys(("journey", "session", "engagement", "outcome", "identity_violation"), self._row),
        }

    def hear(self, output: Output, offset: int) -> Fields | None:
        """Judge what was just appended; gives its fields, None for what isn't judged."""
        if output.topic not in _HEARD or output.value is None:
            return None
        found = self._decoded.get(output.value)
        if found is None:
            found = self._decoded[output.value] = (*decode(output.value),)
        name, fields = found
        if name in _KEYS_OF_CHANGES:
            key = (name, *(fields[field] for field in _KEYS_OF_CHANGES[name]))
            _require_one(f"{key}", self._changes.setdefault(key, fields), fields)
        elif name in self._judge:
            self._judge[name](output, fields)
        return {"": name, **fields}

    def final(self, record: str) -> dict[bytes, Fields]:
        """Key -> the row of the highest version, as SINK keeps it."""
        return {key: rows[max(rows)] for (name, key), rows in self.rows.items() if name == record}

    def changes(self, record: str) -> list[Fields]:
        """What was logged, each once."""
        return [fields for key, fields in self._changes.items() if key[0] == record]

    def _row(self, output: Output, fields: Fields) -> None:
        assert output.key is not None
        name = self._decoded[output.value or b""][0]
        known = self.rows[name, output.key].setdefault(fields["version"], fields)
        _require_one(f"{name} {output.key.decode()}, version {fields['version']}", known, fields)

    def _buried(self, output: Output, fields: Fields) -> None:
        assert output.key is not None
        _require_one(f"dead letter {output.key.decode()}", self.dead.setdefault(output.key, fields), fields)

    def _assigned(self, output: Output, fields: Fields) -> None:
        self._row(output, fields)
        identifier = Identifier(**fields["identifier"]).text
        assert output.key == identifier.encode(), f"assignment of {identifier} under the key {output.key!r}"
        self.assigned[identifier][fields["version"]] = fields["customer"]

    def _moved(self, output: Output, fields: Fields) -> None:
        assert output.key == fields["from"].encode(), f"a move from {fields['from']} under the key {output.key!r}"
        for identifier in fields["identifiers"]:
            move = (fields["from"], fields["to"])
            known = self.moves[identifier].setdefault(fields["version"], move)
            assert known == move, f"{identifier}, version {fields['version']}: moves {known} and {move}"

    def _resolved(self, output: Output, fields: Fields) -> None:
        touchpoint = decode(fields["touchpoint"]).record
        name = (touchpoint["channel"], Identifier(**fields["via"]).text, touchpoint["event_id"])
        known = self.verdicts[name].setdefault(fields["intake_offset"], fields["actor"])
        assert known == fields["actor"], f"{name}, version {fields['intake_offset']}: {known} and {fields['actor']}"
        self._arrive(output, fields["to"], name, fields["version"])

    def _handed_over(self, output: Output, fields: Fields) -> None:
        order = [(t["occurred_at"], t["event_id"], t["channel"]) for t in fields["touchpoints"]]
        assert order == sorted(order), f"handed over out of order: {order}"
        assert fields["from"] != fields["to"], "handed over to itself"
        for touchpoint in fields["touchpoints"]:
            name = (touchpoint["channel"], fields["via"], touchpoint["event_id"])
            lowest = self._arrivals.get((fields["from"], name))
            stamp = fields["version"]
            assert lowest is not None, f"{name} handed over by {fields['from']}, where it never came"
            assert lowest < stamp, f"{name} forwarded with stamp {stamp}, it came with {lowest}"
            self._arrive(output, fields["to"], name, stamp)

    def _arrive(self, output: Output, to: str, name: Name, version: int) -> None:
        assert output.key == to.encode(), f"{name} for {to} under the key {output.key!r}"
        self._ways.add((name[1], version, to))
        known = self._arrivals.get((to, name), version)
        self._arrivals[to, name] = min(known, version)

    def require_chains(self) -> None:
        """A move's ``from`` is the customer last told; who was told moved, and the other way round; touchpoints came to
        customers that their via was told to belong to."""
        for identifier in {*self.moves, *self.assigned}:
            moves, told = self.moves[identifier], self.assigned[identifier]
            assert {v: to for v, (_, to) in moves.items()} == told, f"{identifier}: moves {moves}, assignments {told}"
            last = customer_id(Identifier(*identifier.split(":", 1)))
            for version in sorted(moves):
                came_from, to = moves[version]
                assert came_from == last, f"{identifier}, version {version}: moves from {came_from}, told was {last}"
                last = to
        for via, version, to in self._ways:
            told_to = self.assigned[via].get(version) if version else customer_id(Identifier(*via.split(":", 1)))
            assert to == told_to, f"a touchpoint came by {via} to {to} with version {version}, told was {told_to}"


def _require_one(what: str, known: Fields, found: Fields) -> None:
    if known is not found and known != found:
        differing = {field: (known[field], found[field]) for field in known if known[field] != found[field]}
        raise AssertionError(f"{what}: two contents, {differing}")
