"""What the sink tells Prometheus: its inserts, and how long after they happened touchpoints can be seen.

Labels are tables and channels of ours, all there from the start.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sinks.tables import CORRECTIONS, TABLES, TOUCHPOINTS
from streams.domain.vocabulary import CHANNELS
from streams.runtime.metrics import AGE_SECONDS, Spread

REGISTRY = CollectorRegistry()

ROWS = Counter("journey_sink_rows_total", "Rows inserted.", ["table"], registry=REGISTRY)
INSERT_ROWS = Histogram(
    "journey_sink_insert_rows",
    "Rows of an insert.",
    ["table"],
    # Each insert makes a part, which ClickHouse has to merge: below a thousand rows they cost more than they bring.
    buckets=(1, 10, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000),
    registry=REGISTRY,
)
BYTES = Counter(
    "journey_sink_inserted_bytes_total",
    "Bytes of the records whose rows were inserted, as Kafka had them, uncompressed.",
    ["table"],
    registry=REGISTRY,
)
INSERT_SECONDS = Histogram(
    "journey_sink_insert_seconds",
    "How long an insert takes.",
    ["table"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
RETRIES = Counter(
    "journey_sink_retries_total", "Inserts tried again because ClickHouse did not take them.", registry=REGISTRY
)
REJECTED = Counter(
    "journey_sink_rejected_total",
    "Rows that ClickHouse refuses, kept as dead letters.",
    ["table"],
    registry=REGISTRY,
)
REACHABLE = Gauge(
    "journey_sink_clickhouse_reachable",
    "0 where the last insert got no answer, else 1.",
    registry=REGISTRY,
)
OLDEST_UNFLUSHED = Gauge(
    "journey_sink_oldest_unflushed_seconds",
    "Since when the oldest record that the sink has in hand waits in Kafka; 0 where it has none.",
    registry=REGISTRY,
)
FRESHNESS = Spread(
    "journey_freshness_seconds",
    "From when a touchpoint happened to when ClickHouse shows it, each the first time; without backfill.",
    "channel",
    CHANNELS,
    AGE_SECONDS,
    REGISTRY,
)

# Without it the worker would not have started.
REACHABLE.set(1)
for _name in (TOUCHPOINTS.name, CORRECTIONS.name, *(table.name for table in TABLES.values())):
    for _metric in (ROWS, INSERT_ROWS, BYTES, INSERT_SECONDS, REJECTED):
        _metric.labels(_name)
