"""Verdicts that need several touchpoints: what rises, and that order doesn't matter.

ms           0        1000      2000
delivered    d
opened       o                  o|o       up to 2,000 ms behind: suspect
clicked        a b c d e|                  five links within 1,000 ms: a machine
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.verdicts import (
    CLICKS,
    DELIVERIES,
    OPENINGS,
    Deed,
    Message,
    bursts,
    can_rise,
    first_human,
    is_hasty,
    part_of,
    take,
)
from tests.unit.builders import NOON

Sent = tuple[str, Deed]


def delivered(ms: int) -> Sent:
    return DELIVERIES, Deed(NOON + ms, f"d{ms}", "", "", "human")


def opened(ms: int, actor: str = "human") -> Sent:
    return OPENINGS, Deed(NOON + ms, f"o{ms}", "", "", actor)


def clicked(ms: int, link: str, actor: str = "human") -> Sent:
    return CLICKS, Deed(NOON + ms, f"c{ms}{link}", "", "", actor, link.encode())


def actors(sent: Iterable[Sent]) -> dict[str, str]:
    """event_id -> actor, when all have been taken in this order."""
    message, found = Message(), dict[str, str]()
    for part, deed in sent:
        message, found[deed.event_id], raised = take(message, part, deed)
        for one in raised:
            assert found[one.event_id] == "human", "what rises was lower before"
            found[one.event_id] = one.actor
    return found


def plainly(sent: Iterable[Sent]) -> dict[str, str]:
    """The same by the words of the definition, over all pairs and all fives."""
    every = [*sent]
    found = {deed.event_id: deed.actor for _, deed in every}
    for (a, first), (b, then) in permutations(every, 2):
        behind = then.occurred_at - first.occurred_at
        if (a, b) == (DELIVERIES, OPENINGS) and 0 <= behind <= 2_000 and then.actor == "human":
            found[then.event_id] = "suspect"
    links = [deed for part, deed in every if part == CLICKS and deed.link]
    for five in combinations(links, 5):
        times = [deed.occurred_at for deed in five]
        if len({deed.link for deed in five}) == 5 and max(times) - min(times) <= 1_000:
            # Whatever else lies with them within 1,000 ms is part of it.
            for deed in links:
                if max(*times, deed.occurred_at) - min(*times, deed.occurred_at) <= 1_000:
                    found[deed.event_id] = "machine"
    return found


@pytest.mark.parametrize(
    ("ms", "expected"), [(-1, "human"), (0, "suspect"), (1_999, "suspect"), (2_000, "suspect"), (2_001, "human")]
)
def test_an_opening_within_two_seconds_of_its_delivery_is_suspect(ms: int, expected: str) -> None:
    assert actors([delivered(0), opened(ms)])[f"o{ms}"] == expected
    assert actors([opened(ms), delivered(0)])[f"o{ms}"] == expected


def test_any_delivery_of_several_makes_an_opening_suspect() -> None:
    assert is_hasty(5_000, [0, 3_000, 9_000])
    assert not is_hasty(5_000, [0, 2_999, 5_001])
    assert not is_hasty(5_000, [])


def test_a_machines_opening_stays_a_machines() -> None:
    assert actors([opened(1, "machine"), delivered(0)]) == {"o1": "machine", "d0": "human"}


def test_five_different_links_within_a_second_are_a_machines() -> None:
    burst = [clicked(200 * at, link) for at, link in enumerate("abcd")]
    assert set(actors(burst).values()) == {"human"}
    assert set(actors([*burst, clicked(1_000, "e")]).values()) == {"machine"}
    assert set(actors([*burst, clicked(1_001, "e")]).values()) == {"human"}


def test_the_same_link_again_is_no_other_link() -> None:
    again = [clicked(at, "abcd"[at % 4]) for at in range(40)]
    assert set(actors(again).values()) == {"human"}


def test_what_a_machine_clicked_by_itself_counts_among_the_links() -> None:
    burst = [clicked(at, link) for at, link in enumerate("abcd")]
    found = actors([clicked(9, "e", "machine"), *burst])
    assert set(found.values()) == {"machine"}


def test_a_click_without_link_neither_makes_a_burst_nor_rises_in_one() -> None:
    found = actors([*(clicked(at, link) for at, link in enumerate("abcd")), clicked(5, "")])
    assert set(found.values()) == {"human"}
    found = actors([*(clicked(at, link) for at, link in enumerate("abcde")), clicked(5, "")])
    assert found["c5"] == "human"


def test_a_later_click_in_reach_of_a_burst_rises_with_it() -> None:
    burst = [clicked(at, link) for at, link in enumerate("abcde")]
    assert actors([*burst, clicked(1_000, "b")])["c1000b"] == "machine"
    assert actors([*burst, clicked(1_001, "b")])["c1001b"] == "human"
    # From b to here there are five links again.
    assert actors([*burst, clicked(1_001, "a")])["c1001a"] == "machine"


times = st.sampled_from([0, 1, 400, 500, 600, 999, 1_000, 1_001, 1_500, 2_000, 2_001, 3_000])
deeds = st.one_of(
    times.map(delivered),
    st.builds(opened, times, st.sampled_from(["human", "human", "machine"])),
    st.builds(clicked, times, st.sampled_from("abcdef"), st.sampled_from(["human", "human", "human", "machine"])),
)


@settings(max_examples=300)
@given(st.lists(deeds, max_size=12, unique_by=lambda sent: sent[1].event_id), st.randoms())
def test_verdicts_are_a_function_of_the_set(sent: list[Sent], random: object) -> None:
    expected = plainly(sent)
    assert actors(sent) == expected
    assert actors(random.sample(sent, len(sent))) == expected  # type: ignore[attr-defined]


@given(st.lists(st.builds(clicked, times, st.sampled_from("abcdef")), max_size=9, unique_by=lambda sent: sent[1]))
def test_bursts_of_all_clicks_are_those_found_one_by_one(sent: list[Sent]) -> None:
    found = {deed.event_id for deed in bursts(sorted(deed for _, deed in sent))}
    assert found == {name for name, actor in actors(sent).items() if actor == "machine"}


def test_the_unique_one_is_the_earliest_that_is_still_a_humans() -> None:
    message = Message()
    for part, deed in (opened(500), opened(7_000), delivered(0)):
        message = take(message, part, deed).message
    earliest = first_human(message.openings)
    assert earliest is not None
    assert earliest.event_id == "o7000"
    assert first_human(()) is None


def test_what_can_rise() -> None:
    assert can_rise("email", *opened(1))
    assert can_rise("email", *clicked(1, "a"))
    assert not can_rise("mobile", *opened(1))
    assert not can_rise("email", *clicked(1, ""))
    assert not can_rise("email", *clicked(1, "a", "machine"))
    assert not can_rise("email", *opened(1, "suspect"))
    assert not can_rise("email", *delivered(1))


def test_push_messages_have_openings_but_no_deliveries() -> None:
    assert part_of("mobile", "push_opened") == OPENINGS
    assert part_of("mobile", "push_delivered") is None
    assert part_of("web", "page_viewed") is None
