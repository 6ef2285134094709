"""What INTAKE remembers of a partition, as typed entries of its view.

    s  (channel, via, event_id)               digest of the accepted touchpoint
    w  topic                                  watermark, ms UTC
    o  (topic, outcome, reason)               number of records
    e  engagement key                         totals
    u  (unique, channel, via, message)        sorted set of human events
    r  (topic, origin)                        a rerouted record that has been read here

Keys are the parts with their lengths, so that no two lists of parts give the same key.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from streams.domain import engagement
from streams.domain.engagement import Counted, EngagementKey, HumanEvent, Totals
from streams.domain.identifiers import Identifier
from streams.domain.lateness import advance
from streams.runtime.stage import View

ENGAGEMENT = b"e"
OUTCOME = b"o"


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


def _pack(kind: bytes, *parts: str) -> bytes:
    encoded = [part.encode() for part in parts]
    return kind + b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


class Memory:
    """Typed access to INTAKE's entries in ``view``."""

    def __init__(self, view: View) -> None:
        self._view = view

    def digest_of(self, channel: str, via: Identifier, event_id: str) -> bytes | None:
        """Digest of the accepted touchpoint with this identity, None where there is none."""
        digest: bytes | None = self._view.get(_pack(b"s", channel, via.text, event_id))
        return digest

    def remember(self, channel: str, via: Identifier, event_id: str, digest: bytes) -> None:
        """Keep that this touchpoint was accepted."""
        self._view.put(_pack(b"s", channel, via.text, event_id), digest)

    def is_repeat(self, topic: str, origin: bytes) -> bool:
        """True from the second time that ``topic`` brings the record rerouted from ``origin``."""
        key = _pack(b"r", topic, origin.decode("latin-1"))
        if self._view.get(key) is not None:
            return True
        self._view.put(key, True)
        return False

    def watermark(self, topic: str) -> int | None:
        """Highest event time among accepted and late touchpoints of ``topic``, ms UTC."""
        watermark: int | None = self._view.get(_pack(b"w", topic))
        return watermark

    def advance(self, topic: str, occurred_at: int) -> None:
        """Raise the watermark of ``topic`` to ``occurred_at`` where it is below."""
        self._view.put(_pack(b"w", topic), advance(self.watermark(topic), occurred_at))

    def count(self, topic: str, outcome: str, reason: str, version: int) -> None:
        """One more record of ``topic`` ended in ``outcome``."""
        key = _pack(OUTCOME, topic, outcome, reason)
        counted: OutcomeCount | None = self._view.get(key)
        records = 1 if counted is None else counted.records + 1
        self._view.put(key, OutcomeCount(topic, outcome, reason, records))
        self._view.touch(key, version)

    def measure(self, touchpoint: Counted, version: int) -> None:
        """Count an accepted touchpoint into its row, and into its message's uniques."""
        key = engagement.key_of(touchpoint)
        self._put_totals(key, engagement.add(self._totals(key), touchpoint), version)
        unique = engagement.unique_of(touchpoint)
        if unique is not None:
            self._count_unique(unique, touchpoint, version)

    def _count_unique(self, unique: str, touchpoint: Counted, version: int) -> None:
        key = _pack(b"u", unique, touchpoint.channel, touchpoint.via, touchpoint.message)
        before: tuple[HumanEvent, ...] = self._view.get(key) or ()
        after = engagement.insert(before, engagement.human_event(touchpoint))
        self._view.put(key, after)
        if before and before[0] == after[0]:
            return
        if before:
            self._add_unique(unique, engagement.unique_key(touchpoint.channel, before[0]), -1, version)
        self._add_unique(unique, engagement.unique_key(touchpoint.channel, after[0]), 1, version)

    def _add_unique(self, unique: str, key: EngagementKey, change: int, version: int) -> None:
        totals = self._totals(key)
        value = getattr(totals, unique) + change
        self._put_totals(key, replace(totals, **{unique: value}), version)

    def _totals(self, key: EngagementKey) -> Totals:
        row: EngagementRow | None = self._view.get(_row_key(key))
        return Totals() if row is None else row.totals

    def _put_totals(self, key: EngagementKey, totals: Totals, version: int) -> None:
        packed = _row_key(key)
        self._view.put(packed, EngagementRow(key, totals))
        self._view.touch(packed, version)


def _row_key(key: EngagementKey) -> bytes:
    return _pack(ENGAGEMENT, key.channel, key.campaign, str(key.hour), key.currency, key.actor)
