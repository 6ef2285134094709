"""Where a partition is read on from when it is assigned."""

import pytest

from streams.runtime.transport import start_offset


@pytest.mark.parametrize(
    ("wanted", "committed", "earliest", "start"),
    [
        (None, None, 0, 0),
        (None, None, 7, 7),
        (None, 12, 7, 12),
        (None, 3, 7, 7),
        (0, None, 0, 0),
        (0, 40, 0, 0),
        (25, 40, 0, 25),
        (40, 40, 0, 40),
    ],
)
def test_a_stage_reads_on_behind_its_state_and_one_without_state_behind_its_commit(
    wanted: int | None, committed: int | None, earliest: int, start: int
) -> None:
    assert start_offset(wanted, committed, earliest) == start


@pytest.mark.parametrize(("committed", "start"), [(30, 30), (None, 0)])
def test_state_ahead_of_the_commit_reads_from_the_commit_because_faust_commits_nothing_behind_a_gap(
    committed: int | None, start: int
) -> None:
    assert start_offset(41, committed, 0) == start
