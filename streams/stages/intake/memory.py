"""What INTAKE knows of a partition while it folds records of one topic.

Duplicates, uniques and links are looked up and written down record by record. Watermark, counts and engagement are kept
here until `Memory.close` writes them down, once for all records; they are then what they would be one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

from streams import topics
from streams.domain.lateness import advance
from streams.runtime.stage import Record, Records, View
from streams.stages.intake.entries import OUTCOME, REROUTED, WATERMARK, Assigned, Evidence, OutcomeCount, pack
from streams.stages.intake.measuring import Measuring
from streams.stages.intake.messages import Messages, Risen
from streams.stages.intake.outcomes import Accepted
from streams.stages.intake.via import Pair, Via


class Memory:
    """Typed access to INTAKE's entries in ``view`` for ``records``."""

    def __init__(self, view: View, records: Records) -> None:
        self._view = view
        self._measuring = Measuring(view)
        self._messages = Messages(view, self._measuring)
        self._watermark_key = pack(WATERMARK, records.topic)
        self.topic = records.topic
        self.channel = topics.channel_of(records.topic)
        self.partition = records.partition
        #: Highest event time among accepted and late touchpoints of the topic, ms UTC.
        self.watermark: int | None = view.get(self._watermark_key)
        #: (outcome, reason) -> number of records, offset of the last
        self.counts: dict[tuple[str, str], tuple[int, int]] = {}
        #: Copies of records that count already.
        self.repeats = 0
        #: How long after they happened accepted and late touchpoints were received, ms; history left out.
        self.lags_ms: list[int] = []

    def digest_at(self, identity: bytes) -> bytes | None:
        """Digest of the accepted touchpoint with this identity, None where there is none."""
        digest: bytes | None = self._view.get(identity)
        return digest

    def accept(self, accepted: Accepted, record: Record) -> tuple[Accepted, list[Risen]]:
        """Keep that this touchpoint was accepted, and measure it; gives it with its verdict, and those that rise."""
        self._view.put(accepted.identity, accepted.digest)
        self.advance(accepted.content.occurred_at)
        accepted, risen = self._messages.take(accepted, record.value or b"", record.offset)
        self._measuring.add(accepted.content, accepted.meaning, record.offset)
        return accepted, risen

    def assigned(self, via: Via) -> Assigned | None:
        """Whose ``via`` is; None: its own customer's."""
        assigned: Assigned | None = self._view.get(via.assigned)
        return assigned

    def news(self, accepted: Accepted) -> Iterator[Pair]:
        """The pairs of its identifiers that are new, or stand on no touchpoint as early; they count as told."""
        for pair in accepted.via.pairs:
            evidence = Evidence(accepted.content.occurred_at, accepted.content.event_id)
            told: Evidence | None = self._view.get(pair.told)
            if told is None or evidence < told:
                self._view.put(pair.told, evidence)
                yield pair

    def advance(self, occurred_at: int) -> None:
        """Raise the watermark to ``occurred_at`` where it is below."""
        self.watermark = advance(self.watermark, occurred_at)

    def is_repeat(self, origin: bytes) -> bool:
        """True from the second time that the topic brings the record rerouted from ``origin``."""
        key = pack(REROUTED, self.topic, origin.decode("latin-1"))
        if self._view.get(key) is not None:
            self.repeats += 1
            return True
        self._view.put(key, True)
        return False

    def count(self, outcome: str, reason: str, offset: int) -> None:
        """One more record of the topic ended in ``outcome``."""
        records, _ = self.counts.get((outcome, reason), (0, 0))
        self.counts[outcome, reason] = (records + 1, offset)

    def close(self) -> None:
        """Write down watermark, counts and engagement, and account for the records."""
        self._view.account(self.topic, self.repeats + sum(records for records, _ in self.counts.values()))
        if self.watermark is not None:
            self._view.put(self._watermark_key, self.watermark)
        for (outcome, reason), (records, offset) in self.counts.items():
            key = pack(OUTCOME, self.topic, outcome, reason)
            known: OutcomeCount | None = self._view.get(key)
            before = 0 if known is None else known.records
            self._view.put(key, OutcomeCount(self.topic, outcome, reason, before + records))
            self._view.touch(key, offset)
        self._measuring.close()
