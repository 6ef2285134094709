"""What INTAKE remembers of a partition: the entries of its view, their keys and types.

    s  (channel, via, event_id)                      digest of the accepted touchpoint
    w  topic                                         watermark, ms UTC
    o  (topic, outcome, reason)                      number of records
    e  (channel, hour, currency, actor, campaign)    totals
    m  (channel, via, event_id, message)             deliveries, openings and clicks of the message
    v  (channel, via, event_id)                      a touchpoint whose verdict may rise, as it was sent
    r  (topic, origin)                               a rerouted record that has been read here
    l  (stronger, weaker)                            evidence of a link, the earliest so far, as told to IDENTITY
    a  identifier                                    whose it is, as IDENTITY told last

A key is its parts with a NUL between them; only the last may hold one itself, so that no two lists of parts give the
same key. Of s, m, v, l and a, which are many and long, it is the 128-bit digest of that: among 10^12 entries two share
one with a probability of 10^-15.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from streams import topics
from streams.domain.engagement import EngagementKey, Totals
from streams.domain.verdicts import Message
from streams.runtime.stage import Accounting, Layout
from streams.stages.intake.meaning import Said
from streams.stages.intake.metrics import DIFFERENCE

SEEN, WATERMARK, OUTCOME, ENGAGEMENT, REROUTED = b"s", b"w", b"o", b"e", b"r"
MESSAGE, HELD = b"m", b"v"
LINK, ASSIGNED = b"l", b"a"


class OutcomeCount(NamedTuple):
    """How many records of ``topic`` on this partition ended so; ``reason`` is '' but for the dead."""

    topic: str
    outcome: str
    reason: str
    records: int


class EngagementRow(NamedTuple):
    """Totals of one row of this partition."""

    key: EngagementKey
    totals: Totals


class Held(NamedTuple):
    """A touchpoint as it was sent, when it was received, ms UTC, what was ``said`` of it when it was judged by itself,
    and the piece of ResolvedTouchpoint with its ``identifiers``."""

    value: bytes
    received_at: int
    said: Said
    identifiers: bytes


class Evidence(NamedTuple):
    """The touchpoint on which two identifiers stood: ``occurred_at``, ms UTC, and event_id. Sorts by time."""

    occurred_at: int
    event_id: str


class Assigned(NamedTuple):
    """``customer``, a UUID's text, that an identifier belongs to from ``version`` on."""

    customer: str
    version: int


LAYOUT = Layout(
    {
        SEEN: bytes,
        WATERMARK: int,
        OUTCOME: OutcomeCount,
        ENGAGEMENT: EngagementRow,
        REROUTED: bool,
        MESSAGE: Message,
        HELD: Held,
        LINK: Evidence,
        ASSIGNED: Assigned,
    },
    made_with="verdicts of messages",
    accounting=Accounting({topic: topics.channel_of(topic) for topic in topics.TOUCHPOINTS}, DIFFERENCE),
)


def pack(kind: bytes, *parts: str) -> bytes:
    """The key of ``kind`` with ``parts``."""
    return kind + "\0".join(parts).encode()


def fingerprint(kind: bytes, *parts: str) -> bytes:
    """The key of ``kind`` with the digest of ``parts``."""
    return kind + blake2b("\0".join(parts).encode(), digest_size=16).digest()


def identity_of(channel: str, via: str, event_id: str) -> bytes:
    """The key of the accepted touchpoint with this identity."""
    return fingerprint(SEEN, channel, via, event_id)


def row_key_of(key: EngagementKey) -> bytes:
    """The key of the row of engagement with these dimensions."""
    return pack(ENGAGEMENT, key.channel, str(key.hour), key.currency, key.actor, key.campaign)
