"""What `omnijourney verify` says: a line a table, below it the differences that were kept, and the sum of it."""

from __future__ import annotations

from collections.abc import Iterator

from sinks.plain import printable
from streams.verification.differences import Comparison
from streams.verification.verify import Verified


def lines(verified: Verified) -> Iterator[str]:
    """The lines, in order."""
    for comparison in verified.comparisons:
        yield _line(comparison)
        yield from (f"  {printable(difference.text)}" for difference in comparison.kept)
        more = sum(comparison.counts.values()) - len(comparison.kept)
        if more:
            yield f"  ... {more:,} more"
    if verified.two_vias:
        yield f"{verified.two_vias:,} event_ids stand under several vias: so many touchpoints each, and rightly so"
    if verified.overflow:
        yield f"{verified.overflow:,} links are beyond the breaker (overflow); they were taken as told"
    customers = f"{verified.customers:,} customers"
    yield f"{customers}: the tables differ from the definition" if verified.differs else f"{customers}: all equal"


def _line(comparison: Comparison) -> str:
    counts = [f"{comparison.equal:,} equal", *(f"{n:,} {kind}" for kind, n in comparison.counts.items() if n)]
    return f"{comparison.table:<20} {', '.join(counts)}"
