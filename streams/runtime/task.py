"""The life of a batch: one task for each partition and generation, strictly in this order.

    1 skip    what is below the fence is in the state already
    2 fold    into a view that a failure throws away; emit what was touched
    3 flush   outputs, and wait until they are durable
    4 append  the changes and the fence to the changelog, one Kafka record batch, and wait
    5 write   the same to the store, one write batch
    6 ack     so that the offsets may be committed

Why it is exact. A crash after 3 folds again from the old state and sends the same rows again, which are upserts by key
and version; the other order would lose them. A crash after 4 finds the changes in the changelog, and the fence, which
came with them, says what to skip. All writes bear the epoch that this owner took, so one that lost the partition
unawares is refused by the broker, and the changelog's order is the truth. Nothing of a generation follows a batch that
was dropped, or equal versions would carry other content. Nothing depends on where batches are cut.

Where the stage raises, or the changes don't fit, the records are tried again by halves, each through all six steps,
down to the one that fails alone: it is buried, which is an ordinary batch too.

This module does no I/O and knows no clock and no event loop: everything that waits is behind the protocols below, so a
simulation can crash it at every await.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from streams.runtime.accounts import Accounts, pack
from streams.runtime.failures import Discontinuous, Failure, StageRaised, Superseded, TooLarge, TooManyRaised
from streams.runtime.metrics import Meter
from streams.runtime.outputs import Outputs, Patience
from streams.runtime.reading import Delivery, Log
from streams.runtime.stage import Record, Records, Stage
from streams.runtime.store import Applied, Entries, Fence
from streams.runtime.views import BatchView

O = TypeVar("O", bound=Outputs)  # noqa: E741 - as in Outputs
B = TypeVar("B")


class Inbox(Protocol):
    """Where deliveries come from and go back to."""

    async def take(self) -> Sequence[Delivery]:
        """At least one delivery, in order; as many as are ready, up to a batch."""

    async def turn(self) -> None:
        """Let others have the event loop."""

    def ack(self, delivery: Delivery) -> None:
        """It is done with."""

    def drop(self, delivery: Delivery) -> None:
        """It is not, and nobody will finish it in this generation."""


class Lease(Protocol):
    """Whether the partition is ours."""

    def holds(self) -> bool:
        """False where we know that it is not. True is a guess; the epoch decides."""

    def patient(self) -> bool:
        """False where waiting any longer would block a rebalance or the end of the worker."""


class Changelog(Protocol[B]):
    """The changelog of one partition, written under our epoch."""

    def pack(self, entries: Entries, fence: Fence) -> B:
        """One Kafka record batch, the fence last; TooLarge where it doesn't fit."""

    async def append(self, batch: B, patient: Patience) -> Applied | None:
        """Where it is now, durable; None where the broker doesn't say. Superseded where it is refused, or not in
        time."""


class Store(Protocol):
    """The local copy of the changelog."""

    @property
    def fence(self) -> Fence: ...

    def write(self, entries: Entries, fence: Fence, applied: Applied | None) -> None:
        """Take a batch, all at once."""


class Kept(NamedTuple):
    """A stage's state, for one partition and generation."""

    view: BatchView
    changelog: Changelog[Any]
    store: Store
    made_with: str = ""
    accounts: Accounts | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """``turn_records`` are folded between two turns of the event loop, or fewer: as many as have ``turn_bytes``, and,
    down to ``least_turn_records``, where the last ones changed over ``turn_changes`` keys or alone filled the cache.
    ``batch_changes`` keys, or about ``batch_bytes`` of changes, end a batch: these must be one Kafka record batch."""

    turn_records: int = 1_000
    least_turn_records: int = 32
    turn_bytes: int = 1_000_000
    turn_changes: int = 8_000
    batch_changes: int = 12_000
    batch_bytes: int = 2_000_000


class Tally:
    """Records that a worker folded, and those on which its stage raised."""

    #: Up to so many are data, however few records were folded; 1 % of 1,000.
    ALWAYS_DATA = 10
    SHARE = 0.01
    MEMORY = 100_000

    def __init__(self) -> None:
        self.folded = 0
        self.raised = 0

    def raise_on(self, log: Log, record: Record, failure: StageRaised | TooLarge) -> None:
        """One more on which the stage raised; TooManyRaised where that can't be the data."""
        self.raised += 1
        if self.folded > self.MEMORY:
            # What was long ago says nothing about this deployment.
            self.folded, self.raised = self.folded // 2, self.raised // 2
        if self.raised > max(self.ALWAYS_DATA, self.SHARE * self.folded):
            raise TooManyRaised(
                f"the stage raised on {self.raised} of {self.folded} records, last {failure.cause} on"
                f" {log.topic}-{log.partition} at offset {record.offset}; roll the deployment back or mend the stage"
            )


class Piece(NamedTuple):
    """Records of one log that are folded together: all that it has from ``start`` on, and below ``end``."""

    log: Log
    start: int
    records: Sequence[Record]
    end: int


class Stateless:
    """The view of a stage without a layout."""

    def __init__(self, partition: int) -> None:
        self.partition = partition

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name}: the stage declares no layout, so it keeps no state")


class Task(Generic[O]):
    """Runs batches until it is cancelled; whatever `run` raises ends the worker."""

    def __init__(
        self,
        stage: Stage[O],
        inbox: Inbox,
        outputs: O,
        kept: Kept | None,
        lease: Lease,
        tally: Tally,
        meter: Meter,
        limits: Limits,
        begins: Mapping[Log, int] | None = None,
    ) -> None:
        """``begins``: where each log is read from."""
        self._stage = stage
        self._inbox = inbox
        self._outputs = outputs
        self._kept = kept
        self._lease = lease
        self._tally = tally
        self._meter = meter
        self._limits = limits
        # It grows with experience: nobody knows what a record will bring into memory.
        self._turn_records = min(limits.least_turn_records, limits.turn_records)
        self._superseded = False
        self._reached: dict[Log, int] = dict(begins or {})

    async def run(self) -> None:
        """Take, work, acknowledge, for ever."""
        while True:
            with self._meter.phase("wait"):
                deliveries = await self._inbox.take()
            if not self._superseded:
                try:
                    await self._work(deliveries)
                except Superseded as superseded:
                    self._superseded = True
                    self._abandon()
                    self._meter.superseded(superseded)
            for delivery in deliveries:
                # Nothing may follow a dropped batch in its generation.
                if self._superseded:
                    self._inbox.drop(delivery)
                else:
                    self._inbox.ack(delivery)

    async def _work(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._require_continuous(delivery)
        generation = deliveries[-1].generation
        folded: list[Piece] = []
        for piece in self._pieces(deliveries):
            written = 0 if self._kept is None or not folded else len(self._kept.view.written)
            try:
                self._fold(piece)
            except StageRaised as failure:
                self._abandon()
                await self._bisect([*folded, piece], generation, failure)
                folded = []
                continue
            folded.append(piece)
            self._pace(written)
            if self._is_full():
                await self._flush_or_bisect(folded, generation)
                folded = []
            else:
                await self._inbox.turn()
        if folded:
            await self._flush_or_bisect(folded, generation)

    def _require_continuous(self, delivery: Delivery) -> None:
        log = delivery.log
        reached = self._reached.get(log)
        if reached is None and self._kept is not None:
            reached = self._kept.store.fence.next.get(log.topic)
        if reached is not None and delivery.start > reached:
            raise Discontinuous(f"{log.topic}-{log.partition}: records begin at {delivery.start}, expected {reached}")
        self._reached[log] = max(delivery.end, reached or 0)

    def _pieces(self, deliveries: Sequence[Delivery]) -> Iterator[Piece]:
        """1: what is not in the state yet, in turns."""
        for delivery in deliveries:
            records: Sequence[Record] = delivery.records
            below = 0 if self._kept is None else self._kept.store.fence.next.get(delivery.log.topic, 0)
            if records and records[0].offset < below:
                records = [record for record in records if record.offset >= below]
            at, start = 0, max(delivery.start, below)
            while len(records) - at > (size := self._turn(records, at)):
                part = records[at : at + size]
                at += size
                yield Piece(delivery.log, start, part, part[-1].offset + 1)
                start = part[-1].offset + 1
            if records or delivery.end > below:
                yield Piece(delivery.log, start, records[at:], delivery.end)

    def _turn(self, records: Sequence[Record], at: int) -> int:
        """How many of ``records`` from ``at`` on have a turn."""
        size = self._turn_records
        while size > 1 and _bytes(records[at : at + size]) > self._limits.turn_bytes:
            size //= 2
        return size

    def _fold(self, piece: Piece) -> None:
        """2: the first half; the stage's view and outputs have it then."""
        if not piece.records:
            return
        records = Records(piece.log.topic, piece.log.partition, piece.records)
        with self._meter.phase("fold"):
            self._asking(self._stage.fold, records, self._view(piece.log), self._outputs)

    def _view(self, log: Log) -> Any:
        return Stateless(log.partition) if self._kept is None else self._kept.view

    def _asking(self, step: Any, *arguments: object) -> None:
        try:
            step(*arguments)
        except (Failure, MemoryError):
            raise
        except Exception as error:
            raise StageRaised(error) from error

    def _is_full(self) -> bool:
        if self._kept is None:
            return False
        view, limits = self._kept.view, self._limits
        return view.full or len(view.written) >= limits.batch_changes or view.written_bytes >= limits.batch_bytes

    def _pace(self, written: int) -> None:
        """How many records the next turn has: fewer where those of this one brought more than the cache may have, or
        changed much. ``written``: keys that the batch had changed before it."""
        limits, kept = self._limits, self._kept
        if kept is not None and (kept.view.full or len(kept.view.written) - written > limits.turn_changes):
            self._turn_records = max(self._turn_records // 2, min(limits.least_turn_records, limits.turn_records))
        else:
            self._turn_records = min(self._turn_records * 2, limits.turn_records)

    async def _flush_or_bisect(self, pieces: Sequence[Piece], generation: int) -> None:
        try:
            await self._flush(pieces, generation)
        except (StageRaised, TooLarge) as failure:
            self._abandon()
            await self._bisect(pieces, generation, failure.with_traceback(None))

    async def _flush(self, pieces: Sequence[Piece], generation: int) -> None:
        """2 to 5, for what ``pieces`` left in view and outputs; nothing is sent before all is known to fit."""
        kept = self._kept
        if kept is None:
            with self._meter.phase("emit"):
                await self._outputs.flush(self._lease.patient)
            self._count(pieces, 0)
            return
        changed = kept.view.take_changed()
        with self._meter.phase("fold"):
            self._asking(self._stage.emit, changed, kept.view, self._outputs)
        with self._meter.phase("encode"):
            entries = kept.view.pack()
            fence = self._advanced(kept, pieces, generation)
            ended = kept.view.take_ended()
            accounts = {} if kept.accounts is None else kept.accounts.advanced(pieces, ended, fence)
            brought = [*entries, pack(accounts)] if accounts else entries
            batch = kept.changelog.pack(brought, fence)
        self._require_lease()
        with self._meter.phase("emit"):
            await self._outputs.flush(self._lease.patient)
        self._require_lease()
        with self._meter.phase("changelog"):
            applied = await kept.changelog.append(batch, self._lease.patient)
        with self._meter.phase("state"):
            kept.store.write(brought, fence, applied)
            kept.view.settle(entries)
            if kept.accounts is not None:
                kept.accounts.settle(accounts)
        self._count(pieces, len(entries))

    def _advanced(self, kept: Kept, pieces: Sequence[Piece], generation: int) -> Fence:
        reached = dict(kept.store.fence.next)
        for piece in pieces:
            reached[piece.log.topic] = max(piece.end, reached.get(piece.log.topic, 0))
        return Fence(reached, generation, kept.made_with)

    def _require_lease(self) -> None:
        if not self._lease.holds():
            raise Superseded("the partition has moved away")
        if not self._lease.patient():
            # A batch that is bisected has many of these steps.
            raise Superseded("others wait for the partition")

    async def _bisect(self, pieces: Sequence[Piece], generation: int, failure: StageRaised | TooLarge) -> None:
        """Try ``pieces``, which failed together, by halves; bury the record that fails alone."""
        if sum(len(piece.records) for piece in pieces) <= 1:
            await self._fail_alone(pieces, generation, failure)
            return
        for half in halves(pieces):
            try:
                for piece in half:
                    self._fold(piece)
                await self._flush(half, generation)
            except (StageRaised, TooLarge) as again:
                self._abandon()
                # Its trace would hold what each level of halves had packed.
                await self._bisect(half, generation, again.with_traceback(None))

    async def _fail_alone(self, pieces: Sequence[Piece], generation: int, failure: StageRaised | TooLarge) -> None:
        alone = next((piece for piece in pieces if piece.records), None)
        if alone is None:
            raise failure
        (record,) = alone.records
        self._tally.raise_on(alone.log, record, failure)
        self._meter.buried(alone.log, record, failure.cause)
        records = Records(alone.log.topic, alone.log.partition, [record])
        # A stage that can't even bury it crashes the worker: a record must not vanish.
        self._stage.bury(records, failure.cause, self._view(alone.log), self._outputs)
        await self._flush(pieces, generation)

    def _abandon(self) -> None:
        self._outputs.discard()
        if self._kept is not None:
            self._kept.view.abandon()

    def _count(self, pieces: Sequence[Piece], changes: int) -> None:
        folded = sum(len(piece.records) for piece in pieces)
        self._tally.folded += folded
        self._meter.batch(pieces, folded, changes)


def _bytes(records: Sequence[Record]) -> int:
    return sum([len(record.value or b"") for record in records])


def halves(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """``pieces`` in two parts of as many records each, in order; there are two records at least."""
    left: list[Piece] = []
    missing = sum(len(piece.records) for piece in pieces) // 2
    for at, piece in enumerate(pieces):
        if len(piece.records) <= missing:
            left.append(piece)
            missing -= len(piece.records)
            continue
        if not missing:
            return left, list(pieces[at:])
        head, tail = piece.records[:missing], piece.records[missing:]
        cut = head[-1].offset + 1
        left.append(Piece(piece.log, piece.start, head, cut))
        return left, [Piece(piece.log, cut, tail, piece.end), *pieces[at + 1 :]]
    raise ValueError("halves: fewer than two records")
