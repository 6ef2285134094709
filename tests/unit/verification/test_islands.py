"""Who a few customers are, computed on their islands, is what the definition says of all evidence at once."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from typing import Any, cast

import pytest

from sinks.verify import Tables
from streams.domain.identifiers import Identifier
from streams.domain.identity.definition import Identified, identify
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import KINDS, Correction, Link, Pair, pair_of
from streams.domain.ids import customer_id
from streams.verification.identities import compute
from streams.verification.islands import read_islands
from tests.unit.domain.identity.people import ANNA, BEN, CHROME, CLEO, DORA, PHONE, TABLET, retracted, seen

LIMITS = Limits(namespaces={"user_id": 1, "cookie_id": 2}, identifiers=5, shared_after=3)
NAMESPACES = ("user_id", "email_sha256", "device_id", "cookie_id", "click_id")
Rows = Iterator[tuple[Any, ...]]


class Evident:
    """The tables as the stages fill them, as far as identity is concerned."""

    def __init__(self, links: Collection[Link], said: Collection[Correction], limits: Limits) -> None:
        self._links = links
        self._said = said
        self.whole: Identified = identify(links, said, limits)
        self.read: set[str] = set()

    def links(self, vias: Collection[str]) -> Rows:
        self.read |= {*vias}
        for pair in {link.pair for link in self._links if link.stronger.text in vias}:
            earliest = min(link.date for link in self._links if link.pair == pair)
            yield pair.stronger.text, pair.weaker.text, earliest

    def corrections(self, _topic: str) -> Rows:
        for one in self._said:
            yield one.correction_id, one.kind, one.stronger.text, one.weaker.text, one.corrected_at, one.reason

    def identities(self, identifiers: Collection[str]) -> Rows:
        return (row for row in self._stored() if row[0] in identifiers)

    def identities_of(self, customers: Collection[str]) -> Rows:
        return (row for row in self._stored() if row[1] in customers)

    def _stored(self) -> Rows:
        for identifier, customer in self.whole.customers.items():
            if customer != customer_id(identifier):
                yield identifier.text, customer

    def vias_of(self, customers: Collection[str]) -> Rows:
        for via in {link.stronger for link in self._links}:
            if customer_id(via) in customers:
                yield via.text, customer_id(via)

    def violations(self, identifiers: Collection[str]) -> Rows:
        for pair, reason in self.whole.violations.items():
            if not {end.text for end in pair}.isdisjoint(identifiers):
                yield pair.stronger.text, pair.weaker.text, reason, *self._date(pair)

    def _date(self, pair: Pair) -> tuple[int, str]:
        dates = [link.date for link in self._links if link.pair == pair]
        dates += [one.asserted for one in self._said if one.pair == pair and one.asserted]
        return min(dates)


def computed(tables: Evident, customers: Collection[str], limits: Limits) -> tuple[Identified, Collection[str]]:
    """Who the identifiers on the islands of ``customers`` are, and which these are."""
    evidence = read_islands(cast(Tables, tables), customers)
    assert evidence.names is not None
    return compute(evidence, limits), evidence.names


def require_equal(tables: Evident, customers: Collection[str], limits: Limits = LIMITS) -> Collection[str]:
    """What is compared is right and holds the customers' identifiers; gives their texts."""
    found, names = computed(tables, customers, limits)
    whole = tables.whole
    linked = {identifier: customer for identifier, customer in whole.customers.items() if identifier.text in names}
    assert found.customers == linked
    assert {identifier.text for identifier, customer in whole.customers.items() if customer in customers} <= {*names}
    assert found.violations == {pair: why for pair, why in whole.violations.items() if pair.stronger.text in names}
    return names


def drawn(rng: random.Random) -> tuple[list[Link], list[Correction]]:
    """Links and corrections between a few identifiers, so that much is shared and refused. No touchpoint bears two
    user_ids."""
    known = [Identifier(namespace, str(i)) for namespace in NAMESPACES for i in range(rng.randint(1, 7))]
    pairs = [pair_of(*rng.sample(known, 2)) for _ in range(rng.randint(2, 30))]
    borne = [pair for pair in pairs if pair.weaker.namespace != "user_id"]
    links = [Link(*pair, rng.randrange(5), str(i)) for i, pair in enumerate(borne)]
    said = [
        Correction(str(i), rng.choice(KINDS), *rng.choice(pairs), rng.randrange(9)) for i in range(rng.randint(0, 4))
    ]
    return links, said


@pytest.mark.parametrize("seed", range(40))
def test_any_customers_are_who_they_are_by_all_evidence(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        links, said = drawn(rng)
        tables = Evident(links, said, LIMITS)
        customers = sorted({tables.whole.customers[link.stronger] for link in links})
        require_equal(tables, rng.sample(customers, min(len(customers), rng.randint(1, 3))))


def test_what_is_drawn_is_not_easy() -> None:
    rng = random.Random(0)
    reasons: list[str] = []
    for _ in range(50):
        reasons += Evident(*drawn(rng), LIMITS).whole.violations.values()
    assert all(reasons.count(name) > 5 for name in ("shared", "user_id", "identifiers"))


def test_a_shared_tablet_leads_to_nobody_else() -> None:
    links = [seen(user, TABLET, event_id=str(i)) for i, user in enumerate((ANNA, BEN, CLEO, DORA))]
    tables = Evident([*links, seen(BEN, PHONE), seen(ANNA, CHROME)], [], LIMITS)
    assert require_equal(tables, [customer_id(ANNA)]) == {ANNA.text, CHROME.text}
    assert tables.read == {ANNA.text, CHROME.text}


def test_who_lost_a_device_is_on_the_island_of_who_has_it() -> None:
    tables = Evident([seen(ANNA, TABLET, 1), seen(BEN, TABLET, 2), seen(BEN, PHONE)], [], LIMITS)
    assert require_equal(tables, [customer_id(BEN)]) == {ANNA.text, BEN.text, TABLET.text, PHONE.text}


def test_what_an_operator_parted_is_computed_on_one_island() -> None:
    links = [seen(ANNA, TABLET), seen(ANNA, PHONE), seen(PHONE, CHROME)]
    tables = Evident(links, [retracted(ANNA, PHONE)], LIMITS)
    assert require_equal(tables, [customer_id(PHONE)]) == {ANNA.text, TABLET.text, PHONE.text, CHROME.text}


def test_what_the_tables_give_to_somebody_else_is_found_from_both_sides() -> None:
    tables = Evident([seen(ANNA, PHONE), seen(BEN, TABLET)], [], LIMITS)
    tables.whole = Identified({**tables.whole.customers, PHONE: customer_id(BEN)}, {})
    for_anna, names = computed(tables, [customer_id(ANNA)], LIMITS)
    assert PHONE.text in names
    assert for_anna.customers[PHONE] == customer_id(ANNA)
    for_ben, names = computed(tables, [customer_id(BEN)], LIMITS)
    assert PHONE.text in names
    assert PHONE not in for_ben.customers
