"""One simulated world, all of it from one seed: a storm of faults, then a calm in which everything must come right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from streams.runtime.reading import Continuity, InFlight, Log, starts
from streams.runtime.stage import Layout
from streams.runtime.task import Limits, Task
from tests.simulation.broker import Broker, Input, Violation
from tests.simulation.disk import Disk
from tests.simulation.ending import require_expected
from tests.simulation.faults import Faults
from tests.simulation.process import Process
from tests.simulation.scheduling import Scheduler
from tests.simulation.stage import GROUP_BYTES, TOPICS, TYPES, Counting, make_records

#: Far more than any world has taken.
STEPS_OF_CALM = 60_000
OUTPUT_PARTITIONS = 2


@dataclass(frozen=True)
class Parts:
    """What runs: the real parts, or mutants of them."""

    task: type[Task[Any]] = Task
    continuity: type[Continuity] = Continuity
    in_flight: type[InFlight] = InFlight
    starts: Callable[[Mapping[Log, int | None], Mapping[Log, int]], dict[Log, int]] = starts
    disk: type[Disk] = Disk
    process: type[Process] = Process
    broker: type[Broker] = Broker


REAL = Parts()


class Shape(NamedTuple):
    """What differs from world to world. ``drops``, ``faults``, ``network``: shares of chunks and steps.

    In a ``duel`` two workers write the same partition, and the one that lost it does not hear of it for long.
    """

    duel: bool
    partitions: int
    workers: int
    layout: Layout | None
    limits: Limits
    changelog_bytes: int
    cache_bytes: int
    widest_group: int
    drops: float
    faults: float
    network: float
    storm: int


def shape_of(random: Random) -> Shape:
    grouped = random.choice((GROUP_BYTES, GROUP_BYTES, None))
    duel = random.random() < 0.3
    return Shape(
        duel=duel,
        partitions=1 if duel else random.choice((1, 1, 2, 3)),
        workers=2 if duel else random.choice((1, 2, 2, 3)),
        layout=None if random.random() < 0.1 else Layout(TYPES, kind_at=2, group_bytes=grouped),
        limits=Limits(
            turn_records=random.randint(1, 6),
            least_turn_records=random.randint(1, 3),
            batch_changes=random.choice((1, 4, 12, 100)),
            batch_bytes=random.choice((100, 10_000)),
        ),
        changelog_bytes=random.choice((220, 400, 5_000)),
        cache_bytes=random.choice((1, 3_000, 100_000)),
        widest_group=random.choice((1, 4, 100)),
        drops=random.choice((0.0, 0.05, 0.2)),
        faults=random.choice((0.005, 0.01, 0.02)),
        network=random.choice((0.1, 0.4, 0.7)),
        storm=random.randint(500, 3_000),
    )


class World:
    """``alive`` has the processes that run, ``disks`` those of all workers; ``trace`` is told what happens."""

    def __init__(self, seed: int, parts: Parts = REAL, trace: Callable[[str], None] | None = None) -> None:
        self.random = Random(seed)
        self.parts = parts
        self._trace = trace
        self.steps = 0
        self._due: list[tuple[int, Callable[[], None]]] = []
        self.shape = shape = shape_of(self.random)
        self.drops = shape.drops
        self.calming = False
        self.stage = Counting(shape.layout)
        logs = [Log(topic, partition) for partition in range(shape.partitions) for topic in TOPICS]
        inputs = {log: self._input() for log in logs}
        self.broker = parts.broker(self.random, inputs, shape.partitions, OUTPUT_PARTITIONS)
        self.scheduler = Scheduler(self.random, shape.network, self.say)
        self.disks: dict[str, dict[int, Disk]] = {f"w{at}": {} for at in range(shape.workers)}
        self.alive: dict[str, Process] = {}

    def _input(self) -> Input:
        start = self.random.choice((0, 0, 3))
        records = make_records(self.random, self.random.choice((0, 20, 40, 80, 80)), start)
        end = records[-1].offset + 1 if records else start
        return Input(records, start, end + self.random.choice((0, 0, 2)))

    def say(self, who: str, what: str) -> None:
        if self._trace is not None:
            self._trace(f"{self.steps:6} {who:7} {what}")

    def run(self) -> None:
        """Violation, or whatever the runtime raises, where something is wrong."""
        self.say("world", f"{self.shape}")
        try:
            self._storm()
            self._calm()
            require_expected(self)
        finally:
            self.scheduler.close()

    def _storm(self) -> None:
        for name in self.disks:
            self.later(1, 200, lambda name=name: self.start(name))
        faults = Faults(self)
        shows = sum(len(log.records) for log in self.broker.inputs.values()) / 4
        for _ in range(self.shape.storm):
            self._step()
            if self.random.random() * self.shape.storm < shows:
                self._show()
            if self.random.random() < self.shape.faults:
                faults.strike()

    def _calm(self) -> None:
        self.say("world", "calm")
        self.calming = True
        self.drops = 0.0
        for log in self.broker.inputs.values():
            log.shown = len(log.records)
        while self._due:
            self._due.pop(0)[1]()
        for process in self.alive.values():
            process.stopping = False
        # A chunk that was dropped is missed by the one after it; behind the last nothing comes but the next seek.
        if any(process.has_dropped_last() for process in self.alive.values()):
            self.broker.group.rebalance()
        for _ in range(STEPS_OF_CALM):
            if not self._step() and not self._give_up_the_dead():
                return
        raise Violation("no end of it")

    def _give_up_the_dead(self) -> bool:
        """Sessions of members that are no more, of which the last word may have come late, end; whether there are."""
        members = self.broker.group.members
        dead = [name for name, process in members.items() if self.alive.get(name) is not process]
        for name in dead:
            self.broker.group.remove(name)
        return bool(dead)

    def _step(self) -> bool:
        self.steps += 1
        for at, action in [due for due in self._due if due[0] <= self.steps]:
            self._due.remove((at, action))
            action()
        return self.scheduler.step()

    def later(self, soonest: int, latest: int, action: Callable[[], None]) -> None:
        """``action`` so many steps from now; when the calm comes at the latest."""
        self._due.append((self.steps + self.random.randint(soonest, latest), action))

    def _show(self) -> None:
        log = self.random.choice(list(self.broker.inputs.values()))
        log.shown = min(len(log.records), log.shown + self.random.randint(1, 8))

    # --- processes ----------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        if name in self.disks and name not in self.alive:
            self.say(name, "starts")
            self.alive[name] = self.parts.process(self, name, self.disks[name])

    def crash(self, process: Process) -> None:
        self.say(process.name, "crashes")
        self._end(process)
        for disk in process.disks.values():
            disk.crash(self.random)

    def thaw(self, process: Process) -> None:
        self.say(process.name, "thaws")
        process.frozen = False

    def ended(self, process: Process) -> None:
        """``process`` left the group by itself."""
        self._end(process)
        if self.calming:
            self.start(process.name)
        else:
            self.later(1, 300, lambda: self.start(process.name))

    def _end(self, process: Process) -> None:
        self.scheduler.kill(process)
        del self.alive[process.name]
