"""INTAKE under mutated records, batch by batch as the runtime calls it, and what must hold of each batch.

nothing raises             not `fold`, not `emit`, not the packing of state
nothing is lost            every record ends in one of INTAKE's outcomes
batches say the same       as each value decoded by itself: looked at in every 16th batch
what goes out is whole     every record that INTAKE writes is decoded again: in the same batches
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.codec import Undecodable, decode
from schemas.columns import decode_columns
from streams import topics
from streams.runtime.stage import PlainRecord, Records
from streams.runtime.views import make_view
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake.judge import JudgeRules
from streams.stages.intake.metrics import TOUCHPOINTS_TOTAL
from tests.fuzz.damage import pretends_newer
from tests.unit.builders import DAY, MINUTE, Collected

LOOK_EVERY = 16
#: State is thrown away then: that it holds what was accepted is no growth.
FORGET_EVERY = 32


class Disk(dict[bytes, bytes]):
    """What is kept of a partition, packed."""

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        raise AssertionError("INTAKE never scans")


class Broken(Exception):
    """What must hold of a batch does not; no data is quoted."""


class Fuzzed:
    """INTAKE with one partition of all topics."""

    def __init__(self) -> None:
        rules = IntakeRules(JudgeRules(1, 3 * DAY, 10 * MINUTE), frozenset({"shop.example"}), epoch=0)
        self._stage = Intake(rules)
        self._batches = 0
        self.forget()

    def forget(self) -> None:
        """Begin anew, with no state."""
        self._disk = Disk()
        self._view = make_view(0, self._disk, self._stage.layout, cache_bytes=4_000_000)

    def take(self, channel: str, batch: Sequence[PlainRecord]) -> None:
        """One batch of ``channel``; each 16th as assignments, too. Raises Broken, or what INTAKE does."""
        topic = topics.touchpoint_topic(channel)
        looking = self._batches % LOOK_EVERY == 0
        self._batches += 1
        before, out = taken(), Collected()
        self._fold(Records(topic, 0, batch), out)
        if taken() - before != len(batch):
            raise Broken(f"{taken() - before} of {len(batch)} records are accounted for")
        if looking:
            self._look(batch, out)
            assignments = [record for record in batch if not pretends_newer(record.value)]
            self._fold(Records(topics.ASSIGNMENTS, 0, assignments), Collected())
        if self._batches % FORGET_EVERY == 0:
            self.forget()

    def _fold(self, records: Records, out: Collected) -> None:
        self._stage.fold(records, self._view, out)
        self._stage.emit(self._view.take_changed(), self._view, out)
        packed = self._view.pack()
        self._disk.update({key: value for key, value in packed if value is not None})
        for key in [key for key, value in packed if value is None]:
            self._disk.pop(key, None)
        self._view.settle(packed)

    def _look(self, batch: Sequence[PlainRecord], out: Collected) -> None:
        values = [record.value for record in batch]
        columns = decode_columns(values, "touchpoint")
        together = dict(zip(columns.positions, columns.records(), strict=True))
        for at, value in enumerate(values):
            if together.get(at) != alone(value):
                raise Broken(f"record {at}: decoded with others it is another than by itself")
        for sent in out.sent:
            if sent.topic not in topics.TOUCHPOINTS:
                decode(sent.value)


def alone(value: bytes | None) -> object:
    """The touchpoint that ``value`` holds, None where it is none."""
    try:
        name, record = decode(value or b"")
    except Undecodable:
        return None
    return record if name == "touchpoint" else None


def taken() -> int:
    """Records that INTAKE has counted so far."""
    [family] = TOUCHPOINTS_TOTAL.collect()
    return int(sum(sample.value for sample in family.samples if sample.name == "journey_touchpoints_total"))
