"""The steps that decide what becomes of a record, in their order.

    decode -> validate -> clean -> right partition? -> future? -> seen? -> late? -> accepted

Everything before the partition is a function of the record alone; what follows needs this partition's memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from schemas.codec import Undecodable, decode
from streams.domain.identifiers import SHORTEST_SHOWN, Identifier, clean, mask
from streams.domain.lateness import is_future, late_by
from streams.domain.validation import Rejection, check, check_identifiers
from streams.runtime.partitioner import partition_of
from streams.runtime.stage import Record
from streams.stages.intake.memory import Memory
from streams.stages.intake.outcomes import Accepted, Dead, Duplicate, Late, Outcome, Rerouted
from streams.topics import channel_of

RECEIVED_AT = "received_at"
ORIGIN = "origin"
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class JudgeRules:
    """``partitions`` of the touchpoint topics; times in ms."""

    partitions: int
    lateness_budget_ms: int
    future_tolerance_ms: int


def judge(record: Record, memory: Memory, rules: JudgeRules) -> Outcome:
    """What becomes of ``record``; nothing is remembered yet."""
    received_at = received_at_of(record)
    touchpoint = _decode(record.value)
    if isinstance(touchpoint, Rejection):
        return Dead(touchpoint, received_at)
    outcome = _judge(record, touchpoint, received_at, memory, rules)
    return (
        Dead(_without_identifiers(outcome.rejection, touchpoint), received_at) if isinstance(outcome, Dead) else outcome
    )


def _judge(record: Record, touchpoint: dict[str, Any], received_at: int, memory: Memory, rules: JudgeRules) -> Outcome:
    identifiers = tuple(clean(touchpoint["identifiers"]))
    rejection = check(touchpoint, channel_of(record.topic)) or check_identifiers(touchpoint, list(identifiers))
    if rejection is not None:
        return Dead(rejection, received_at)
    key = identifiers[0].text.encode()
    partition = partition_of(key, rules.partitions)
    if partition != record.partition:
        return Rerouted(key, partition, received_at)
    return _judge_in_time(record.topic, touchpoint, identifiers, received_at, memory, rules)


def _judge_in_time(
    topic: str,
    touchpoint: dict[str, Any],
    identifiers: tuple[Identifier, ...],
    received_at: int,
    memory: Memory,
    rules: JudgeRules,
) -> Outcome:
    occurred_at = touchpoint["occurred_at"]
    if is_future(occurred_at, received_at, rules.future_tolerance_ms):
        limit = f"at most {rules.future_tolerance_ms} ms after its receipt at {received_at}"
        return Dead(Rejection("future", "occurred_at", str(occurred_at), limit), received_at)
    digest = digest_of(touchpoint)
    seen = memory.digest_of(touchpoint["channel"], identifiers[0], touchpoint["event_id"])
    if seen is not None:
        return Duplicate() if seen == digest else Dead(_conflict(touchpoint), received_at)
    behind = late_by(occurred_at, memory.watermark(topic), rules.lateness_budget_ms, backfill=touchpoint["backfill"])
    if behind:
        return Late(touchpoint, received_at, behind)
    return Accepted(touchpoint, identifiers, received_at, digest)


def received_at_of(record: Record) -> int:
    """When the record was first received, ms UTC: a rerouted one carries it on, else the broker's LogAppendTime.

    Anybody can send the header, so it may only name an earlier time: a later one would let touchpoints in from the
    future.
    """
    for name, value in record.headers:
        if name == RECEIVED_AT and value and len(value) <= _DIGITS and value.isdigit():
            return min(int(value), record.timestamp_ms)
    return record.timestamp_ms


def origin_of(record: Record) -> bytes | None:
    """Where a rerouted record was read first, ``topic-partition-offset``; None for one that came here by itself."""
    return next((value for name, value in record.headers if name == ORIGIN and value), None)


def digest_of(touchpoint: dict[str, Any]) -> bytes:
    """8 bytes that differ where the content does. ``backfill`` says how to treat the record, not what happened."""
    content = {name: value for name, value in touchpoint.items() if name != "backfill"}
    return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=8).digest()


def _decode(value: bytes) -> dict[str, Any] | Rejection:
    try:
        name, touchpoint = decode(value)
    except Undecodable as error:
        return Rejection("undecodable", "", str(error)[:200], "a touchpoint in Avro single-object encoding")
    if name != "touchpoint":
        return Rejection("undecodable", "", name, "touchpoint")
    return touchpoint


def _without_identifiers(rejection: Rejection, touchpoint: dict[str, Any]) -> Rejection:
    """``rejection`` with the record's own identifiers masked: some producers make event ids and the like of them."""
    value, expected = rejection.value, rejection.expected
    for name in touchpoint["identifiers"]:
        whole = name["value"].strip()
        if len(whole) >= SHORTEST_SHOWN:
            value, expected = value.replace(whole, mask(whole)), expected.replace(whole, mask(whole))
    return rejection._replace(value=value, expected=expected)


def _conflict(touchpoint: dict[str, Any]) -> Rejection:
    return Rejection(
        "conflicting_duplicate", "event_id", touchpoint["event_id"][:64], "the content first accepted under this id"
    )
