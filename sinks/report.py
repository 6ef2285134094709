"""What an analyst sees at the end of the demo: engagement, web sessions, customers, conversions and paths, outcomes.

It decides which figures come first and how they are set: 100 columns, figures right-aligned and never cut, nothing that
plain ASCII can't show. Every figure is a query on tables and views of docs/tables.md, so that anyone can ask it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich.box import Box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from sinks.clickhouse import ClickHouse, Row
from sinks.figures import (
    ABSENT,
    amount,
    count,
    counted,
    credited,
    duration,
    journey_line,
    money,
    percent,
    shortened,
)
from streams.domain.identifiers import Identifier, strength

WIDTH = 100
"""Columns that the report is made for; give the console at least as many."""

_ENGAGEMENT = """
SELECT channel, sum(human_inbound), sum(suspect_inbound), sum(machine_inbound) AS machine,
    machine / nullIf(sum(human_inbound) + sum(suspect_inbound) + machine, 0), sum(outbound),
    sum(human_engaged_seconds), sum(human_conversions), sumMap(human_revenue)
FROM engagement_by_campaign GROUP BY channel ORDER BY channel
"""
_RATES = """
SELECT sum(delivered) / nullIf(sum(sent), 0),
    sum(unique_openers) / nullIf(sum(delivered), 0),
    sum(unique_clickers) / nullIf(sum(delivered), 0),
    sum(unique_clickers) / nullIf(sum(unique_openers), 0),
    sum(human_actions['push_opened']) / nullIf(sum(push_delivered), 0),
    sumIf(human_actions['reacted'] + human_actions['commented'] + human_actions['shared']
        + human_actions['link_clicked'], channel = 'social') / nullIf(sum(impressions), 0),
    (SELECT 1 - sum(engaged_sessions) / nullIf(sum(sessions), 0) FROM sessions_daily WHERE channel = 'web')
FROM engagement_by_campaign
"""
_RATE_NAMES = (
    ("email", "delivery rate", "delivered / sent"),
    ("email", "open rate", "unique human openers / delivered"),
    ("email", "click-through rate", "unique human clickers / delivered"),
    ("email", "click-to-open rate", "unique human clickers / unique human openers"),
    ("mobile", "push click rate", "push opened / push delivered"),
    ("social", "engagement rate", "(reactions + comments + shares + clicks) / impressions"),
    ("web", "bounce rate", "1 - engaged sessions / sessions"),
)
# From the sessions themselves: the customers of days don't add up.
_WEB_SESSIONS = """
SELECT marketing_channel, count() AS all_sessions, countIf(engaged) AS engaged_sessions,
    1 - engaged_sessions / all_sessions, sum(page_views), uniqExact(customer_id)
FROM sessions FINAL WHERE channel = 'web'
GROUP BY marketing_channel ORDER BY all_sessions DESC, marketing_channel
"""
_CUSTOMERS = """
SELECT count(), countIf(journeys > 0), countIf(known > 1) AS several, several / count(), sumIf(known, known > 1)
FROM (SELECT journeys, arraySum(length, mapValues(identifiers)) AS known FROM customers) HAVING count() > 0
"""
_VIOLATIONS = "SELECT reason, count() FROM identity_violations FINAL GROUP BY reason ORDER BY count() DESC, reason"
# One that bought over many channels and is known by many kinds of name; the id makes the choice the same each time.
_JOINED = """
SELECT customer_id, identifiers, journeys, conversions, revenue, first_seen, last_seen
FROM customers INNER JOIN
(
    SELECT customer_id, max(length(arrayDistinct(steps_channel))) AS channels
    FROM journeys FINAL WHERE converted GROUP BY customer_id
) AS bought USING customer_id
WHERE arraySum(length, mapValues(identifiers)) > 1
ORDER BY channels DESC, length(identifiers) DESC, arraySum(length, mapValues(identifiers)), customer_id LIMIT 1
"""
_JOINED_JOURNEYS = """
SELECT started_at, steps_channel, steps_action, value, currency, duration_seconds
FROM journeys_now AS now INNER JOIN journeys AS row FINAL USING journey_id
WHERE now.customer_id = %(customer)s AND status = 'converted' ORDER BY started_at, journey_id LIMIT 3
"""
_PATHS = """
SELECT path, count() AS conversions, conversions / sum(conversions) OVER (), sumMap(map(currency, value)),
    quantileExact(duration_seconds)
FROM journeys_now WHERE status = 'converted' GROUP BY path ORDER BY conversions DESC, path LIMIT 10
"""
_ATTRIBUTION = """
SELECT marketing_channel, currency,
    sumIf(conversions, model = 'last_non_direct'), sumIf(value, model = 'last_non_direct'),
    sumIf(conversions, model = 'linear') AS linear, sumIf(value, model = 'linear') AS linear_value
FROM attribution_by_channel
WHERE model IN ('last_non_direct', 'linear')
GROUP BY marketing_channel, currency
ORDER BY sum(linear) OVER (PARTITION BY currency) DESC, currency, linear_value DESC, linear DESC, marketing_channel
"""
# Journeys that show something: several channels, not too long; the id makes the choice the same each time.
_EXAMPLES = """
SELECT started_at, steps_channel, steps_action, value, currency, duration_seconds
FROM journeys_now AS now INNER JOIN journeys AS row FINAL USING journey_id
WHERE status = 'converted'
ORDER BY length(arrayCompact(steps_channel)) BETWEEN 3 AND 5 DESC, length(arrayDistinct(steps_channel)) DESC,
    abs(toInt64(now.touchpoints) - 8), journey_id
LIMIT 3
"""
_OUTCOMES = """
SELECT channel, sum(records), sumIf(records, outcome = 'accepted'), sumIf(records, outcome = 'duplicate'),
    sumIf(records, outcome = 'late'), sumIf(records, outcome = 'dead'), sumIf(records, outcome = 'rerouted')
FROM outcomes FINAL GROUP BY channel ORDER BY channel
"""
# A line under the headings and nothing else, the same on every terminal.
_PLAIN = Box("    \n    \n -- \n" + 5 * "    \n", ascii=True)


class Column(NamedTuple):
    """A column of a table: heading, how a value is set, and whether it is a figure (right-aligned)."""

    heading: str
    show: Callable[[Any], str] = str
    figure: bool = True


def report(client: ClickHouse) -> list[RenderableType]:
    """The whole report, to be printed in order on a console of at least WIDTH columns.

    Raises Unreachable or Misconfigured (`sinks.clickhouse`).
    """
    return [
        *engagement(client.query(_ENGAGEMENT)),
        *rates(client.query(_RATES)),
        *web_sessions(client.query(_WEB_SESSIONS)),
        *customers(client.query(_CUSTOMERS), client.query(_VIOLATIONS)),
        *joined_customer(client),
        *conversions(client.query(_PATHS), client.query(_ATTRIBUTION), client.query(_EXAMPLES)),
        *outcomes(client.query(_OUTCOMES)),
    ]


def engagement(rows: Sequence[Row]) -> list[RenderableType]:
    """Per channel: inbound touchpoints by who acted, outbound ones, and what humans did. Then the machines' share."""
    columns = [
        Column("channel", figure=False),
        *(Column(actor, count) for actor in ("human", "suspect", "machine")),
        Column("machine\nshare", percent),
        Column("outbound", count),
        Column("engaged", duration),
        Column("conversions", count),
        Column("revenue", money),
    ]
    inbound, machine = sum(row[1] + row[2] + row[3] for row in rows), sum(row[3] for row in rows)
    share = percent(machine / inbound if inbound else None)
    note = f"Machines made {count(machine)} of {count(inbound)} inbound touchpoints ({share}); rates leave them out."
    table = _section("Engagement per channel (inbound touchpoints by actor)", columns, rows)
    return [*table, Text(note, style="italic")] if rows else table


def rates(rows: Sequence[Row]) -> list[RenderableType]:
    """The rates that have a denominator, each with its formula."""
    columns = [Column(name, figure=False) for name in ("channel", "rate", "formula")]
    columns.insert(2, Column("value", percent))
    known = [
        (channel, name, value, formula)
        for (channel, name, formula), value in zip(_RATE_NAMES, rows[0], strict=True)
        if value is not None
    ]
    return _section("Rates over all time (humans only)", columns, known)


def web_sessions(rows: Sequence[Row]) -> list[RenderableType]:
    """Sessions on the web by the marketing channel that brought them, most first."""
    columns = [
        Column("marketing channel", figure=False),
        Column("sessions", count),
        Column("engaged", count),
        Column("bounce rate", percent),
        Column("page views", count),
        Column("customers", count),
    ]
    return _section("Web sessions by marketing channel", columns, rows)


def customers(rows: Sequence[Row], violation_rows: Sequence[Row]) -> list[RenderableType]:
    """How many there are, how many are known by several identifiers, and which links were refused."""
    columns = [
        Column("customers", count),
        Column("of these\nacted", count),
        Column("with several\nidentifiers", count),
        Column("share", percent),
        Column("identifiers\njoined", count),
    ]
    refused = ", ".join(f"{count(links)} {reason}" for reason, links in violation_rows) or "none"
    table = _section("Customers", columns, rows)
    return [*table, Text(f"Links that count for nothing: {refused}.", style="italic")] if rows else table


def joined_customer(client: ClickHouse) -> list[RenderableType]:
    """One customer who bought and is known by several identifiers, with its journeys; nothing where there is none."""
    found = client.query(_JOINED)
    if not found:
        return []
    [(customer, identifiers, journeys, conversions, revenue, first_seen, last_seen)] = found
    known = [(namespace, shortened(values)) for namespace, values in sorted(identifiers.items(), key=_by_rank)]
    bought = ", ".join(money(revenue).splitlines())
    seen = f"{first_seen:%Y-%m-%d} to {last_seen:%Y-%m-%d}"
    said = f"  {counted(journeys, 'journey')}, {counted(conversions, 'conversion')}, {bought}, seen {seen}"
    lines = journey_lines(client.query(_JOINED_JOURNEYS, {"customer": customer}))
    columns = [Column("namespace", figure=False), Column("identifiers", figure=False)]
    return [*_section(f"A customer joined from several identifiers: {customer}", columns, known), Text(said), *lines]


def _by_rank(known: tuple[str, Sequence[str]]) -> tuple[int, str, str]:
    return strength(Identifier(known[0], ""))


def conversions(
    path_rows: Sequence[Row], attribution_rows: Sequence[Row], example_rows: Sequence[Row]
) -> list[RenderableType]:
    """Paths, attribution and example journeys; one line for them all where no journey has converted."""
    if not (path_rows or attribution_rows or example_rows):
        return [_title("Conversions"), Text("  no conversion yet that closes a journey")]
    return [*paths(path_rows), *attribution(attribution_rows), *examples(example_rows)]


def paths(rows: Sequence[Row]) -> list[RenderableType]:
    """The commonest paths of marketing channels to a closing conversion."""
    columns = [
        Column("path (repeats are one)", figure=False),
        Column("conversions", count),
        Column("share", percent),
        Column("value", money),
        Column("median time", duration),
    ]
    return _section("Commonest paths to conversion", columns, rows)


def attribution(rows: Sequence[Row]) -> list[RenderableType]:
    """Conversions and value by marketing channel, last non-direct beside linear; a currency's rows stand together."""
    columns = [
        Column("marketing channel", figure=False),
        Column("currency", lambda code: code or ABSENT, figure=False),
        Column("last non-direct", credited),
        Column("value", amount),
        Column("linear", credited),
        Column("value", amount),
    ]
    return _section("Conversions and value by marketing channel", columns, rows)


def examples(rows: Sequence[Row]) -> list[RenderableType]:
    """Some converting journeys, each drawn on one line."""
    return [_title("Example journeys"), *(journey_lines(rows) or [Text("  none yet")])]


def journey_lines(rows: Sequence[Row]) -> list[RenderableType]:
    """Converting journeys, each drawn on one line."""
    lines: list[RenderableType] = []
    for started_at, channels, actions, value, currency, seconds in rows:
        end = f"{amount(value)} {currency}" if currency else ""
        line = journey_line(started_at, zip(channels, actions, strict=True), end, seconds, WIDTH - 2)
        lines.append(Text("  " + line))
    return lines


def outcomes(rows: Sequence[Row]) -> list[RenderableType]:
    """What became of every record read, per channel."""
    names = ("read", "accepted", "duplicate", "late", "dead", "rerouted")
    return _section("Outcomes", [Column("channel", figure=False), *(Column(name, count) for name in names)], rows)


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _section(title: str, columns: Sequence[Column], rows: Sequence[Row]) -> list[RenderableType]:
    if not rows:
        return [_title(title), Text("  none yet")]
    table = Table(box=_PLAIN, padding=(0, 1, 0, 0), show_edge=False, header_style="")
    for column in columns:
        # A figure that doesn't fit goes on in the next line: cut, it would be another figure.
        table.add_column(column.heading, justify="right" if column.figure else "left", overflow="fold")
    for row in rows:
        # As Text: what customers are called may look like markup.
        table.add_row(*(Text(column.show(value)) for column, value in zip(columns, row, strict=True)))
    return [_title(title), table]
