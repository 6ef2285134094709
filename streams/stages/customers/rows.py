"""Live sessions and journeys: which there are, and their rows.

An entry of a live row maps the place of its first touchpoint to that of its last; the row itself is made from the
history when it is emitted, so that what is written is always a function of the state.
"""

from __future__ import annotations

from streams.domain import journeys, sessions
from streams.domain.ids import row_id
from streams.domain.journeys import Journey
from streams.domain.restitch import reach, visit_run
from streams.domain.rules import Rules
from streams.domain.runs import Run
from streams.domain.sessions import Session
from streams.domain.touchpoint import Order, order_of
from streams.runtime.stage import View
from streams.stages.customers.history import (
    CUSTOMER_END,
    JOURNEY,
    SESSION,
    CustomerHistory,
    customer_of,
    order_at,
    place,
)


def restitch(view: View, history: CustomerHistory, at: Order, rules: Rules, version: int) -> None:
    """Bring the live rows around ``at`` up to date; every row in reach is touched, those that ceased to exist too."""
    reached = reach(history, at, rules)
    by_channel: dict[str, list[Run]] = {}
    for run in sessions.split_sessions(reached.run, rules):
        by_channel.setdefault(run[0].channel, []).append(run)
    for channel, runs in by_channel.items():
        _replace(view, _session_prefix(history, channel), reached.run, runs, version)
    pieces = journeys.split_journeys(reached.journeys, history.converts, rules)
    _replace(view, history.key(JOURNEY), reached.journeys, pieces, version)


def _session_prefix(history: CustomerHistory, channel: str) -> bytes:
    """Where a customer's live sessions on ``channel`` begin."""
    return history.key(SESSION) + channel.encode() + b"\0"


def _replace(view: View, prefix: bytes, span: Run, runs: list[Run], version: int) -> None:
    first, last = place(order_of(span[0])), place(order_of(span[-1]))
    live = {prefix + place(order_of(run[0])): order_of(run[-1]) for run in runs}
    gone = [key for key, _ in view.scan(prefix + first, prefix + last + b"\0") if key not in live]
    for key in gone:
        view.delete(key)
        view.touch(key, version)
    for key, end in live.items():
        view.put(key, end)
        view.touch(key, version)


def journey_at(view: View, key: bytes, rules: Rules) -> Journey | None:
    """The live journey of an entry, None where it ceased to exist."""
    end: Order | None = view.get(key)
    if end is None:
        return None
    customer, start = customer_of(key), order_at(key[CUSTOMER_END:])
    history = CustomerHistory(view, customer)
    around = visit_run(history, start, end, rules)
    touchpoints = history.between(start, end)
    visits = journeys.visits_by_touchpoint(around, rules)
    return journeys.journey_of(customer, touchpoints, visits, history.converts, rules)


def session_at(view: View, key: bytes) -> Session | None:
    """The live session of an entry, None where it ceased to exist."""
    end: Order | None = view.get(key)
    if end is None:
        return None
    customer, start = customer_of(key), _session_start(key)
    history = CustomerHistory(view, customer)
    run = [t for t in history.between(start, end) if t.channel == start.channel]
    return sessions.session_of(customer, run, history.converts)


def row_id_of(key: bytes) -> str:
    """journey_id or session_id of an entry, live or not."""
    start = order_at(key[CUSTOMER_END:]) if key.startswith(JOURNEY) else _session_start(key)
    return row_id(customer_of(key), start.channel, start.via, start.event_id)


def _session_start(key: bytes) -> Order:
    return order_at(key[key.index(b"\0", CUSTOMER_END) + 1 :])
