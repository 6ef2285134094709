"""Tables for pages, made by the definitions; where suspects are made afterwards, engagement by one statement."""

from __future__ import annotations

from typing import Any

from sinks.clickhouse import ClickHouse
from tests.integration.filled import DAY_MS, MINUTE_MS, fill, touchpoint

#: What names may not do: end the script, begin a comment in it, be a place of the template, break lines, be markup.
HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>alert(2)",
    "{{policy}}{{script}}",
    "\u2028\u2029'\"\\",
    "&lt;b onmouseover=alert(3)&gt;<b onmouseover=alert(3)>",
    "http://127.0.0.1:1/x.png",
    "x" * 300,
)
HOSTILE_RECORDS: list[dict[str, Any]] = [
    record
    for at, campaign in enumerate(HOSTILE)
    for record in (
        touchpoint(
            f"v{at}",
            at * DAY_MS,
            "web",
            "page_viewed",
            f"cookie_id:c{at}",
            acquisition={"source": "news", "medium": "email", "campaign": campaign},
        ),
        touchpoint(
            f"p{at}",
            at * DAY_MS + 10 * MINUTE_MS,
            "web",
            "purchased",
            f"cookie_id:c{at}",
            conversion={"type": "purchase", "value_micros": 10_000_000, "currency": "EUR", "order_id": campaign},
        ),
    )
] + [touchpoint("end", len(HOSTILE) * DAY_MS, "web", "page_viewed", "cookie_id:end")]

# Without the stages' way of counting: uniques once a via, message and hour is near enough for pages.
_ENGAGEMENT = """
INSERT INTO engagement
    (channel, campaign, hour, currency, actor, source_partition, touchpoints, inbound, outbound, unique_openers,
    unique_clickers, engaged_ms, conversions, revenue_micros, actions, version)
SELECT channel, campaign, toStartOfHour(occurred_at), currency, actor, 0, count(), countIf(direction = 'inbound'),
    countIf(direction = 'outbound'), uniqExactIf(via, message_id, channel = 'email' AND action = 'opened'),
    uniqExactIf(via, message_id, channel = 'email' AND action = 'clicked'), sum(ifNull(engaged_ms, 0)),
    countIf(conversion_type != ''), sum(value_micros), sumMap(map(action, toInt64(1))), 1
FROM touchpoints FINAL GROUP BY channel, campaign, toStartOfHour(occurred_at), currency, actor
"""
# Suspects form journeys and are active customers, but no humans: a page must tell them from humans and from machines.
_SUSPECTS = """
INSERT INTO touchpoints SELECT * REPLACE ('suspect' AS actor, version + 1 AS version) FROM
(
    SELECT * FROM touchpoints FINAL WHERE actor = 'human' AND direction = 'inbound' AND cityHash64(via) % 7 = 0
)
"""


def fill_all(client: ClickHouse, records: list[dict[str, Any]], suspects: bool = False) -> None:
    """Fill every table that the page reads; with ``suspects`` all that some vias did inbound is judged so."""
    fill(client, records)
    if suspects:
        for statement in (_SUSPECTS, "TRUNCATE TABLE engagement", _ENGAGEMENT):
            client.query(statement)
