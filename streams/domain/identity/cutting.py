"""Islands cut anew: what links that count still connect is walked, and joined again in the order of the definition.

touched --walk--> pieces, each all that its links connect --join--> customers, refused links --settle--> state, facts
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from streams.domain.identity.definition import canonical_order
from streams.domain.identity.entries import (
    COUNTED,
    FIRST_OF_ALL,
    Customer,
    Island,
    Position,
    weakness,
)
from streams.domain.identity.facts import Telling
from streams.domain.identity.kept import Kept, Member, Tie
from streams.domain.identity.limits import Limits, added
from streams.domain.identity.links import Date, JoiningOrder, Pair, joining_order

Ties = list[tuple[JoiningOrder, Tie]]


class Group:
    """Members that are one customer: so many of each namespace, and where the link stands that joined them last."""

    __slots__ = ("counts", "last", "members")

    def __init__(self, member: Member) -> None:
        self.members = [member]
        self.counts: Mapping[str, int] = {member.identifier.namespace: 1}
        self.last: Position = FIRST_OF_ALL


class Piece:
    """What counted links connect with ``start``: ``members`` by their keys, and ``ties`` in their joining order; the
    ``groups`` that are a customer each, and the links ``refused``, with the reason."""

    def __init__(self, kept: Kept, start: Member, limits: Limits) -> None:
        self.members, self.ties = _walk(kept, start)
        self.groups, self.refused = _join(self.members, self.ties, limits)

    def settle(self, kept: Kept, telling: Telling) -> None:
        """Keep what was refused and why, move members to their customers, and keep these."""
        for order, tie in self.ties:
            reason = self.refused.get(order[-1], "")
            if tie.edge.reason != reason:
                kept.put_edge(tie, tie.edge._replace(reason=reason), True, telling)
        first = _first_links(self.ties)
        named = [
            (min(group.members, key=lambda m: canonical_order(m.identifier, first.get(m.key))), group)
            for group in self.groups
        ]
        for canonical, group in named:
            for member in group.members:
                if member.node.customer != canonical.key:
                    kept.move(member, canonical.key, telling)
        links, founder = len(self.ties), b""
        if self.refused:
            founder = min(canonical.key for canonical, _ in named)
            kept.put_island(founder, Island(links, max(map(weakness, self.refused.values()))))
            telling.islands += 1
            links = 0
        for canonical, group in named if self.ties else ():
            customer = Customer(group.counts, canonical.identifier, first[canonical.key], group.last, founder, links)
            kept.put_customer(canonical.key, customer)


def cut(kept: Kept, touched: Iterable[Member], limits: Limits, telling: Telling) -> None:
    """Cut the islands of ``touched`` anew, keep what they are now and tell what changed."""
    pieces: list[Piece] = []
    seen: set[bytes] = set()
    for start in touched:
        if start.key not in seen:
            pieces.append(Piece(kept, start, limits))
            seen |= pieces[-1].members.keys()
    # First all that was goes: what is kept of one piece may stand where something of another one stood.
    for key in {member.node.customer for piece in pieces for member in piece.members.values()}:
        customer = kept.drop_customer(key)
        if customer is not None and customer.island:
            telling.islands -= kept.drop_island(customer.island)
    for piece in pieces:
        telling.recut += len(piece.ties)
        piece.settle(kept, telling)


def _walk(kept: Kept, start: Member) -> tuple[dict[bytes, Member], Ties]:
    members = {start.key: kept.member(start.identifier)}
    waiting, done = [*members.values()], set()
    found: Ties = []
    while waiting:
        member = waiting.pop()
        done.add(member.key)
        for identifier, edge in kept.ties(member, COUNTED):
            other = kept.member(identifier)
            if other.key in done:
                continue
            if other.key not in members:
                members[other.key] = other
                waiting.append(other)
            found.append(_ordered(kept.tie_between(member, members[other.key], edge, True)))
    found.sort(key=itemgetter(0))
    return members, found


def _ordered(tie: Tie) -> tuple[JoiningOrder, Tie]:
    found = tie.edge.standing
    assert found is not None  # noqa: S101 - what counts is in force
    return joining_order(tie.pair, found), tie


def _join(members: Mapping[bytes, Member], ties: Ties, limits: Limits) -> tuple[list[Group], dict[Pair, str]]:
    """As the definition joins; of two groups the smaller goes to the larger."""
    of = {key: Group(member) for key, member in members.items()}
    refused: dict[Pair, str] = {}
    for order, tie in ties:
        large, small = of[tie.one.key], of[tie.other.key]
        if large is small:
            continue
        counts = added(large.counts, small.counts)
        reason = limits.refusal(counts)
        if reason:
            refused[order[-1]] = reason
            continue
        if len(large.members) < len(small.members):
            large, small = small, large
        large.members += small.members
        large.counts, large.last = counts, order[:4]
        of.update((member.key, large) for member in small.members)
    return [group for key, group in of.items() if group.members[0].key == key], refused


def _first_links(ties: Ties) -> dict[bytes, Date]:
    """The earliest link of each member, be it refused."""
    first: dict[bytes, Date] = {}
    for order, tie in ties:
        for key in (tie.one.key, tie.other.key):
            first[key] = min(order[3], first.get(key, order[3]))
    return first
