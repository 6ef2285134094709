"""The graph's entries, read and written as members and ties; what an analyst would want to know of it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.domain.identifiers import Identifier, strength
from streams.domain.identity.entries import (
    COUNTED,
    CUSTOMER,
    FIRST_OF_ALL,
    ISLAND,
    KEY_BYTES,
    NO_REFUSAL,
    NODE,
    OTHER,
    Customer,
    Edge,
    Island,
    Node,
    State,
    key_of,
)
from streams.domain.identity.facts import Telling, Told
from streams.domain.identity.links import Pair

UNKNOWN = Edge()
_TEXT_AT = KEY_BYTES + 1


class Member:
    """An identifier with its key and its ``node``; ``is_kept``: as it is in the state."""

    __slots__ = ("identifier", "is_kept", "is_known", "key", "node")

    def __init__(self, identifier: Identifier, key: bytes, node: Node | None) -> None:
        self.identifier = identifier
        self.key = key
        self.is_known = self.is_kept = node is not None
        self.node = node or Node(key)

    def become(self, node: Node) -> None:
        """Have another ``node``, which is yet to be kept."""
        self.node = node
        self.is_kept = False


class Tie(NamedTuple):
    """A pair with both ends, what is known of it, and whether it counts."""

    one: Member
    other: Member
    edge: Edge
    counted: bool

    @property
    def pair(self) -> Pair:
        return Pair(self.one.identifier, self.other.identifier)


class Kept:
    """Reads and writes entries in ``state``."""

    def __init__(self, state: State) -> None:
        self._get = state.get
        self._put = state.put
        self._delete = state.delete
        self._scan = state.scan

    def member(self, identifier: Identifier) -> Member:
        """``identifier`` as it is known, or as a customer of its own."""
        key = key_of(identifier)
        return Member(identifier, key, self._get(key + NODE))

    def keep(self, member: Member) -> None:
        """Write the node of ``member`` where it isn't kept."""
        if not member.is_kept:
            self._put(member.key + NODE, member.node)
            member.is_kept = True

    def tie(self, stronger: Identifier, weaker: Identifier) -> Tie:
        """What is known of the pair of both."""
        one, other = self.member(stronger), self.member(weaker)
        if not (one.is_known and other.is_known):
            return Tie(one, other, UNKNOWN, False)
        # Where a shared identifier has very many entries its counterpart has few.
        at, name = (one, other) if other.node.shared else (other, one)
        text = name.identifier.text.encode()
        edge = self._get(at.key + COUNTED + text)
        if edge is not None:
            return Tie(one, other, edge, True)
        return Tie(one, other, self._get(at.key + OTHER + text) or UNKNOWN, False)

    def tie_between(self, member: Member, other: Member, edge: Edge, counted: bool) -> Tie:
        """The tie of both, in the order of their strength."""
        if strength(member.identifier) < strength(other.identifier):
            return Tie(member, other, edge, counted)
        return Tie(other, member, edge, counted)

    def put_edge(self, tie: Tie, edge: Edge, counted: bool, telling: Telling) -> None:
        """Keep ``edge`` of ``tie``, and both of its ends."""
        one, other, known, was_counted = tie
        at_one, at_other = other.identifier.text.encode(), one.identifier.text.encode()
        if was_counted != counted and known is not UNKNOWN:
            kind = COUNTED if was_counted else OTHER
            self._delete(one.key + kind + at_one)
            self._delete(other.key + kind + at_other)
        kind = COUNTED if counted else OTHER
        self._put(one.key + kind + at_one, edge)
        self._put(other.key + kind + at_other, edge)
        self.keep(one)
        self.keep(other)
        if known.reason or edge.reason:
            telling.stood(tie.pair, _told(known), _told(edge))

    def ties(self, member: Member, kind: bytes) -> Iterator[tuple[Identifier, Edge]]:
        """The others that ``member`` is tied to by entries of ``kind``."""
        start = member.key + kind
        for key, edge in self._scan(start, start + b"\xff"):
            namespace, _, value = key[_TEXT_AT:].decode().partition(":")
            yield Identifier(namespace, value), edge

    def customer(self, member: Member) -> Customer:
        """The customer that ``member`` belongs to."""
        found: Customer | None = self._get(member.node.customer + CUSTOMER)
        return found or Customer({member.identifier.namespace: 1}, member.identifier, None, FIRST_OF_ALL, b"", 0)

    def put_customer(self, key: bytes, customer: Customer) -> None:
        """Keep ``customer``, whose canonical identifier is at ``key``."""
        self._put(key + CUSTOMER, customer)

    def drop_customer(self, key: bytes) -> Customer | None:
        """Forget the customer at ``key``; what it was, None where it had no links."""
        found: Customer | None = self._get(key + CUSTOMER)
        if found is not None:
            self._delete(key + CUSTOMER)
        return found

    def island(self, customer: Customer) -> tuple[int, int]:
        """Links and weakest refusal of the island that ``customer`` is part of, or all of."""
        if customer.island:
            found: Island = self._get(customer.island + ISLAND)
            return found
        return customer.links, NO_REFUSAL

    def put_island(self, key: bytes, island: Island) -> None:
        """Keep the ``island`` founded at ``key``."""
        self._put(key + ISLAND, island)

    def drop_island(self, key: bytes) -> bool:
        """Forget the island founded at ``key``; whether there was one."""
        was = self._get(key + ISLAND) is not None
        self._delete(key + ISLAND)
        return was

    def move(self, member: Member, customer: bytes, telling: Telling) -> None:
        """Let ``member`` belong to ``customer``."""
        left, version, users, shared = member.node
        member.node = node = Node(customer, telling.version, users, shared)
        member.is_kept = True
        self._put(member.key + NODE, node)
        telling.moved(member.identifier, member.key, left, customer, version)


def _told(edge: Edge) -> Told:
    found = edge.standing
    return edge.reason, None if found is None else found.date
