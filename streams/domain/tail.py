"""The end of a history: all that decides where a touchpoint behind it goes, so that nothing before is looked at.

    session   |--web--|   |--web-----web|- - x      goes on, or x begins another
    visit         |--email--web-----web-|- - x      "
    journey   |-----------|---------web-|- - x      "

Most touchpoints arrive in order, and change nothing but the session and the journey that they go on with or begin. What
follows a history without changing more is decided here; where it does (a run becomes so long that it is cut at
midnights, a visit learns where it came from), `follow` says so, and the caller asks `streams.domain.restitch`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.domain.journeys import cut_if_long
from streams.domain.rules import DAY_MS, Rules
from streams.domain.runs import Run, cut_if_lasting, split_at_gaps
from streams.domain.touchpoint import Order, Touchpoint, order_of

#: Since when a run has had no gap that is cut at midnights: how long it is any more doesn't matter.
EVER = -(1 << 62)


class OpenRun(NamedTuple):
    """The last session of a channel, or the last visit: its first touchpoint, its last time, and since when its run
    has had no gap, `EVER` where it is cut at midnights. Times in ms UTC."""

    first: Order
    unbroken_since: int
    last_at: int


class Tail(NamedTuple):
    """How a history ends. ``sessions`` are those that the next touchpoint can go on with, by channel."""

    last: Order
    closed: bool
    #: First touchpoint of the last journey.
    journey: Order
    #: Touchpoints since the last gap or closing, at most one more than a journey has that is not cut at midnights.
    stretch: int
    visit: OpenRun
    #: Whether a touchpoint of the last visit has an acquisition.
    has_origin: bool
    sessions: tuple[OpenRun, ...]


def begin(touchpoint: Touchpoint, closes: bool) -> Tail:
    """How a history ends that holds ``touchpoint`` alone; ``closes``: it is a conversion that closes its journey."""
    order = order_of(touchpoint)
    alone = OpenRun(order, order.occurred_at, order.occurred_at)
    return Tail(order, closes, order, 1, alone, touchpoint.has_acquisition, (alone,))


def tail_of(run: Run, stretch: Run, closed: bool, rules: Rules) -> Tail:
    """How a history ends whose last touchpoints (in order) are ``run``, since the last gap of a visit, and
    ``stretch``, since the last gap of a journey or closing; of what is cut at midnights, enough to say so."""
    visit, is_open = _open_run(run, rules)
    return Tail(
        last=order_of(run[-1]),
        closed=closed,
        journey=order_of(cut_if_long(stretch, rules)[-1][0]),
        stretch=min(len(stretch), rules.long_journey + 1),
        visit=is_open,
        has_origin=any(t.has_acquisition for t in visit),
        sessions=tuple(_open_sessions(run, rules)),
    )


def _open_run(unbroken: Run, rules: Rules) -> tuple[Run, OpenRun]:
    """The last piece of a run without gap."""
    pieces = cut_if_lasting(unbroken, rules.long_run_ms)
    is_long = unbroken[-1].occurred_at - unbroken[0].occurred_at > rules.long_run_ms
    since = EVER if is_long else unbroken[0].occurred_at
    return pieces[-1], OpenRun(order_of(pieces[-1][0]), since, unbroken[-1].occurred_at)


def _open_sessions(run: Run, rules: Rules) -> Iterator[OpenRun]:
    for channel in sorted({t.channel for t in run}):
        unbroken = split_at_gaps([t for t in run if t.channel == channel], rules.session_gap_ms)[-1]
        if run[-1].occurred_at - unbroken[-1].occurred_at <= rules.session_gap_ms:
            yield _open_run(unbroken, rules)[1]


def follow(tail: Tail, touchpoint: Touchpoint, closes: bool, rules: Rules) -> Tail | None:
    """The tail once ``touchpoint`` has followed; None where that changes other rows than its session and journey.

    ``touchpoint`` stands behind ``tail.last``; ``closes``: it is a conversion that closes its journey.
    """
    order = order_of(touchpoint)
    visit = _go_on(tail.visit, order, rules)
    journey = _journey(tail, order, rules)
    sessions = _sessions(tail, order, rules)
    if visit is None or journey is None or sessions is None:
        return None
    known = tail.has_origin or visit.first is order
    if touchpoint.has_acquisition and not known:
        return None
    has_origin = touchpoint.has_acquisition or (tail.has_origin and visit.first is not order)
    return Tail(order, closes, *journey, visit, has_origin, sessions)


def _go_on(run: OpenRun, order: Order, rules: Rules) -> OpenRun | None:
    """``run`` with the touchpoint at ``order``, or the one that begins there; None where the run must now be cut."""
    first, unbroken_since, last_at = run
    at = order.occurred_at
    if at - last_at > rules.session_gap_ms:
        return OpenRun(order, at, at)
    is_long = at - unbroken_since > rules.long_run_ms
    if is_long and last_at - unbroken_since <= rules.long_run_ms:
        return None
    return OpenRun(order if is_long and _is_midnight_between(last_at, at) else first, unbroken_since, at)


def _journey(tail: Tail, order: Order, rules: Rules) -> tuple[Order, int] | None:
    """The journey that ``order`` goes on with or begins, and its stretch; None where the stretch must now be cut."""
    last_at = tail.last.occurred_at
    if tail.closed or order.occurred_at - last_at > rules.journey_gap_ms:
        return order, 1
    if tail.stretch == rules.long_journey:
        return None
    begins = tail.stretch > rules.long_journey and _is_midnight_between(last_at, order.occurred_at)
    return order if begins else tail.journey, min(tail.stretch, rules.long_journey) + 1


def _sessions(tail: Tail, order: Order, rules: Rules) -> tuple[OpenRun, ...] | None:
    """The sessions that can go on behind ``order``; None where its channel's run must now be cut."""
    mine: OpenRun | None = OpenRun(order, order.occurred_at, order.occurred_at)
    others = []
    for run in tail.sessions:
        if run.first.channel == order.channel:
            mine = _go_on(run, order, rules)
        elif order.occurred_at - run.last_at <= rules.session_gap_ms:
            others.append(run)
    if mine is None:
        return None
    return tuple(sorted((mine, *others), key=_channel)) if others else (mine,)


def _channel(run: OpenRun) -> str:
    return run.first.channel


def _is_midnight_between(earlier: int, later: int) -> bool:
    return earlier // DAY_MS != later // DAY_MS
