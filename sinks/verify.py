"""What `omnijourney verify` reads: evidence, and the rows that were made of it, as streams, since no table need fit in
memory.

It decides the order in which rows come. What should be in them is not decided here. Times are ms UTC, UUIDs their text,
identifiers namespace:value. Where a part is asked for (customers, identifiers or hours), all others are left out before
their columns are read.
"""

# ruff: noqa: S608  (what queries are composed of stands here, too)

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sinks.clickhouse import ClickHouse, Row
from sinks.streaming import stream

_AT = "toUnixTimestamp64Milli(occurred_at)"
_HOUR = f"intDiv({_AT}, 3600000) * 3600000"
_OF_ASKED = "IN (SELECT name FROM asked)"
_LINKS = f"""
SELECT via, other, min(({_AT}, event_id))
FROM touchpoints FINAL ARRAY JOIN arraySlice(identifiers, 2) AS other {{part}}
GROUP BY via, other
"""
# As operators sent them: IDENTITY takes no pair of an identifier with itself, for example, and says so.
_CORRECTIONS = """
SELECT correction_id, kind, stronger, weaker, toUnixTimestamp64Milli(corrected_at), reason
FROM identity_corrections FINAL
WHERE version - 1 NOT IN (SELECT version FROM dead_letters FINAL WHERE topic = %(topic)s)
"""
_IDENTITIES = "SELECT concat(namespace, ':', value) AS name, toString(customer_id) FROM identities FINAL {part}"
_VIOLATIONS = """
SELECT stronger, weaker, reason, toUnixTimestamp64Milli(occurred_at), event_id FROM identity_violations FINAL {part}
"""
_VIAS = "SELECT DISTINCT via, toString(via_customer) FROM touchpoints FINAL {part}"
_TOUCHPOINTS = f"""
SELECT {_AT}, event_id, channel, t.via, action, marketing_channel, has_acquisition, campaign, content,
    ifNull(engaged_ms, 0), conversion_type, value_micros, currency, order_id, direction, actor,
    if(moved.customer = '', toString(t.via_customer), moved.customer) AS customer
FROM touchpoints AS t FINAL LEFT ANY JOIN moved ON moved.via = t.via {{part}}
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
FROM touchpoints FINAL {{part}}
ORDER BY channel, campaign, {_HOUR}, currency, actor, intake_partition
"""
# In the order of the rows in which the messages count, as far as the server can tell which event is the earliest.
_MESSAGES = f"""
SELECT intake_partition, arraySort(groupArray(({_AT}, event_id, toString(campaign), toString(currency)))) AS events
FROM touchpoints FINAL
WHERE channel = %(channel)s AND action IN %(actions)s AND actor = 'human'
GROUP BY intake_partition, via, message_id, if(message_id = '', event_id, '') {{part}}
ORDER BY events[1].3, intDiv(events[1].1, 3600000), events[1].4, intake_partition
"""
_DEEDS = f"""
SELECT channel, via, message_id, action, link, {_AT}, event_id, campaign, currency, actor
FROM touchpoints FINAL {{part}}
WHERE (message_id != '' AND (channel, action) IN %(telling)s OR actor = 'suspect')
    AND startsWith(rules_version, %(rules)s)
ORDER BY channel, via, message_id, occurred_at, event_id
"""
_TOTALS = """
SELECT channel, campaign, toUnixTimestamp64Milli(hour), currency, actor, source_partition, {totals}
FROM engagement FINAL {part}
ORDER BY channel, campaign, hour, currency, actor, source_partition
"""
# Of journeys, too: those that a customer should no longer have are to be found in a sample.
_CUSTOMERS = """
SELECT if(i.version > 0, toString(i.customer_id), toString(t.via_customer)) AS customer
FROM (SELECT DISTINCT via, via_customer FROM touchpoints WHERE toUnixTimestamp64Milli(occurred_at) >= %(since)s) AS t
LEFT ANY JOIN (SELECT concat(namespace, ':', value) AS name, customer_id, version FROM identities FINAL) AS i
    ON i.name = t.via
UNION DISTINCT
SELECT toString(customer_id) FROM journeys FINAL WHERE toUnixTimestamp64Milli(ended_at) >= %(since)s
"""
_CHOSEN = f"SELECT customer FROM ({_CUSTOMERS}) ORDER BY cityHash64(%(seed)s, customer), customer LIMIT %(limit)s"
_HOURS = f"""
SELECT DISTINCT hour FROM
(
    SELECT {_HOUR} AS hour FROM touchpoints UNION ALL SELECT toUnixTimestamp64Milli(hour) FROM engagement
)
WHERE hour >= %(since)s ORDER BY cityHash64(%(seed)s, hour), hour
"""
_TRACE = f"""
SELECT {_AT}, event_id, channel, via, count() OVER () FROM touchpoints FINAL
WHERE {{condition}} ORDER BY occurred_at, event_id, via LIMIT %(limit)s
"""


class Tables:
    """The tables of the database at ``url``. Every stream has a connection of its own, so that several may be open.

    Raises Unreachable or Misconfigured (`sinks.clickhouse`).
    """

    def __init__(self, url: str) -> None:
        self._url = url

    # --- which part ----------------------------------------------------------------------------------

    def customers(self, since: int) -> int:
        """How many customers have touchpoints or journeys at or after ``since``, as far as the tables know."""
        ((count,),) = self._query(f"SELECT count() FROM ({_CUSTOMERS})", {"since": since})
        return int(count)

    def chosen(self, since: int, count: int, seed: str) -> frozenset[str]:
        """``count`` of `customers`, the same each time by ``seed``."""
        rows = self._query(_CHOSEN, {"since": since, "limit": count, "seed": seed})
        return frozenset(customer for (customer,) in rows)

    def hours(self, since: int, seed: str) -> list[int]:
        """The hours at or after ``since`` in which anything happened, in an order that is the same each time."""
        return [hour for (hour,) in self._query(_HOURS, {"since": since, "seed": seed})]

    # --- who is who ----------------------------------------------------------------------------------

    def links(self, vias: Collection[str] | None = None) -> Iterator[Row]:
        """(via, other, (occurred_at, event_id)): each pair that stood on one touchpoint, with its earliest."""
        return self._stream(_LINKS, _Part.of("PREWHERE via", vias))

    def corrections(self, topic: str) -> Iterator[Row]:
        """(correction_id, kind, stronger, weaker, corrected_at, reason), but those that became dead letters of
        ``topic``."""
        return self._stream(_CORRECTIONS, params={"topic": topic})

    def identities(self, identifiers: Collection[str] | None = None) -> Iterator[Row]:
        """(identifier, customer)."""
        return self._stream(_IDENTITIES, _Part.of("WHERE name", identifiers))

    def identities_of(self, customers: Collection[str]) -> Iterator[Row]:
        """(identifier, customer) of these customers."""
        return self._stream(_IDENTITIES, _Part.of("WHERE customer_id", customers, type_="UUID"))

    def violations(self, identifiers: Collection[str] | None = None) -> Iterator[Row]:
        """(stronger, weaker, reason, occurred_at, event_id), of links of which either end is asked for."""
        return self._stream(_VIOLATIONS, _Part.of(f"WHERE stronger {_OF_ASKED} OR weaker", identifiers))

    def vias(self, vias: Collection[str] | None = None) -> Iterator[Row]:
        """(via, the customer of the via alone, as touchpoints have it)."""
        return self._stream(_VIAS, _Part.of("PREWHERE via", vias))

    def vias_of(self, customers: Collection[str]) -> Iterator[Row]:
        """As `vias`, for these customers of a via alone."""
        return self._stream(_VIAS, _Part.of("PREWHERE via_customer", customers, type_="UUID"))

    # --- what everybody did --------------------------------------------------------------------------

    def touchpoints(self, moved: Iterable[tuple[str, str]], vias: Collection[str] | None = None) -> Iterator[Row]:
        """(occurred_at, event_id, ..., direction, actor, customer), customers in the order of their text.

        ``moved`` are (via, customer) where the customer isn't that of the via alone. Conversion type is '' for none.
        """
        table = {"name": "moved", "structure": [("via", "String"), ("customer", "String")], "data": [*moved]}
        return self._stream(_TOUCHPOINTS, _Part.of("PREWHERE t.via", vias), tables=[table])

    def rows(
        self,
        table: str,
        columns: Sequence[str],
        key: str,
        customers: Collection[str] | None = None,
        condition: str = "1",
    ) -> Iterator[Row]:
        """(``columns`` ..., customer) where ``condition`` holds, customers in the order of their text.

        ``key``: what the table is sorted by first.
        """
        with ClickHouse(self._url) as client:
            types = {name: type_ for name, type_, *_ in client.query(f"DESCRIBE TABLE {table}")}
        shown = ", ".join(_comparable(column, types[column]) for column in columns)
        # Any version that names one of them shows which rows to look at; the valid one says whose they are.
        named = f"PREWHERE {key} IN (SELECT {key} FROM {table} WHERE customer_id {_OF_ASKED}) WHERE customer_id"
        part = _Part.of(named, customers, type_="UUID") if customers is not None else _Part("WHERE 1", ())
        return self._stream(
            f"SELECT {shown}, toString(customer_id) AS customer FROM {table} FINAL {{part}} AND {condition}"
            " ORDER BY customer",
            part,
        )

    # --- engagement ----------------------------------------------------------------------------------

    def measured(self, hours: Collection[int] | None = None) -> Iterator[Row]:
        """(channel, campaign, occurred_at, currency, actor, partition, action, direction, engaged_ms, whether it is a
        conversion, value_micros) of each touchpoint, in the order of the engagement rows that they count in."""
        return self._stream(_MEASURED, _Part.of(f"PREWHERE {_HOUR}", hours, type_="Int64"))

    def messages(self, channel: str, actions: Iterable[str], hours: Collection[int] | None = None) -> Iterator[Row]:
        """(partition, the humans' ``actions`` as (occurred_at, event_id, campaign, currency)) of each message of a via
        that has any in ``hours``, in the order of the rows in which they count."""
        part = _Part.of(f"HAVING countIf({_HOUR}", hours, ") > 0", "Int64")
        return self._stream(_MESSAGES, part, {"channel": channel, "actions": tuple(actions)})

    def deeds(
        self, telling: Iterable[tuple[str, str]], rules: str, vias: Collection[str] | None = None
    ) -> Iterator[Row]:
        """(channel, via, message, action, link, occurred_at, event_id, campaign, currency, actor) of messages'
        touchpoints with a (channel, action) of ``telling``, and of all suspect ones, '' for no message; in order of
        message and time, where the version of their rules begins with ``rules``."""
        return self._stream(_DEEDS, _Part.of("PREWHERE via", vias), {"telling": tuple(telling), "rules": rules})

    def totals(self, columns: Sequence[str], hours: Collection[int] | None = None) -> Iterator[Row]:
        """(channel, campaign, hour, currency, actor, partition, ``columns`` ...) of each engagement row, in order."""
        sql = _TOTALS.replace("{totals}", ", ".join(columns))
        return self._stream(sql, _Part.of("PREWHERE toUnixTimestamp64Milli(hour)", hours, type_="Int64"))

    # --- counts and traces ---------------------------------------------------------------------------

    def accepted(self) -> list[Row]:
        """(channel, partition, accepted touchpoints by outcomes, rows of touchpoints)."""
        return self._query(_ACCEPTED, {})

    def two_vias(self, limit: int) -> list[Row]:
        """(channel, event_id, how many in all): the first event_ids that stand under several vias."""
        return self._query(_TWO_VIAS, {"limit": limit})

    def touchpoints_in(self, row: dict[str, object], limit: int) -> list[Row]:
        """(occurred_at, event_id, channel, via, how many in all): the first touchpoints that count in an engagement row
        of ``row``: channel, campaign, hour, currency, actor and partition."""
        condition = (
            f"channel = %(channel)s AND campaign = %(campaign)s AND {_HOUR} = %(hour)s AND currency = %(currency)s"
            " AND actor = %(actor)s AND intake_partition = %(partition)s"
        )
        return self._query(_TRACE.format(condition=condition), {**row, "limit": limit})

    def touchpoints_with(self, identifiers: Sequence[str], limit: int) -> list[Row]:
        """(occurred_at, event_id, channel, via, how many in all): the first touchpoints that bear all of
        ``identifiers``."""
        condition = "hasAll(identifiers, %(identifiers)s)"
        return self._query(_TRACE.format(condition=condition), {"identifiers": [*identifiers], "limit": limit})

    def _query(self, sql: str, params: dict[str, object]) -> list[Row]:
        with ClickHouse(self._url) as client:
            return client.query(sql, params)

    def _stream(
        self,
        sql: str,
        part: _Part | None = None,
        params: dict[str, object] | None = None,
        tables: Sequence[dict[str, Any]] = (),
    ) -> Iterator[Row]:
        if part is not None:
            sql, tables = sql.replace("{part}", part.condition), [*tables, *part.tables]
        return stream(self._url, sql, params, tables)


class _Part(NamedTuple):
    """A condition, and the table of what is asked for."""

    condition: str
    tables: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, before: str, asked: Collection[str | int] | None, after: str = "", type_: str = "String") -> _Part:
        """``before`` and ``after`` what is asked for; no condition where all is."""
        if asked is None:
            return cls("", ())
        table = {"name": "asked", "structure": [("name", type_)], "data": [(name,) for name in asked]}
        return cls(f"{before} {_OF_ASKED}{after}", (table,))


def _comparable(column: str, type_: str) -> str:
    """SQL of a column's value as the sink is given it."""
    if type_ == "UUID":
        return f"toString({column})"
    if type_.startswith("DateTime64"):
        return f"toUnixTimestamp64Milli({column})"
    if type_.startswith("Array(DateTime64"):
        return f"arrayMap(at -> toUnixTimestamp64Milli(at), {column})"
    return column
