"""State that is keyed, kept, counted or emitted otherwise."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, cast

from streams.domain.engagement import EngagementKey
from streams.domain.ids import uuid5
from streams.runtime.stage import Record, View
from streams.stages.intake.entries import SEEN, WATERMARK, fingerprint, pack, row_key_of
from streams.stages.intake.measuring import Measuring
from streams.stages.intake.memory import Memory
from streams.stages.intake.messages import Messages, Risen
from streams.stages.intake.outcomes import Accepted
from tests.convergence.process import Entries, Process
from tests.unit.builders import HOUR


def identity_without_via(channel: str, via: str, event_id: str) -> bytes:
    return fingerprint(SEEN, channel, event_id)


def row_id_without_customer(customer: str, channel: str, via: str, event_id: str) -> str:
    return uuid5(channel, via, event_id)


def pack_one_watermark(kind: bytes, *parts: str) -> bytes:
    """The watermark has the same key for all topics."""
    return pack(kind, "-") if kind == WATERMARK else pack(kind, *parts)


class TouchesOf:
    """A view of which only ``keys`` are emitted."""

    def __init__(self, view: View, keys: Container[bytes]) -> None:
        self._view = view
        self._keys = keys

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def touch(self, key: bytes, version: int) -> None:
        if key in self._keys:
            self._view.touch(key, version)


class RowsWithTouchpointsOnly(Measuring):
    """A row that only loses a unique isn't emitted."""

    def close(self) -> None:
        counted = [
            EngagementKey(m.channel, m.said.campaign, hour, currency, m.said.actor) for m, hour, currency in self._sums
        ]
        gaining = [key for key, _, change, _ in self._moves if change > 0]
        self._view = cast(View, TouchesOf(self._view, {*map(row_key_of, (*counted, *gaining))}))
        super().close()


def insert_the_first_only(deeds: Sequence[Any], deed: Any) -> tuple[Any, ...]:
    """Of a message's openings or clicks the one that came first is kept."""
    return tuple(deeds) or (deed,)


class SaysNothingAgain(Messages):
    """What has risen is measured anew, and nobody else is told."""

    def take(self, *args: Any) -> tuple[Accepted, list[Risen]]:
        return super().take(*args)[0], []


class MeasuredOnce(Messages):
    """What has risen still counts as it did."""

    def _raise(self, *args: Any) -> Risen:
        measuring, self._measuring = self._measuring, Measuring(self._view)
        try:
            return super()._raise(*args)
        finally:
            self._measuring = measuring


class FenceLast(Process):
    """It may crash when values are durable and their fence isn't."""

    def _keep(self, entries: Entries, fence: dict[str, int]) -> Iterator[None]:
        self.disk.write(entries, self.disk.fence)
        yield
        yield from super()._keep((), fence)


class FenceFirst(Process):
    """It may crash when the fence is durable and its values aren't."""

    def _keep(self, entries: Entries, fence: dict[str, int]) -> Iterator[None]:
        self.disk.write((), fence)
        yield
        yield from super()._keep(entries, fence)


class FenceFalls(Process):
    """The fence stands where was read last."""

    def _keep(self, entries: Entries, fence: dict[str, int]) -> Iterable[None]:
        self.disk.fence = {}
        return super()._keep(entries, fence | self._read)


class AcknowledgedFirst(Process):
    """What is read is acknowledged."""

    def _slices(self) -> Iterator[Any]:
        for found in super()._slices():
            self._acknowledged = dict(self._read)
            yield found


class ForgetsWhatIsOld(Memory):
    """What was accepted is forgotten when the watermark has passed it by an hour."""

    def accept(self, accepted: Accepted, record: Record) -> tuple[Accepted, list[Risen]]:
        found = super().accept(accepted, record)
        if self.watermark is not None and accepted.content.occurred_at < self.watermark - HOUR:
            self._view.delete(accepted.identity)
        return found


class Everywhere(int):
    """A partition that is the right one wherever it is asked for."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def everywhere(key: bytes, partitions: int) -> int:
    """There is no wrong partition."""
    return Everywhere()
