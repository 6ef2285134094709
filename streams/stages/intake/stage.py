"""INTAKE as a stage: walk the records, write down what became of each, emit totals at the end of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from streams import topics
from streams.domain.actor import RULES_VERSION
from streams.runtime.stage import Out, Record, View
from streams.runtime.versions import version_of
from streams.stages.intake import records
from streams.stages.intake.dead_letters import bury, origin_key
from streams.stages.intake.judge import ORIGIN, RECEIVED_AT, JudgeRules, judge, origin_of
from streams.stages.intake.memory import ENGAGEMENT, Memory
from streams.stages.intake.outcomes import Accepted, Dead, Late, Outcome, Rerouted

TOUCHPOINTS_TOTAL = Counter(
    "journey_touchpoints_total",
    "Records that INTAKE read, by channel and what became of them; those folded again after a start included.",
    ["channel", "outcome", "reason"],
)


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """``own_domains``: referrers on them are none; ``epoch`` of the log for versions."""

    judge: JudgeRules
    own_domains: frozenset[str]
    epoch: int


class Intake:
    """touchpoints.* -> customers.activity, engagement, outcomes, touchpoints.dead, touchpoints.late."""

    name = "intake"
    inputs: tuple[str, ...] = topics.TOUCHPOINTS
    keeps_state = True

    def __init__(self, rules: IntakeRules) -> None:
        self._rules = rules

    def fold(self, records_: Sequence[Record], view: View, out: Out) -> None:
        memory = Memory(view)
        for record in records_:
            origin = origin_of(record)
            # A restart reroutes again what it reads again: the copies are one record, and count once.
            if origin is not None and memory.is_repeat(record.topic, origin):
                TOUCHPOINTS_TOTAL.labels(topics.channel_of(record.topic), "repeat", "").inc()
                continue
            outcome = judge(record, memory, self._rules.judge)
            self._take(record, outcome, memory, out)
            reason = outcome.rejection.reason if isinstance(outcome, Dead) else ""
            memory.count(record.topic, outcome.name, reason, record.offset)
            TOUCHPOINTS_TOTAL.labels(topics.channel_of(record.topic), outcome.name, reason).inc()

    def _take(self, record: Record, outcome: Outcome, memory: Memory, out: Out) -> None:
        match outcome:
            case Accepted():
                self._accept(record, outcome, memory, out)
            case Late():
                memory.advance(record.topic, outcome.touchpoint["occurred_at"])
                out.send(topics.LATE, origin_key(record), records.late_touchpoint(record, outcome))
            case Dead():
                bury(record, outcome.rejection, outcome.received_at, out)
            case Rerouted():
                headers = ((RECEIVED_AT, str(outcome.received_at).encode()), (ORIGIN, origin_key(record)))
                out.send(record.topic, outcome.key, record.value, partition=outcome.partition, headers=headers)

    def _accept(self, record: Record, accepted: Accepted, memory: Memory, out: Out) -> None:
        touchpoint = accepted.touchpoint
        memory.advance(record.topic, touchpoint["occurred_at"])
        memory.remember(touchpoint["channel"], accepted.via, touchpoint["event_id"], accepted.digest)
        resolved = records.resolve(record, accepted, self._rules.own_domains, RULES_VERSION)
        memory.measure(records.counted(accepted, resolved), record.offset)
        out.send(topics.ACTIVITY, resolved.customer_id.encode(), resolved.value)

    def emit(self, changed: Mapping[bytes, int], view: View, out: Out) -> None:
        for key, offset in changed.items():
            version = version_of(self._rules.epoch, offset)
            if key.startswith(ENGAGEMENT):
                out.send(*records.engagement(view.get(key), version, view.partition))
            else:
                out.send(*records.outcome(view.get(key), version, view.partition))
