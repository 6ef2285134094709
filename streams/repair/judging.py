"""What touchpoints would become if INTAKE read them now: judged by INTAKE's own steps and the settings at hand.

What INTAKE remembers by digests is looked up in table touchpoints: a touchpoint with the same channel, via and event_id
is a duplicate where what its producer said is in the row, otherwise a conflicting one. Rows hold what was cleaned, so
two that differ in a blocked identifier alone are taken for duplicates. Lateness is no question: what is replayed is
marked as history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.columns import decode_columns
from sinks.repeats import Identity, said, stored
from sinks.tables import Accepted as Row
from streams.domain.validation import Rejection
from streams.repair.mending import Mended
from streams.runtime.partitioner import partition_of
from streams.runtime.stage import PlainRecord, Records
from streams.stages.intake import rows
from streams.stages.intake.contents import read
from streams.stages.intake.judge import Judge, JudgeRules
from streams.stages.intake.outcomes import Accepted, Dead, Duplicate, Outcome
from streams.topics import touchpoint_topic

CONFLICT = Rejection("conflicting_duplicate", "event_id", "", "the content first accepted under this id")


class _Memory:
    """As `streams.stages.intake.memory.Memory`, of what this command has judged; nothing is ever late."""

    watermark: int | None = None
    #: Where there is one partition, each is the right one.
    partition = 0

    def __init__(self) -> None:
        self.channel = ""
        self.accepted: dict[bytes, bytes] = {}

    def digest_at(self, identity: bytes) -> bytes | None:
        return self.accepted.get(identity)


class Judged(NamedTuple):
    """``outcome``, and for an accepted touchpoint the partition that it will be read from."""

    outcome: Outcome
    partition: int = 0


class Judging:
    """Judges batch after batch as if they were read one behind the other at ``now``, ms UTC, beside the tables at
    ``url``."""

    def __init__(self, url: str, rules: JudgeRules, own_domains: frozenset[str], now: int) -> None:
        self._url = url
        self._partitions = rules.partitions
        self._now = now
        self._judge = Judge(JudgeRules(1, rules.lateness_budget_ms, rules.future_tolerance_ms), own_domains)
        self._memory = _Memory()

    def judge(self, mended: Sequence[Mended]) -> list[Judged]:
        """What becomes of each. Raises Unreachable or Misconfigured (`sinks.clickhouse`)."""
        outcomes = [self._one(one) for one in mended]
        found = [(at, one, outcome) for at, (one, outcome) in enumerate(outcomes) if isinstance(outcome, Accepted)]
        there = stored(self._url, [_identity(accepted) for _, _, accepted in found])
        judged = [Judged(outcome) for _, outcome in outcomes]
        for (at, _, accepted), row in zip(found, _rows(found), strict=True):
            known = there.get(_identity(accepted))
            if known is None:
                partition = partition_of(accepted.via.text.encode(), self._partitions)
                judged[at] = Judged(accepted, partition)
            else:
                judged[at] = Judged(Duplicate() if known == row else Dead(CONFLICT, self._now))
        return judged

    def _one(self, mended: Mended) -> tuple[Mended, Outcome]:
        record = PlainRecord(0, self._now, mended.key, mended.value)
        self._memory.channel = mended.channel
        ((_, content, _),) = read(Records(touchpoint_topic(mended.channel), 0, [record]))
        outcome = self._judge.judge(record, content, True, self._memory)
        if isinstance(outcome, Accepted):
            self._memory.accepted[outcome.identity] = outcome.digest
        return mended, outcome


def _identity(accepted: Accepted) -> Identity:
    return Identity(accepted.content.channel, accepted.via.text, accepted.content.event_id)


def _rows(found: Iterable[tuple[int, Mended, Accepted]]) -> list[Mapping[str, Any]]:
    """What the sink would write of each."""
    resolved, sent = [], []
    for _, mended, accepted in found:
        resolved.append(rows.resolved_touchpoint(accepted, mended.value, None, 0, 0)[2])
        sent.append(mended.value)
    return said(Row(decode_columns(resolved, "resolved_touchpoint"), decode_columns(sent, "touchpoint")))
