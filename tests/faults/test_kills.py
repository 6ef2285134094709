"""kill -9 at random points of a batch, or at any time, some with the disk lost: nothing is lost or counted twice.

a life    |--recovery--|--batch--|--batch ...  folded, emitted, logged or stored: SIGKILL
"""

from __future__ import annotations

from random import Random

import pytest

from tests.faults.kills import kill_again_and_again
from tests.faults.scene import Scene

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

KILLS = 20


def test_twenty_kills_leave_what_a_plain_loop_makes(counting: Scene) -> None:
    tally, verdict = kill_again_and_again(counting, KILLS, Random(7))
    print(f"{tally}\n{verdict}")
    assert not verdict.problems
    assert verdict.buried
    assert verdict.repeated
    assert verdict.compacted
