"""What every stage tells Prometheus. Base units; counters since the start of the process.

Each room that measures has a registry of its own, and a process serves those of its stage (`serve`), so that nobody
is told zeros by a worker whose stage never counts. What is known to be counted begins at 0: `increase` sees no first
event of a series that begins with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from prometheus_client import REGISTRY as SERVED
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from streams.runtime.reading import Log
    from streams.runtime.stage import Record, Stage
    from streams.runtime.task import Piece

# A second series for each counter and histogram, of the time when it was made: nothing that anybody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

log = structlog.get_logger("streams.runtime")

#: What the runtime measures of any stage.
REGISTRY = CollectorRegistry()

PARTITION = ["stage", "partition"]
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

RECORDS = Counter("journey_stage_records_total", "Records folded.", ["stage", "topic"], registry=REGISTRY)
BATCHES = Counter("journey_stage_batches_total", "Batches finished.", PARTITION, registry=REGISTRY)
BATCH_RECORDS = Histogram(
    "journey_stage_batch_records",
    "Records in a batch.",
    ["stage"],
    buckets=(1, 10, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000),
    registry=REGISTRY,
)
PHASE_SECONDS = Counter(
    "journey_stage_phase_seconds_total",
    "Seconds spent in each phase of batches: wait for records, fold (decoding included), encode, emit, changelog,"
    " state.",
    [*PARTITION, "phase"],
    registry=REGISTRY,
)
CHANGED_KEYS = Counter(
    "journey_stage_changed_keys_total", "Keys of state written, each once a batch.", PARTITION, registry=REGISTRY
)
LATENCY_SECONDS = Histogram(
    "journey_stage_latency_seconds",
    "From the receipt of a batch's last record by the broker to the end of the batch.",
    ["stage"],
    buckets=SECONDS,
    registry=REGISTRY,
)
LAG = Gauge(
    "journey_stage_lag_records",
    "Records from the next one to fold to the end.",
    ["stage", "topic", "partition"],
    registry=REGISTRY,
)
LAG_SECONDS = Gauge(
    "journey_stage_lag_seconds",
    "Age of the last record folded, by its receipt; 0 where there is none to fold.",
    ["stage", "topic", "partition"],
    registry=REGISTRY,
)
GONE_RECORDS = Counter(
    "journey_stage_gone_records_total",
    "Offsets that the broker no longer had when they were asked for.",
    ["stage", "topic"],
    registry=REGISTRY,
)
REREADS = Counter(
    "journey_stage_rereads_total", "Chunks dropped on the way and read again.", ["stage", "topic"], registry=REGISTRY
)
IN_FLIGHT_BYTES = Gauge(
    "journey_stage_in_flight_bytes", "Bytes of records fetched and not yet acknowledged.", ["stage"], registry=REGISTRY
)
STATE_BYTES = Gauge(
    "journey_stage_state_bytes", "Bytes of state on disk and in write buffers.", PARTITION, registry=REGISTRY
)
STATE_KEYS = Gauge(
    "journey_stage_state_keys",
    "Entries of state, as RocksDB estimates them: one written again counts twice until it is compacted.",
    PARTITION,
    registry=REGISTRY,
)
CACHE_ENTRIES = Gauge("journey_stage_cache_entries", "Entries of state cached, decoded.", PARTITION, registry=REGISTRY)
CACHE_READS = Counter(
    "journey_stage_cache_reads_total",
    "Reads of state, by whether the cache had it.",
    [*PARTITION, "found"],
    registry=REGISTRY,
)
STATE_SET_ASIDE = Counter(
    "journey_stage_state_set_aside_total", "Folders of state found damaged or foreign.", registry=REGISTRY
)
RECOVERED_RECORDS = Counter(
    "journey_stage_recovered_records_total", "Changelog records applied.", ["stage"], registry=REGISTRY
)
RECOVERY_REMAINING = Gauge(
    "journey_stage_recovery_remaining_records", "Changelog records still to apply.", ["stage"], registry=REGISTRY
)
RECOVERY_SECONDS = Gauge(
    "journey_stage_recovery_seconds", "How long the last recovery took.", ["stage"], registry=REGISTRY
)
TAKEOVERS = Counter(
    "journey_stage_takeovers_total", "Partitions taken over, each with a new epoch.", ["stage"], registry=REGISTRY
)
SUPERSEDED = Counter(
    "journey_stage_superseded_total",
    "Batches dropped because their partition moves away.",
    ["stage"],
    registry=REGISTRY,
)
BURIED = Counter(
    "journey_stage_buried_total",
    "Records on which the stage raised, kept as dead letters.",
    ["stage"],
    registry=REGISTRY,
)
REBALANCES = Counter(
    "journey_stage_rebalances_total", "Assignments of partitions to this worker.", ["stage"], registry=REGISTRY
)
BUILD = Gauge("journey_build_info", "Always 1; the labels tell the build.", ["version", "stage"], registry=REGISTRY)

#: Seconds from an event to something that it brings about: the first half tells a pipeline that keeps up, up to a
#: minute what a restart costs, ten minutes what is an incident.
AGE_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Spread(Collector):
    """A histogram that takes the values of a batch at once: 0.05 us each where `Histogram` takes 0.8.

    One label, whose values are known from the start. Values below 0 count as 0: clocks of producers go ahead.
    """

    def __init__(
        self,
        name: str,
        meaning: str,
        label: str,
        of: Sequence[str],
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name, self._meaning, self._label = name, meaning, label
        self._bounds = np.array(buckets, dtype=float)
        self._told = [*(f"{float(bound)}" for bound in buckets), "+Inf"]
        self._counts = {value: [0] * len(self._told) for value in of}
        self._sums = dict.fromkeys(of, 0.0)
        self._lock = Lock()
        registry.register(self)

    def observe(self, of: str, values: Sequence[float]) -> None:
        """Count ``values`` under the label ``of``."""
        told = np.maximum(np.array(values, dtype=float), 0.0)
        counts = np.bincount(np.searchsorted(self._bounds, told), minlength=len(self._told)).tolist()
        with self._lock:
            self._counts[of] = list(map(int.__add__, self._counts[of], counts))
            self._sums[of] += float(told.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What was counted so far, as it stood at one moment."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=[self._label])
        with self._lock:
            for of, counts in self._counts.items():
                family.add_metric([of], list(zip(self._told, accumulate(counts), strict=True)), self._sums[of])
        yield family


def serve(version: str, stage: Stage[Any], registries: Sequence[CollectorRegistry]) -> None:
    """Have /metrics of this process tell what the runtime and ``registries`` measure; to be called once."""
    BUILD.labels(version, stage.name).set(1)
    for counter in (SUPERSEDED, BURIED, REBALANCES, *(() if stage.layout is None else (TAKEOVERS, RECOVERED_RECORDS))):
        counter.labels(stage.name)
    for counter in (RECORDS, GONE_RECORDS, REREADS):
        for topic in stage.inputs:
            counter.labels(stage.name, topic)
    for registry in (REGISTRY, *registries):
        SERVED.register(registry)


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
