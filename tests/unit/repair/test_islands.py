"""Names on one island, by any chain of pairs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.repair.islands import Islands

NAMES = st.sampled_from("abcdefgh")


def by_definition(pairs: list[tuple[str, str]], names: set[str]) -> set[str]:
    """Walked until nothing is new."""
    found = set(names)
    while new := {end for pair in pairs if not found.isdisjoint(pair) for end in pair} - found:
        found |= new
    return found


@given(pairs=st.lists(st.tuples(NAMES, NAMES)), names=st.sets(NAMES))
def test_islands_are_what_pairs_connect_in_any_order(pairs: list[tuple[str, str]], names: set[str]) -> None:
    islands = Islands()
    for pair in pairs:
        islands.join(*pair)
    assert islands.of(names) == by_definition(pairs, names)
