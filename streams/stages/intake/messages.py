"""What a touchpoint shows of others of its message: verdicts that rise, and which opening or click is the unique one.

A touchpoint whose verdict may still rise is kept as it was sent, because it is sent again when that happens.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

from streams.domain.engagement import UNIQUES, unique_key
from streams.domain.verdicts import CLICKS, DELIVERIES, OPENINGS, Deed, Message, can_rise, first_human, take
from streams.runtime.stage import View
from streams.stages.intake.contents import Content, digest_of, read_one
from streams.stages.intake.entries import HELD, MESSAGE, Held, fingerprint, identity_of
from streams.stages.intake.meaning import risen
from streams.stages.intake.measuring import Measuring, currency_of
from streams.stages.intake.outcomes import Accepted
from streams.stages.intake.via import Via

_NOTHING = Message()
_LINK_BYTES = 8


class Risen(NamedTuple):
    """A touchpoint that was accepted before with its verdict of now, and as it was sent: ``value``."""

    accepted: Accepted
    value: bytes


class Messages:
    """The messages of one partition; ``measuring`` is told what moves."""

    def __init__(self, view: View, measuring: Measuring) -> None:
        self._view = view
        self._measuring = measuring

    def take(self, accepted: Accepted, value: bytes, offset: int) -> tuple[Accepted, list[Risen]]:
        """``accepted`` with the verdict that its message gives it, and the others that rise by it."""
        content, meaning, part = accepted.content, accepted.meaning, _part_of(accepted)
        if part is None:
            return accepted, []
        channel, via = content.channel, accepted.via.text
        # One that names no message is a message of its own, whatever others call theirs.
        alone = "" if content.message_id else content.event_id
        key = fingerprint(MESSAGE, channel, via, alone, content.message_id or "")
        before: Message = self._view.get(key) or _NOTHING
        deed = _deed_of(content, meaning.said.campaign, meaning.said.actor)
        taken = take(before, part, deed)
        self._view.put(key, taken.message)
        self._count_uniques(channel, before, taken.message, offset)
        if taken.actor != deed.actor:
            accepted = accepted._replace(meaning=risen(channel, content.action, meaning.said, taken.actor))
        elif content.message_id and can_rise(channel, part, deed):
            held = Held(value, accepted.received_at, meaning.said, accepted.via.identifiers)
            self._view.put(fingerprint(HELD, channel, via, content.event_id), held)
        return accepted, [self._raise(accepted.via, channel, one, offset) for one in taken.raised]

    def _raise(self, via: Via, channel: str, deed: Deed, offset: int) -> Risen:
        """What was said of it then is said again, but for the actor: rules may have changed since."""
        key = fingerprint(HELD, channel, via.text, deed.event_id)
        held: Held = self._view.get(key)
        self._view.delete(key)
        content = read_one(held.value)
        before = risen(channel, content.action, held.said, held.said.actor)
        after = risen(channel, content.action, held.said, deed.actor)
        self._measuring.add(content, before, offset, -1)
        self._measuring.add(content, after, offset)
        its_via = replace(via, identifiers=held.identifiers, pairs=())
        identity = identity_of(channel, via.text, deed.event_id)
        return Risen(Accepted(content, its_via, after, held.received_at, identity, digest_of(content)), held.value)

    def _count_uniques(self, channel: str, before: Message, after: Message, offset: int) -> None:
        for part in (OPENINGS, CLICKS):
            unique = UNIQUES.get((channel, part))
            first, now = first_human(getattr(before, part)), first_human(getattr(after, part))
            if unique is None or first == now:
                continue
            if first is not None:
                self._measuring.count_unique(unique_key(channel, first), unique, -1, offset)
            if now is not None:
                self._measuring.count_unique(unique_key(channel, now), unique, 1, offset)


def _part_of(accepted: Accepted) -> str | None:
    """The part of its message that a touchpoint belongs to, None where it neither counts once nor shows anything."""
    part, content = accepted.meaning.part, accepted.content
    if part is None or (content.channel, part) in UNIQUES or (content.message_id and part == DELIVERIES):
        return part
    return part if content.message_id and content.link else None


def _deed_of(content: Content, campaign: str, actor: str) -> Deed:
    link = blake2b(content.link.encode(), digest_size=_LINK_BYTES).digest() if content.link else b""
    return Deed(content.occurred_at, content.event_id, campaign, currency_of(content), actor, link)
