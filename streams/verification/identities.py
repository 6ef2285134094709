"""Who is one customer, computed again from the pairs on touchpoints and from corrections.

Links beyond the breaker (violation ``overflow``) are taken as they were told: what they are depends on arrival.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from sinks.verify import Tables
from streams.domain.identifiers import Identifier
from streams.domain.identity.definition import OVERFLOW, Identified, identify
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Correction, Link, Pair
from streams.domain.ids import customer_id
from streams.topics import LINKS
from streams.verification.differences import Cell, Comparison, Difference


def compute(tables: Tables, limits: Limits) -> tuple[Identified, set[Pair]]:
    """What the links and corrections in ``tables`` come to, and the pairs beyond the breaker, which were left out."""
    overflow = {_pair(stronger, weaker) for stronger, weaker, reason in tables.violations() if reason == OVERFLOW}
    links = (link for link in _links(tables) if link.pair not in overflow)
    return identify(links, _corrections(tables), limits), overflow


def _links(tables: Tables) -> Iterator[Link]:
    for via, other, (occurred_at, event_id) in tables.links():
        yield Link(identifier_of(via), identifier_of(other), occurred_at, event_id)


def _corrections(tables: Tables) -> Iterator[Correction]:
    for correction_id, kind, stronger, weaker, corrected_at, reason in tables.corrections(LINKS):
        yield Correction(correction_id, kind, identifier_of(stronger), identifier_of(weaker), corrected_at, reason)


def compare_identities(identified: Identified, tables: Tables, comparison: Comparison) -> None:
    """Each identifier's customer; one without a row has its own."""
    found: dict[str, str] = dict(tables.identities())
    for identifier, expected in identified.customers.items():
        own = customer_id(identifier)
        stored = found.pop(identifier.text, None)
        if (stored or own) == expected:
            comparison.equal += 1
        elif stored is None:
            comparison.add(Difference("missing", identifier.text, (Cell("customer_id", expected, None),)))
        else:
            comparison.add(Difference("different", identifier.text, (Cell("customer_id", expected, stored),)))
    for text, stored in found.items():
        if stored == customer_id(identifier_of(text)):
            comparison.equal += 1
        else:
            comparison.add(Difference("extra", text, (Cell("customer_id", None, stored),)))


def compare_violations(identified: Identified, overflow: set[Pair], tables: Tables, comparison: Comparison) -> None:
    """Each link that doesn't count, with its reason."""
    violations = {**identified.violations, **dict.fromkeys(overflow, OVERFLOW)}
    expected = {_key(pair): (reason,) for pair, reason in violations.items()}
    found = {f"{stronger} -- {weaker}": (reason,) for stronger, weaker, reason in tables.violations()}
    comparison.compare(("reason",), expected, found)


def compare_vias(identified: Identified, tables: Tables, comparison: Comparison) -> list[tuple[str, str]]:
    """What touchpoints store of their via; gives (via, customer) where the customer is another than that."""
    moved = []
    for via, stored in tables.vias():
        identifier = identifier_of(via)
        own = customer_id(identifier)
        if own == stored:
            comparison.equal += 1
        else:
            comparison.add(Difference("different", via, (Cell("via_customer", own, stored),)))
        customer = identified.customers.get(identifier, own)
        if customer != stored:
            moved.append((via, customer))
    return moved


@lru_cache(1 << 16)
def identifier_of(text: str) -> Identifier:
    """The identifier that ``namespace:value`` says."""
    namespace, _, value = text.partition(":")
    return Identifier(namespace, value)


def _pair(stronger: str, weaker: str) -> Pair:
    return Pair(identifier_of(stronger), identifier_of(weaker))


def _key(pair: Pair) -> str:
    return f"{pair.stronger.text} -- {pair.weaker.text}"
