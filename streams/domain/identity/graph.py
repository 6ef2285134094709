"""Who is one customer, link by link: always what `streams.domain.identity.definition` says of all that was told so far.

    link, correction --> what is known of the pair --> is it in force? --> does it count? --> join, or cut --> changes

An island is what counted links connect, refused ones included. One that is within the limits is one customer, and
nothing has to be sorted (`streams.domain.identity.joining`); others are cut anew where the order matters
(`streams.domain.identity.cutting`). A link that would give an island more than ``island_links`` is known but doesn't
count (`OVERFLOW`), so that no link costs more than such an island: this alone depends on arrival. It is judged again
when its pair's standing changes, and when one of its ends was shared and no longer is.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nsmallest
from operator import itemgetter

from streams.domain.identifiers import Identifier
from streams.domain.identity.cutting import cut
from streams.domain.identity.definition import OVERFLOW, SHARED
from streams.domain.identity.entries import COUNTED, OTHER, Edge, Node, State, customer_text
from streams.domain.identity.facts import Changes, Telling
from streams.domain.identity.joining import Meeting
from streams.domain.identity.kept import Kept, Member, Tie
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Correction, Link, Standing, earliest, joining_order, pair_of

NOTHING = Changes()


class Graph:
    """The graph kept in ``state``, and nowhere else: another one over the same entries goes on where this one is."""

    def __init__(self, state: State, limits: Limits) -> None:
        self._kept = Kept(state)
        self._limits = limits

    def link(self, link: Link, version: int) -> Changes:
        """Take evidence; ``version`` is told with what changes, and rises from call to call."""
        return self._learn(self._kept.tie(link.stronger, link.weaker), Edge(link.date), version)

    def correct(self, correction: Correction, version: int) -> Changes:
        """Take an operator's word; ``version`` as in `link`."""
        said = Edge(ruling=correction.ruling, asserted=correction.asserted)
        return self._learn(self._kept.tie(correction.stronger, correction.weaker), said, version)

    def customer(self, identifier: Identifier) -> str:
        """The customer_id of ``identifier``: one of its own where nothing is known."""
        return customer_text(self._kept.member(identifier).node.customer)

    def _learn(self, tie: Tie, said: Edge, version: int) -> Changes:
        known = tie.edge
        ruling = known.ruling if said.ruling is None else max(said.ruling, known.ruling or said.ruling)
        asserted = earliest(known.asserted, said.asserted)
        edge = Edge(earliest(known.evidence, said.evidence), ruling, known.reason, asserted)
        if edge == known:
            return NOTHING
        telling = Telling(version)
        self._stand(tie, edge, telling)
        return telling.changes()

    def _stand(self, tie: Tie, edge: Edge, telling: Telling) -> None:
        """Keep ``edge`` of ``tie``, with all that follows from how the pair stands now."""
        before, now = tie.edge.standing, edge.standing
        if before == now:
            self._kept.put_edge(tie, edge, tie.counted, telling)
        elif self._count_user(tie, (now is not None) - (before is not None)):
            self._flip(tie, edge, now, telling)
        elif now is None or tie.one.node.shared or tie.other.node.shared:
            self._kept.put_edge(tie, edge._replace(reason=SHARED if now else ""), False, telling)
            if tie.counted:
                cut(self._kept, (tie.one, tie.other), self._limits, telling)
        else:
            self._count(tie, edge._replace(reason="") if edge.reason else edge, before, now, telling)

    def _count(self, tie: Tie, edge: Edge, before: Standing | None, now: Standing, telling: Telling) -> None:
        """A pair in force, of which neither is shared."""
        meeting = Meeting(self._kept, tie)
        if meeting.links > self._limits.island_links:
            self._kept.put_edge(tie, edge._replace(reason=OVERFLOW), False, telling)
            return
        forward = not tie.counted or before is None or (before.asserted <= now.asserted and before.date >= now.date)
        if not (forward and meeting.join(edge, now, self._limits, telling)):
            self._kept.put_edge(tie, edge, True, telling)
            cut(self._kept, (tie.one, tie.other), self._limits, telling)

    def _count_user(self, tie: Tie, more: int) -> bool:
        """Count ``more`` user_ids that the other end is linked to, where this is one; whether it is shared by that, or
        no longer."""
        other = tie.other
        if not more or tie.one.identifier.namespace != "user_id" or other.identifier.namespace == "user_id":
            return False
        users = other.node.users + more
        shared = users >= self._limits.shared_after
        flips = shared != other.node.shared
        other.become(Node(other.node.customer, other.node.version, users, shared))
        return flips

    def _flip(self, tie: Tie, edge: Edge, now: Standing | None, telling: Telling) -> None:
        """The other end of ``tie``, which doesn't count, is shared from now on, or no longer: so are all its links."""
        flipped = tie.other
        self._kept.put_edge(tie, edge._replace(reason=SHARED if now else ""), False, telling)
        if flipped.node.shared:
            telling.shared += 1
            touched = self._drop_links(flipped, telling)
        else:
            telling.shared -= 1
            touched = self._restore_links(flipped, telling)
        cut(self._kept, [flipped, *touched], self._limits, telling)

    def _drop_links(self, flipped: Member, telling: Telling) -> list[Member]:
        """No link of ``flipped`` counts any more; the other ends."""
        others = []
        for identifier, edge in [*self._kept.ties(flipped, COUNTED)]:
            other = self._kept.member(identifier)
            tie = self._kept.tie_between(flipped, other, edge, True)
            self._kept.put_edge(tie, edge._replace(reason=SHARED), False, telling)
            others.append(other)
        return others

    def _restore_links(self, flipped: Member, telling: Telling) -> list[Member]:
        """Links of ``flipped`` in force count again, as many as its island takes in their order; the other ends."""
        links = 0
        islands = set()
        others = []
        for tie in self._in_force(flipped):
            other = tie.other if tie.one is flipped else tie.one
            customer = self._kept.customer(other)
            island = customer.island or other.node.customer
            more = 1 + (0 if island in islands else self._kept.island(customer)[0])
            counts = links + more <= self._limits.island_links
            self._kept.put_edge(tie, tie.edge._replace(reason="" if counts else OVERFLOW), counts, telling)
            if counts:
                links += more
                islands.add(island)
                others.append(other)
        return others

    def _in_force(self, member: Member) -> Iterator[Tie]:
        """Ties of ``member`` that don't count but may, because the other end isn't shared, in their order.

        Of a million only so many are looked at: what comes behind could hardly count, and keeps the reason that it has.
        """
        ties = (
            (joining_order(pair_of(member.identifier, identifier), found), identifier, edge)
            for identifier, edge in self._kept.ties(member, OTHER)
            if (found := edge.standing) is not None
        )
        for _, identifier, edge in nsmallest(2 * self._limits.island_links, ties, key=itemgetter(0)):
            other = self._kept.member(identifier)
            if not other.node.shared:
                yield self._kept.tie_between(member, other, edge, False)
