"""How far changes of a history reach: the parts of it that must be stitched again, and no more.

    margin:         |--|                                       |--|      what more the outermost visits hold
    journeys:          |-----a......run......b---------c..d---P|         up to gaps or closings around the runs
    runs:                    a...x....b                c.y.d             visit gaps around the changes x and y

Theory. Sessions and visits never cross a gap of more than 30 minutes, so those that x can change lie in the run around
it. A journey changes where its touchpoints or their visits do: all journeys that share a touchpoint with the run.
Their outer edges are a gap of more than 30 days or a closing conversion, found by walking outwards from the run. Where
x itself closes, what lies on its other side belonged to its journey before, or does from now on: it is in reach too.

Very long runs and journeys are cut at midnights, so the walk ends at one as soon as what lies unchanged between x and
there is long by itself: whatever x does, it is cut there. So a change costs what the day that it falls into holds, and
not the history.

All this is said of the history with what was added and what was removed, both. Equal to `streams.domain.stitch` on any
order of changes (tested). What arrives behind all others need not be looked for: `streams.domain.tail`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from streams.domain.journeys import is_closing
from streams.domain.rules import DAY_MS, Rules
from streams.domain.runs import Run
from streams.domain.touchpoint import Order, Touchpoint, order_of


class History(Protocol):
    """A customer's touchpoints in the total order."""

    def since(self, order: Order) -> Iterator[Touchpoint]:
        """Those at or after ``order``, ascending."""

    def before(self, order: Order) -> Iterator[Touchpoint]:
        """Those before ``order``, descending."""

    def converts(self, touchpoint: Touchpoint) -> bool:
        """True where ``touchpoint`` is a conversion and the first of its order."""


class Region(NamedTuple):
    """Neighbours in a history: whole journeys in ``core``, and around them the rest of the outermost visits."""

    left: Run
    core: Run
    right: Run


def regions(history: History, changed: Mapping[Order, Touchpoint], rules: Rules) -> Iterator[Region]:
    """What must be stitched again around ``changed``, which are all in ``history``, whether they remain or not.

    Two regions may overlap; each is enough for the changes in its core, and every change is in one.
    """
    walk = _Walk(history, changed, rules)
    reached: Order | None = None
    for order in sorted(changed):
        if reached is None or order > reached:
            region = walk.around(order)
            reached = order_of(region.core[-1])
            yield region


class _Walk:
    """Walks outwards from changes."""

    def __init__(self, history: History, changed: Mapping[Order, Touchpoint], rules: Rules) -> None:
        self._history = history
        self._changed = changed
        self._rules = rules

    def around(self, order: Order) -> Region:
        behind = self._history.since(order)
        arrival = next(behind)
        before, core_before = self._outwards(self._history.before(order), arrival)
        after, core_after = self._outwards(behind, arrival)
        core = [*reversed(before[:core_before]), arrival, *after[:core_after]]
        return Region(before[core_before:][::-1], core, after[core_after:])

    def _outwards(self, touchpoints: Iterator[Touchpoint], start: Touchpoint) -> tuple[list[Touchpoint], int]:
        """What lies outwards of ``start`` up to the end of the margin, and how much of that is core."""
        side = _Side(start, self._rules)
        for further in touchpoints:
            if not side.go_on(further, closing=side.core is None and self._is_closed_between(side.nearer, further)):
                break
            if side.core is None and further[:4] in self._changed:
                side.begin(further)
        return side.found, len(side.found) if side.core is None else side.core

    def _is_closed_between(self, nearer: Touchpoint, further: Touchpoint) -> bool:
        if nearer.conversion is None and further.conversion is None:
            return False
        touchpoint = min(nearer, further)
        # Where a change closes, both of its sides are in its reach.
        return (
            is_closing(touchpoint, self._rules)
            and touchpoint[:4] not in self._changed
            and self._history.converts(touchpoint)
        )


class _Side:
    """One side of a change, outwards: first its run, then the rest of the journey, then the margin.

    ``nearer`` is the outermost so far, ``core`` how many of ``found`` are core, None as long as all are.
    """

    def __init__(self, change: Touchpoint, rules: Rules) -> None:
        self._rules = rules
        self._channels: set[str] = set()
        self.found: list[Touchpoint] = []
        self.core: int | None = None
        self.begin(change)

    def begin(self, change: Touchpoint) -> None:
        """All begins again with ``change``, which was found last."""
        self.nearer = self._near = change
        self._channels.add(change.channel)
        self._in_run = True
        #: Where in ``found`` begins what lies unchanged, and how much of it without gap or closing at its end.
        self._within = len(self.found)
        self._stretch = 0

    def go_on(self, further: Touchpoint, *, closing: bool) -> bool:
        """Take ``further``, or say that the margin has ended before it; ``closing``: a journey ends between."""
        gap = abs(further.occurred_at - self.nearer.occurred_at)
        midnight = further.occurred_at // DAY_MS != self.nearer.occurred_at // DAY_MS
        is_near = gap <= self._rules.session_gap_ms and not midnight and not closing
        if not is_near and not self._go_over(further, gap, midnight, closing):
            return False
        self._stretch = 1 if closing else self._stretch + 1
        self.found.append(further)
        self.nearer = further
        return True

    def _go_over(self, further: Touchpoint, gap: int, midnight: bool, closing: bool) -> bool:
        """Whether what lies behind a gap, a midnight or a closing belongs to it."""
        if self._in_run:
            self._in_run = not self._run_ends(further, gap, midnight)
        if self.core is None and not self._in_run and self._journey_ends(gap, midnight, closing):
            self.core, self._near = len(self.found), self.nearer
        return self.core is None or not self._visit_ends(gap, midnight)

    def _visit_ends(self, gap: int, midnight: bool) -> bool:
        lasts = abs(self.nearer.occurred_at - self._near.occurred_at)
        return gap > self._rules.session_gap_ms or (midnight and lasts > self._rules.long_run_ms)

    def _run_ends(self, further: Touchpoint, gap: int, midnight: bool) -> bool:
        if gap > self._rules.session_gap_ms:
            return True
        unchanged = self.found[self._within :] if midnight else ()
        return self._visit_ends(gap, midnight) and all(
            _session_ends(channel, unchanged, further, self._rules) for channel in self._channels
        )

    def _journey_ends(self, gap: int, midnight: bool, closing: bool) -> bool:
        is_long = self._stretch > self._rules.long_journey
        return gap > self._rules.journey_gap_ms or closing or (midnight and is_long)


def _session_ends(channel: str, unchanged: Run, further: Touchpoint, rules: Rules) -> bool:
    """Whether no session of ``channel`` that a change can reach goes on to ``further``, behind a midnight.

    ``unchanged`` lies between, outwards, without a gap of a visit, and lasts longer than long runs do.
    """
    outer: int | None = None
    at = further.occurred_at
    for touchpoint in reversed(unchanged):
        if touchpoint.channel == channel:
            if abs(at - touchpoint.occurred_at) > rules.session_gap_ms:
                return True
            at = touchpoint.occurred_at
            outer = at if outer is None else outer
    # Without a gap: it is cut at the midnight where it is long by itself.
    return outer is None or abs(outer - at) > rules.long_run_ms
