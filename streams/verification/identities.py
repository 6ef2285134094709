"""Who is one customer, computed again from the pairs on touchpoints and from corrections.

Links beyond the breaker (violation ``overflow``) are taken as they were told: what they are depends on arrival.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from sinks.verify import Tables
from streams.domain.identifiers import Identifier
from streams.domain.identity.definition import OVERFLOW, Identified, identify
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Correction, Link, Pair
from streams.domain.ids import customer_id
from streams.domain.touchpoint import Order
from streams.topics import LINKS
from streams.verification.differences import Cell, Comparison, Difference, kind_of
from streams.verification.traces import SHOWN, touchpoints


class Evidence(NamedTuple):
    """What is known of pairs, and who is compared.

    ``told``: violations as the table has them, each with its reason; ``names``: the identifiers that are compared,
    because all of their links are known, None for all.
    """

    links: Iterable[Link]
    corrections: Collection[Correction]
    told: Mapping[Pair, str]
    names: Collection[str] | None = None

    @property
    def overflow(self) -> set[Pair]:
        """The pairs beyond the breaker."""
        return {pair for pair, reason in self.told.items() if reason == OVERFLOW}

    def has(self, identifier: Identifier) -> bool:
        """Whether ``identifier`` is compared."""
        return self.names is None or identifier.text in self.names


def read_all(tables: Tables) -> Evidence:
    """All evidence there is; the links are a stream."""
    told = {pair_of(stronger, weaker): reason for stronger, weaker, reason, *_ in tables.violations()}
    return Evidence(links_of(tables.links()), [*corrections(tables)], told)


def links_of(rows: Iterable[tuple[str, str, tuple[int, str]]]) -> Iterator[Link]:
    """The links in rows of `sinks.verify.Tables.links`."""
    for via, other, (occurred_at, event_id) in rows:
        yield Link(identifier_of(via), identifier_of(other), occurred_at, event_id)


def corrections(tables: Tables) -> Iterator[Correction]:
    """What operators said, as far as IDENTITY could take it."""
    for correction_id, kind, stronger, weaker, corrected_at, reason in tables.corrections(LINKS):
        yield Correction(correction_id, kind, identifier_of(stronger), identifier_of(weaker), corrected_at, reason)


def compute(evidence: Evidence, limits: Limits) -> Identified:
    """What ``evidence`` comes to, as far as it is compared; pairs beyond the breaker stay out of it."""
    overflow = evidence.overflow
    links = (link for link in evidence.links if link.pair not in overflow)
    identified = identify(links, evidence.corrections, limits)
    customers = {one: customer for one, customer in identified.customers.items() if evidence.has(one)}
    violations = {**identified.violations, **dict.fromkeys(overflow, OVERFLOW)}
    return Identified(customers, {pair: why for pair, why in violations.items() if evidence.has(pair.stronger)})


def customer_of(identified: Identified, identifier: Identifier) -> str:
    """Whose ``identifier`` is: its own customer's where nothing links it."""
    return identified.customers.get(identifier) or customer_id(identifier)


def compare_identities(identified: Identified, evidence: Evidence, tables: Tables, comparison: Comparison) -> None:
    """Each identifier's customer; one without a row has its own."""
    found: dict[str, str] = dict(tables.identities(evidence.names))
    for identifier, expected in identified.customers.items():
        stored = found.pop(identifier.text, None)
        _compare_customer(identifier.text, expected, stored, stored or customer_id(identifier), tables, comparison)
    for text, stored in found.items():
        _compare_customer(text, None, stored, customer_id(identifier_of(text)), tables, comparison)


def _compare_customer(
    text: str, expected: str | None, stored: str | None, found: str, tables: Tables, comparison: Comparison
) -> None:
    """``found``: what ``stored`` comes to, where that is expected; its own customer, where nothing is."""
    if found == (expected or stored):
        comparison.equal += 1
        return
    kind = kind_of(expected is not None, stored is not None)
    cell = Cell("customer_id", expected, stored)
    comparison.add(Difference(kind, text, (cell,)), lambda _: _touchpoints_with(tables, text))


def compare_violations(identified: Identified, evidence: Evidence, tables: Tables, comparison: Comparison) -> None:
    """Each link that doesn't count, with its reason."""
    expected = identified.violations
    found = {pair: reason for pair, reason in evidence.told.items() if evidence.has(pair.stronger)}
    pairs = {f"{pair.stronger.text} -- {pair.weaker.text}": pair for pair in (*expected, *found)}
    comparison.compare(
        ("reason",),
        {key: (expected[pair],) for key, pair in pairs.items() if pair in expected},
        {key: (found[pair],) for key, pair in pairs.items() if pair in found},
        lambda key: _touchpoints_with(tables, *(end.text for end in pairs[key])),
    )


def compare_vias(identified: Identified, evidence: Evidence, tables: Tables, comparison: Comparison) -> dict[str, str]:
    """What touchpoints store of their via; gives the customer of each via where it is another than that."""
    moved = {}
    for via, stored in tables.vias(evidence.names):
        identifier = identifier_of(via)
        own = customer_id(identifier)
        if own == stored:
            comparison.equal += 1
        else:
            cell = Cell("via_customer", own, stored)
            comparison.add(Difference("different", via, (cell,)), lambda key: _touchpoints_with(tables, key))
        customer = customer_of(identified, identifier)
        if customer != stored:
            moved[via] = customer
    return moved


def _touchpoints_with(tables: Tables, *identifiers: str) -> Iterator[str]:
    rows = tables.touchpoints_with(identifiers, SHOWN)
    bear = " and ".join(identifiers)
    return touchpoints(
        f"touchpoints that bear {bear}", [Order._make(row[:4]) for row in rows], rows[0][-1] if rows else 0
    )


@lru_cache(1 << 16)
def identifier_of(text: str) -> Identifier:
    """The identifier that ``namespace:value`` says."""
    namespace, _, value = text.partition(":")
    return Identifier(namespace, value)


def pair_of(stronger: str, weaker: str) -> Pair:
    """The pair that two texts say."""
    return Pair(identifier_of(stronger), identifier_of(weaker))
