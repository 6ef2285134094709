"""The graph link by link: equal to the definition after each, whatever comes in whatever order, and what it tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.identifiers import Identifier
from streams.domain.identity.definition import OVERFLOW, SHARED
from streams.domain.identity.facts import Changes, Move, Violation
from streams.domain.identity.graph import Graph
from streams.domain.identity.limits import IDENTIFIERS, Limits
from streams.domain.identity.links import KINDS, Correction, Date, Link, pair_of
from streams.domain.ids import customer_id
from tests.unit.builders import DAY, MIDNIGHT, MemoryState
from tests.unit.domain.identity.people import (
    ANNA,
    BEN,
    CHROME,
    CLEO,
    CLICK,
    DORA,
    FIREFOX,
    KIOSK,
    MAIL,
    PHONE,
    POST,
    SAFARI,
    TABLET,
    Followed,
    PackedState,
    Said,
    asserted,
    lifted,
    retracted,
    seen,
)

# Any evidence, in every order. Few identifiers, small limits and few times, so that every rule matters.

BADGE, ALIAS = Identifier("badge", "1"), Identifier("alias", "1")
USERS = (ANNA, BEN, CLEO, DORA)
EVERYBODY = (*USERS, MAIL, POST, TABLET, PHONE, KIOSK, CHROME, FIREFOX, SAFARI, CLICK, BADGE, ALIAS)

pairs = st.lists(st.sampled_from(EVERYBODY), min_size=2, max_size=2, unique=True).map(lambda two: pair_of(*two))
dates = st.integers(1, 4)
links = st.builds(lambda pair, at, id_: Link(*pair, at, id_), pairs, dates, st.sampled_from("efg"))
corrections = st.builds(
    lambda id_, kind, pair, at: Correction(id_, kind, *pair, at),
    st.sampled_from("km"),
    st.sampled_from(KINDS),
    pairs,
    dates,
)
evidence = st.lists(links | links | links | corrections, max_size=25)
limit_sets = st.builds(
    lambda users, others, badges, identifiers, shared_after: Limits(
        namespaces={
            "user_id": users,
            **dict.fromkeys(("email_sha256", "device_id", "cookie_id"), others),
            "alias": badges,
        },
        identifiers=identifiers,
        shared_after=shared_after,
    ),
    st.sampled_from([1, 1, 1, 2]),
    st.sampled_from([1, 2, 9]),
    st.sampled_from([1, 9]),
    st.sampled_from([3, 4, 6, 99]),
    st.sampled_from([1, 2, 3]),
)


@settings(max_examples=300)
@given(evidence, limit_sets)
def test_after_each_link_and_correction_the_graph_is_what_the_definition_says(said: list[Said], limits: Limits) -> None:
    followed = Followed(limits)
    for one in said:
        followed.hear(one)
        followed.require_defined()


@settings(max_examples=60)
@given(evidence, limit_sets)
def test_a_graph_packed_and_unpacked_goes_on_the_same(said: list[Said], limits: Limits) -> None:
    kept, packed = Followed(limits), Followed(limits, PackedState(0))
    for one in said:
        assert kept.hear(one) == packed.hear(one)
    packed.require_defined()


@settings(max_examples=60)
@given(evidence, limit_sets, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(said: list[Said], limits: Limits, random: Random) -> None:
    once, again = Followed(limits), Followed(limits)
    once.hear(*said)
    repeated = [*said, *said]
    random.shuffle(repeated)
    again.hear(*repeated)
    assert once.customers == again.customers
    assert once.violations == again.violations


SMALL_CASES: dict[str, tuple[Said, ...]] = {
    "an earlier login": (seen(ANNA, TABLET, 3), seen(BEN, TABLET, 2), seen(ANNA, TABLET, 1), seen(TABLET, CLICK)),
    "a chain": (seen(ANNA, CHROME, 4), seen(CHROME, CLICK, 3), seen(MAIL, CLICK, 2), seen(BEN, MAIL, 1)),
    "a kiosk": (seen(ANNA, KIOSK), seen(BEN, KIOSK), seen(CLEO, KIOSK), seen(KIOSK, CHROME), retracted(BEN, KIOSK)),
    "one who is wrong": (
        asserted(ANNA, TABLET, 2),
        retracted(ANNA, TABLET, 3),
        lifted(ANNA, TABLET, 4),
        seen(BEN, TABLET),
    ),
    "two islands with refusals": (
        *(seen(ANNA, TABLET, 1), seen(BEN, TABLET, 2), seen(CLEO, PHONE, 1), seen(DORA, PHONE, 2)),
        *(seen(TABLET, PHONE, 3),),
    ),
    "asserted and lifted": (
        *(seen(ANNA, TABLET, 1), seen(BEN, TABLET, 2)),
        *(asserted(BEN, TABLET, 8), lifted(BEN, TABLET, 9), seen(TABLET, SAFARI)),
    ),
    "asserted again, but later": (asserted(ANNA, TABLET, 5), asserted(BEN, TABLET, 6), asserted(ANNA, TABLET, 7)),
    "another name": (seen(POST, CLICK, 2), seen(MAIL, CLICK, 3), seen(MAIL, SAFARI, 1), seen(ANNA, SAFARI, 4)),
}


@pytest.mark.parametrize("case", SMALL_CASES.values(), ids=SMALL_CASES.keys())
def test_every_order_of_a_small_case_is_as_defined_all_the_way(case: tuple[Said, ...]) -> None:
    for order in permutations(case):
        followed = Followed()
        for one in order:
            followed.hear(one)
            followed.require_defined()


def universe(random: Random) -> tuple[Limits, list[Said]]:
    """Much evidence about few, as often of a pair that was named before."""
    names = {"user_id": 4, "email_sha256": 3, "device_id": 3, "cookie_id": 3, "click_id": 3, "badge": 2, "alias": 2}
    everybody = [Identifier(name, str(n)) for name, count in names.items() for n in range(random.randint(1, count))]
    most = {name: random.choice((1, 2, 9)) for name in names if name not in ("user_id", "badge")}
    limits = Limits(
        {"user_id": 1, **most},
        random.choice((3, 5, 99, 99)),
        random.choice((2, 2, 3, 9)),
        random.choice((4, 99, 99, 99)),
    )
    said: list[Said] = []
    for _ in range(30):
        again = said and random.random() < 0.4
        pair = random.choice(said).pair if again else pair_of(*random.sample(everybody, 2))
        if random.random() < 0.3:
            said.append(Correction(f"k{random.randrange(4)}", random.choice(KINDS), *pair, random.randrange(9)))
        else:
            said.append(Link(*pair, random.randrange(9), f"e{random.randrange(4)}"))
    return limits, said


def test_every_rule_fires_often_in_random_universes() -> None:
    fired: Counter[str] = Counter()
    for seed in range(300):
        limits, said = universe(Random(seed))
        followed = Followed(limits)
        for one in said:
            known = dict(followed.violations)
            changes = followed.hear(one)
            if followed.overflowing:
                followed.require_sound()
            else:
                followed.require_defined()
            fired.update(_what_fired(one, changes, known.keys()))
    rare = {rule: fired[rule] for rule in RULES if fired[rule] < 5}
    assert not rare, dict(fired)


RULES = (
    *("user_id", "email_sha256", "device_id", "cookie_id", "click_id", "alias", IDENTIFIERS, SHARED, OVERFLOW),
    *(
        "merge",
        "split",
        "withdrawn",
        "another reason",
        "becomes shared",
        "is no longer shared",
        "joined without sorting",
    ),
    *("refused without sorting", "cut anew", "asserted", "retracted", "lifted"),
)


def _what_fired(said: Said, changes: Changes, known: object) -> list[str]:
    fired = [violation.reason or "withdrawn" for violation in changes.violations]
    fired += ["another reason" for violation in changes.violations if violation.reason and violation.pair in known]
    fired += ["merge" if move.emptied else "split" for move in changes.moves]
    fired += ["becomes shared"] * (changes.shared > 0) + ["is no longer shared"] * (changes.shared < 0)
    if changes.recut:
        fired.append("cut anew")
    elif changes.moves:
        fired.append("joined without sorting")
    elif any(violation.reason not in ("", SHARED, OVERFLOW) for violation in changes.violations):
        fired.append("refused without sorting")
    if isinstance(said, Correction) and (changes.moves or changes.violations):
        fired.append(said.kind)
    return fired


# What is told


def test_joining_tells_who_moves_from_the_customer_of_its_own() -> None:
    changes = Followed().hear(seen(ANNA, CHROME))
    assert changes.moves == [Move(customer_id(CHROME), customer_id(ANNA), (CHROME,), emptied=True)]
    assert not changes.violations


def test_the_weaker_customer_moves_whole_when_a_stronger_identifier_comes() -> None:
    followed = Followed()
    followed.hear(seen(CHROME, CLICK, 1), seen(FIREFOX, CLICK, 2))
    (move,) = followed.hear(seen(MAIL, CLICK, 3)).moves
    assert (move.left, move.joined) == (customer_id(CHROME), customer_id(MAIL))
    assert move.identifiers == [CLICK, CHROME, FIREFOX]
    assert move.emptied


def test_a_split_leaves_the_canonical_identifier_where_it_was() -> None:
    followed = Followed()
    followed.hear(seen(ANNA, TABLET, 2), seen(TABLET, SAFARI, 2))
    changes = followed.hear(seen(BEN, TABLET, 1))
    assert changes.moves == [Move(customer_id(ANNA), customer_id(BEN), [SAFARI, TABLET], emptied=False)]
    assert followed.drawn == ["anna", "ben safari tablet"]
    assert followed.reasons == {"anna tablet": "user_id"}


def test_one_record_moves_an_identifier_only_once() -> None:
    followed = Followed()
    followed.hear(seen(ANNA, KIOSK, 1), seen(BEN, KIOSK, 2), seen(KIOSK, SAFARI, 3))
    # The kiosk becomes nobody's, and the browser is left alone.
    moves = followed.hear(seen(CLEO, KIOSK, 4)).moves
    assert sorted((move.left, move.joined) for move in moves) == sorted(
        (customer_id(ANNA), customer_id(alone)) for alone in (KIOSK, SAFARI)
    )


def test_a_violation_is_told_again_where_its_reason_or_its_date_changes() -> None:
    followed = Followed()
    pair = pair_of(BEN, TABLET)
    followed.hear(seen(ANNA, TABLET, 1))
    assert followed.hear(seen(BEN, TABLET, 5)).violations == [Violation(pair, "user_id", _day(5))]
    assert followed.hear(seen(BEN, TABLET, 4)).violations == [Violation(pair, "user_id", _day(4))]
    assert Violation(pair, SHARED, _day(4)) in followed.hear(seen(CLEO, TABLET, 6)).violations
    assert Violation(pair, "", _day(4)) in followed.hear(retracted(BEN, TABLET)).violations


def test_what_is_known_already_changes_nothing() -> None:
    followed = Followed()
    followed.hear(seen(ANNA, CHROME, 3), retracted(ANNA, CHROME, 5))
    for said in (seen(ANNA, CHROME, 3), seen(ANNA, CHROME, 9), retracted(ANNA, CHROME, 5)):
        assert followed.hear(said) == Changes()
    outdone = followed.hear(asserted(ANNA, CHROME, 4))
    assert not outdone.moves
    assert not outdone.violations


def test_a_version_that_doesnt_rise_is_noticed() -> None:
    graph = Graph(MemoryState(0), Limits())
    assert not graph.link(seen(ANNA, CHROME), 7).broken
    assert graph.correct(retracted(ANNA, CHROME), 7).broken


# What it costs


class CountedState(MemoryState):
    """Counts entries that are read or written."""

    touched = 0

    def get(self, key: bytes) -> object:
        self.touched += 1
        return super().get(key)

    def put(self, key: bytes, value: object) -> None:
        self.touched += 1
        super().put(key, value)

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, object]]:
        for entry in super().scan(start, stop, reverse=reverse):
            self.touched += 1
            yield entry


def _costs(said: Iterable[Said], limits: Limits = Limits()) -> list[int]:  # noqa: B008
    """Entries that each of ``said`` reads and writes."""
    state, costs = CountedState(0), []
    followed = Followed(limits, state)
    for one in said:
        before = state.touched
        followed.hear(one)
        costs.append(state.touched - before)
    return costs


def _cookies(count: int) -> list[Identifier]:
    return [Identifier("cookie_id", f"{number:05}") for number in range(count)]


def test_a_link_of_a_kiosk_costs_the_same_however_many_it_has() -> None:
    users = [Identifier("user_id", f"{number:05}") for number in range(1_000)]
    costs = _costs([seen(user, KIOSK, number) for number, user in enumerate(users)])
    assert max(costs[3:]) == min(costs[3:]) < 12


def test_a_link_of_a_customer_within_the_limits_costs_the_same_however_many_it_has() -> None:
    costs = _costs([seen(ANNA, cookie) for cookie in _cookies(100)])
    assert max(costs[1:]) == min(costs[1:]) < 12


def test_links_behind_all_others_of_a_customer_that_is_full_are_refused_unsorted() -> None:
    limits = Limits(namespaces={"cookie_id": 5})
    costs = _costs([seen(ANNA, cookie, number) for number, cookie in enumerate(_cookies(500))], limits)
    assert max(costs[6:]) == min(costs[6:]) < 12


# The breaker


def test_an_island_takes_no_more_links_than_the_breaker_lets_it() -> None:
    followed = Followed(Limits(island_links=3))
    followed.hear(*[seen(ANNA, cookie) for cookie in _cookies(5)])
    assert followed.drawn == ["00003", "00004", "anna 00000 00001 00002"]
    assert followed.reasons == {"anna 00003": OVERFLOW, "anna 00004": OVERFLOW}
    assert followed.overflowing == 2


def test_a_link_counts_itself_and_both_islands_that_it_would_connect() -> None:
    followed = Followed(Limits(island_links=4))
    followed.hear(seen(ANNA, CHROME), seen(ANNA, FIREFOX), seen(MAIL, SAFARI), seen(MAIL, CLICK))
    followed.hear(seen(ANNA, MAIL))
    assert followed.reasons == {"anna mail": OVERFLOW}


def test_what_was_too_much_is_judged_again_when_it_stands_otherwise() -> None:
    followed = Followed(Limits(island_links=1))
    followed.hear(seen(ANNA, CHROME), seen(ANNA, FIREFOX, 5), retracted(ANNA, CHROME))
    assert followed.drawn == ["anna", "chrome", "firefox"]
    followed.hear(seen(ANNA, FIREFOX, 4))
    assert followed.drawn == ["anna firefox", "chrome"]
    followed.require_defined()


def test_of_an_identifier_that_is_no_longer_shared_as_many_links_return_as_fit() -> None:
    followed = Followed(Limits(island_links=2, shared_after=2))
    followed.hear(seen(ANNA, KIOSK, 1), seen(BEN, KIOSK, 2), *[seen(KIOSK, cookie, 3) for cookie in _cookies(3)])
    followed.hear(retracted(ANNA, KIOSK))
    assert followed.drawn == ["00001", "00002", "anna", "ben 00000 kiosk"]
    assert followed.reasons == {"kiosk 00001": OVERFLOW, "kiosk 00002": OVERFLOW}


def test_of_a_kiosks_million_links_only_as_many_are_judged_again_as_may_matter() -> None:
    followed = Followed(Limits(island_links=2, shared_after=2))
    followed.hear(seen(ANNA, KIOSK, 1), seen(BEN, KIOSK, 2), *[seen(KIOSK, cookie, 3) for cookie in _cookies(9)])
    followed.hear(retracted(ANNA, KIOSK))
    assert Counter(followed.reasons.values()) == {OVERFLOW: 2, SHARED: 6}
    # Something new is said of one of them.
    followed.hear(seen(KIOSK, _cookies(9)[-1], 1))
    assert Counter(followed.reasons.values()) == {OVERFLOW: 3, SHARED: 5}


def test_what_returns_counts_an_island_once() -> None:
    followed = Followed(Limits(island_links=4, shared_after=2))
    followed.hear(seen(CHROME, CLICK), seen(ANNA, KIOSK), seen(BEN, KIOSK))
    followed.hear(seen(KIOSK, CHROME), seen(KIOSK, CLICK), retracted(BEN, KIOSK))
    assert followed.drawn == ["anna chrome click kiosk", "ben"]
    assert not followed.reasons


def test_who_loses_their_name_takes_along_only_their_own() -> None:
    followed = Followed(Limits(namespaces={"user_id": 2}, shared_after=9))
    followed.hear(seen(BEN, TABLET, 3), seen(ANNA, PHONE, 1), seen(CLEO, PHONE, 2), seen(TABLET, PHONE, 9))
    assert followed.reasons == {"phone tablet": "user_id"}
    followed.hear(seen(DORA, CHROME, 1), asserted(DORA, BEN, 2))
    assert followed.drawn == ["anna cleo phone", "dora ben chrome tablet"]
    followed.require_defined()


def _day(number: int) -> Date:
    return Date(MIDNIGHT + number * DAY, "e")
