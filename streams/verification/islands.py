"""What must be known to say who some customers are: all links of all identifiers that could be theirs.

    chosen customers -> their identifiers -> links of these -> customers of the other ends -> ... until nothing is new

So a sample is computed on whole islands. Links that count for nothing because an identifier is shared are not followed:
a kiosk would lead to everybody. Links whose stronger
end is not followed are known by table identity_violations alone: one that is missing there is found where the customer
of its stronger end is compared.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sinks.verify import Tables
from streams.domain.identity.definition import OVERFLOW, SHARED
from streams.domain.identity.links import Link, Pair
from streams.domain.ids import customer_id
from streams.verification.identities import Evidence, corrections, identifier_of, links_of, pair_of

#: Links that count for nothing, whatever the other end is.
NOT_FOLLOWED = (SHARED, OVERFLOW)


class _Told(NamedTuple):
    """A row of identity_violations."""

    reason: str
    occurred_at: int
    event_id: str


def read_islands(tables: Tables, customers: Collection[str]) -> Evidence:
    """The evidence on the islands of ``customers``."""
    islands = _Islands(tables)
    islands.follow(customers)
    return islands.evidence()


class _Islands:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._corrections = [*corrections(tables)]
        self._names: set[str] = set()
        self._customers: set[str] = set()
        self._links: dict[Pair, Link] = {}
        self._told: dict[Pair, _Told] = {}

    def follow(self, customers: Collection[str]) -> None:
        """Learn all of ``customers`` and of whom they are linked to."""
        ends: set[str] = set()
        while customers or ends:
            new = (self._identifiers_of(customers) | ends) - self._names
            self._names |= new
            self._customers.update(customers)
            ends = self._learn(new) - self._names
            customers = self._customers_of(ends) - self._customers
        self._learn_shared()

    def _identifiers_of(self, customers: Collection[str]) -> set[str]:
        if not customers:
            return set()
        rows = (*self._tables.identities_of(customers), *self._tables.vias_of(customers))
        return {identifier for identifier, _ in rows}

    def _learn(self, new: Collection[str]) -> set[str]:
        """Read what links ``new`` identifiers; the ends of links to follow."""
        if not new:
            return set()
        links = [*links_of(self._tables.links(new))]
        self._links.update((link.pair, link) for link in links)
        told = self._read_told(new)
        pairs = {*(link.pair for link in links), *told}
        pairs.update(said.pair for said in self._corrections if not {end.text for end in said.pair}.isdisjoint(new))
        followed = (pair for pair in pairs if pair not in self._told or self._told[pair].reason not in NOT_FOLLOWED)
        return {end.text for pair in followed for end in pair}

    def _read_told(self, identifiers: Collection[str]) -> list[Pair]:
        rows = self._tables.violations(identifiers)
        told = {pair_of(stronger, weaker): _Told(*why) for stronger, weaker, *why in rows}
        self._told |= told
        return [*told]

    def _customers_of(self, identifiers: Collection[str]) -> set[str]:
        if not identifiers:
            return set()
        stored: dict[str, str] = dict(self._tables.identities(identifiers))
        return {stored.get(text) or customer_id(identifier_of(text)) for text in identifiers}

    def _learn_shared(self) -> None:
        """Read who else bears what is not followed: enough to tell that it is shared. A user_id never is."""
        ends = {end for pair in self._told for end in pair if end.namespace != "user_id"}
        others = {end.text for end in ends} - self._names
        if others:
            self._read_told(others)

    def evidence(self) -> Evidence:
        """All that was learnt; of links whose stronger end wasn't followed, what the violations say."""
        elsewhere = (pair for pair in self._told if pair not in self._links and pair.stronger.text not in self._names)
        told = (Link(*pair, self._told[pair].occurred_at, self._told[pair].event_id) for pair in elsewhere)
        reasons = {pair: why.reason for pair, why in self._told.items()}
        return Evidence([*self._links.values(), *told], self._corrections, reasons, frozenset(self._names))
