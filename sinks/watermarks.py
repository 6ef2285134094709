"""How far each partition had got in event time, as far as tables tell: what made touchpoints late from then on."""

from __future__ import annotations

from sinks.clickhouse import ClickHouse

_NEWEST = """
SELECT channel, partition, toUnixTimestamp64Milli(max(occurred_at)) FROM
(
    SELECT channel, intake_partition AS partition, occurred_at FROM touchpoints FINAL
    WHERE received_at < fromUnixTimestamp64Milli(%(before)s)
    UNION ALL
    SELECT channel, partition, occurred_at FROM late_touchpoints FINAL
    WHERE received_at < fromUnixTimestamp64Milli(%(before)s)
)
GROUP BY channel, partition
"""


def watermarks(url: str, before: int) -> dict[tuple[str, int], int]:
    """(channel, partition) -> highest event time, ms UTC, among touchpoints received ``before`` that, accepted or late.

    One that came to the wrong partition counts by its first receipt, which may be some moments early. Raises
    Unreachable or Misconfigured (`sinks.clickhouse`).
    """
    with ClickHouse(url) as client:
        return {(channel, partition): at for channel, partition, at in client.query(_NEWEST, {"before": before})}
