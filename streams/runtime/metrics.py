"""What every stage tells Prometheus. Base units; counters since the start of the process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

if TYPE_CHECKING:
    from streams.runtime.reading import Log
    from streams.runtime.stage import Record
    from streams.runtime.task import Piece

# A second series for each counter and histogram, of the time when it was made: nothing that anybody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

log = structlog.get_logger("streams.runtime")

PARTITION = ["stage", "partition"]
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

RECORDS = Counter("journey_stage_records_total", "Records folded.", ["stage", "topic"])
BATCHES = Counter("journey_stage_batches_total", "Batches finished.", PARTITION)
BATCH_RECORDS = Histogram(
    "journey_stage_batch_records",
    "Records in a batch.",
    ["stage"],
    buckets=(1, 10, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000),
)
PHASE_SECONDS = Counter(
    "journey_stage_phase_seconds_total",
    "Seconds spent in each phase of batches: wait for records, fold (decoding included), encode, emit, changelog,"
    " state.",
    [*PARTITION, "phase"],
)
CHANGED_KEYS = Counter("journey_stage_changed_keys_total", "Keys of state written, each once a batch.", PARTITION)
LATENCY_SECONDS = Histogram(
    "journey_stage_latency_seconds",
    "From the receipt of a batch's last record by the broker to the end of the batch.",
    ["stage"],
    buckets=SECONDS,
)
LAG = Gauge(
    "journey_stage_lag_records", "Records from the next one to fold to the end.", ["stage", "topic", "partition"]
)
LAG_SECONDS = Gauge(
    "journey_stage_lag_seconds",
    "Age of the last record folded, by its receipt; 0 where there is none to fold.",
    ["stage", "topic", "partition"],
)
GONE_RECORDS = Counter(
    "journey_stage_gone_records_total",
    "Offsets that the broker no longer had when they were asked for.",
    ["stage", "topic"],
)
REREADS = Counter("journey_stage_rereads_total", "Chunks dropped on the way and read again.", ["stage", "topic"])
IN_FLIGHT_BYTES = Gauge(
    "journey_stage_in_flight_bytes", "Bytes of records fetched and not yet acknowledged.", ["stage"]
)
STATE_BYTES = Gauge("journey_stage_state_bytes", "Bytes of state on disk and in write buffers.", PARTITION)
CACHE_ENTRIES = Gauge("journey_stage_cache_entries", "Entries of state cached, decoded.", PARTITION)
CACHE_READS = Counter(
    "journey_stage_cache_reads_total", "Reads of state, by whether the cache had it.", [*PARTITION, "found"]
)
STATE_SET_ASIDE = Counter("journey_stage_state_set_aside_total", "Folders of state found damaged or foreign.")
RECOVERED_RECORDS = Counter("journey_stage_recovered_records_total", "Changelog records applied.", ["stage"])
RECOVERY_REMAINING = Gauge("journey_stage_recovery_remaining_records", "Changelog records still to apply.", ["stage"])
RECOVERY_SECONDS = Gauge("journey_stage_recovery_seconds", "How long the last recovery took.", ["stage"])
TAKEOVERS = Counter("journey_stage_takeovers_total", "Partitions taken over, each with a new epoch.", ["stage"])
SUPERSEDED = Counter("journey_stage_superseded_total", "Batches dropped because their partition moves away.", ["stage"])
BURIED = Counter("journey_stage_buried_total", "Records on which the stage raised, kept as dead letters.", ["stage"])
REBALANCES = Counter("journey_stage_rebalances_total", "Assignments of partitions to this worker.", ["stage"])
BUILD = Gauge("journey_build_info", "Always 1; the labels tell the build.", ["version", "stage"])


class Meter:
    """What one task measures; ``partition`` is "all" for a stage without state."""

    def __init__(self, stage: str, partition: str) -> None:
        self._stage = stage
        self._phases = {
            phase: PHASE_SECONDS.labels(stage, partition, phase)
            for phase in ("wait", "fold", "encode", "emit", "changelog", "state")
        }
        self._batches = BATCHES.labels(stage, partition)
        self._changed = CHANGED_KEYS.labels(stage, partition)
        self._sizes = BATCH_RECORDS.labels(stage)
        self._latency = LATENCY_SECONDS.labels(stage)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the seconds of the block as ``name``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._phases[name].inc(time.perf_counter() - started)

    def batch(self, pieces: Sequence[Piece], folded: int, changes: int) -> None:
        """A batch is finished."""
        self._batches.inc()
        self._sizes.observe(folded)
        self._changed.inc(changes)
        for piece in pieces:
            if piece.records:
                RECORDS.labels(self._stage, piece.log.topic).inc(len(piece.records))
        last = next((piece.records[-1] for piece in reversed(pieces) if piece.records), None)
        if last is not None:
            self._latency.observe(max(0.0, time.time() - last.timestamp / 1000))

    def superseded(self, reason: Exception) -> None:
        """A batch was dropped."""
        SUPERSEDED.labels(self._stage).inc()
        log.warning("superseded", reason=str(reason))

    def buried(self, source: Log, record: Record, cause: str) -> None:
        """The stage raised on ``record``, which becomes a dead letter."""
        BURIED.labels(self._stage).inc()
        log.error("buried", topic=source.topic, partition=source.partition, offset=record.offset, cause=cause)
