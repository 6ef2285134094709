"""All comparisons, in the order in which one rests on the other: who is who, then what everybody did."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sinks.verify import Tables
from streams.domain.identity.limits import Limits
from streams.domain.rules import Rules
from streams.verification.differences import Comparison
from streams.verification.engagement import compare_engagement
from streams.verification.histories import compare_histories
from streams.verification.identities import compare_identities, compare_vias, compare_violations, compute

TABLES = (
    "outcomes",
    "touchpoints",
    "identities",
    "identity_violations",
    "journeys",
    "sessions",
    "journey_steps",
    "journey_changes",
    "engagement",
)


class Verified(NamedTuple):
    """What was found. ``two_vias``: event_ids that stand under several vias, as a producer may have meant or not;
    ``overflow``: links beyond the breaker; ``seconds`` it took in all."""

    customers: int
    touchpoints: int
    comparisons: Sequence[Comparison]
    two_vias: int
    overflow: int
    seconds: float

    @property
    def differs(self) -> bool:
        """Whether anything does that should not."""
        return any(comparison.differs for comparison in self.comparisons)


def verify(
    tables: Tables, rules: Rules, limits: Limits, limit: int, on_step: Callable[[str], None] = lambda _: None
) -> Verified:
    """Compute everything again by ``rules`` and ``limits``, which must be those of the workers; keep ``limit``
    differences a table. The pipeline should be at rest. Raises Unreachable or Misconfigured (`sinks.clickhouse`)."""
    began = time.perf_counter()
    to = {table: Comparison(table, limit) for table in TABLES}
    on_step("counting touchpoints")
    _compare_outcomes(tables, to["outcomes"])
    on_step("joining identifiers")
    with to["identities"].timed():
        identified, overflow = compute(tables, limits)
        compare_identities(identified, tables, to["identities"])
    with to["identity_violations"].timed():
        compare_violations(identified, overflow, tables, to["identity_violations"])
    with to["touchpoints"].timed():
        moved = compare_vias(identified, tables, to["touchpoints"])
    on_step("stitching journeys")
    compared = compare_histories(tables, moved, rules, to)
    on_step("adding up engagement")
    compare_engagement(tables, to["engagement"])
    two_vias = tables.two_vias(1)
    return Verified(
        compared.customers,
        compared.touchpoints,
        [*to.values()],
        two_vias[0][-1] if two_vias else 0,
        len(overflow),
        time.perf_counter() - began,
    )


def _compare_outcomes(tables: Tables, comparison: Comparison) -> None:
    """As many rows of touchpoints as were accepted, on each channel and partition."""
    with comparison.timed():
        rows = tables.accepted()
        comparison.compare(
            ("accepted touchpoints",),
            {f"{channel}, partition {partition}": (accepted,) for channel, partition, accepted, _ in rows},
            {f"{channel}, partition {partition}": (kept,) for channel, partition, _, kept in rows},
        )
