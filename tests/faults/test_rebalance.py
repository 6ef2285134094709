"""Workers that come, go, freeze and wake up while others do their work: nothing is lost or counted twice."""

from __future__ import annotations

import signal

import pytest

from streams.broker import admin
from tests.faults.counting import Fault, Point
from tests.faults.scene import Scene, wait_until
from tests.faults.verdict import judge

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

#: The least that the broker takes; who is silent for longer loses its partitions.
SESSION_S = 6.0
SLOW = {"batch_records": 200, "fetch_bytes": 8 << 10, "session_s": SESSION_S}


def group_state(scene: Scene) -> str:
    with admin(scene.bootstrap) as client:
        return str(client.describe_groups([scene.topics.app])[scene.topics.app]["group_state"])


def test_workers_that_join_and_die_while_others_work(counting: Scene) -> None:
    """
    first    |--works-----------------------------|SIGTERM
    second          |--joins--works--|SIGKILL
    third                 |--joins--works--|--its partitions are all ------>
    """
    counting.produce(24_000)
    first = counting.start("first", delay_s=0.1, **SLOW)
    first.wait_until(lambda: first.batches > 8, 40, "the first works")
    second = counting.start("second", delay_s=0.1, **SLOW)
    second.wait_until(lambda: second.batches > 2, 40, "the second works")
    third = counting.start("third", **SLOW)
    third.wait_until(lambda: third.batches > 2, 40, "the third works")
    second.kill()
    counting.produce(2_000)
    first.stop()
    counting.drain()
    third.stop()
    verdict = judge(counting, first.folder, second.folder, third.folder)
    assert not verdict.problems
    assert verdict.records == 26_000


@pytest.mark.parametrize("who", ["first", "second"])
def test_sigterm_in_the_middle_of_a_rebalance(counting: Scene, who: str) -> None:
    """
    first    |--works--|--a batch of two seconds, for which the rebalance waits--|
    second               |--joins-----------
    SIGTERM to one of them          ^
    """
    counting.produce(4_000)
    first = counting.start("first", delay_s=2.0, **SLOW)
    first.wait_until(lambda: first.batches > 0, 40, "the first works")
    second = counting.start("second", **SLOW)
    rebalancing = ("PreparingRebalance", "CompletingRebalance")
    wait_until(lambda: group_state(counting) in rebalancing, 40, "the group rebalances")
    ends, stays = (first, second) if who == "first" else (second, first)
    print(f"{who} stopped within {ends.stop():.1f} s")
    stays.wait_until(lambda: stays.batches > 0, 40, "the other goes on")
    last = counting.start("last", **SLOW)
    last.wait_ready()
    print(f"the other stopped within {stays.stop():.1f} s")
    counting.drain()
    last.stop()
    assert not judge(counting, first.folder, second.folder, last.folder).problems


@pytest.mark.parametrize("slow", ["ask_delay_s", "answer_delay_s"])
def test_sigterm_while_partitions_are_assigned(counting: Scene, slow: str) -> None:
    """
    worker   |--joins, is given partitions--asks the broker for ends........|takes over, leaves|
    SIGTERM                                                        ^
    """
    worker = counting.start(**{slow: 1.0}, **SLOW)
    worker.wait_until(lambda: worker.figure("journey_stage_rebalances_total") > 0, 40, "it is given partitions")
    assert not worker.events("took_over")
    print(f"stopped within {worker.stop():.1f} s")
    assert worker.events("took_over")
    assert group_state(counting) == "Empty"


@pytest.mark.parametrize("point", ["folded", "emitted"])
def test_what_a_worker_writes_after_it_was_frozen_is_refused(counting: Scene, point: Point) -> None:
    """
    zombie     |--works--|frozen in a batch.....................|goes on with it, is refused--joins again-->
    successor               |--joins--takes over--works off all--|
    session                  .........|
    """
    counting.produce(8_000)
    zombie = counting.start("zombie", fault=Fault(point, 6, signal.SIGSTOP), **SLOW)
    zombie.wait_until(lambda: zombie.is_frozen, 40, "it is frozen")
    successor = counting.start("successor", **SLOW)
    successor.wait_until(lambda: successor.batches > 0, 40, "the successor works")
    counting.drain()
    zombie.send(signal.SIGCONT)
    zombie.wait_until(lambda: bool(zombie.events("superseded")), 20, "the zombie is refused")
    assert "another owner has taken over" in zombie.events("superseded")[0]["reason"]
    assert zombie.figure("journey_stage_superseded_total") >= 1
    zombie.wait_until(lambda: len(zombie.events("recovered")) > 1, 40, "the zombie has joined again")
    counting.produce(4_000)
    counting.drain()
    assert zombie.batches > 0
    zombie.stop()
    successor.stop()
    assert not judge(counting, zombie.folder, successor.folder).problems


def test_what_is_fetched_before_a_rebalance_has_ended_is_read_again(counting: Scene) -> None:
    """
    perform_seek |--a slow end--|  Faust empties its queues
    the consumer    fetches .......... the same again
    """
    counting.produce(4_000)
    worker = counting.start(seek_delay_s=0.5, **SLOW)
    worker.wait_ready()
    counting.drain()
    worker.stop()
    assert not judge(counting, worker.folder).problems
