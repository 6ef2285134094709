"""What every stage tells Prometheus. Base units; counters since the start of the process, refolding included."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# A second series for each counter and histogram, of the time when it was made: nothing that anybody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

RECORDS = Counter("journey_stage_records_total", "Records folded.", ["stage", "topic"])
BATCH_SECONDS = Histogram(
    "journey_stage_batch_seconds",
    "Seconds that a batch takes: fold, emit and flush.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
BATCH_RECORDS = Histogram(
    "journey_stage_batch_records", "Records in a batch.", ["stage"], buckets=(1, 10, 100, 500, 1000, 2000, 5000, 20_000)
)
LAG = Gauge(
    "journey_stage_lag_records", "Records from the next one to fold to the end.", ["stage", "topic", "partition"]
)
STATE_ENTRIES = Gauge("journey_stage_state_entries", "Entries of keyed state.", ["stage", "partition"])
REBALANCES = Counter("journey_stage_rebalances_total", "Assignments of partitions to this worker.", ["stage"])
BUILD = Gauge("journey_build_info", "Always 1; the labels tell the build.", ["version", "stage"])
