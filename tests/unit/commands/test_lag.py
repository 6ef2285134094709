"""`omnijourney lag`: two looks become rates and the time until a group has caught up."""

from __future__ import annotations

import pytest

from streams.commands.lag import Behind, _drained_in, compare
from streams.offsets import Lag, Place, Position
from streams.standing import Standing


def looked(*positions: tuple[int, int]) -> Lag:
    return {Place("intake", "touchpoints.web", at): Position(*position) for at, position in enumerate(positions)}


def behind(before: Lag, now: Lag, seconds: float = 2.0) -> Behind:
    (row,) = compare(before, Standing(now, {"intake": 3}, {}), seconds)
    return row


def test_partitions_of_a_topic_are_one_row() -> None:
    row = behind(looked((10, 40), (0, 0)), looked((20, 50), (4, 8)))
    assert row == Behind("intake", 3, "touchpoints.web", 2, 24, 58, 34, 7.0, 9.0, None)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ((5, 5), (5, 5), "0 s"),
        ((5, 9), (9, 9), "0 s"),
        ((0, 100), (60, 100), "1 s"),
        ((0, 1_000), (10, 1_000), "3 min 18 s"),
        ((0, 100_000), (10, 100_000), "5 h 33 min"),
        ((0, 100), (10, 120), "growing"),
        ((0, 100), (0, 120), "growing"),
        ((0, 100), (0, 100), "standing still"),
        ((0, 100), (10, 110), "standing still"),
    ],
)
def test_the_time_to_drain_is_told_where_there_is_one(before: tuple[int, int], now: tuple[int, int], said: str) -> None:
    assert _drained_in(behind(looked(before), looked(now))) == said


def test_a_group_that_is_folded_again_reads_no_negative_number() -> None:
    row = behind(looked((50, 60)), looked((0, 60)))
    assert (row.lag, row.read_per_s, row.drain_s) == (60, 0.0, None)


def test_a_commit_beyond_the_end_is_no_negative_lag() -> None:
    assert behind(looked((9, 5)), looked((9, 5))).lag == 0
