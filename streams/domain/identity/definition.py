"""Who is one customer, by definition: from the set of all links and corrections at once.

    links, corrections --> pairs in force --> but for shared identifiers --> joined in their order, within the limits

What is shown here in a few lines `streams.domain.identity.graph` keeps up to date link by link; tests hold the two
equal. The breaker (``island_links``), which depends on arrival, is not part of the definition.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streams.domain.identifiers import Identifier, rank
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import (
    Correction,
    Date,
    Link,
    Pair,
    Ruling,
    Standing,
    earliest,
    joining_order,
    standing,
)
from streams.domain.ids import customer_id

#: Reasons of violations, beside a namespace's name and `streams.domain.identity.limits.IDENTIFIERS`.
SHARED = "shared"
OVERFLOW = "overflow"


class Identified(NamedTuple):
    """``customers``: identifier -> customer_id, of every identifier that was named. ``violations``: links in force that
    count for nothing, each with its reason; one whose ends are joined anyhow is none."""

    customers: Mapping[Identifier, str]
    violations: Mapping[Pair, str]


def identify(links: Iterable[Link], corrections: Iterable[Correction], limits: Limits) -> Identified:
    """Customers and violations of ``links`` and ``corrections``, whose order says nothing."""
    pairs, in_force = _in_force(links, corrections)
    shared = _shared(in_force, limits)
    counted = {pair: found for pair, found in in_force.items() if shared.isdisjoint(pair)}
    customers, refused = _join({end for pair in pairs for end in pair}, counted, limits)
    return Identified(customers, refused | dict.fromkeys(in_force.keys() - counted.keys(), SHARED))


def _in_force(links: Iterable[Link], corrections: Iterable[Correction]) -> tuple[set[Pair], dict[Pair, Standing]]:
    """All pairs that were named, and those in force."""
    evidence: dict[Pair, Date] = {}
    rulings: dict[Pair, Ruling] = {}
    asserted: dict[Pair, Date | None] = {}
    for link in links:
        evidence[link.pair] = min(link.date, evidence.get(link.pair, link.date))
    for correction in corrections:
        rulings[correction.pair] = max(correction.ruling, rulings.get(correction.pair, correction.ruling))
        asserted[correction.pair] = earliest(correction.asserted, asserted.get(correction.pair))
    pairs = evidence.keys() | rulings.keys()
    found = {pair: standing(evidence.get(pair), rulings.get(pair), asserted.get(pair)) for pair in pairs}
    return pairs, {pair: one for pair, one in found.items() if one is not None}


def _shared(in_force: Iterable[Pair], limits: Limits) -> set[Identifier]:
    """Identifiers, other than a user_id, that are linked to so many user_ids that they are nobody's."""
    users = defaultdict(set)
    for pair in in_force:
        if pair.stronger.namespace == "user_id" != pair.weaker.namespace:
            users[pair.weaker].add(pair.stronger)
    return {identifier for identifier, linked in users.items() if len(linked) >= limits.shared_after}


def _join(
    identifiers: Iterable[Identifier], counted: Mapping[Pair, Standing], limits: Limits
) -> tuple[dict[Identifier, str], dict[Pair, str]]:
    """Customers of ``identifiers`` by the links that count, in their order, and the links that a limit refused."""
    customers = {identifier: {identifier} for identifier in identifiers}
    refused: dict[Pair, str] = {}
    for pair in sorted(counted, key=lambda pair: joining_order(pair, counted[pair])):
        one, other = customers[pair.stronger], customers[pair.weaker]
        if one is other:
            continue
        reason = limits.refusal(Counter(member.namespace for member in one | other))
        if reason:
            refused[pair] = reason
        else:
            one |= other
            customers.update(dict.fromkeys(other, one))
    first = _first_links(counted)
    canonical = {
        id(members): min(members, key=lambda m: canonical_order(m, first.get(m))) for members in customers.values()
    }
    return {one: customer_id(canonical[id(members)]) for one, members in customers.items()}, refused


def _first_links(counted: Mapping[Pair, Standing]) -> dict[Identifier, Date]:
    """The earliest link of each identifier, be it refused."""
    first: dict[Identifier, Date] = {}
    for pair, found in counted.items():
        for end in pair:
            first[end] = min(found.date, first.get(end, found.date))
    return first


def canonical_order(member: Identifier, first: Date | None) -> tuple[int, Date, str, str]:
    """Sort key of a customer's identifiers, of which the smallest names it; ``first``: its earliest link, None only
    where it stands alone."""
    return rank(member.namespace), first or Date(0, ""), member.namespace, member.value
