"""Counts that add up, for each channel: read = sent + skipped + rejected + undelivered, once nothing is under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

NO_CHANNEL = ""


class ChannelCounts(NamedTuple):
    """Lines of one channel. ``sent`` were confirmed by Kafka; in a dry run, they would have been sent.

    ``skipped`` are rows that a mapping says are no touchpoints.
    """

    read: int = 0
    sent: int = 0
    rejected: int = 0
    undelivered: int = 0
    skipped: int = 0

    @property
    def under_way(self) -> int:
        """Given to the producer, not yet confirmed."""
        return self.read - self.sent - self.rejected - self.undelivered - self.skipped


@dataclass(frozen=True, slots=True)
class Counts:
    """The state of a run. ``by_channel`` has the key '' for lines that name no channel of ours."""

    by_channel: Mapping[str, ChannelCounts]
    seconds: float

    @property
    def total(self) -> ChannelCounts:
        """All channels together."""
        return ChannelCounts(*(sum(column) for column in zip(*self.by_channel.values(), strict=True)))

    @property
    def per_second(self) -> float:
        """Lines read per second of the run; 0 at its very beginning."""
        return self.total.read / self.seconds if self.seconds > 0 else 0.0
