"""Runs: cut where the gap is too long, and at midnights where they last too long."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.runs import bounded_runs, split_at_gaps, split_at_midnights, split_before
from tests.unit.builders import DAY, HOUR, MIDNIGHT, MINUTE, names, touch

GAP = 30 * MINUTE


def run_of(*times: int) -> list:
    return [touch(chr(ord("a") + i), at) for i, at in enumerate(times)]


def test_a_gap_of_exactly_the_limit_stays_one_run_and_a_millisecond_more_cuts() -> None:
    #   0        30 min     60 min 1 ms
    #   a---------b---------|c
    assert [names(r) for r in split_at_gaps(run_of(0, GAP, 2 * GAP + 1), GAP)] == ["a b", "c"]


def test_a_touchpoint_at_midnight_belongs_to_the_day_that_begins() -> None:
    pieces = split_at_midnights(run_of(MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + DAY - 1, MIDNIGHT + DAY))
    assert [names(p) for p in pieces] == ["a", "b c", "d"]


def test_times_before_1970_have_midnights_too() -> None:
    assert [names(p) for p in split_at_midnights(run_of(-DAY, -1, 0))] == ["a b", "c"]


@pytest.mark.parametrize(("lasts", "pieces"), [(DAY, 1), (DAY + 1, 2)])
def test_a_run_is_cut_at_midnights_when_it_lasts_longer_than_24_hours_and_not_at_exactly_24(
    lasts: int, pieces: int
) -> None:
    #   12:00  12:30  ...  00:00  ...  12:00 (+ 1 ms)
    #     p------p----- . ---p--- . -----p
    start = MIDNIGHT + 12 * HOUR
    times = [*range(start, start + lasts, GAP), start + lasts]
    runs = bounded_runs(run_of(*times), GAP, DAY)
    assert len(runs) == pieces
    assert [t for run in runs for t in run] == run_of(*times)
    assert all(run[0].occurred_at in (start, MIDNIGHT + DAY) for run in runs)


def test_only_the_run_that_is_too_long_is_cut() -> None:
    #   22:00 . . . 23:30 . . . 22:00    a gap     23:50 | 00:10
    #   long, over midnight: two pieces            short, over midnight: one
    long = range(MIDNIGHT - 2 * HOUR, MIDNIGHT + 23 * HOUR, GAP)
    short = (MIDNIGHT + DAY + 23 * HOUR, MIDNIGHT + DAY + 23 * HOUR + GAP, MIDNIGHT + 2 * DAY)
    assert [len(r) for r in bounded_runs(run_of(*long, *short), GAP, DAY)] == [4, 46, 3]


def test_no_touchpoints_have_no_runs() -> None:
    assert split_at_gaps([], GAP) == split_at_midnights([]) == bounded_runs([], GAP, DAY) == split_before([], []) == []


@given(st.lists(st.integers(0, 3 * DAY), max_size=30), st.integers(0, HOUR), st.integers(0, DAY))
def test_runs_hold_every_touchpoint_once_in_order_and_neighbours_in_a_run_are_near(
    times: list[int], gap: int, long: int
) -> None:
    touchpoints = run_of(*sorted(times))
    runs = bounded_runs(touchpoints, gap, long)
    assert [t for run in runs for t in run] == touchpoints
    for run in runs:
        at = [t.occurred_at for t in run]
        assert all(b - a <= gap for a, b in pairwise(at))
        assert at[-1] - at[0] <= long or at[0] // DAY == at[-1] // DAY
