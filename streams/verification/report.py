"""What `omnijourney verify` says: a line a table, below it the differences that were kept, each with its trace, and the
sum of it."""

from __future__ import annotations

from collections.abc import Iterator

from sinks.plain import printable
from streams.verification.differences import Comparison
from streams.verification.traces import time_text
from streams.verification.verify import Verified


def lines(verified: Verified) -> Iterator[str]:
    """The lines, in order."""
    for comparison in verified.comparisons:
        yield _line(comparison)
        for difference in comparison.kept:
            yield f"  {difference.kind:<9} {printable(difference.key)}"
            told = (*(cell.text for cell in difference.cells), *difference.trace)
            yield from (f"      {printable(line)}" for line in told)
        more = comparison.differences - len(comparison.kept)
        if more:
            yield f"  ... {more:,} more"
    if verified.two_vias:
        yield f"{verified.two_vias:,} event_ids stand under several vias: so many touchpoints each, and rightly so"
    if verified.overflow:
        yield f"{verified.overflow:,} links are beyond the breaker (overflow); they were taken as told"
    rate = verified.touchpoints / verified.seconds if verified.seconds else 0.0
    yield f"{verified.touchpoints:,} touchpoints in {verified.seconds:,.1f} s, {rate:,.0f} a second"
    if verified.is_empty:
        since = verified.asked.since
        yield "no customer has touchpoints" + ("" if since is None else f" since {time_text(since)}")
    customers = f"{verified.customers:,} customers"
    if verified.differs:
        yield f"{customers}: the tables differ from the definition"
    else:
        yield f"{customers}: {'all equal' if verified.succeeded else 'nothing is proven'}"


def _line(comparison: Comparison) -> str:
    counts = [f"{comparison.equal:,} equal", *(f"{n:,} {kind}" for kind, n in comparison.counts.items() if n)]
    return f"{comparison.table:<20} {', '.join(counts):<40} {comparison.seconds:8.1f} s"
