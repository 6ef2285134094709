"""Which sessions and journeys of a customer are live, kept up to date touchpoint by touchpoint.

What is live is an entry with the place of its first touchpoint; the row itself is made when it is emitted
(`streams.stages.customers.rows`). A touchpoint touches every row whose content it changes, those that cease to exist
included: the session and the journey that hold it, those that begin or end elsewhere than before, and the journeys
through which a visit goes that now begins elsewhere or came from elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from streams.domain.journeys import cut_if_long, is_closing, split_stretches, visit_of_each
from streams.domain.restitch import reach
from streams.domain.rules import Rules
from streams.domain.runs import Run, bounded_runs
from streams.domain.tail import Tail, begin, follow, tail_of
from streams.domain.touchpoint import Order, Touchpoint, order_of
from streams.runtime.stage import View
from streams.stages.customers.history import JOURNEY, SESSION, CustomerHistory, place


class Live:
    """One customer's live rows."""

    def __init__(self, view: View, customer: bytes, rules: Rules) -> None:
        self._view = view
        self._rules = rules
        self._history = CustomerHistory(view, customer)
        self._journeys = customer + JOURNEY
        self._sessions = customer + SESSION

    def add(self, touchpoint: Touchpoint, version: int) -> None:
        """Add ``touchpoint`` to the history, read at the offset ``version``; nothing happens where it is known."""
        order, history = order_of(touchpoint), self._history
        tail = history.tail
        is_last = tail is None or order > tail.last
        if not is_last and history.has(order):
            return
        demoted = history.add(touchpoint, order)
        after = self._after(tail, touchpoint) if is_last else None
        if after is not None:
            self._append(after, version)
            return
        self._restitch(order, version)
        if demoted is not None:
            self._restitch(demoted, version, arrived=False)

    def _after(self, tail: Tail | None, touchpoint: Touchpoint) -> Tail | None:
        closes = self._closes(touchpoint)
        return begin(touchpoint, closes) if tail is None else follow(tail, touchpoint, closes, self._rules)

    def _closes(self, touchpoint: Touchpoint) -> bool:
        return is_closing(touchpoint, self._rules) and self._history.converts(touchpoint)

    def _append(self, after: Tail, version: int) -> None:
        """Nothing changes but the session and the journey of the last touchpoint."""
        self._history.end_with(after)
        last = after.last
        (session,) = [run.first for run in after.sessions if run.first.channel == last.channel]
        for prefix, first in ((self._sessions_on(last.channel), session), (self._journeys, after.journey)):
            key = prefix + place(first)
            if first == last:
                self._view.put(key, True)
            self._view.touch(key, version)

    def _restitch(self, at: Order, version: int, *, arrived: bool = True) -> None:
        """Bring the rows around ``at`` up to date: it has just ``arrived``, or converts no more."""
        rules = self._rules
        run, touchpoints = reach(self._history, at, rules)
        on_channel = [t for t in run if t.channel == at.channel]
        sessions = bounded_runs(on_channel, rules.session_gap_ms, rules.long_run_ms)
        stretches = split_stretches(touchpoints, self._history.converts, rules)
        journeys = [journey for stretch in stretches for journey in cut_if_long(stretch, rules)]
        for prefix, span, runs in (
            (self._sessions_on(at.channel), on_channel, sessions),
            (self._journeys, touchpoints, journeys),
        ):
            for first in self._replace(prefix, span, runs, at, arrived):
                self._view.touch(prefix + first, version)
        if arrived and len(journeys) > 1:
            for journey in _on_other_visits(run, journeys, at, rules):
                self._view.touch(self._journeys + place(journey), version)
        self._end(run, stretches[-1])

    def _end(self, run: Run, stretch: Run) -> None:
        """Bring the tail up to date, where ``run`` or ``stretch`` are the end of the history."""
        history = self._history
        tail = history.tail
        if tail is not None and order_of(stretch[-1]) < tail.last:
            return
        if tail is None or order_of(run[-1]) >= tail.last:
            history.end_with(tail_of(run, stretch, self._closes(stretch[-1]), self._rules))
        else:
            journey = order_of(cut_if_long(stretch, self._rules)[-1][0])
            history.end_with(tail._replace(journey=journey, stretch=len(stretch)))

    def _sessions_on(self, channel: str) -> bytes:
        return self._sessions + channel.encode() + b"\0"

    def _replace(self, prefix: bytes, span: Run, runs: Sequence[Run], at: Order, arrived: bool) -> Iterable[bytes]:
        """Have ``runs`` be what is live in ``span``; gives where those begin that aren't what they were."""
        start, stop = place(order_of(span[0])), place(order_of(span[-1])) + b"\0"
        before = [key[len(prefix) :] for key, _ in self._view.scan(prefix + start, prefix + stop)]
        after = [place(order_of(run[0])) for run in runs]
        here = place(at)
        holder = after[bisect_right(after, here) - 1]
        if before == after:
            return (holder,)
        begun, gone = {*after} - {*before}, {*before} - {*after}
        for first in begun:
            self._view.put(prefix + first, True)
        for first in gone:
            self._view.delete(prefix + first)
        # Without the arrival its row would begin at the next touchpoint: no other row ends elsewhere for that.
        known = _begin_at_the_next(after, span, at) if arrived and holder == here else after
        moved = {*pairwise([*before, b""])} ^ {*pairwise([*known, b""])}
        return {holder, *begun, *gone, *({first for first, _ in moved} & {*after})}


def _begin_at_the_next(places: Sequence[bytes], span: Run, at: Order) -> Sequence[bytes]:
    """``places``, the one of ``at`` replaced by that of the next touchpoint in ``span``, if there is one."""
    following = span[_index(span, at) + 1 :][:1]
    return sorted({*places, *(place(order_of(t)) for t in following)} - {place(at)})


def _on_other_visits(run: Run, journeys: Sequence[Run], arrival: Order, rules: Rules) -> set[Order]:
    """First touchpoints of journeys that hold one whose visit is another since the arrival, or from elsewhere."""
    at = _index(run, arrival)
    others = [*run[:at], *run[at + 1 :]]
    before, now = visit_of_each(others, rules), visit_of_each(run, rules)
    del now[at]
    starts = [order_of(journey[0]) for journey in journeys]
    moved = [t for t, old, new in zip(others, before, now, strict=True) if old != new]
    return {starts[bisect_right(starts, order_of(touchpoint)) - 1] for touchpoint in moved}


def _index(touchpoints: Run, order: Order) -> int:
    """Where the one at ``order`` stands among ``touchpoints``."""
    return bisect_left(touchpoints, order, key=order_of)
