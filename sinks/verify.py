"""What `omnijourney verify` reads: evidence, and the rows that were made of it, as streams, since no table need fit in
memory.

It decides the order in which rows come. What should be in them is not decided here. Times are ms UTC, UUIDs their text.
Where a part is asked for (of customers, vias or hours), the server reads no more of other columns than those that name
the part.
"""

# ruff: noqa: S608  (what queries are composed of stands here, too)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from clickhouse_driver.errors import Error as DriverError

from sinks.clickhouse import ClickHouse, Row, error_of

#: Sorting and grouping of more than this goes to the server's disk.
MEMORY_BYTES = 2 << 30
#: Journeys are large, and so would be a block of them.
BLOCK_ROWS = 4_096
_SETTINGS = {
    "max_bytes_before_external_sort": MEMORY_BYTES,
    "max_bytes_before_external_group_by": MEMORY_BYTES,
    "max_block_size": BLOCK_ROWS,
    "max_execution_time": 0,
}
_AT = "toUnixTimestamp64Milli(occurred_at)"
_LINKS = f"""
SELECT via, other, min(({_AT}, event_id))
FROM touchpoints FINAL ARRAY JOIN arraySlice(identifiers, 2) AS other
GROUP BY via, other
"""
# As operators sent them: IDENTITY takes no pair of an identifier with itself, for example, and says so.
_CORRECTIONS = """
SELECT correction_id, kind, stronger, weaker, toUnixTimestamp64Milli(corrected_at), reason
FROM identity_corrections FINAL
WHERE version - 1 NOT IN (SELECT version FROM dead_letters FINAL WHERE topic = %(topic)s)
"""
_IDENTITIES = "SELECT concat(namespace, ':', value), toString(customer_id) FROM identities FINAL"
_VIOLATIONS = "SELECT stronger, weaker, reason FROM identity_violations FINAL"
_VIAS = "SELECT DISTINCT via, toString(via_customer) FROM touchpoints FINAL"
_TOUCHPOINTS = f"""
SELECT if(moved.customer = '', toString(t.via_customer), moved.customer) AS customer, direction, actor,
    {_AT}, event_id, channel, t.via, action, marketing_channel, has_acquisition, campaign,
    content, ifNull(engaged_ms, 0), conversion_type, value_micros, currency, order_id
FROM touchpoints AS t FINAL LEFT ANY JOIN moved ON moved.via = t.via
ORDER BY customer
SETTINGS join_use_nulls = 0
"""
_ACCEPTED = """
SELECT channel, partition, sum(accepted), sum(kept) FROM
(
    SELECT channel, partition, records AS accepted, 0 AS kept FROM outcomes FINAL WHERE outcome = 'accepted'
    UNION ALL
    SELECT channel, intake_partition, 0, count() FROM touchpoints FINAL GROUP BY channel, intake_partition
)
GROUP BY channel, partition ORDER BY channel, partition
"""
_TWO_VIAS = """
SELECT channel, event_id, count() OVER () FROM touchpoints FINAL
GROUP BY channel, event_id HAVING uniqExact(via) > 1
ORDER BY channel, event_id LIMIT %(limit)s
"""
_MEASURED = f"""
SELECT channel, campaign, {_AT}, currency, actor, intake_partition,
    action, direction, ifNull(engaged_ms, 0), conversion_type != '', value_micros
FROM touchpoints FINAL
ORDER BY channel, campaign, intDiv({_AT}, 3600000), currency, actor, intake_partition
"""
# In the order of the rows in which the messages count, as far as the server can tell which event is the earliest.
_MESSAGES = f"""
SELECT intake_partition, channel, action,
    arraySort(groupArray(({_AT}, event_id, toString(campaign), toString(currency)))) AS events
FROM touchpoints FINAL
WHERE actor = 'human' AND (channel, action) IN %(uniques)s
GROUP BY intake_partition, channel, via, action, if(message_id = '', event_id, message_id)
ORDER BY channel, events[1].3, intDiv(events[1].1, 3600000), events[1].4, intake_partition
"""
_TOUCHPOINTS_OF = f"""
SELECT {_AT}, event_id, channel, via, count() OVER () FROM touchpoints FINAL
WHERE channel = %(channel)s AND campaign = %(campaign)s AND {_AT} >= %(hour)s AND {_AT} < %(until)s
    AND currency = %(currency)s AND actor = %(actor)s AND intake_partition = %(partition)s
ORDER BY occurred_at, event_id, via LIMIT %(limit)s
"""
_TOTALS = """
SELECT channel, campaign, toUnixTimestamp64Milli(hour), currency, actor, source_partition, {totals}
FROM engagement FINAL
ORDER BY channel, campaign, hour, currency, actor, source_partition
"""


class Tables:
    """The tables of the database at ``url``. Every stream has a connection of its own, so that several may be open.

    Raises Unreachable or Misconfigured (`sinks.clickhouse`).
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def links(self) -> Iterator[Row]:
        """(via, other, (occurred_at, event_id)): each pair that stood on one touchpoint, with its earliest."""
        return self._stream(_LINKS)

    def corrections(self, topic: str) -> Iterator[Row]:
        """(correction_id, kind, stronger, weaker, corrected_at, reason), but those that became dead letters of
        ``topic``."""
        return self._stream(_CORRECTIONS, {"topic": topic})

    def identities(self) -> Iterator[Row]:
        """(identifier, customer)."""
        return self._stream(_IDENTITIES)

    def violations(self) -> Iterator[Row]:
        """(stronger, weaker, reason)."""
        return self._stream(_VIOLATIONS)

    def vias(self) -> Iterator[Row]:
        """(via, the customer of the via alone, as touchpoints have it)."""
        return self._stream(_VIAS)

    def touchpoints(self, moved: Iterable[tuple[str, str]]) -> Iterator[Row]:
        """(customer, direction, actor, ...), all of a customer behind each other, customers in the order of their text.

        ``moved`` are (via, customer) where the customer isn't that of the via alone. Conversion type is '' for none.
        """
        table = {"name": "moved", "structure": [("via", "String"), ("customer", "String")], "data": [*moved]}
        return self._stream(_TOUCHPOINTS, tables=[table])

    def rows(self, table: str, columns: Sequence[str], condition: str = "1") -> Iterator[Row]:
        """(customer, ``columns`` ...) where ``condition`` holds, customers in the order of their text."""
        with ClickHouse(self._url) as client:
            types = {name: type_ for name, type_, *_ in client.query(f"DESCRIBE TABLE {table}")}
        shown = ", ".join(_comparable(column, types[column]) for column in columns)
        return self._stream(
            f"SELECT toString(customer_id) AS customer, {shown} FROM {table} FINAL WHERE {condition} ORDER BY customer"
        )

    def measured(self) -> Iterator[Row]:
        """(channel, campaign, occurred_at, currency, actor, partition, action, direction, engaged_ms, whether it is a
        conversion, value_micros) of each touchpoint, in the order of the engagement rows that they count in."""
        return self._stream(_MEASURED)

    def messages(self, uniques: Iterable[tuple[str, str]]) -> Iterator[Row]:
        """(partition, channel, action, its human events as (occurred_at, event_id, campaign, currency)) of each message
        of a via, for each (channel, action) of ``uniques``; in the order of the rows in which they count."""
        return self._stream(_MESSAGES, {"uniques": tuple(uniques)})

    def totals(self, columns: Sequence[str]) -> Iterator[Row]:
        """(channel, campaign, hour, currency, actor, partition, ``columns`` ...) of each engagement row, in order."""
        return self._stream(_TOTALS.format(totals=", ".join(columns)))

    def touchpoints_of(self, row: dict[str, object], limit: int) -> list[Row]:
        """(occurred_at, event_id, channel, via, how many in all): the first touchpoints that count in an engagement row
        of ``row``: channel, campaign, hour, until (its end), currency, actor and partition."""
        with ClickHouse(self._url) as client:
            return client.query(_TOUCHPOINTS_OF, {**row, "limit": limit})

    def accepted(self) -> list[Row]:
        """(channel, partition, accepted touchpoints by outcomes, rows of touchpoints)."""
        with ClickHouse(self._url) as client:
            return client.query(_ACCEPTED)

    def two_vias(self, limit: int) -> list[Row]:
        """(channel, event_id, how many in all): the first event_ids that stand under several vias."""
        with ClickHouse(self._url) as client:
            return client.query(_TWO_VIAS, {"limit": limit})

    def _stream(
        self, sql: str, params: dict[str, object] | None = None, tables: Sequence[dict[str, Any]] = ()
    ) -> Iterator[Row]:
        with closing(_Streaming(self._url)) as client:
            yield from client.stream(sql, params, tables)


class _Streaming(ClickHouse):
    """A client that gives rows as they come."""

    def stream(self, sql: str, params: dict[str, object] | None, tables: Sequence[dict[str, Any]]) -> Iterator[Row]:
        client = self._connected()
        try:
            yield from client.execute_iter(sql, params, external_tables=[*tables], settings=_SETTINGS)
        except (DriverError, OSError, EOFError) as error:
            raise error_of(error) from error


def _comparable(column: str, type_: str) -> str:
    """SQL of a column's value as the sink is given it."""
    if type_ == "UUID":
        return f"toString({column})"
    if type_.startswith("DateTime64"):
        return f"toUnixTimestamp64Milli({column})"
    if type_.startswith("Array(DateTime64"):
        return f"arrayMap(at -> toUnixTimestamp64Milli(at), {column})"
    return column
