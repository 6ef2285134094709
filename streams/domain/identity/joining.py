"""A link that comes, or moves forward in the joining order, where what follows is plain; mostly it is.

With P and Q the customers of its two ends as they are:

    P is Q                      it joins nothing
    P and Q within the limits   it joins them, wherever it stands in the order: every other join still finds no more
                                than P and Q together, and what was refused was too much already without the other
    beyond them, and it stands  it is refused, because P and Q are whole when its turn comes; nothing else changes
    behind all that joined P, Q

Else it may take another link's place, and its island is cut anew. So it is, too, where an earlier refusal may have
another reason now, where the link's date makes another identifier canonical, and where two islands with refusals meet.
"""

from __future__ import annotations

from streams.domain.identifiers import Identifier, rank
from streams.domain.identity.definition import canonical_order
from streams.domain.identity.entries import COUNTED, Customer, Edge, Island, Position, weakness
from streams.domain.identity.facts import Telling
from streams.domain.identity.kept import Kept, Member, Tie
from streams.domain.identity.limits import Limits, added
from streams.domain.identity.links import Date, Standing


class Meeting:
    """The customers P and Q at the ends of ``tie``, and their islands."""

    def __init__(self, kept: Kept, tie: Tie) -> None:
        self._kept = kept
        self._tie = tie
        self._are_one = tie.one.node.customer == tie.other.node.customer
        self._p = p = kept.customer(tie.one)
        self._q = q = p if self._are_one else kept.customer(tie.other)
        self._share_island = self._are_one or (p.island == q.island != b"")
        links, self._p_weakest = kept.island(p)
        more, self._q_weakest = (0, self._p_weakest) if self._share_island else kept.island(q)
        #: Links that count in both islands together, this one included.
        self.links = links + more + (not tie.counted)

    def join(self, edge: Edge, standing: Standing, limits: Limits, telling: Telling) -> bool:
        """Let the tie count as ``edge`` says; False, and nothing is done, where its island must be cut anew.

        The tie doesn't count yet, or it did and stands no later now, neither in the order nor by its date.
        """
        one, other = self._tie.one.identifier, self._tie.other.identifier
        p = _dated(self._p, one, standing.date)
        q = _dated(p if self._are_one and p else self._q, other, standing.date)
        if p is None or q is None:
            return False
        if self._are_one:
            return self._stay_one(q, edge, telling)
        position = (not standing.asserted, rank(one.namespace), rank(other.namespace), standing.date)
        counts = added(p.counts, q.counts)
        reason = limits.refusal(counts)
        if self._share_island or not (p.island and q.island):
            if reason:
                return self._refuse(p, q, position, edge._replace(reason=reason), telling)
            return self._merge(p, q, counts, position, edge, telling)
        # Their other customers would have to learn who founded the island that both are then.
        return False

    def _stay_one(self, customer: Customer, edge: Edge, telling: Telling) -> bool:
        if self._p_weakest > rank(customer.canonical.namespace):
            return False
        self._kept.put_edge(self._tie, edge, True, telling)
        if not customer.island:
            customer = customer._replace(links=self.links)
        elif not self._tie.counted:
            self._kept.put_island(customer.island, Island(self.links, self._p_weakest))
        if customer is not self._p:
            self._kept.put_customer(self._tie.one.node.customer, customer)
        return True

    def _refuse(self, p: Customer, q: Customer, position: Position, edge: Edge, telling: Telling) -> bool:
        if position <= p.last or position <= q.last:
            return False
        at_p, at_q = self._tie.one.node.customer, self._tie.other.node.customer
        founder = p.island or q.island or at_p
        telling.islands += not (p.island or q.island)
        self._kept.put_edge(self._tie, edge, True, telling)
        self._kept.put_customer(at_p, p._replace(island=founder, links=0))
        self._kept.put_customer(at_q, q._replace(island=founder, links=0))
        weakest = max(self._p_weakest, self._q_weakest, weakness(edge.reason))
        self._kept.put_island(founder, Island(self.links, weakest))
        return True

    def _merge(
        self, p: Customer, q: Customer, counts: dict[str, int], position: Position, edge: Edge, telling: Telling
    ) -> bool:
        p_rank, q_rank = rank(p.canonical.namespace), rank(q.canonical.namespace)
        if self._p_weakest > q_rank or self._q_weakest > p_rank:
            return False
        winner, stays, loser, goes = p, self._tie.one, q, self._tie.other
        if q_rank < p_rank or (q_rank == p_rank and _name_order(q) < _name_order(p)):
            winner, stays, loser, goes = loser, goes, winner, stays
        key, left, island = stays.node.customer, goes.node.customer, p.island or q.island
        for member in _members(self._kept, goes, loser, telling):
            self._kept.move(member, key, telling)
        self._kept.put_edge(self._tie, edge, True, telling)
        if loser.links or loser.island:
            self._kept.drop_customer(left)
        last = max(p.last, q.last, position)
        links = 0 if island else self.links
        self._kept.put_customer(key, Customer(counts, winner.canonical, winner.first, last, island, links))
        if island:
            self._kept.put_island(island, Island(self.links, max(self._p_weakest, self._q_weakest)))
        return True


def _dated(customer: Customer, end: Identifier, date: Date) -> Customer | None:
    """``customer`` with a link of its ``end`` at ``date``; None where that makes ``end`` the canonical one."""
    counts, canonical, first, last, island, links = customer
    if end == canonical:
        if first is not None and first <= date:
            return customer
        return Customer(counts, canonical, date, last, island, links)
    if rank(end.namespace) > rank(canonical.namespace):
        return customer
    return None if canonical_order(end, date) < canonical_order(canonical, first) else customer


def _name_order(customer: Customer) -> tuple[int, Date, str, str]:
    return canonical_order(customer.canonical, customer.first)


def _members(kept: Kept, start: Member, customer: Customer, telling: Telling) -> list[Member]:
    """All of ``customer``, to whom ``start`` belongs."""
    size = sum(customer.counts.values())
    if size == 1:
        return [start]
    found, seen = [start], {start.key}
    for member in found:
        for identifier, _ in kept.ties(member, COUNTED):
            other = kept.member(identifier)
            if other.key not in seen:
                seen.add(other.key)
                if other.node.customer == start.node.customer:
                    found.append(other)
    if len(found) != size:
        telling.broken.append("a customer has the identifiers that it counts")
    return found
