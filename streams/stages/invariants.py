"""What must always hold while the stages run. Where it doesn't, data is safe but somebody must look: counted, logged,
alerted, no crash."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter

REGISTRY = CollectorRegistry()
INVARIANTS = (
    "a_forward_is_newer_than_what_it_forwards",
    "a_version_of_an_identifier_names_one_customer",
    "an_assignment_of_one_version_has_one_customer",
    "credits_of_a_conversion_sum_to_one",
    "no_total_is_negative",
    "a customer has the identifiers that it counts",
    "identity's versions rise",
)
VIOLATIONS = Counter(
    "journey_invariant_violations_total",
    "What must never happen, and did; see the log.",
    ["invariant"],
    registry=REGISTRY,
)
for _invariant in INVARIANTS:
    VIOLATIONS.labels(_invariant)

log = structlog.get_logger("streams.stages")


def broken(invariant: str, **where: object) -> None:
    """``invariant``, named by what ought to hold, does not; ``where`` quotes no data of customers."""
    VIOLATIONS.labels(invariant).inc()
    log.error("invariant_broken", invariant=invariant, **where)
