"""Which sessions and journeys of a customer are live, kept up to date change by change.

What is live is an entry with the place of its first touchpoint; the row itself is made when it is emitted
(`streams.stages.customers.rows`). A change touches every row whose content it changes, those that cease to exist
included. Touchpoints that come or go at once are one change: what lies between them is stitched once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import takewhile

from streams.domain.changes import JourneyChange, first_seen, journey_changes
from streams.domain.journeys import is_closing, split_stretches
from streams.domain.pieces import Pieces, Side, other_journeys, other_sessions
from streams.domain.restitch import History, Region, regions
from streams.domain.rules import Rules
from streams.domain.runs import Run, split_at_gaps
from streams.domain.tail import Tail, begin, follow, tail_of
from streams.domain.touchpoint import Order, Touchpoint, order_of
from streams.runtime.stage import View
from streams.stages.customers.history import JOURNEY, SESSION, CustomerHistory, place
from streams.stages.customers.rows import journey_at, uuid_text

Changed = dict[Order, Touchpoint]


class Live:
    """One customer's live rows. ``version``: the offset of the record that is applied."""

    def __init__(self, view: View, customer: bytes, rules: Rules) -> None:
        self._view = view
        self._rules = rules
        self._id = uuid_text(customer)
        self._journeys = customer + JOURNEY
        self._sessions = customer + SESSION
        self.history = CustomerHistory(view, customer)

    def change(self, coming: Iterable[Touchpoint], going: Iterable[Touchpoint], version: int) -> list[JourneyChange]:
        """Add those that are ``coming`` (in order) where they aren't known, and remove those ``going``, which are."""
        history, changes = self.history, []
        between: Changed = {}
        for touchpoint in coming:
            order = order_of(touchpoint)
            tail = history.tail
            is_last = not between and (tail is None or order > tail.last)
            if history.is_machine(order) or (not is_last and history.get(order) is not None):
                continue
            if is_last and (after := self._after(tail, touchpoint, order)) is not None:
                history.add(touchpoint, order)
                changes += self._append(after, version)
            else:
                between[order] = touchpoint
        return changes + self._restitch(between, {order_of(t): t for t in going}, version)

    # --- behind all others ---------------------------------------------------------------------------

    def _after(self, tail: Tail | None, touchpoint: Touchpoint, order: Order) -> Tail | None:
        # Before it is in the history: the first of its order converts, and all others are before it.
        closes = is_closing(touchpoint, self._rules) and self.history.first_of_order(touchpoint) is None
        return begin(touchpoint, closes) if tail is None else follow(tail, touchpoint, closes, self._rules)

    def _append(self, after: Tail, version: int) -> list[JourneyChange]:
        """Nothing changes but the session and the journey of the last touchpoint."""
        self.history.end_with(after)
        last = after.last
        (session,) = [run.first for run in after.sessions if run.first.channel == last.channel]
        for prefix, first in ((self._sessions_on(last.channel), session), (self._journeys, after.journey)):
            key = prefix + place(first)
            if first == last:
                self._view.put(key, True)
            self._view.touch(key, version)
        if not after.closed:
            return []
        return [first_seen(journey_at(self._view, self._journeys + place(after.journey), self._rules))]

    # --- anywhere else -------------------------------------------------------------------------------

    def _restitch(self, added: Changed, removed: Changed, version: int) -> list[JourneyChange]:
        """Bring the rows around changes up to date."""
        if not added and not removed:
            return []
        tail, end = self.history.tail, None
        follows = tail is not None and not removed and min(added) > tail.last
        ceased, begun = self._apply(added, removed)
        changed = {**added, **removed, **ceased, **begun}
        now = Side(removed, self.history.converts)
        was = Side(added, lambda t: t[:4] in ceased or (t[:4] not in begun and self.history.converts(t)))
        history: History = _With(self.history, removed) if removed else self.history
        changes: dict[tuple[object, ...], JourneyChange] = {}
        for region in [*regions(history, changed, self._rules)]:
            before, after = (Pieces(region, changed, side, self._rules) for side in (was, now))
            for first in other_sessions(before, after):
                self._set(self._sessions_on(first.channel) + place(first), first in after.sessions, version)
            journeys = other_journeys(before, after)
            for first in journeys:
                self._set(self._journeys + place(first), first in after.journeys, version)
            for change in journey_changes(self._id, before, after, journeys, self._rules):
                # A journey that begins behind all others is nothing that changed.
                if change.conversion is not None or not follows:
                    key = change.journey_before, change.journey_after, change.conversion
                    changes[key] = change._replace(follows=follows)
            if tail is not None and order_of(region.core[-1]) >= tail.last:
                end = region
        if end is not None:
            self._end([] if removed else end.core)
        return [*changes.values()]

    def _apply(self, added: Changed, removed: Changed) -> tuple[Changed, Changed]:
        """Change the history; gives what converts no more, and what now does."""
        history, ceased, begun = self.history, Changed(), Changed()
        conversions = [(o, t) for o, t in (*added.items(), *removed.items()) if t.conversion is not None]
        ceased.update((order, t) for order, t in conversions if order in removed and history.converts(t))
        firsts = {order: history.first_of_order(t) for order, t in conversions}
        for order, touchpoint in removed.items():
            history.remove(touchpoint, order)
        for order, touchpoint in added.items():
            history.add(touchpoint, order)
        begun.update((order, t) for order, t in conversions if order in added and history.converts(t))
        for order, touchpoint in conversions:
            before, after = firsts[order], history.first_of_order(touchpoint)
            if before != after:
                self._note(before, ceased, removed)
                self._note(after, begun, removed)
        return ceased, begun

    def _note(self, order: Order | None, changed: Changed, removed: Changed) -> None:
        touchpoint = None if order is None or order in removed else self.history.get(order)
        if order is not None and touchpoint is not None:
            changed[order] = touchpoint

    def _set(self, key: bytes, is_live: bool, version: int) -> None:
        if not is_live:
            self._view.delete(key)
        elif self._view.get(key) is None:
            self._view.put(key, True)
        self._view.touch(key, version)

    def _end(self, core: Run) -> None:
        """Bring the tail up to date. ``core``: whole journeys at the end of the history that hold what was added, or
        nothing."""
        history, rules = self.history, self._rules
        last = next(history.backwards(), None)
        if last is None:
            history.end_with(None)
            return
        run = split_at_gaps(core, rules.session_gap_ms)[-1] if core else []
        if not run or last.occurred_at - run[0].occurred_at > rules.long_run_ms:
            core = self._last_region(last).core
            run = split_at_gaps(core, rules.session_gap_ms)[-1]
        stretch = split_stretches(core, history.converts, rules)[-1]
        closed = is_closing(last, rules) and history.converts(last)
        history.end_with(tail_of(run, stretch, closed, rules))

    def _last_region(self, last: Touchpoint) -> Region:
        """The last run and the last journey, as if all that a session can go on from had changed."""
        gap_ms = self._rules.session_gap_ms
        near = takewhile(lambda t: last.occurred_at - t.occurred_at <= gap_ms, self.history.backwards())
        (region,) = regions(self.history, {order_of(t): t for t in near}, self._rules)
        return region

    def _sessions_on(self, channel: str) -> bytes:
        return self._sessions + channel.encode() + b"\0"


class _With:
    """A history and what was ``removed`` from it."""

    def __init__(self, history: CustomerHistory, removed: Mapping[Order, Touchpoint]) -> None:
        self._history = history
        self._orders = sorted(removed)
        self._removed = [removed[order] for order in self._orders]
        self.converts = history.converts

    def since(self, order: Order) -> Iterator[Touchpoint]:
        return merge(self._history.since(order), self._removed[bisect_left(self._orders, order) :])

    def before(self, order: Order) -> Iterator[Touchpoint]:
        below = reversed(self._removed[: bisect_left(self._orders, order)])
        return merge(self._history.before(order), below, reverse=True)
