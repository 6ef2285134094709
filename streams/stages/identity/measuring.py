"""What IDENTITY tells Prometheus: what happens, and how much there is of what should be rare, which its state keeps."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge

from streams.domain.identity import definition
from streams.domain.identity.entries import KEY_BYTES
from streams.domain.identity.facts import Changes
from streams.domain.identity.limits import IDENTIFIERS, MOST
from streams.runtime.stage import View
from streams.stages.invariants import broken

REGISTRY = CollectorRegistry()
MOVED = Counter(
    "journey_identity_moved_total", "Identifiers that went from a customer to another one.", ["kind"], registry=REGISTRY
)
VIOLATIONS = Counter(
    "journey_identity_violations_total",
    "Links that count for nothing from then on, by reason; without one: those that count again, or are no more.",
    ["reason"],
    registry=REGISTRY,
)
RECUT = Counter(
    "journey_identity_recut_links_total", "Links joined anew, where an island is beyond the limits.", registry=REGISTRY
)
ISLANDS = Gauge("journey_identity_overfull_islands", "Islands in which a limit refuses links.", registry=REGISTRY)
SHARED = Gauge(
    "journey_identity_shared_identifiers",
    "Identifiers linked to so many users that they are nobody's.",
    registry=REGISTRY,
)
OVERFLOWING = Gauge(
    "journey_identity_overflowing_links", "Links that their island is too large to take.", registry=REGISTRY
)

for _kind in ("merge", "split"):
    MOVED.labels(_kind)
for _reason in ("", *MOST, IDENTIFIERS, definition.SHARED, definition.OVERFLOW):
    VIOLATIONS.labels(_reason)

TOTALS = b"t"
_AT = bytes(KEY_BYTES) + TOTALS


class Totals(NamedTuple):
    """How many there are of what `ISLANDS`, `SHARED` and `OVERFLOWING` show."""

    islands: int = 0
    shared: int = 0
    overflowing: int = 0


class Measuring:
    """What the changes of one batch add up to."""

    def __init__(self) -> None:
        self._moved: Tally[str] = Tally()
        self._violations: Tally[str] = Tally()
        self._recut = 0
        self._more = Totals()

    def add(self, changes: Changes, offset: int) -> None:
        """Count ``changes``, which the record at ``offset`` made."""
        for move in changes.moves:
            self._moved["merge" if move.emptied else "split"] += len(move.identifiers)
        for violation in changes.violations:
            self._violations[violation.reason] += 1
        for invariant in changes.broken:
            broken(invariant, offset=offset)
        self._recut += changes.recut
        islands, shared, overflowing = self._more
        self._more = Totals(islands + changes.islands, shared + changes.shared, overflowing + changes.overflowing)

    def keep(self, view: View) -> None:
        """Tell it, and add it to the totals in the state."""
        RECUT.inc(self._recut)
        for counter, tally in ((MOVED, self._moved), (VIOLATIONS, self._violations)):
            for label, count in tally.items():
                counter.labels(label).inc(count)
        if any(self._more):
            view.put(_AT, Totals(*map(sum, zip(view.get(_AT) or Totals(), self._more, strict=True))))


def show(partitions: Iterable[Callable[[bytes], Any]]) -> None:
    """Show the totals in the state of ``partitions``, each a way to get a value; a worker that stands by has none."""
    totals = [get(_AT) or Totals() for get in partitions]
    for gauge, numbers in zip((ISLANDS, SHARED, OVERFLOWING), zip(Totals(), *totals, strict=True), strict=True):
        gauge.set(sum(numbers))
