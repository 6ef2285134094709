"""The dashboard of who uses the tables: what happens on the channels, what comes of it, and how new it is."""

from __future__ import annotations

from deploy.grafana.layout import CLICKHOUSE, ORANGE, RED, Dashboard, Metric, Panel, Row, Rows, choice, one_of

_MODELS = ("linear", "first", "last", "last_non_direct", "position", "j_shaped", "inverse_j", "time_decay")


def _figure(title: str, description: str, unit: str, query: str) -> Panel:
    return Panel(title, description, "stat", unit, (Rows(query),), width=4, height=4)


FINE = Row(
    "At a glance",
    (
        _figure(
            "Touchpoints of people",
            "Inbound touchpoints judged human.",
            "short",
            "SELECT sum(human_inbound) AS touchpoints FROM engagement_hourly WHERE $__timeFilter(hour)"
            " AND channel IN (${channel:singlequote})",
        ),
        _figure(
            "Customers",
            "Different customers who spoke to us: inbound touchpoints, machines left out.",
            "short",
            "SELECT uniqExact(customer_id) AS customers FROM touchpoints_now"
            " WHERE $__timeFilter(occurred_at) AND channel IN (${channel:singlequote}) AND direction = 'inbound'"
            " AND actor != 'machine'",
        ),
        _figure(
            "Conversions",
            "Journeys that a closing conversion ended.",
            "short",
            "SELECT count() AS conversions FROM journeys_now"
            " WHERE status = 'converted' AND $__timeFilter(ended_at) AND last_channel IN (${channel:singlequote})",
        ),
        _figure(
            "Journeys that convert",
            "Of the journeys that are over, those that a conversion ended.",
            "percentunit",
            "SELECT countIf(status = 'converted') / nullIf(countIf(status != 'open'), 0) AS share"
            " FROM journeys_now WHERE $__timeFilter(ended_at) AND last_channel IN (${channel:singlequote})",
        ),
        Panel(
            "Freshness, p99",
            "From when a touchpoint happened to when the tables show it; 99 of 100 are quicker.",
            "stat",
            "s",
            (
                Metric(
                    "histogram_quantile(0.99, sum by (le) (rate(journey_freshness_seconds_bucket[$__rate_interval])))",
                    "p99",
                ),
            ),
            width=4,
            height=4,
            steps=((60, ORANGE), (120, RED)),
        ),
        _figure(
            "Newest touchpoint",
            "When the newest touchpoint in the tables was received.",
            "dateTimeFromNow",
            "SELECT toUnixTimestamp64Milli(max(received_at)) AS received FROM touchpoints",
        ),
    ),
)

CHANNELS = Row(
    "Channels",
    (
        Panel(
            "Touchpoints by channel",
            "Inbound touchpoints judged human, by hour.",
            "timeseries",
            "short",
            (
                Rows(
                    "SELECT toDateTime(hour) AS time, channel, sum(human_inbound) AS touchpoints FROM engagement_hourly"
                    " WHERE $__timeFilter(hour) AND channel IN (${channel:singlequote})"
                    " GROUP BY time, channel ORDER BY time, channel",
                    series=True,
                ),
            ),
            width=12,
            stacked=True,
        ),
        Panel(
            "Who acts",
            "Touchpoints by who is behind them: people, perhaps machines (suspect), machines.",
            "timeseries",
            "short",
            (
                Rows(
                    "SELECT toDateTime(hour) AS time, sum(human_touchpoints) AS human,"
                    " sum(suspect_touchpoints) AS suspect, sum(machine_touchpoints) AS machine FROM engagement_hourly"
                    " WHERE $__timeFilter(hour) AND channel IN (${channel:singlequote}) GROUP BY time ORDER BY time",
                    series=True,
                ),
            ),
            width=12,
            stacked=True,
        ),
        Panel(
            "Active customers",
            "Customers with a touchpoint of their own on a day, in 7 and in 30 days, over all channels.",
            "timeseries",
            "short",
            (
                Rows(
                    "SELECT toDateTime(day) AS time, daily_active AS daily, weekly_active AS weekly,"
                    " monthly_active AS monthly FROM active_customers_daily"
                    " WHERE channel = 'all' AND $__dateFilter(day) ORDER BY time",
                    series=True,
                ),
            ),
            width=12,
        ),
        Panel(
            "Channels compared",
            "Sessions and what came of them by channel. Customers are in more than one row: don't add them up.",
            "table",
            "short",
            (
                Rows(
                    "SELECT channel, sum(sessions) AS sessions, sum(engaged_sessions) AS engaged,"
                    " sum(touchpoints) AS touchpoints, sum(conversions) AS conversions FROM sessions_daily"
                    " WHERE $__dateFilter(day) AND channel IN (${channel:singlequote})"
                    " GROUP BY channel ORDER BY sessions DESC"
                ),
            ),
            width=12,
        ),
    ),
)

JOURNEYS = Row(
    "Journeys",
    (
        Panel(
            "Journeys by how they end",
            "Journeys by the day of their last touchpoint: converted, ended without, or still open.",
            "timeseries",
            "short",
            (
                Rows(
                    "SELECT toDateTime(toDate(ended_at)) AS time, toString(status) AS status, count() AS journeys"
                    " FROM journeys_now WHERE $__timeFilter(ended_at) GROUP BY time, status ORDER BY time, status",
                    series=True,
                ),
            ),
            width=12,
            stacked=True,
        ),
        Panel(
            "Conversions by marketing channel",
            "Conversions credited under the chosen model, by day.",
            "timeseries",
            "short",
            (
                Rows(
                    "SELECT toDateTime(toDate(converted_at)) AS time, toString(marketing_channel) AS channel,"
                    " sum(credit) AS conversions FROM attributions"
                    " WHERE model = '${model}' AND $__timeFilter(converted_at)"
                    " GROUP BY time, channel ORDER BY time, channel",
                    series=True,
                ),
            ),
            width=12,
            stacked=True,
            decimals=1,
        ),
        Panel(
            "What marketing channels earn",
            "Conversions and value credited under the chosen model. Currencies are not added up.",
            "table",
            "short",
            (
                Rows(
                    "SELECT marketing_channel, currency, round(sum(credit), 1) AS conversions, sum(value) AS value"
                    " FROM attributions WHERE model = '${model}' AND $__timeFilter(converted_at)"
                    " GROUP BY marketing_channel, currency ORDER BY value DESC"
                ),
            ),
            width=12,
        ),
        Panel(
            "Commonest paths to a conversion",
            "Marketing channels of the touches in order, repeats written once.",
            "table",
            "short",
            (
                Rows(
                    "SELECT path, count() AS conversions,"
                    " round(quantileExact(0.5)(duration_seconds) / 86400, 1) AS median_days FROM journeys_now"
                    " WHERE status = 'converted' AND $__timeFilter(ended_at)"
                    " GROUP BY path ORDER BY conversions DESC, path LIMIT 15"
                ),
            ),
            width=12,
        ),
    ),
)

QUALITY = Row(
    "How new, how whole",
    (
        Panel(
            "Freshness by channel, p99",
            "From when a touchpoint happened to when the tables show it.",
            "timeseries",
            "s",
            (
                Metric(
                    "histogram_quantile(0.99, sum by (le, channel)"
                    " (rate(journey_freshness_seconds_bucket[$__rate_interval])))",
                    "{{channel}}",
                ),
            ),
            steps=((120, RED),),
        ),
        Panel(
            "Newest by channel",
            "When the newest touchpoint of each channel happened, and was received.",
            "table",
            "none",
            (
                Rows(
                    "SELECT channel, max(occurred_at) AS happened, max(received_at) AS received FROM touchpoints"
                    " WHERE channel IN (${channel:singlequote}) GROUP BY channel ORDER BY received DESC"
                ),
            ),
        ),
        Panel(
            "What became of all records",
            "Every record that was ever read has one outcome.",
            "table",
            "short",
            (
                Rows(
                    "SELECT channel, sumIf(records, outcome = 'accepted') AS accepted,"
                    " sumIf(records, outcome = 'duplicate') AS duplicate, sumIf(records, outcome = 'late') AS late,"
                    " sumIf(records, outcome = 'dead') AS dead, sumIf(records, outcome = 'rerouted') AS rerouted"
                    " FROM outcomes FINAL WHERE channel IN (${channel:singlequote})"
                    " GROUP BY channel ORDER BY accepted DESC"
                ),
            ),
        ),
        Panel(
            "Dead letters",
            "Why records could not be taken, and what was expected.",
            "table",
            "short",
            (
                Rows(
                    "SELECT channel, reason, field, any(expected) AS expectation, count() AS records,"
                    " max(received_at) AS last FROM dead_letters FINAL WHERE $__timeFilter(received_at)"
                    " GROUP BY channel, reason, field ORDER BY records DESC LIMIT 20"
                ),
            ),
            width=16,
        ),
        Panel(
            "Late",
            "Touchpoints that came too late to count, and how late the latest was.",
            "table",
            "short",
            (
                Rows(
                    "SELECT channel, count() AS records, round(max(late_by_ms) / 3600000, 1) AS latest_hours"
                    " FROM late_touchpoints FINAL WHERE $__timeFilter(received_at)"
                    " GROUP BY channel ORDER BY records DESC"
                ),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid="journey-business",
    title="Channels and journeys",
    description="What happens on the channels, what comes of it, and how new it is.",
    rows=(FINE, CHANNELS, JOURNEYS, QUALITY),
    variables=(
        choice("channel", "channel", "SELECT DISTINCT channel FROM outcomes ORDER BY channel", CLICKHOUSE),
        one_of("model", "credit model", _MODELS),
    ),
    since="now-28d",
    refresh="5m",
)
