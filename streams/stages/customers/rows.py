"""Sessions and journeys of live entries, made from the history when they are emitted.

So what is written is always a function of the state. Rows of one customer that lie near each other are made from one
reading of the history: many journeys in one long run cost no more than the run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from streams.domain.ids import row_id
from streams.domain.journeys import Journey, journey_of, visit_of_each
from streams.domain.rules import Rules
from streams.domain.runs import horizon_ms
from streams.domain.sessions import Session, session_of
from streams.runtime.stage import View
from streams.stages.customers.history import (
    CUSTOMER_BYTES,
    HIGHEST,
    JOURNEY,
    CustomerHistory,
    order_at,
    place_of_time,
    time_at,
)


class Part(NamedTuple):
    """The part of a history that holds a live row: the places from ``start`` to below ``stop``."""

    start: bytes
    stop: bytes
    key: bytes


def rows_at(view: View, keys: Iterable[bytes], rules: Rules) -> dict[bytes, Journey | Session | None]:
    """The live row of each of these entries, all of one customer; None where it ceased to exist."""
    rows: dict[bytes, Journey | Session | None] = dict.fromkeys(keys)
    parts = sorted(_part(view, key, rules) for key in rows if view.get(key) is not None)
    for near in _near_each_other(parts, horizon_ms(rules)):
        rows.update(_read(view, near, rules))
    return rows


def journey_at(view: View, key: bytes, rules: Rules) -> Journey:
    """The live journey of the entry ``key``."""
    journey = rows_at(view, (key,), rules)[key]
    if not isinstance(journey, Journey):
        raise LookupError("no live journey begins there")
    return journey


def row_id_of(key: bytes) -> str:
    """journey_id or session_id of an entry, live or not."""
    first = order_at(key[_place_at(key) :])
    return row_id(customer_of(key), first.channel, first.via, first.event_id)


def customer_of(key: bytes) -> str:
    """The customer that an entry belongs to."""
    return uuid_text(key[:CUSTOMER_BYTES])


def uuid_text(customer: bytes) -> str:
    """The text of a UUID's 16 bytes."""
    text = customer.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_journey(key: bytes) -> bool:
    """True for the entry of a journey, False for that of a session."""
    return key.startswith(JOURNEY, CUSTOMER_BYTES)


def _place_at(key: bytes) -> int:
    """Where in ``key`` the place of the first touchpoint begins: a session's stands behind its channel."""
    return CUSTOMER_BYTES + 1 if is_journey(key) else key.index(b"\0", CUSTOMER_BYTES + 1) + 1


def _part(view: View, key: bytes, rules: Rules) -> Part:
    at = _place_at(key)
    following = next(view.scan(key + b"\0", key[:at] + HIGHEST), None)
    stop = HIGHEST if following is None else following[0][at:]
    if not is_journey(key):
        # Behind a channel's last session may be years.
        stop = min(stop, _moved(key[at:], horizon_ms(rules)))
    return Part(key[at:], stop, key)


def _near_each_other(parts: Iterable[Part], margin_ms: int) -> Iterator[list[Part]]:
    """``parts`` (in order) together where they would overlap, widened by the margin on both sides."""
    near: list[Part] = []
    end = b""
    for part in parts:
        if part.start > end and near and _moved(part.start, -margin_ms) > _moved(end, margin_ms):
            yield near
            near, end = [], b""
        near.append(part)
        end = max(end, part.stop)
    if near:
        yield near


def _read(view: View, parts: Sequence[Part], rules: Rules) -> Iterator[tuple[bytes, Journey | Session]]:
    """The rows of ``parts``, with what lies around them and decides where their visits begin and came from."""
    history = CustomerHistory(view, parts[0].key[:CUSTOMER_BYTES])
    stop = max(part.stop for part in parts)
    margin_ms = horizon_ms(rules)
    places, touchpoints = history.between(_moved(parts[0].start, -margin_ms), _moved(stop, margin_ms))
    visits = visit_of_each(touchpoints, rules)
    customer = customer_of(parts[0].key)
    for part in parts:
        first, end = bisect_left(places, part.start), bisect_left(places, part.stop)
        run = touchpoints[first:end]
        if is_journey(part.key):
            yield part.key, journey_of(customer, run, visits[first:end], history.converts, rules)
        else:
            session = [t for t in run if t.channel == run[0].channel]
            yield part.key, session_of(customer, session, history.converts)


def _moved(place: bytes, by_ms: int) -> bytes:
    """Where the places begin that are ``by_ms`` from ``place``."""
    return place if place == HIGHEST else place_of_time(time_at(place) + by_ms)
