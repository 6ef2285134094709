"""The steps that decide what becomes of a record, in their order.

    decode -> validate -> clean -> right partition? -> future? -> seen? -> late? -> accepted

Everything before the partition is a function of the record alone; what follows needs this partition's memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from schemas.codec import Undecodable, decode
from streams.domain.identifiers import SHORTEST_SHOWN, mask
from streams.domain.lateness import is_future, late_by
from streams.domain.validation import (
    Rejection,
    are_in_range,
    check,
    check_conversion,
    check_name,
    check_satisfaction,
)
from streams.runtime.stage import Record
from streams.stages.intake.contents import Content, digest_of
from streams.stages.intake.entries import identity_of
from streams.stages.intake.meaning import Meanings
from streams.stages.intake.outcomes import Accepted, Dead, Duplicate, Late, Outcome, Rerouted
from streams.stages.intake.via import Vias

RECEIVED_AT = "received_at"
ORIGIN = "origin"
_DIGITS = 15
#: What larger touchpoints say isn't kept for others, so that what is kept is bounded in bytes.
LARGEST_KEPT = 2_048


@dataclass(frozen=True, slots=True)
class JudgeRules:
    """``partitions`` of the touchpoint topics; times in ms."""

    partitions: int
    lateness_budget_ms: int
    future_tolerance_ms: int


class Known(Protocol):
    """What must be known of a partition: `streams.stages.intake.memory.Memory` knows it."""

    @property
    def channel(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def watermark(self) -> int | None: ...
    def digest_at(self, identity: bytes) -> bytes | None: ...


class Judge:
    """What becomes of records; nothing is remembered yet. ``own_domains``: referrers on them are none."""

    def __init__(self, rules: JudgeRules, own_domains: frozenset[str]) -> None:
        self._rules = rules
        self._vias = Vias(rules.partitions)
        self._meanings = Meanings(own_domains)

    def judge(self, record: Record, content: Content | None, backfill: bool, memory: Known) -> Outcome:
        """What becomes of ``record``; ``content`` None: its value is no touchpoint."""
        received_at = received_at_of(record)
        if content is None:
            return Dead(_not_a_touchpoint(record.value), received_at)
        keep = len(record.value or b"") <= LARGEST_KEPT
        meaning = self._meanings.of(content, keep)
        plain = meaning.is_plain and _is_plain(content, memory.channel)
        rejection = None if plain else check(content._asdict(), memory.channel)
        via = rejection or self._vias.of(content, keep)
        if isinstance(via, Rejection):
            return Dead(_without_identifiers(via, content.values), received_at)
        if via.partition != memory.partition:
            return Rerouted(via.text.encode(), via.partition, received_at)
        identity = identity_of(memory.channel, via.text, content.event_id)
        accepted = Accepted(content, via, meaning, received_at, identity, digest_of(content))
        return self._judge_in_time(accepted, backfill, memory)

    def _judge_in_time(self, accepted: Accepted, backfill: bool, memory: Known) -> Outcome:
        content, received_at = accepted.content, accepted.received_at
        tolerance = self._rules.future_tolerance_ms
        if is_future(content.occurred_at, received_at, tolerance):
            limit = f"at most {tolerance} ms after its receipt at {received_at}"
            return _dead("future", "occurred_at", str(content.occurred_at), limit, accepted)
        seen = memory.digest_at(accepted.identity)
        if seen is not None:
            if seen == accepted.digest:
                return Duplicate()
            first = "the content first accepted under this id"
            return _dead("conflicting_duplicate", "event_id", content.event_id[:64], first, accepted)
        behind = late_by(content.occurred_at, memory.watermark, self._rules.lateness_budget_ms, backfill=backfill)
        return Late(content.event_id, content.occurred_at, received_at, behind) if behind else accepted


def received_at_of(record: Record) -> int:
    """When the record was first received, ms UTC: a rerouted one carries it on, else the broker's LogAppendTime.

    Anybody can send the header, so it may only name an earlier time: a later one would let touchpoints in from the
    future.
    """
    for name, value in record.headers:
        if name == RECEIVED_AT and value and len(value) <= _DIGITS and value.isdigit():
            return min(int(value), record.timestamp)
    return record.timestamp


def origin_of(record: Record) -> bytes | None:
    """Where a rerouted record was read first, ``topic-partition-offset``; None for one that came here by itself."""
    for name, value in record.headers:
        if name == ORIGIN and value:
            return value
    return None


def _is_plain(content: Content, channel: str) -> bool:
    """True where `check` finds nothing wrong, action and direction aside; a tenth of its price."""
    return (
        content.channel == channel
        and are_in_range(content.occurred_at, content.sentiment, content.engaged_ms)
        and check_name("event_id", content.event_id) is None
        and (content.conversion is None or check_conversion(content.conversion) is None)
        and (content.satisfaction is None or check_satisfaction(content.satisfaction) is None)
    )


def _not_a_touchpoint(value: bytes | None) -> Rejection:
    try:
        name, _ = decode(value or b"")
    except Undecodable as error:
        return Rejection("undecodable", "", str(error)[:200], "a touchpoint in Avro single-object encoding")
    return Rejection("undecodable", "", name, "touchpoint")


def _dead(reason: str, field: str, value: str, expected: str, accepted: Accepted) -> Dead:
    rejection = Rejection(reason, field, value, expected)
    return Dead(_without_identifiers(rejection, accepted.content.values), accepted.received_at)


def _without_identifiers(rejection: Rejection, identifiers: Iterable[str]) -> Rejection:
    """``rejection`` with the record's own identifiers masked: some producers make event ids and the like of them."""
    value, expected = rejection.value, rejection.expected
    for identifier in identifiers:
        whole = identifier.strip()
        if len(whole) >= SHORTEST_SHOWN:
            value, expected = value.replace(whole, mask(whole)), expected.replace(whole, mask(whole))
    return rejection._replace(value=value, expected=expected)
