"""Verdicts that need several touchpoints: those of one message, which share channel, via and message_id.

    delivered   d----------------|              an opening at most 2,000 ms behind a delivery is suspect
    opened        o                       o     the first is, the second is not

    clicked     a b  c d e            f         five different links within 1,000 ms: a machine clicked all of them;
                |--------|                      f stays a person's

An opening right behind its delivery is weak evidence: a person may have been waiting for the message, or a scanner has
fetched it. Nobody clicks five links within a second. Which touchpoints rise is a function of the set of a message's
touchpoints, whatever their order, and verdicts only rise; `take` does it one by one. What a single touchpoint shows is
decided before (`streams.domain.actor`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from streams.domain.actor import HUMAN, MACHINE, SUSPECT

#: An opening so long behind its delivery, or less, is suspect.
HASTY_MS: Final = 2_000
#: Of so many different links, clicked within so long, a machine clicked each.
BURST_LINKS: Final = 5
BURST_MS: Final = 1_000

DELIVERIES: Final = "deliveries"
OPENINGS: Final = "openings"
CLICKS: Final = "clicks"

#: Only e-mails' deliveries are held against openings: a push message lights the screen in the hand that opens it.
_PARTS: Final = {
    ("email", "delivered"): DELIVERIES,
    ("email", "opened"): OPENINGS,
    ("mobile", "push_opened"): OPENINGS,
    ("email", "clicked"): CLICKS,
    ("web", "link_clicked"): CLICKS,
    ("social", "link_clicked"): CLICKS,
}


class Deed(NamedTuple):
    """What a touchpoint did to its message; sorts by (occurred_at, event_id). ``occurred_at`` is ms UTC, ``campaign``
    and ``currency`` say where it counts, ``link`` is a digest of the address, empty where it names none."""

    occurred_at: int
    event_id: str
    campaign: str
    currency: str
    actor: str
    link: bytes = b""


class Message(NamedTuple):
    """What is known of a message: when it was delivered, the openings by humans, and the clicks, but those by machines
    that name no link. Each in order."""

    deliveries: tuple[int, ...] = ()
    openings: tuple[Deed, ...] = ()
    clicks: tuple[Deed, ...] = ()


class Taken(NamedTuple):
    """A message after a deed, the deed's ``actor``, and those taken before that have risen, with what they are now."""

    message: Message
    actor: str
    raised: tuple[Deed, ...] = ()


def part_of(channel: str, action: str) -> str | None:
    """Which part of a message a touchpoint belongs to, None for most."""
    return _PARTS.get((channel, action))


def can_rise(channel: str, part: str, deed: Deed) -> bool:
    """Whether later touchpoints may show that somebody else did ``deed``."""
    if part == OPENINGS:
        return channel == "email" and deed.actor == HUMAN
    return part == CLICKS and deed.actor != MACHINE and bool(deed.link)


def take(message: Message, part: str, deed: Deed) -> Taken:
    """``message`` with a new ``deed``, judged by itself already, and whatever rises by it."""
    if part == DELIVERIES:
        return _deliver(message, deed)
    if part == OPENINGS:
        return _open(message, deed)
    return _click(message, deed)


def is_hasty(opened_at: int, deliveries: Sequence[int]) -> bool:
    """Whether an opening follows one of ``deliveries`` (in order) within `HASTY_MS`; all ms UTC."""
    at = bisect_left(deliveries, opened_at - HASTY_MS)
    return at < len(deliveries) and deliveries[at] <= opened_at


def bursts(clicks: Sequence[Deed]) -> list[Deed]:
    """Those of ``clicks`` (in order, all with a link) that lie within `BURST_MS` with `BURST_LINKS` different links."""
    found: list[Deed] = []
    links: Counter[bytes] = Counter()
    end = taken = 0
    for start, first in enumerate(clicks):
        while end < len(clicks) and clicks[end].occurred_at - first.occurred_at <= BURST_MS:
            links[clicks[end].link] += 1
            end += 1
        if len(links) >= BURST_LINKS:
            found += clicks[max(start, taken) : end]
            taken = end
        links[first.link] -= 1
        if not links[first.link]:
            del links[first.link]
    return found


def first_human(deeds: Iterable[Deed]) -> Deed | None:
    """The earliest of ``deeds`` (in order) that a human did: it counts as the unique one."""
    return next((deed for deed in deeds if deed.actor == HUMAN), None)


def _deliver(message: Message, delivery: Deed) -> Taken:
    at = delivery.occurred_at
    deliveries = [*message.deliveries]
    insort(deliveries, at)
    hasty = [o for o in message.openings if is_hasty(o.occurred_at, (at,))]
    openings = tuple(o for o in message.openings if o not in hasty) if hasty else message.openings
    raised = tuple(o._replace(actor=SUSPECT) for o in hasty)
    return Taken(message._replace(deliveries=tuple(deliveries), openings=openings), delivery.actor, raised)


def _open(message: Message, opening: Deed) -> Taken:
    if opening.actor != HUMAN:
        return Taken(message, opening.actor)
    if is_hasty(opening.occurred_at, message.deliveries):
        return Taken(message, SUSPECT)
    return Taken(message._replace(openings=_inserted(message.openings, opening)), HUMAN)


def _click(message: Message, click: Deed) -> Taken:
    if not click.link and click.actor == MACHINE:
        return Taken(message, MACHINE)
    clicks = _inserted(message.clicks, click)
    near = [c for c in _near(clicks, click.occurred_at) if c.link] if click.link else []
    risen = {c for c in bursts(near) if c.actor != MACHINE}
    if not risen:
        return Taken(message._replace(clicks=clicks), click.actor)
    clicks = tuple(c._replace(actor=MACHINE) if c in risen else c for c in clicks)
    raised = tuple(c._replace(actor=MACHINE) for c in sorted(risen - {click}))
    return Taken(message._replace(clicks=clicks), MACHINE if click in risen else click.actor, raised)


def _near(clicks: Sequence[Deed], at: int) -> Sequence[Deed]:
    """Those that could be in one burst with a click ``at`` then."""
    start = bisect_left(clicks, at - BURST_MS, key=_time)
    return clicks[start : bisect_right(clicks, at + BURST_MS, key=_time)]


def _time(deed: Deed) -> int:
    return deed.occurred_at


def _inserted(deeds: Sequence[Deed], deed: Deed) -> tuple[Deed, ...]:
    at = bisect_left(deeds, deed)
    return (*deeds[:at], deed, *deeds[at:])
