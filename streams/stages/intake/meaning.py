"""What follows from a touchpoint's channel, action, user agent and acquisition: who acted, who speaks, what sent them.

The verdicts themselves are the domain's. What follows is kept, with the piece of ResolvedTouchpoint that says it,
because many touchpoints share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from schemas.pieces import piece
from streams.domain.actor import RULES_VERSION
from streams.domain.actor import judge as judge_actor
from streams.domain.marketing_channel import MarketingChannel, marketing_channel
from streams.domain.validation import check_direction, check_name
from streams.domain.verdicts import part_of
from streams.domain.vocabulary import direction_of, mode_of
from streams.stages.intake.contents import Content

_KEPT = 32_768
#: What names longer than this mean isn't kept, so that what is kept is bounded in bytes.
_LONGEST_KEPT = 2_048
_SOURCE = ("source", "medium", "campaign", "content", "click_id", "referrer")
_source_of = itemgetter(*_SOURCE)
_Source = tuple[str | None, ...] | None


class Said(NamedTuple):
    """What ResolvedTouchpoint says of a touchpoint that was judged by itself; the names are its fields'."""

    actor: str
    direction: str
    mode: str
    marketing_channel: str
    has_acquisition: bool
    campaign: str
    content: str


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """``part`` of its message that it belongs to; ``resolved`` is the piece of ResolvedTouchpoint that says it."""

    channel: str
    action: str
    said: Said
    part: str | None
    resolved: bytes
    #: False where `check` finds its action or direction wrong.
    is_plain: bool


class Meanings:
    """Meanings by what touchpoints say; ``own_domains``: referrers on them are none."""

    def __init__(self, own_domains: frozenset[str]) -> None:
        self._own_domains = own_domains
        self._kept = lru_cache(_KEPT)(self._make_kept)
        # What differs in user agent or referrer only is one meaning.
        self._made = lru_cache(_KEPT)(_make)

    def of(self, content: Content, keep: bool) -> Meaning:
        """What ``content`` means; ``keep`` it for others that say the same."""
        came = content.acquisition
        source = None if came is None else _source_of(came)
        agent, machine = content.user_agent, content.provider_machine
        if keep:
            return self._kept(content.channel, content.action, content.direction, content.mode, agent, machine, source)
        actor, origin = self._judge(content.channel, content.action, agent, machine, source)
        return _make(content.channel, content.action, content.direction, content.mode, actor, origin)

    def _make_kept(
        self, channel: str, action: str, direction: str, mode: str, agent: str | None, machine: bool, source: _Source
    ) -> Meaning:
        return self._made(channel, action, direction, mode, *self._judge(channel, action, agent, machine, source))

    def _judge(
        self, channel: str, action: str, agent: str | None, machine: bool, source: _Source
    ) -> tuple[str, MarketingChannel]:
        acquisition = None if source is None else dict(zip(_SOURCE, source, strict=True))
        origin = marketing_channel(channel, action, acquisition, self._own_domains)
        return judge_actor(channel, action, agent, machine), origin


def _make(channel: str, action: str, given: str, mode: str, actor: str, origin: MarketingChannel) -> Meaning:
    said = Said(
        actor=actor,
        direction=direction_of(channel, action) or given if given == "UNKNOWN" else given,
        mode=mode_of(channel, action) if mode == "UNKNOWN" else mode,
        marketing_channel=origin.name,
        has_acquisition=origin.has_acquisition,
        campaign=origin.campaign,
        content=origin.content,
    )
    is_plain = check_name("action", action) is None and check_direction(given, channel, action) is None
    return _saying(channel, action, said, False, is_plain)


def risen(channel: str, action: str, said: Said, actor: str) -> Meaning:
    """The meaning of a touchpoint of which ``said`` was judged by itself, and whose message gives it to ``actor``."""
    keep = len(said.campaign) + len(said.content) <= _LONGEST_KEPT
    return (_risen_kept if keep else _risen)(channel, action, said, actor)


def _risen(channel: str, action: str, said: Said, actor: str) -> Meaning:
    return _saying(channel, action, said._replace(actor=actor), True, True)


_risen_kept = lru_cache(_KEPT)(_risen)


def _saying(channel: str, action: str, said: Said, raised: bool, is_plain: bool) -> Meaning:
    actor, *others = said._asdict().items()
    judged = dict([actor, ("rules_version", RULES_VERSION), ("raised", raised), *others])
    part = part_of(channel, action)
    return Meaning(channel, action, said, part, piece("resolved_touchpoint", judged), is_plain)
