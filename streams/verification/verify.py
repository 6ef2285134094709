"""All comparisons, in the order in which one rests on the other: who is who, then what everybody did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sinks.verify import Tables
from streams.domain.identity.limits import Limits
from streams.domain.rules import Rules
from streams.verification.differences import Comparison
from streams.verification.histories import compare_histories
from streams.verification.identities import compare_identities, compare_vias, compare_violations, compute


class Verified(NamedTuple):
    """What was found. ``two_vias``: event_ids that stand under several vias, as a producer may have meant or not;
    ``overflow``: links beyond the breaker."""

    customers: int
    comparisons: Sequence[Comparison]
    two_vias: int
    overflow: int

    @property
    def differs(self) -> bool:
        """Whether anything does that should not."""
        return any(comparison.differs for comparison in self.comparisons)


def verify(
    tables: Tables, rules: Rules, limits: Limits, limit: int, on_step: Callable[[str], None] = lambda _: None
) -> Verified:
    """Compute everything again by ``rules`` and ``limits``, which must be those of the workers; keep ``limit``
    differences a table. The pipeline should be at rest. Raises Unreachable or Misconfigured (`sinks.clickhouse`)."""
    outcomes, vias, identities, violations, journeys, sessions = comparisons = [
        Comparison(table, limit)
        for table in ("outcomes", "touchpoints", "identities", "identity_violations", "journeys", "sessions")
    ]
    on_step("counting touchpoints")
    _compare_outcomes(tables, outcomes)
    on_step("joining identifiers")
    identified, overflow = compute(tables, limits)
    compare_identities(identified, tables, identities)
    compare_violations(identified, overflow, tables, violations)
    moved = compare_vias(identified, tables, vias)
    on_step("stitching journeys")
    customers = compare_histories(tables, moved, rules, {"journey": journeys, "session": sessions})
    two_vias = tables.two_vias(1)
    return Verified(customers, comparisons, two_vias[0][-1] if two_vias else 0, len(overflow))


def _compare_outcomes(tables: Tables, comparison: Comparison) -> None:
    """As many rows of touchpoints as were accepted, on each channel."""
    rows = tables.accepted()
    comparison.compare(
        ("accepted touchpoints",),
        {channel: (accepted,) for channel, accepted, _ in rows},
        {channel: (kept,) for channel, _, kept in rows},
    )
