"""One worker process: how the seams drive the runtime, with the real parts between.

live    join, take over, recover, check, seek, go; when the group calls: finish what is in hand, commit, let go
fetch   a chunk at a time, judged by Continuity, into the inbox of its task; some chunks are dropped on the way
commit  what InFlight says
tasks   one for each partition (one in all for a stage without state), new in each generation
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.runtime.accounts import ACCOUNTS, Accounts, unpack
from streams.runtime.failures import Superseded
from streams.runtime.outputs import Patience
from streams.runtime.reading import Delivery, Log, Verdict
from streams.runtime.stage import PlainRecord
from streams.runtime.store import Applied
from streams.runtime.task import Kept
from streams.runtime.values import Values
from streams.runtime.views import BatchView, GroupView, PointView
from tests.simulation.broker import Violation
from tests.simulation.disk import Disk
from tests.simulation.ports import Changelog, Inbox, Lease, LenientTally, Outputs, Silent
from tests.simulation.scheduling import Until, pause
from tests.simulation.stage import GROUP_BYTES, TOPICS

EVERY_PARTITION = -1
#: Bytes that a log may have in flight.
ROOM = 60


class Process:
    """From its start to its crash or end. ``disks`` outlive it."""

    def __init__(self, world: Any, name: str, disks: dict[int, Disk]) -> None:
        self.world = world
        self.name = name
        self.disks = disks
        self.frozen = False
        self.stopping = False
        self.beginning = False
        self.leaving = False
        self.patient_until = 0
        self.acked = False
        self._hearing = 0.003 if world.shape.duel else world.random.choice((0.3, 0.03, 0.003))
        self.speed = world.random.choice((1.0, 0.5, 0.1))
        self.in_flight = world.parts.in_flight()
        self.continuity = world.parts.continuity()
        self.positions: dict[Log, int] = {}
        self.generation = -1
        self._flowing = False
        self._inboxes: dict[int, Inbox] = {}
        self._tasks: list[Any] = []
        self._tally = LenientTally()
        for strand in (self._live(), self._fetch(), self._commit_now_and_then()):
            world.scheduler.spawn(self, strand)

    async def call(self, what: str, apply: Any, patient: Patience = lambda: True) -> Any:
        return await self.world.scheduler.call(self, what, apply, patient)

    # --- the life of a member -------------------------------------------------------------------------

    async def _live(self) -> None:
        group = self.world.broker.group
        while not self.stopping:
            await self.call("join", lambda: group.join(self))
            await Until(lambda: group.answers(self))
            place = group.place(self)
            if place is None:
                continue
            self.generation, partitions = place
            self.world.say(self.name, f"generation {self.generation}: partitions {partitions}")
            self.beginning = True
            try:
                await self._begin(partitions)
            except Superseded as superseded:
                self.world.say(self.name, f"does not begin: {superseded}")
                continue
            finally:
                self.beginning = False
            await Until(lambda: self.stopping or self.hears() or self.must_rejoin())
            await self._leave_off()
        await self.call("leave", lambda: group.remove(self.name) if group.knows(self) else None)
        self.world.ended(self)

    def in_hand(self) -> bool:
        """Whether a batch is."""
        return not all(inbox.idle for inbox in self._inboxes.values())

    def hears(self) -> bool:
        """The next heartbeat tells that the group calls, or has gone on without us."""
        group, world = self.world.broker.group, self.world
        heartbeats = 0.3 if group.knows(self) else self._hearing
        return group.calls(self) and (world.calming or world.random.random() < heartbeats)

    def must_rejoin(self) -> bool:
        """A batch was refused, and the group may never call: who fenced it off may be gone."""
        return any(inbox.lost for inbox in self._inboxes.values())

    async def _begin(self, partitions: list[int]) -> None:
        logs = [Log(topic, partition) for partition in partitions for topic in TOPICS]
        group = self.world.broker.group
        # The client begins to fetch at once; what it gets before it is told where to begin is dropped.
        committed = {log: group.committed.get(log) for log in logs}
        self.positions = {log: committed[log] or self.world.broker.inputs[log].earliest for log in logs}
        kept = {partition: await self._prepare(partition) for partition in partitions}
        committed = await self.call("committed", lambda: {log: group.committed.get(log) for log in logs})
        for log in logs:
            self._require_state(log, kept[log.partition][1], committed[log])
            if self.world.random.random() < 0.5:
                self._read(log)
        begins = self._seek(committed, {partition: state for partition, (_, state) in kept.items()})
        await pause()
        self._make_tasks(kept, begins)
        self._flowing = True

    def _seek(self, committed: dict[Log, int | None], kept: dict[int, Kept | None]) -> dict[Log, int]:
        for log, offset in committed.items():
            # seek_to_committed: nothing moves where nothing, or 0, is committed.
            if offset:
                self.positions[log] = offset
        # Where the group's commits are forgotten, the state knows.
        known = {log: offset or _reached(kept[log.partition], log) for log, offset in committed.items()}
        earliest = {log: self.world.broker.inputs[log].earliest for log in committed}
        begins = self.world.parts.starts(known, earliest)
        for log, offset in begins.items():
            self.positions[log] = offset
            self.continuity.seek(log, offset)
        return begins

    def _require_state(self, log: Log, kept: Kept | None, committed: int | None) -> None:
        if kept is not None and _reached(kept, log) < (committed or 0):
            if self.world.broker.group.knows(self):
                raise Violation(f"{self.name}: state of {log} is at {kept.store.fence.next}, committed {committed}")
            raise Superseded("frozen since it took over, and others have gone on")

    async def _prepare(self, partition: int) -> tuple[Outputs, Kept | None]:
        if self.world.shape.layout is None:
            return Outputs(self, self, 0), None
        epoch = await self.take_epoch(partition)
        outputs, changelog = self.writers(partition, epoch)
        await self.claim(changelog, partition)
        disk = self.disks[partition]
        accounts = Accounts(frozenset(TOPICS), unpack(disk.get(ACCOUNTS), disk.fence))
        return outputs, Kept(self.make_view(partition), changelog, disk, accounts=accounts)

    def writers(self, partition: int, epoch: int) -> tuple[Outputs, Changelog]:
        return Outputs(self, partition, epoch), Changelog(self, partition, epoch)

    async def take_epoch(self, partition: int) -> int:
        return await self.call(f"epoch {partition}", lambda: self.world.broker.take_epoch(partition))

    async def claim(self, changelog: Changelog, partition: int) -> None:
        await self.say_taken(changelog)
        await self.recover(partition)

    async def say_taken(self, changelog: Changelog) -> None:
        try:
            await changelog.say_taken()
        except Superseded:
            # Whatever this epoch writes is refused, so going on is safe, too.
            if self.world.random.random() < 0.5:
                raise

    async def recover(self, partition: int) -> None:
        log = self.world.broker.changelogs[partition]
        disk = self.disks.setdefault(partition, self.world.parts.disk())
        applied = disk.applied.offset if disk.applied is not None else -1
        end = log.end
        while (batch := log.read(applied)) is not None and batch.last < end:
            disk.write(batch.entries, None, Applied(batch.last, 0.0))
            applied = batch.last
            await pause()
            if self.hears():
                raise Superseded("called while it recovers")
        disk.reload()

    def make_view(self, partition: int) -> BatchView:
        shape = self.world.shape
        values, disk = Values(shape.layout), self.disks[partition]
        if shape.layout.group_bytes is None:
            return PointView(partition, disk, values, shape.cache_bytes)
        return GroupView(partition, disk, values, shape.cache_bytes, GROUP_BYTES, shape.widest_group)

    def _make_tasks(self, kept: dict[int, tuple[Outputs, Kept | None]], begins: dict[Log, int]) -> None:
        world = self.world
        if world.shape.layout is None:
            kept = {EVERY_PARTITION: (Outputs(self, self, 0), None)}
        for partition, (outputs, state) in kept.items():
            inbox = self._inboxes[partition] = Inbox(self)
            task = world.parts.task(
                world.stage, inbox, outputs, state, Lease(self), self._tally, Silent(), world.shape.limits, begins
            )
            self._tasks.append(world.scheduler.spawn(self, task.run()))

    async def _leave_off(self) -> None:
        self.leaving, self._flowing = True, False
        self.patient_until = self.world.steps + self.world.random.choice((0, 20, 100))
        self.world.say(self.name, "leaves off")
        if self.world.random.random() < 0.5:
            for inbox in self._inboxes.values():
                inbox.waiting.clear()
        await Until(lambda: not self.in_hand() and not any(inbox.waiting for inbox in self._inboxes.values()))
        await self._commit()
        for task in self._tasks:
            self.world.scheduler.end(task)
        self._tasks.clear()
        self._inboxes.clear()
        self.in_flight.forget(self.positions)
        self.continuity.forget(self.positions)
        self.positions = {}
        if self.in_flight.held:
            raise Violation(f"{self.name} holds {self.in_flight.held} bytes of nothing")
        self.leaving = False

    # --- reading and committing -------------------------------------------------------------------------

    async def _fetch(self) -> None:
        random = self.world.random
        while True:
            await Until(self._can_fetch)
            generation = self.generation
            log = random.choice(list(self._fetchable()))
            records, start, end = self._read(log)
            await pause()
            # A flow that was stopped drops what it has; so does this one now and then, to be on the safe side.
            if not self._flowing or generation != self.generation or random.random() < self.world.drops:
                self.world.say(self.name, f"drops {log.topic}-{log.partition} {start}..{end}")
                continue
            self._hand_on(log, records, start, end)

    def _can_fetch(self) -> bool:
        return self._flowing and next(self._fetchable(), None) is not None

    def _fetchable(self) -> Iterator[Log]:
        inputs = self.world.broker.inputs
        for log, position in self.positions.items():
            if position < inputs[log].end and self.in_flight.held_of(log) < ROOM:
                yield log

    def _read(self, log: Log) -> tuple[list[PlainRecord], int, int]:
        chunk = self.world.broker.inputs[log].read(self.positions[log], self.world.random.randint(0, 6))
        self.positions[log] = chunk[2]
        return chunk

    def has_dropped_last(self) -> bool:
        """Of some log the last chunk that there was."""
        return any(self.continuity.expected(log) not in (None, at) for log, at in self.positions.items())

    def _hand_on(self, log: Log, records: list[PlainRecord], start: int, end: int) -> None:
        verdict, expected = self.continuity.judge(log, start), self.continuity.expected(log)
        self.world.say(self.name, f"{verdict.value} {log.topic}-{log.partition} {start}..{end}")
        if verdict is Verdict.REREAD or (verdict is Verdict.GONE and not self.is_gone(log, expected, start)):
            self.positions[log] = expected
            return
        if verdict is Verdict.GONE:
            start = expected
        if end == start:
            return
        self.continuity.taken(log, end)
        delivery = Delivery(log, start, end, list(records), self.generation, 1 + sum(len(r.value) for r in records))
        self.in_flight.add(delivery)
        partition = EVERY_PARTITION if self.world.shape.layout is None else log.partition
        self._inboxes[partition].waiting.append(delivery)

    def is_gone(self, log: Log, expected: int, start: int) -> bool:
        """Whether the broker has nothing between; else what was read again was dropped again."""
        self.continuity.seek(log, expected)
        return start == max(expected, self.world.broker.inputs[log].earliest)

    async def _commit_now_and_then(self) -> None:
        while True:
            await Until(lambda: self.acked and self._flowing)
            await self._commit()

    async def _commit(self) -> None:
        self.acked = False
        generation, group = self.generation, self.world.broker.group
        done = {log: self.in_flight.committable(log) for log in self.in_flight.logs()}
        offsets = {log: offset for log, offset in done.items() if offset is not None}
        if offsets:
            await self.call(f"commit {_places(offsets)}", lambda: group.commit(self, generation, offsets))


def _reached(kept: Kept | None, log: Log) -> int:
    return 0 if kept is None else kept.store.fence.next.get(log.topic, 0)


def _places(offsets: dict[Log, int]) -> str:
    return ", ".join(f"{topic}-{partition}: {offset}" for (topic, partition), offset in offsets.items())
