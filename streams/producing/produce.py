"""Touchpoints on their way to Kafka: check the structure, encode, choose topic and key, send, count.

Only structure is judged here, against the touchpoint schema; what a touchpoint means is INTAKE's to judge, so that
every producer is judged alike. The topic is the channel's, the key is the strongest identifier after cleaning: one
customer's touchpoints of a channel stay in order on one partition. A wrong line is told and the rest goes on; where
Kafka does not take a touchpoint, the run stops.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple

from schemas.codec import encode
from schemas.conformance import Problem, problems
from streams.domain.identifiers import clean
from streams.domain.vocabulary import CHANNELS
from streams.kafka_access import KafkaAccess
from streams.producing.counts import NO_CHANNEL, ChannelCounts, Counts
from streams.producing.errors import ProducingError
from streams.producing.kafka_outlet import DELIVERY_TIMEOUT_S, KafkaOutlet
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.touchpoints import Parcel, Touchpoints
from streams.producing.outlet import DryRun, Outlet, Settled
from streams.producing.pace import Pace
from streams.producing.rejects import RejectsFile
from streams.producing.rows import (
    MAX_RECORD,
    Failure,
    Heading,
    Item,
    Message,
    Reject,
    Remainder,
    Row,
    Skipped,
    Undelivered,
)
from streams.producing.sources import Sources, expand

PROGRESS_S = 0.1

OnFailure = Callable[[Failure], None]
OnProgress = Callable[[Counts], None]


class Result(NamedTuple):
    """What a run did. ``stopped`` says why it ended before its input did, '' where it did not."""

    counts: Counts
    stopped: str

    @property
    def complete(self) -> bool:
        """True where every line was sent: exit code 0."""
        total = self.counts.total
        return not self.stopped and total.sent + total.skipped == total.read


def produce_files(
    paths: Sequence[str],
    kafka: KafkaAccess | str,
    *,
    mapping: Declared | None = None,
    backfill: bool = False,
    rate: float | None = None,
    dry_run: bool = False,
    rejects: str | None = None,
    on_failure: OnFailure = lambda _: None,
    on_progress: OnProgress = lambda _: None,
    on_start: Callable[[Sources], None] = lambda _: None,
    stdin: BinaryIO | None = None,
    delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
) -> Result:
    """Produce the touchpoints in ``paths``, ``-`` for standard input, at most ``rate`` a second.

    ``mapping`` says how to read files that aren't NDJSON of touchpoints. ``backfill`` marks all as history. The file
    ``rejects`` keeps wrong and undelivered lines. A dry run needs no broker. ``on_start`` gets the opened sources,
    whose ``bytes_read`` moves on during the run. Raises before anything is sent: InputError, BrokerUnreachable,
    TopicMissing.
    """
    paths = expand(paths)
    sources = Sources(paths, stdin or sys.stdin.buffer, mapping)
    pace = Pace(rate) if rate is not None else None
    with ExitStack() as stack:
        kept = stack.enter_context(RejectsFile(rejects, paths)) if rejects is not None else None
        outlet: Outlet = DryRun() if dry_run else stack.enter_context(KafkaOutlet(kafka, delivery_timeout_s))
        on_start(sources)

        def tell(failure: Failure) -> None:
            if kept is not None:
                kept.add(failure)
            on_failure(failure)

        items = _mapped(sources, mapping, backfill, kept) if mapping is not None else _marked(sources, backfill)
        return produce(items, outlet, pace=pace, on_failure=tell, on_progress=on_progress)


def _mapped(sources: Sources, mapping: Declared, backfill: bool, kept: RejectsFile | None) -> Iterator[Parcel]:
    for item in Touchpoints(mapping, backfill).map(iter(sources)):
        if not isinstance(item, Heading):
            yield item
        elif kept is not None:
            kept.head(item)


def _marked(items: Iterable[Any], backfill: bool) -> Iterator[Item]:
    for item in items:
        if backfill and isinstance(item, Row):
            item.record["backfill"] = True
        yield item


def produce_records(
    records: Iterable[Mapping[str, Any]],
    kafka: KafkaAccess | str,
    *,
    rate: float | None = None,
    on_failure: OnFailure = lambda _: None,
    on_progress: OnProgress = lambda _: None,
) -> Result:
    """As `produce_files` for records that are already there, e.g. of the sample company; lines are counted from 1."""
    rows = (Row("record", number, b"", dict(record)) for number, record in enumerate(records, 1))
    pace = Pace(rate) if rate is not None else None
    with KafkaOutlet(kafka) as outlet:
        return produce(rows, outlet, pace=pace, on_failure=on_failure, on_progress=on_progress)


def produce(
    items: Iterable[Item | Parcel],
    outlet: Outlet,
    *,
    pace: Pace | None = None,
    on_failure: OnFailure = lambda _: None,
    on_progress: OnProgress = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Send every row of ``items`` that is a touchpoint; returns when all is settled.

    ``on_failure`` gets each reject, the remainders of long lines, and each undelivered touchpoint. ``on_progress`` gets
    the counts about ten times a second, ``clock`` (monotonic, seconds) deciding, and once at the end. An interrupt
    (KeyboardInterrupt) ends the reading, not the delivery of what was read.
    """
    run = _Run(on_failure, on_progress, clock)
    try:
        for item in items:
            run.show_progress()
            found = prepare(item) if isinstance(item, Row) else item
            if isinstance(found, Skipped):
                run.skip(found)
            elif isinstance(found, Reject | Remainder):
                run.reject(found)
            else:
                run.send([found] if isinstance(found, Message) else found, outlet, pace)
            if run.stopped:
                break
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    except ProducingError as error:
        # A file further on is none that can be read; what was read before it still goes its way.
        run.stopped = str(error)
    for one in outlet.drain():
        run.settle((one,))
        run.show_progress()
    on_progress(run.counts())
    return Result(run.counts(), run.stopped)


def prepare(row: Row) -> Message | Reject:
    """The Kafka record of a row, or what is wrong with the row."""
    record = row.record
    found = problems("touchpoint", record)
    if not found:
        value = encode("touchpoint", record)
        if len(value) <= MAX_RECORD:
            names = clean(record["identifiers"])
            key = names[0].text.encode() if names else None
            return Message(record["channel"], key, value, row.source, row.line, row.raw)
        found = [Problem("", f"{len(value)} bytes encoded", f"at most {MAX_RECORD} bytes")]
    channel = record.get("channel")
    return Reject(row.source, row.line, found, row.raw, channel if channel in CHANNELS else NO_CHANNEL)


class _Run:
    """The counts of one run, and whom to tell."""

    def __init__(self, on_failure: OnFailure, on_progress: OnProgress, clock: Callable[[], float]) -> None:
        self.stopped = ""
        self._on_failure = on_failure
        self._on_progress = on_progress
        self._clock = clock
        self._began = self._shown = clock()
        self._read = dict.fromkeys((*CHANNELS, NO_CHANNEL), 0)
        self._sent, self._rejected, self._undelivered, self._skipped = (dict(self._read) for _ in range(4))

    def send(self, messages: Sequence[Message], outlet: Outlet, pace: Pace | None) -> None:
        if pace is None:
            self._send(messages, outlet)
            return
        for message in messages:
            pace.wait()
            self._send([message], outlet)
            self.show_progress()
            if self.stopped:
                return

    def _send(self, messages: Sequence[Message], outlet: Outlet) -> None:
        settled = outlet.send(messages)
        for message in messages:
            self._read[message.channel] += 1
        self.settle(settled)

    def skip(self, skipped: Skipped) -> None:
        for channel, count in skipped.by_channel.items():
            self._read[channel] += count
            self._skipped[channel] += count

    def reject(self, failure: Reject | Remainder) -> None:
        if isinstance(failure, Reject):
            self._read[failure.channel] += 1
            self._rejected[failure.channel] += 1
        self._on_failure(failure)

    def settle(self, settled: Sequence[Settled]) -> None:
        for messages, error in settled:
            if error:
                self._fail(messages, error)
                continue
            for message in messages:
                self._sent[message.channel] += 1

    def _fail(self, messages: Sequence[Message], error: str) -> None:
        self.stopped = self.stopped or f"Kafka did not take a touchpoint: {error}"
        for message in messages:
            self._undelivered[message.channel] += 1
            self._on_failure(Undelivered(message.source, message.line, error, message.raw))

    def show_progress(self) -> None:
        now = self._clock()
        if now - self._shown >= PROGRESS_S:
            self._shown = now
            self._on_progress(self.counts())

    def counts(self) -> Counts:
        by_channel = {
            channel: ChannelCounts(
                read,
                self._sent[channel],
                self._rejected[channel],
                self._undelivered[channel],
                self._skipped[channel],
            )
            for channel, read in self._read.items()
            if read
        }
        return Counts(by_channel, self._clock() - self._began)
