"""How far each partition had got in event time, as far as tables tell: what made touchpoints late from then on."""

from __future__ import annotations

# ruff: noqa: S608  (what queries are composed of stands here and in `sinks.exchanging`)
from sinks.clickhouse import ClickHouse
from sinks.exchanging import BEGAN, RECEIVED, began
from sinks.pipelines import Pipeline

_NEWEST = f"""
SELECT channel, partition, toUnixTimestamp64Milli(max(occurred_at)) FROM
(
    SELECT channel, intake_partition AS partition, occurred_at, concat('touchpoints.', channel) AS topic
    FROM touchpoints FINAL WHERE {RECEIVED} < {BEGAN}
    UNION ALL
    SELECT channel, partition, occurred_at, topic FROM late_touchpoints FINAL WHERE {RECEIVED} < {BEGAN}
)
GROUP BY channel, partition
"""


def watermarks(url: str, before: Pipeline) -> dict[tuple[str, int], int]:
    """(channel, partition) -> highest event time, ms UTC, among touchpoints received ``before`` that pipeline began,
    accepted or late.

    One that came to the wrong partition counts by its first receipt, which may be some moments early. Raises
    Unreachable or Misconfigured (`sinks.clickhouse`).
    """
    with ClickHouse(url) as client:
        return {(channel, partition): at for channel, partition, at in client.query(_NEWEST, began(before))}
