"""Who tests of identity are about: short names for identifiers, evidence of days, customers as lines to read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streams.domain.identifiers import Identifier
from streams.domain.identity.definition import Identified, identify
from streams.domain.identity.entries import (
    COUNTED,
    CUSTOMER,
    ISLAND,
    KEY_BYTES,
    NODE,
    TYPES,
    Edge,
    Island,
    key_of,
    weakness,
)
from streams.domain.identity.facts import Changes
from streams.domain.identity.graph import Graph
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import ASSERTED, LIFTED, RETRACTED, Correction, Date, Kind, Link, Pair, pair_of
from streams.domain.ids import customer_id
from streams.runtime.stage import Layout
from streams.runtime.values import Values
from tests.unit.builders import DAY, MIDNIGHT, MemoryState

ANNA, BEN, CLEO, DORA = (Identifier("user_id", name) for name in ("anna", "ben", "cleo", "dora"))
MAIL, POST = (Identifier("email_sha256", name) for name in ("mail", "post"))
TABLET, PHONE, KIOSK = (Identifier("device_id", name) for name in ("tablet", "phone", "kiosk"))
CHROME, FIREFOX, SAFARI = (Identifier("cookie_id", name) for name in ("chrome", "firefox", "safari"))
CLICK = Identifier("click_id", "click")


def seen(one: Identifier, other: Identifier, day: int = 1, event_id: str = "e") -> Link:
    """Both stood on one touchpoint on ``day``."""
    return Link(*pair_of(one, other), MIDNIGHT + day * DAY, event_id)


def _said(kind: Kind, one: Identifier, other: Identifier, day: int, correction_id: str) -> Correction:
    return Correction(correction_id, kind, *pair_of(one, other), MIDNIGHT + day * DAY, "because")


def asserted(one: Identifier, other: Identifier, day: int = 1, correction_id: str = "k") -> Correction:
    """An operator said on ``day`` that they are one."""
    return _said(ASSERTED, one, other, day, correction_id)


def retracted(one: Identifier, other: Identifier, day: int = 1, correction_id: str = "k") -> Correction:
    """An operator said on ``day`` that this pair doesn't link them."""
    return _said(RETRACTED, one, other, day, correction_id)


def lifted(one: Identifier, other: Identifier, day: int = 1, correction_id: str = "k") -> Correction:
    """An operator said on ``day`` that the evidence decides."""
    return _said(LIFTED, one, other, day, correction_id)


Said = Link | Correction


def batch(said: Iterable[Said], limits: Limits) -> Identified:
    """What the definition makes of all that was ``said``."""
    said = list(said)
    links = [one for one in said if isinstance(one, Link)]
    return identify(links, [one for one in said if isinstance(one, Correction)], limits)


def drawn(customers: Mapping[Identifier, str]) -> list[str]:
    """A line for each customer: its identifiers' values, first the canonical one, the others sorted."""
    members = defaultdict(list)
    for identifier, customer in customers.items():
        members[customer].append(identifier)
    lines = []
    for customer, identifiers in members.items():
        identifiers.sort(key=lambda identifier: (customer_id(identifier) != customer, identifier.value))
        assert customer_id(identifiers[0]) == customer
        lines.append(" ".join(identifier.value for identifier in identifiers))
    return sorted(lines)


def reasons(violations: Mapping[Pair, str]) -> dict[str, str]:
    """Both values of a pair -> why its link counts for nothing."""
    return {f"{stronger.value} {weaker.value}": reason for (stronger, weaker), reason in violations.items()}


class PackedState(MemoryState):
    """Entries packed as the runtime packs them."""

    values = Values(Layout(TYPES, kind_at=KEY_BYTES, group_bytes=KEY_BYTES))

    def get(self, key: bytes) -> object:
        packed = super().get(key)
        return None if packed is None else self.values.unpack(key, packed)

    def put(self, key: bytes, value: object) -> None:
        self.values.require(key)
        super().put(key, self.values.pack(value))

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]:
        for key, packed in super().scan(start, stop, reverse=reverse):
            yield key, self.values.unpack(key, packed)


class Followed:
    """A graph, and what somebody knows who heard only of its changes."""

    def __init__(self, limits: Limits = Limits(), state: MemoryState | None = None) -> None:  # noqa: B008
        self.limits = limits
        self.state = MemoryState(0) if state is None else state
        self.said: list[Said] = []
        self.customers: dict[Identifier, str] = {}
        self.violations: dict[Pair, tuple[str, Date]] = {}
        self.islands = self.shared = self.overflowing = 0

    def hear(self, *said: Said) -> Changes:
        """Take each of ``said``; the changes of the last."""
        changes = Changes()
        for one in said:
            self.said.append(one)
            # Made anew each time: nothing is remembered but in the state.
            graph, version = Graph(self.state, self.limits), len(self.said)
            changes = graph.link(one, version) if isinstance(one, Link) else graph.correct(one, version)
            self._follow(one.pair, changes)
        return changes

    def _follow(self, pair: Pair, changes: Changes) -> None:
        assert not changes.broken
        for end in pair:
            self.customers.setdefault(end, customer_id(end))
        for move in changes.moves:
            assert [*move.identifiers] == sorted(move.identifiers, key=lambda identifier: identifier.text)
            for identifier in move.identifiers:
                assert self.customers[identifier] == move.left != move.joined
                self.customers[identifier] = move.joined
        for move in changes.moves:
            assert move.emptied == (move.left not in self.customers.values())
        for violation in changes.violations:
            told = (violation.reason, violation.date)
            assert self.violations.get(violation.pair, ("", None)) != told
            self.violations[violation.pair] = told
            if not violation.reason:
                del self.violations[violation.pair]
        self.islands += changes.islands
        self.shared += changes.shared
        self.overflowing += changes.overflowing

    @property
    def drawn(self) -> list[str]:
        """The customers, a line for each."""
        return drawn(self.customers)

    @property
    def reasons(self) -> dict[str, str]:
        """Why links count for nothing."""
        return reasons({pair: reason for pair, (reason, _) in self.violations.items()})

    def require_defined(self) -> None:
        """What is known is what the definition says of all that was said, and the state agrees with itself."""
        expected = batch(self.said, self.limits)
        assert self.customers == expected.customers
        assert {pair: reason for pair, (reason, _) in self.violations.items()} == expected.violations
        graph = Graph(self.state, self.limits)
        assert self.customers == {identifier: graph.customer(identifier) for identifier in self.customers}
        self.require_sound()

    def require_sound(self) -> None:
        """The state agrees with itself."""
        kinds: dict[bytes, dict[bytes, Any]] = defaultdict(dict)
        counted: dict[bytes, list[tuple[bytes, Edge]]] = defaultdict(list)
        for key, value in self.state.scan(b"", b"\xff" * (KEY_BYTES + 1)):
            at, kind, text = key[:KEY_BYTES], key[KEY_BYTES : KEY_BYTES + 1], key[KEY_BYTES + 1 :].decode()
            if kind == COUNTED:
                counted[at].append((key_of(Identifier(*text.split(":"))), value))
            else:
                kinds[kind][at] = value
        members = defaultdict(list)
        for identifier in self.customers:
            members[kinds[NODE][key_of(identifier)].customer].append(identifier.namespace)
        assert kinds[CUSTOMER].keys() == {kinds[NODE][key].customer for key in counted}
        for key, customer in kinds[CUSTOMER].items():
            assert key == key_of(customer.canonical)
            assert customer.counts == Counter(members[key])
        islands = [self._require_island(piece, counted, kinds) for piece in _pieces(counted)]
        assert sorted(kinds[ISLAND]) == sorted(filter(None, islands))
        assert self.islands == len(kinds[ISLAND])
        assert self.shared == sum(node.shared for node in kinds[NODE].values())

    def _require_island(self, piece: set[bytes], counted: Edges, kinds: Mapping[bytes, Mapping[bytes, Any]]) -> bytes:
        """What is kept of an island is what its members and links say; the key of its founder."""
        customers = {key: kinds[CUSTOMER][key] for key in {kinds[NODE][member].customer for member in piece}}
        (founder,) = {customer.island for customer in customers.values()}
        links = sum(len(counted[member]) for member in piece) // 2
        refusals = {edge.reason for member in piece for _, edge in counted[member]} - {""}
        if refusals:
            assert kinds[ISLAND][founder] == Island(links, max(map(weakness, refusals)))
            assert founder in piece
            links = 0
        assert bool(refusals) == bool(founder) == (len(customers) > 1)
        assert {customer.links for customer in customers.values()} == {links}
        return founder


Edges = Mapping[bytes, list[tuple[bytes, Edge]]]


def _pieces(counted: Edges) -> list[set[bytes]]:
    """What is connected."""
    pieces: list[set[bytes]] = []
    for start in counted:
        if not any(start in piece for piece in pieces):
            piece, waiting = {start}, [start]
            while waiting:
                more = {other for other, _ in counted[waiting.pop()]} - piece
                piece |= more
                waiting += more
            pieces.append(piece)
    return pieces
