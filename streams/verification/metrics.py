"""What `omnijourney verify` found, as a text file for Prometheus: node_exporter's textfile collector serves it."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from streams.verification.verify import Verified


def write(verified: Verified, file: Path, ended_at: float) -> None:
    """Write ``file`` anew, whole or not at all; ``ended_at`` is Unix time in seconds. OSError where it can't be."""
    registry = CollectorRegistry()
    rows = Gauge("journey_verify_rows", "Rows compared and found equal.", ["table"], registry=registry)
    differences = Gauge("journey_verify_differences", "Rows that differ.", ["table"], registry=registry)
    for comparison in verified.comparisons:
        rows.labels(comparison.table).set(comparison.equal)
        differences.labels(comparison.table).set(comparison.differences)
    figures = (
        ("customers", "Customers compared.", verified.customers),
        ("touchpoints", "Touchpoints from which their rows were computed.", verified.touchpoints),
        ("duration_seconds", "How long it took.", verified.seconds),
        ("success", "1 where customers were compared and all rows were equal, else 0.", verified.succeeded),
        ("last_run_timestamp_seconds", "When it ended.", ended_at),
    )
    for name, meaning, figure in figures:
        Gauge(f"journey_verify_{name}", meaning, registry=registry).set(figure)
    write_to_textfile(str(file), registry)
