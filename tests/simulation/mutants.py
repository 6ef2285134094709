"""Parts of the runtime, and of how it is driven, that lack one precaution each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from streams.runtime import task as task_module
from streams.runtime.failures import StageRaised, Superseded, TooLarge
from streams.runtime.outputs import Patience
from streams.runtime.reading import Continuity, Delivery, InFlight, Log, Verdict
from streams.runtime.store import APPLIED, Applied, Fence
from streams.runtime.task import Kept, Piece, Task
from streams.runtime.views import BatchView
from tests.simulation.broker import Broker
from tests.simulation.disk import Batch, Disk
from tests.simulation.process import Changelog, Outputs, Process
from tests.simulation.scheduling import pause

# --- the order of steps ---------------------------------------------------------------------------------------


class HeldOutputs(Outputs):
    held: Sequence[Any] = ()

    async def flush(self, patient: Patience) -> None:
        self.held, self._collected = self._collected, []

    async def flush_held(self, patient: Patience) -> None:
        self._collected = list(self.held)
        await super().flush(patient)


class OutputsLast(Process):
    """Outputs go out when the changelog is written."""

    def writers(self, partition: int, epoch: int) -> tuple[Outputs, Changelog]:
        outputs, changelog = HeldOutputs(self, partition, epoch), Changelog(self, partition, epoch)
        append = changelog.append

        async def append_first(batch: Any, patient: Patience) -> Applied | None:
            applied = await append(batch, patient)
            await outputs.flush_held(patient)
            return applied

        changelog.append = append_first
        return outputs, changelog


class StoreFirst(Process):
    """The store is written when the changelog is about to be."""

    def writers(self, partition: int, epoch: int) -> tuple[Outputs, Changelog]:
        outputs, changelog = super().writers(partition, epoch)
        append = changelog.append

        async def write_first(batch: Any, patient: Patience) -> Applied | None:
            self.disks[partition].write(batch, None, None)
            return await append(batch, patient)

        changelog.append = write_first
        return outputs, changelog


class FenceApart(Process):
    def writers(self, partition: int, epoch: int) -> tuple[Outputs, Changelog]:
        outputs, changelog = super().writers(partition, epoch)
        append = changelog.append

        async def append_twice(batch: Any, patient: Patience) -> Applied | None:
            await append(batch[:-1], patient)
            return await append(batch[-1:], patient)

        changelog.append = append_twice
        return outputs, changelog


class AckBeforeAppend(Task[Any]):
    async def _work(self, deliveries: Sequence[Delivery]) -> None:
        # The records stay, though an acknowledged delivery lets go of its own.
        mine = [Delivery(d.log, d.start, d.end, list(d.records), d.generation, d.size) for d in deliveries]
        for delivery in deliveries:
            self._inbox.ack(delivery)
        await super()._work(mine)


# --- dropping and skipping ------------------------------------------------------------------------------------


class BatchAfterDropped(Task[Any]):
    async def run(self) -> None:
        while True:
            deliveries = await self._inbox.take()
            try:
                await self._work(deliveries)
                done = self._inbox.ack
            except Superseded:
                self._abandon()
                done = self._inbox.drop
            for delivery in deliveries:
                done(delivery)


class DroppedIsAcked(Task[Any]):
    async def run(self) -> None:
        self._inbox.drop = self._inbox.ack
        await super().run()


class NoSkip(Task[Any]):
    def _pieces(self, deliveries: Sequence[Delivery]) -> Iterator[Piece]:
        return (Piece(delivery.log, delivery.start, delivery.records, delivery.end) for delivery in deliveries)


class FenceFalls(Task[Any]):
    def _pieces(self, deliveries: Sequence[Delivery]) -> Iterator[Piece]:
        for delivery in deliveries:
            yield from list(super()._pieces([delivery])) or [Piece(delivery.log, delivery.end, [], delivery.end)]

    def _advanced(self, kept: Kept, pieces: Sequence[Piece], generation: int) -> Fence:
        fence = super()._advanced(kept, pieces, generation)
        return fence._replace(next=fence.next | {piece.log.topic: piece.end for piece in pieces})


# --- failures of the stage ------------------------------------------------------------------------------------


class BuriedNotPassed(Task[Any]):
    def _advanced(self, kept: Kept, pieces: Sequence[Piece], generation: int) -> Fence:
        return super()._advanced(kept, [] if self._burying else pieces, generation)

    _burying = False

    async def _fail_alone(self, pieces: Sequence[Piece], generation: int, failure: StageRaised | TooLarge) -> None:
        self._burying = True
        await super()._fail_alone(pieces, generation, failure)
        self._burying = False


class ViewNotAbandoned(Task[Any]):
    def _abandon(self) -> None:
        self._outputs.discard()


class OutputsNotDiscarded(Task[Any]):
    def _abandon(self) -> None:
        if self._kept is not None:
            self._kept.view.abandon()


def halves_that_claim_all(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    left, right = task_module_halves(pieces)
    return [*left[:-1], left[-1]._replace(end=max(piece.end for piece in pieces if piece.log == left[-1].log))], right


task_module_halves = task_module.halves


# --- fencing --------------------------------------------------------------------------------------------------


class NoEpochs(Broker):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        for log in [*self.changelogs, *self.outputs]:
            log.fences = False


class OutputsWithoutEpoch(Broker):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        for log in self.outputs:
            log.fences = False


class NothingSaidAtTakeOver(Process):
    async def say_taken(self, changelog: Changelog) -> None:
        """The epoch is not made known."""


class TakenAfterRecovery(Process):
    async def claim(self, changelog: Changelog, partition: int) -> None:
        await self.recover(partition)
        # As long as other partitions take.
        for _ in range(20):
            await pause()
        await self.say_taken(changelog)


# --- state ----------------------------------------------------------------------------------------------------


class AppliedBeforeEntries(Disk):
    def _put(self, entries: Batch, local: Batch) -> None:
        self._put_batch({key: value for key, value in local.items() if key == APPLIED})
        self._put_batch(entries | {key: value for key, value in local.items() if key != APPLIED})


class ViewKept(Process):
    def __init__(self, *given: Any) -> None:
        self._views: dict[int, BatchView] = {}
        super().__init__(*given)

    def make_view(self, partition: int) -> BatchView:
        return self._views.setdefault(partition, super().make_view(partition))


class CacheKeepsFailed(Process):
    def make_view(self, partition: int) -> BatchView:
        view = super().make_view(partition)
        view._forget = lambda keys: None
        return view


class TouchedAfterFailure(Process):
    def make_view(self, partition: int) -> BatchView:
        view = super().make_view(partition)
        abandon = view.abandon

        def forget_all_but_touches() -> None:
            touched = view.take_changed()
            abandon()
            view._changed = touched

        view.abandon = forget_all_but_touches
        return view


class EndedAfterFailure(Process):
    def make_view(self, partition: int) -> BatchView:
        view = super().make_view(partition)
        abandon = view.abandon

        def forget_all_but_ended() -> None:
            ended = dict(view._ended)
            abandon()
            view._ended = ended

        view.abandon = forget_all_but_ended
        return view


# --- reading --------------------------------------------------------------------------------------------------


def starts_of_committed(committed: Mapping[Log, int | None], earliest: Mapping[Log, int]) -> dict[Log, int]:
    return {log: offset for log, offset in committed.items() if offset}


class TakesAnything(Continuity):
    def judge(self, log: Log, start: int) -> Verdict:
        return Verdict.TAKE


class GoneAtSecondSight(Process):
    def is_gone(self, log: Log, expected: int, start: int) -> bool:
        return True


class CommitsDelivered(InFlight):
    def committable(self, log: Log) -> int | None:
        waiting = self._waiting.get(log)
        return waiting[-1].end if waiting else super().committable(log)
