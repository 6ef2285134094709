"""How long after they happened touchpoints can be seen: each counted once, when ClickHouse has taken its row.

A touchpoint comes to the sink again where INTAKE raises its verdict, or sends once more what it sent before a crash.
Both show in its version, which is the offset at which INTAKE read what made it send: among those of one channel and
partition of INTAKE, on one partition of customers.activity, the versions of new touchpoints rise; what was raised bears
the version of the touchpoint that raised it, which comes first, and what is sent again a lower one. So a row counts
where its version is above all before it. What is known of them is kept while the process lives, and grows with
partitions alone; the first row after a start always counts.

Backfill is left out: it is history, and how old it is says nothing of the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sinks.metrics import FRESHNESS
from sinks.tables import TOUCHPOINTS
from streams.domain.vocabulary import CHANNELS

_COLUMNS = [TOUCHPOINTS.columns.index(n) for n in ("channel", "intake_partition", "version", "occurred_at", "backfill")]


class Freshness:
    """Of what one sink inserts."""

    def __init__(self) -> None:
        #: (partition of customers.activity, channel, partition of INTAKE) -> the highest version inserted
        self._reached: dict[tuple[int, str, int], int] = {}

    def inserted(self, data: Sequence[Sequence[Any]], partitions: Iterable[int], now_ms: int) -> None:
        """Touchpoints' rows, ``data`` by column, can be seen since ``now_ms``; ``partitions``: where each came from."""
        ages: dict[str, list[float]] = {channel: [] for channel in CHANNELS}
        reached = self._reached
        rows = zip(partitions, *(data[at] for at in _COLUMNS), strict=True)
        for partition, channel, intake_partition, version, occurred_at, backfill in rows:
            source = (partition, channel, intake_partition)
            if version <= reached.get(source, -1) or channel not in ages:
                continue
            reached[source] = version
            if not backfill:
                ages[channel].append((now_ms - occurred_at) / 1000)
        for channel, seconds in ages.items():
            if seconds:
                FRESHNESS.observe(channel, seconds)
