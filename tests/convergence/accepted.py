"""Which touchpoints a scenario's logs hold: each log read once, from its beginning to its end, by plain rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import Undecodable, decode
from streams import topics
from streams.domain.identifiers import clean
from streams.domain.lateness import advance, late_by
from streams.domain.validation import check, check_identifiers
from streams.runtime.stage import PlainRecord
from streams.stages.intake.judge import ORIGIN
from tests.convergence.logs import Logs
from tests.convergence.process import POISON
from tests.convergence.scenario import LATENESS_BUDGET_MS

Fields = dict[str, Any]


@dataclass
class Accepted:
    """(topic, partition, outcome, reason) -> records, and the touchpoints that were accepted."""

    outcomes: Counter[tuple[str, int, str, str]] = field(default_factory=Counter)
    touchpoints: list[Fields] = field(default_factory=list)


def accepted_of(logs: Logs) -> Accepted:
    """Read all source topics."""
    accepted = Accepted()
    for topic in topics.TOUCHPOINTS:
        for partition in range(logs.partitions[topic]):
            reading = _Reading(logs, topic, partition)
            for record in logs.of[topic, partition].records:
                outcome = reading.judge(record)
                if outcome is not None:
                    accepted.outcomes[topic, partition, *outcome] += 1
            accepted.touchpoints += reading.accepted.values()
    return accepted


class _Reading:
    """One log on the way to its end."""

    def __init__(self, logs: Logs, topic: str, partition: int) -> None:
        self._logs = logs
        self._topic = topic
        self._partition = partition
        self._watermark: int | None = None
        self._origins: set[bytes] = set()
        self.accepted: dict[tuple[str, str], Fields] = {}

    def judge(self, record: PlainRecord) -> tuple[str, str] | None:
        """(outcome, reason); None for what was rerouted here before."""
        headers = dict(record.headers)
        origin = headers.get(ORIGIN)
        if origin is not None:
            if origin in self._origins:
                return None
            self._origins.add(origin)
        if POISON in headers:
            return "dead", "stage_raised"
        try:
            fields = decode(record.value or b"").record
        except Undecodable:
            return "dead", "undecodable"
        return self._judge_touchpoint(fields)

    def _judge_touchpoint(self, fields: Fields) -> tuple[str, str]:
        names = clean(fields["identifiers"])
        rejection = check(fields, topics.channel_of(self._topic)) or check_identifiers(fields, names)
        if rejection is not None:
            return "dead", rejection.reason
        via = names[0].text
        if self._logs.partition(self._topic, via.encode()) != self._partition:
            return "rerouted", ""
        known = self.accepted.get((via, fields["event_id"]))
        if known is not None:
            same = {**known, "backfill": False} == {**fields, "backfill": False}
            return ("duplicate", "") if same else ("dead", "conflicting_duplicate")
        at = fields["occurred_at"]
        is_late = late_by(at, self._watermark, LATENESS_BUDGET_MS, backfill=fields["backfill"])
        self._watermark = advance(self._watermark, at)
        if is_late:
            return "late", ""
        self.accepted[via, fields["event_id"]] = fields
        return "accepted", ""
