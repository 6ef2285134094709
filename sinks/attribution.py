"""What `omnijourney attribute` and `omnijourney spend` read and write: paths added up by the server, runs, spend.

It decides which journeys fall in a range: those that ended in it, converting or not. One that may still go on counts as
not converting: left out it would make the rate of the others too high. How many there are is told, so that a range that
ended a journey's gap ago can be chosen instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sinks.clickhouse import ClickHouse, Row
from sinks.streaming import stream
from streams.domain.attribution import CreditModels

TABLES = ("attribution_runs", "attribution_run_credits", "spend")
"""What commands write, not the stream."""
TOUCHES = {
    "marketing_channel": "touches_marketing_channel",
    "channel": "touches_channel",
    "campaign": "touches_campaign",
}
"""The column of journeys for each dimension that credit may go to."""

# Touches in the lookback, as the rule models credit them: the closing one always counts.
_JOURNEYS = """
SELECT
    customer_id,
    arrayMap(name -> toString(name), {touches}) AS names,
    arrayCompact(arrayFilter(
        (name, at, place) -> at >= ended_at - toIntervalMillisecond(%(lookback_ms)s) OR place = length(touches_at),
        names, touches_at, arrayEnumerate(touches_at)
    )) AS path,
    converted AND (%(conversion_type)s = '' OR conversion_type = %(conversion_type)s) AS converts,
    if(converts, toString(currency), '') AS currency,
    if(converts, value_micros, 0) AS value_micros,
    NOT converted AND ended_at >= fromUnixTimestamp64Milli(%(open_from_ms)s, 'UTC') AS may_go_on,
    [{credits}] AS credits
FROM journeys FINAL
WHERE ended_at >= toDateTime64(%(since)s, 3, 'UTC') AND ended_at < toDateTime64(%(behind)s, 3, 'UTC')
"""
_PATHS = """
SELECT path, converts, currency, count(), sum(value_micros), countIf(may_go_on)
FROM ({journeys})
GROUP BY path, converts, currency
ORDER BY path, converts, currency
"""
# Customers with equal journeys are one row; by the order of rows resamples are the same each time.
_CUSTOMERS = """
SELECT count(), journeys
FROM
(
    SELECT
        customer_id,
        arraySort(groupArray((
            path,
            converts,
            if(converts, arrayFlatten(arrayMap(
                model -> arrayMap(
                    channel -> arraySum((credit, name) -> if(name = channel, credit, 0), model, names),
                    arrayDistinct(path)
                ),
                credits
            )), [])
        ))) AS journeys
    FROM ({journeys})
    GROUP BY customer_id
)
GROUP BY journeys
ORDER BY journeys
"""
_TYPES = """
SELECT conversion_type, count() FROM journeys FINAL
WHERE converted AND ended_at >= toDateTime64(%(since)s, 3, 'UTC') AND ended_at < toDateTime64(%(behind)s, 3, 'UTC')
GROUP BY conversion_type ORDER BY count() DESC, conversion_type
"""


class Asked(NamedTuple):
    """Which journeys: ended from ``since`` to ``until``, days UTC, inclusive; ``conversion_type`` '' for every closing
    one; touches that begin more than ``lookback_ms`` before the end are left out; one that ended since ``open_from_ms``
    (ms UTC) without a conversion may go on."""

    dimension: str
    since: date
    until: date
    conversion_type: str
    lookback_ms: int
    open_from_ms: int

    @property
    def params(self) -> dict[str, object]:
        """What the queries are given."""
        return {
            "lookback_ms": self.lookback_ms,
            "conversion_type": self.conversion_type,
            "open_from_ms": self.open_from_ms,
            "since": self.since.isoformat(),
            "behind": (self.until + timedelta(days=1)).isoformat(),
        }


def paths(url: str, asked: Asked) -> Iterator[Row]:
    """(path, converts, currency, journeys, value in micros, journeys that may go on), in the order of paths.

    Raises Unreachable or Misconfigured (`sinks.clickhouse`), as all that reads here.
    """
    return stream(url, _PATHS.format(journeys=_journeys(asked)), asked.params)


def customers(url: str, asked: Asked) -> Iterator[Row]:
    """(customers, [(path, converts, credits)]): credits of the rule models to the distinct channels of the path."""
    return stream(url, _CUSTOMERS.format(journeys=_journeys(asked)), asked.params)


def conversion_types(client: ClickHouse, asked: Asked) -> list[Row]:
    """(type, conversions) in the range, most first."""
    return client.query(_TYPES, {name: asked.params[name] for name in ("since", "behind")})


def write_run(client: ClickHouse, run: Mapping[str, object], credits_: Sequence[Mapping[str, object]]) -> None:
    """A run, values by column of attribution_runs, and its ``credits_``, by column of attribution_run_credits. A second
    time changes nothing; the run comes last, so that one is never seen without its credits."""
    _insert(client, "attribution_run_credits", credits_)
    _insert(client, "attribution_runs", [run])


def write_spend(client: ClickHouse, rows: Sequence[Mapping[str, object]]) -> None:
    """Values by column of spend; each replaces what the same day, dimension, name and currency had, 0 takes it back."""
    _insert(client, "spend", [{**row, "deleted": int(row["amount_micros"] == 0)} for row in rows])


def _insert(client: ClickHouse, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        columns = [*rows[0]]
        client.insert(table, columns, [[row[column] for row in rows] for column in columns])


def _journeys(asked: Asked) -> str:
    credits_ = ", ".join(f"credit_{model}" for model in CreditModels._fields)
    return _JOURNEYS.format(touches=TOUCHES[asked.dimension], credits=credits_)
