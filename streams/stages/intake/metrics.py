"""What INTAKE tells Prometheus: what became of what it read, and how long after it happened it was received."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from streams.domain.vocabulary import CHANNELS
from streams.runtime.metrics import AGE_SECONDS, Spread

REGISTRY = CollectorRegistry()

#: Why a record is a dead letter.
REASONS = (
    *("undecodable", "invalid", "wrong_topic", "no_identifier", "ambiguous_user_id", "future"),
    *("conflicting_duplicate", "unknown_direction", "contradicting_direction", "stage_raised"),
)

TOUCHPOINTS_TOTAL = Counter(
    "journey_touchpoints_total",
    "Records that INTAKE read, by channel and what became of them; those read or tried again included.",
    ["channel", "outcome", "reason"],
    registry=REGISTRY,
)
EVENT_TIME_LAG = Spread(
    "journey_event_time_lag_seconds",
    "From when a touchpoint happened to its receipt by the broker, of those accepted or late; without backfill.",
    "channel",
    CHANNELS,
    AGE_SECONDS,
    REGISTRY,
)
DIFFERENCE = Gauge(
    "journey_completeness_difference_records",
    "Records read of a source, of all time, less those accepted, duplicate, late, dead, rerouted or copies of such;"
    " 0, or records are lost (above) or counted twice (below).",
    ["channel", "partition"],
    registry=REGISTRY,
)
FOREIGN_ASSIGNMENTS = Counter(
    "journey_foreign_assignments_total",
    "Records on identity.assignments that no stage of ours wrote; left out.",
    registry=REGISTRY,
)

for _channel in CHANNELS:
    for _outcome in ("accepted", "duplicate", "late", "rerouted", "repeat"):
        TOUCHPOINTS_TOTAL.labels(_channel, _outcome, "")
    for _reason in REASONS:
        TOUCHPOINTS_TOTAL.labels(_channel, "dead", _reason)
