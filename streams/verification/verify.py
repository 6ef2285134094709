"""All comparisons, in the order in which one rests on the other: who is who, then what everybody did."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sinks.verify import Tables
from streams.domain.identity.limits import Limits
from streams.domain.rules import Rules
from streams.verification.differences import Comparison
from streams.verification.engagement import compare_engagement
from streams.verification.histories import Whose, compare_histories
from streams.verification.identities import (
    compare_identities,
    compare_vias,
    compare_violations,
    compute,
    customer_of,
    identifier_of,
    read_all,
)
from streams.verification.islands import read_islands
from streams.verification.part import EVERYTHING, Asked, Part, choose
from streams.verification.verdicts import compare_verdicts

TABLES = (
    "outcomes",
    "touchpoints",
    "verdicts",
    "identities",
    "identity_violations",
    "journeys",
    "sessions",
    "journey_steps",
    "journey_changes",
    "engagement",
)
#: What only all touchpoints together can be held against.
OF_ALL = ("outcomes",)


class Verified(NamedTuple):
    """What was found. ``two_vias``: event_ids that stand under several vias, as a producer may have meant or not;
    ``overflow``: links beyond the breaker; ``seconds`` it took in all; ``asked``: what was to be compared."""

    customers: int
    touchpoints: int
    comparisons: Sequence[Comparison]
    two_vias: int
    overflow: int
    seconds: float
    asked: Asked = EVERYTHING

    @property
    def differs(self) -> bool:
        """Whether anything does that should not."""
        return any(comparison.differs for comparison in self.comparisons)

    @property
    def is_empty(self) -> bool:
        """Whether a part was asked for in which there was no customer: then nothing is proven."""
        return self.customers == 0 and not self.asked.is_all

    @property
    def succeeded(self) -> bool:
        """Whether what was asked for was compared, and nothing differs."""
        return not self.differs and not self.is_empty


def verify(
    tables: Tables,
    rules: Rules,
    limits: Limits,
    limit: int,
    asked: Asked = EVERYTHING,
    on_step: Callable[[str], None] = lambda _: None,
) -> Verified:
    """Compute what is ``asked`` for again by ``rules`` and ``limits``, which must be those of the workers; keep
    ``limit`` differences a table. The pipeline should be at rest. Raises Unreachable or Misconfigured
    (`sinks.clickhouse`)."""
    began = time.perf_counter()
    to = {table: Comparison(table, limit) for table in TABLES if asked.is_all or table not in OF_ALL}
    part = choose(tables, asked)
    if asked.is_all:
        on_step("counting touchpoints")
        _compare_outcomes(tables, to["outcomes"])
    on_step("joining identifiers")
    whose, overflow = _compare_identity(tables, limits, part, to)
    on_step("judging messages")
    compare_verdicts(tables, whose.vias, to["verdicts"])
    on_step("stitching journeys")
    compared = compare_histories(tables, whose, rules, to)
    on_step("adding up engagement")
    compare_engagement(tables, part.hours, to["engagement"])
    two_vias = tables.two_vias(1) if asked.is_all else []
    return Verified(
        *compared, [*to.values()], two_vias[0][-1] if two_vias else 0, overflow, time.perf_counter() - began, asked
    )


def _compare_identity(tables: Tables, limits: Limits, part: Part, to: Mapping[str, Comparison]) -> tuple[Whose, int]:
    """Who is who; gives whose histories are to be compared, and how many links are beyond the breaker."""
    with to["identities"].timed():
        evidence = read_all(tables) if part.customers is None else read_islands(tables, part.customers)
        identified = compute(evidence, limits)
        compare_identities(identified, evidence, tables, to["identities"])
    with to["identity_violations"].timed():
        compare_violations(identified, evidence, tables, to["identity_violations"])
    with to["touchpoints"].timed():
        moved = compare_vias(identified, evidence, tables, to["touchpoints"])
    if part.customers is None or evidence.names is None:
        return Whose(moved), len(evidence.overflow)
    vias = [name for name in evidence.names if customer_of(identified, identifier_of(name)) in part.customers]
    return Whose(moved, part.customers, vias), len(evidence.overflow)


def _compare_outcomes(tables: Tables, comparison: Comparison) -> None:
    """As many rows of touchpoints as were accepted, on each channel and partition."""
    with comparison.timed():
        rows = tables.accepted()
        comparison.compare(
            ("accepted touchpoints",),
            {f"{channel}, partition {partition}": (accepted,) for channel, partition, accepted, _ in rows},
            {f"{channel}, partition {partition}": (kept,) for channel, partition, _, kept in rows},
        )
