"""INTAKE as a stage: walk the records, write down what became of each, emit totals at the end of the batch.

Whose an identifier is comes back from IDENTITY on another topic; a touchpoint goes where the newest assignment that has
been read sends it. That may be an old one: CUSTOMERS forwards what has moved on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streams import topics
from streams.runtime.stage import Out, Record, Records, View
from streams.runtime.versions import version_of
from streams.stages.dead_letters import origin_key, send_dead_letter, stage_raised
from streams.stages.intake import assignments, metrics, rows
from streams.stages.intake.contents import read
from streams.stages.intake.entries import ENGAGEMENT, LAYOUT
from streams.stages.intake.judge import ORIGIN, RECEIVED_AT, Judge, JudgeRules, origin_of, received_at_of
from streams.stages.intake.memory import Memory
from streams.stages.intake.outcomes import NAMES, Accepted, Dead, Late, Outcome, Rerouted

#: What has a lag: touchpoints that are right.
_TIMED = (Accepted, Late)


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """``own_domains``: referrers on them are none; ``epoch`` of the log for versions."""

    judge: JudgeRules
    own_domains: frozenset[str]
    epoch: int


class Intake:
    """touchpoints.*, identity.assignments -> customers.activity, identity.links, engagement, outcomes,
    touchpoints.dead, touchpoints.late."""

    name = "intake"
    inputs: tuple[str, ...] = (*topics.TOUCHPOINTS, topics.ASSIGNMENTS)
    layout = LAYOUT

    def __init__(self, rules: IntakeRules) -> None:
        self._judge = Judge(rules.judge, rules.own_domains)
        self._epoch = rules.epoch

    def fold(self, records: Records, view: View, out: Out) -> None:
        if records.topic == topics.ASSIGNMENTS:
            assignments.keep(records, view)
            return
        memory = Memory(view, records)
        for record, content, backfill in read(records):
            if _is_repeat(record, memory):
                continue
            outcome = self._judge.judge(record, content, backfill, memory)
            _take(records, record, outcome, memory, out)
            if content is not None and not backfill and isinstance(outcome, _TIMED):
                memory.lags_ms.append(outcome.received_at - content.occurred_at)
        memory.close()
        _observe(memory)

    def emit(self, changed: Mapping[bytes, int], view: View, out: Out) -> None:
        for key, offset in changed.items():
            version = version_of(self._epoch, offset)
            if key.startswith(ENGAGEMENT):
                out.send(*rows.engagement(view.get(key), version, view.partition))
            else:
                out.send(*rows.outcome(view.get(key), version, view.partition))

    def bury(self, records: Records, cause: str, view: View, out: Out) -> None:
        (record,) = records
        if records.topic == topics.ASSIGNMENTS:
            send_dead_letter(records, record, stage_raised(cause), out, received_at=record.timestamp)
            return
        memory = Memory(view, records)
        if not _is_repeat(record, memory):
            _take(records, record, Dead(stage_raised(cause), received_at_of(record)), memory, out)
        memory.close()
        _observe(memory)


def _is_repeat(record: Record, memory: Memory) -> bool:
    """A restart reroutes again what it reads again: the copies are one record, and count once."""
    origin = origin_of(record)
    return origin is not None and memory.is_repeat(origin)


def _take(records: Records, record: Record, outcome: Outcome, memory: Memory, out: Out) -> None:
    match outcome:
        case Accepted():
            accepted, risen = memory.accept(outcome, record)
            for one, value in ((accepted, record.value or b""), *risen):
                assigned = memory.assigned(one.via)
                out.send(*rows.resolved_touchpoint(one, value, assigned, records.partition, record.offset))
            for pair in memory.news(outcome) if outcome.via.pairs else ():
                out.send(*rows.link(pair, outcome.content))
        case Late():
            memory.advance(outcome.occurred_at)
            out.send(topics.LATE, origin_key(records, record), rows.late_touchpoint(records, record, outcome))
        case Dead():
            send_dead_letter(
                records, record, outcome.rejection, out, channel=memory.channel, received_at=outcome.received_at
            )
        case Rerouted():
            headers = ((RECEIVED_AT, str(outcome.received_at).encode()), (ORIGIN, origin_key(records, record)))
            out.send(records.topic, outcome.key, record.value or b"", partition=outcome.partition, headers=headers)
    memory.count(NAMES[type(outcome)], outcome.rejection.reason if isinstance(outcome, Dead) else "", record.offset)


def _observe(memory: Memory) -> None:
    for (outcome, reason), (records, _) in memory.counts.items():
        metrics.TOUCHPOINTS_TOTAL.labels(memory.channel, outcome, reason).inc(records)
    if memory.repeats:
        metrics.TOUCHPOINTS_TOTAL.labels(memory.channel, "repeat", "").inc(memory.repeats)
    if memory.lags_ms:
        metrics.EVENT_TIME_LAG.observe(memory.channel, [lag / 1000 for lag in memory.lags_ms])
