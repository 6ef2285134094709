"""What befalls a world: workers crash, freeze, stop and are given up; disks and logs lose what they may lose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.process import Process


class Faults:
    """A random choice of faults for one world; each call of `strike` is one of them."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._random = world.random
        kinds: list[Callable[[], None]] = [
            self._crash, self._crash_for_good, self._stop, self._rebalance, self._lose_disk, self._flush, self._compact,
            self._retain, self._forget_commits,
        ]  # fmt: skip
        # Not all in each world: where few kinds come often, more of each is seen.
        self._kinds = [kind for kind in kinds if self._random.random() < 0.5 and not world.shape.duel]
        self._kinds += [self._freeze, self._give_up]

    def strike(self) -> None:
        self._random.choice(self._kinds)()

    def _some(self) -> Process | None:
        """Best a worker that has something at stake: a batch in hand, a take-over, a place that it lost unawares."""
        world, alive = self._world, list(self._world.alive.values())
        given_up = [process for process in alive if not world.broker.group.knows(process)]
        in_hand = [process for process in alive if process.in_hand()]
        beginning = [process for process in alive if process.beginning]
        processes = self._random.choice((given_up, in_hand, in_hand, beginning)) or alive
        return self._random.choice(processes) if processes else None

    def _crash(self) -> None:
        process = self._some()
        if process is not None:
            self._world.crash(process)
            self._world.later(10, 300, lambda: self._world.start(process.name))

    def _crash_for_good(self) -> None:
        process, world = self._some(), self._world
        if process is not None and len(world.alive) > 1:
            world.crash(process)
            del world.disks[process.name]
            world.later(1, 300, lambda: self._expel(process.name))

    def _freeze(self) -> None:
        process = self._some()
        if process is None or process.frozen:
            return
        self._world.say(process.name, "freezes")
        process.frozen = True
        self._world.later(1, 50, lambda: self._expel(process.name))
        self._world.later(50, 600, lambda: self._world.thaw(process))

    def _give_up(self) -> None:
        process = self._some()
        if process is not None:
            self._expel(process.name)

    def _expel(self, name: str) -> None:
        self._world.say("group", f"gives {name} up")
        self._world.broker.group.remove(name)

    def _stop(self) -> None:
        process = self._some()
        if process is not None:
            self._world.say(process.name, "SIGTERM")
            process.stopping = True

    def _rebalance(self) -> None:
        self._world.say("group", "rebalances")
        self._world.broker.group.rebalance()

    def _lose_disk(self) -> None:
        lost = [name for name, disks in self._world.disks.items() if disks and name not in self._world.alive]
        if lost:
            name = self._random.choice(lost)
            self._world.say(name, "loses a disk")
            del self._world.disks[name][self._random.choice(list(self._world.disks[name]))]

    def _flush(self) -> None:
        for disks in self._world.disks.values():
            for disk in disks.values():
                if self._random.random() < 0.3:
                    disk.flush()

    def _compact(self) -> None:
        self._world.say("broker", "compacts")
        self._random.choice(self._world.broker.changelogs).compact()

    def _retain(self) -> None:
        """Retention takes what is in the state already, committed or not."""
        log, records = self._random.choice(list(self._world.broker.inputs.items()))
        reached = self._world.broker.changelogs[log.partition].fence().next.get(log.topic, 0)
        records.earliest = max(records.earliest, self._random.randint(0, reached))
        self._world.say("broker", f"keeps {log.topic}-{log.partition} from {records.earliest} on")

    def _forget_commits(self) -> None:
        """As Kafka does with those of a group that stood still for long."""
        if not self._world.broker.group.members:
            self._world.say("broker", "forgets commits")
            self._world.broker.group.committed.clear()
