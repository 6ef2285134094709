"""What must always hold while the stages run. Where it doesn't, data is safe but somebody must look: counted, logged,
alerted, no crash."""

from __future__ import annotations

import structlog
from prometheus_client import Counter

VIOLATIONS = Counter(
    "journey_invariant_violations_total", "What must never happen, and did; see the log.", ["invariant"]
)

log = structlog.get_logger("streams.stages")


def broken(invariant: str, **where: object) -> None:
    """``invariant``, named by what ought to hold, does not; ``where`` quotes no data of customers."""
    VIOLATIONS.labels(invariant).inc()
    log.error("invariant_broken", invariant=invariant, **where)
