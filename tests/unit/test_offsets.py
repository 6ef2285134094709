"""Drained: committed equals end everywhere, twice in a row with unchanged ends."""

from streams.offsets import Lag, Place, Position, drained

A, B = Place("intake", "touchpoints.web", 0), Place("sink", "journeys", 3)


def positions(a: tuple[int, int], b: tuple[int, int]) -> Lag:
    return {A: Position(*a), B: Position(*b)}


def test_the_first_look_is_never_enough() -> None:
    assert not drained(None, positions((5, 5), (7, 7)))


def test_two_looks_at_the_end_are() -> None:
    assert drained(positions((5, 5), (7, 7)), positions((5, 5), (7, 7)))


def test_an_end_that_moved_in_between_is_not() -> None:
    # INTAKE committed 5 and sent two records on: the sink has already read them, but what else is under way?
    assert not drained(positions((5, 5), (5, 5)), positions((5, 5), (7, 7)))


def test_a_circle_of_stages_is_drained_when_nothing_goes_round_any_more() -> None:
    links, assignments = Place("identity", "identity.links", 0), Place("intake", "identity.assignments", 2)
    told = {links: Position(3, 3), assignments: Position(1, 2)}
    known = {links: Position(3, 3), assignments: Position(2, 2)}
    again = {links: Position(3, 4), assignments: Position(2, 2)}
    assert not drained(told, told)
    assert not drained(told, known)
    assert not drained(known, again)
    assert drained(known, known)


def test_one_group_behind_is_enough_to_wait() -> None:
    behind = positions((5, 5), (6, 7))
    assert not drained(behind, behind)


def test_catching_up_needs_a_second_look_at_the_end() -> None:
    assert not drained(positions((4, 5), (7, 7)), positions((5, 5), (7, 7)))


def test_a_commit_beyond_the_end_is_a_topic_made_anew_and_not_drained() -> None:
    beyond = positions((9, 5), (7, 7))
    assert not drained(beyond, beyond)
