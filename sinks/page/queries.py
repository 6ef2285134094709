"""What the page asks ClickHouse: every figure is one of these statements on tables and views of docs/tables.md.

They take ``since`` and ``until`` as ISO days, UTC, the second not included. Customers are those of now. Lists that can
be long are bounded here, so that the page stays small whatever the tables hold.
"""

# ruff: noqa: S608  (what queries are composed of stands here, too)

from __future__ import annotations

from typing import Final

#: What forms journeys.
FORMING: Final = "direction = 'inbound' AND actor != 'machine'"
STEPS_SHOWN: Final = 4
CHANNELS_SHOWN: Final = 7
PATHS_SHOWN: Final = 10
CAMPAIGNS_SHOWN: Final = 12
COHORTS_SHOWN: Final = 12
FUNNEL_WINDOW_DAYS: Final = 30
OTHER: Final = "Other"
MORE: Final = "More steps"

_SINCE = "toDateTime64(%(since)s, 3, 'UTC')"
_UNTIL = "toDateTime64(%(until)s, 3, 'UTC')"
_PERIOD = f"{{at}} >= {_SINCE} AND {{at}} < {_UNTIL}"
_OCCURRED = _PERIOD.format(at="occurred_at")
_ENDED = _PERIOD.format(at="ended_at")
_CONVERTED = _PERIOD.format(at="converted_at")
_HOURS = _PERIOD.format(at="hour")
# A session lasts a day at most, so one that reaches into the period begins or ends in it.
_ACTIVE = f"ended_at >= {_SINCE} AND started_at < {_UNTIL}"
# As the views have it: between the two in the middle where they are even.
_MEDIAN_DAYS = "quantileExactInclusiveIf(0.5)(dateDiff('millisecond', started_at, ended_at), converted) / 86400000"

EXTENT: Final = """
SELECT count(), min(occurred_at), max(occurred_at), max(received_at) FROM touchpoints FINAL
"""
TOUCHPOINTS: Final = f"SELECT count() FROM touchpoints FINAL WHERE {_OCCURRED}"
ACTIVE_CUSTOMERS: Final = f"""
SELECT uniqExact(customer_id) FROM sessions FINAL WHERE {_ACTIVE}
"""
NEW_CUSTOMERS: Final = f"""
SELECT count() FROM (SELECT customer_id, min(started_at) AS first_at FROM journeys FINAL GROUP BY customer_id)
WHERE {_PERIOD.format(at="first_at")}
"""
CONVERSIONS: Final = f"""
SELECT currency, count(), sum(value_micros) / 1000000 FROM journeys FINAL
WHERE converted AND {_ENDED} GROUP BY currency ORDER BY count() DESC, currency
"""
HUMAN_SHARE: Final = f"""
SELECT sum(human_inbound), sum(suspect_inbound), sum(machine_inbound) FROM engagement_hourly WHERE {_HOURS}
"""
# What happened in each bucket; WITH FILL would have to know every channel, so empty buckets are left to the page.
ENGAGEMENT: Final = f"""
SELECT channel, toDate({{bucket}}(hour)) AS bucket, sum(human_inbound), sum(human_engaged_seconds),
    sum(human_conversions)
FROM engagement_hourly WHERE {_HOURS} GROUP BY channel, bucket ORDER BY channel, bucket
"""
ACTIVE_BY_CHANNEL: Final = f"""
SELECT channel, bucket, uniqExact(customer_id) FROM sessions FINAL
ARRAY JOIN arrayDistinct(arrayMap(
    at -> toDate({{bucket}}(at)), arrayFilter(at -> {_PERIOD.format(at="at")}, [started_at, ended_at])
)) AS bucket
WHERE {_ACTIVE} GROUP BY channel, bucket ORDER BY channel, bucket
"""
ACTIVE_OF_CHANNEL: Final = f"""
SELECT channel, uniqExact(customer_id) FROM sessions FINAL WHERE {_ACTIVE} GROUP BY channel
"""
CHANNEL_TOTALS: Final = f"""
SELECT channel, sum(human_inbound), sum(outbound), sum(human_engaged_seconds), sum(human_conversions),
    sum(machine_inbound) / nullIf(sum(human_inbound) + sum(suspect_inbound) + sum(machine_inbound), 0)
FROM engagement_hourly WHERE {_HOURS} GROUP BY channel ORDER BY channel
"""
# Made again over the sums of what the views have: their own rates are those of an hour.
RATES: Final = f"""
SELECT
    sum(delivered) / nullIf(sum(sent), 0) AS delivery_rate,
    sum(unique_openers) / nullIf(sum(delivered), 0) AS open_rate,
    sum(unique_clickers) / nullIf(sum(delivered), 0) AS click_through_rate,
    sum(unique_clickers) / nullIf(sum(unique_openers), 0) AS click_to_open_rate,
    sum(unsubscriptions) / nullIf(sum(delivered), 0) AS unsubscribe_rate,
    sum(push_opened) / nullIf(sum(push_delivered), 0) AS push_click_rate,
    sum(reactions + comments + shares + social_clicks) / nullIf(sum(impressions), 0) AS social_engagement_rate,
    (
        SELECT 1 - countIf(engaged) / nullIf(count(), 0) FROM sessions FINAL
        WHERE channel = 'web' AND {_PERIOD.format(at="started_at")}
    ) AS bounce_rate
FROM engagement_hourly WHERE {_HOURS}
"""
ANSWERS: Final = f"""
SELECT sum(answered) / nullIf(sum(threads), 0) AS answered_share,
    sum(answered_within_hour) / nullIf(sum(threads), 0) AS answered_share_hour
FROM first_response_hourly WHERE channel = 'service' AND {_HOURS}
"""
JOURNEYS: Final = f"""
SELECT count(), countIf(converted), {_MEDIAN_DAYS},
    sumIf(length(touches_at), converted) / nullIf(countIf(converted), 0),
    countIf(converted AND length(arrayDistinct(touches_marketing_channel)) > 1)
FROM journeys FINAL WHERE {_ENDED}
"""
# Channels beside the commonest are one, repeats too; what follows the last step shown is one step more.
TRANSITIONS: Final = f"""
WITH
    (
        SELECT groupArray(name) FROM
        (
            SELECT arrayJoin(arrayDistinct(touches_marketing_channel)) AS name, count() AS journeys
            FROM journeys FINAL WHERE {_ENDED} GROUP BY name ORDER BY journeys DESC, name LIMIT {CHANNELS_SHOWN}
        )
    ) AS shown,
    arrayCompact(arrayMap(
        name -> if(has(shown, name), toString(name), '{OTHER}'), touches_marketing_channel
    )) AS path,
    arrayConcat(arraySlice(path, 1, {STEPS_SHOWN}), if(length(path) > {STEPS_SHOWN}, ['{MORE}'], [])) AS steps
SELECT hop.1 AS step, hop.2 AS origin, hop.3 AS target, converted, count() FROM
(
    SELECT converted, arrayJoin(arrayMap(
        (at, origin) -> (at, origin, if(at = length(steps), '', steps[at + 1])), arrayEnumerate(steps), steps
    )) AS hop
    FROM journeys FINAL WHERE {_ENDED}
)
GROUP BY step, origin, target, converted ORDER BY step, origin, target, converted
"""
PATHS: Final = f"""
SELECT arrayCompact(touches_marketing_channel) AS path, count() AS journeys, countIf(converted) AS conversions,
    sumMapIf(map(toString(currency), value_micros / 1000000), converted AND currency != ''),
    {_MEDIAN_DAYS}
FROM journeys FINAL WHERE {_ENDED}
GROUP BY path HAVING conversions > 0 ORDER BY conversions DESC, journeys, path LIMIT {PATHS_SHOWN}
"""
ATTRIBUTION: Final = f"""
SELECT marketing_channel, model, currency, sum(credit), sum(credit * toFloat64(conversion_value))
FROM attributions WHERE {_CONVERTED}
GROUP BY marketing_channel, model, currency ORDER BY marketing_channel, model, currency
"""
# Runs of just these days, the newest of each model; shapley_rate is left out, as its intervals are too wide to be read.
DATA_DRIVEN: Final = """
WITH (
    SELECT groupArray(run) FROM
    (
        SELECT argMax(run_id, (ran_at, run_id)) AS run FROM attribution_runs FINAL
        WHERE dimension = 'marketing_channel' AND conversion_type = '' AND model IN ('markov', 'shapley')
            AND since = toDate(%(since)s) AND until = toDate(%(until)s) - 1
        GROUP BY model, markov_order
    )
) AS runs
SELECT name, if(model = 'markov', concat('markov_', toString(markov_order)), toString(model)) AS model_name, currency,
    sum(conversions), sum(toFloat64(value))
FROM attribution_results WHERE has(runs, run_id)
GROUP BY name, model_name, currency ORDER BY name, model_name, currency
"""
CAMPAIGNS: Final = f"""
WITH
    (
        SELECT groupArray(campaign) FROM
        (
            SELECT campaign FROM attributions WHERE model = 'linear' AND campaign != '' AND {_CONVERTED}
            GROUP BY campaign ORDER BY sum(credit) DESC, campaign LIMIT {CAMPAIGNS_SHOWN}
        )
    ) AS shown
SELECT multiIf(campaign = '', 0, has(shown, campaign), 1, 2) AS kind, if(kind = 1, campaign, '') AS name,
    model, currency, sum(credit), sum(credit * toFloat64(conversion_value))
FROM attributions WHERE {_CONVERTED}
GROUP BY kind, name, model, currency ORDER BY kind, name, model, currency
"""
# A session lasts a day at most, so its ends are in all the weeks and months that it is in.
COHORTS: Final = f"""
SELECT first, dateDiff('{{unit}}', first, period) AS later, count() FROM
(
    SELECT arrayJoin(groupUniqArrayArray([toDate({{bucket}}(started_at)), toDate({{bucket}}(ended_at))])) AS period,
        toDate({{bucket}}(min(started_at))) AS first
    FROM sessions FINAL WHERE started_at < {_UNTIL} GROUP BY customer_id
)
WHERE first >= toDate({{bucket}}(toDate(%(since)s))) AND period < toDate(%(until)s)
GROUP BY first, later ORDER BY first, later
"""
_FUNNEL_STEPS: Final = {
    "visit": "channel IN ('web', 'mobile') AND NOT startsWith(action, 'push_')",
    "product_viewed": "action = 'product_viewed'",
    "cart_added": "action = 'cart_added'",
    "checkout_started": "action = 'checkout_started'",
    "purchased": "action = 'purchased'",
}
FUNNEL_STEPS: Final = tuple(_FUNNEL_STEPS)
# Of a millisecond: more than there are steps.
_INSTANTS: Final = 8
FUNNEL_FOUND: Final = f"""
SELECT {", ".join(f"countIf({condition}) > 0" for condition in _FUNNEL_STEPS.values())}
FROM touchpoints FINAL WHERE {FORMING} AND {_OCCURRED}
"""
OUTCOMES: Final = """
SELECT outcome, reason, sum(records) FROM outcomes FINAL GROUP BY outcome, reason ORDER BY outcome, reason
"""
COMMENTS: Final = """
SELECT concat(table, '.', name), comment FROM system.columns
WHERE database = currentDatabase() AND concat(table, '.', name) IN %(columns)s
"""


def funnel(steps: list[str]) -> str:
    """How many customers took how many of ``steps``, names of FUNNEL_STEPS, in order and within the window."""
    # As in the view: a millisecond has instants, in which later steps come first, so that none follows another at the
    # same time. A visit alone comes before all: who lands on a product's page has come, and has seen it.
    instants = [0 if step == "visit" else len(steps) - at for at, step in enumerate(steps)]
    window = FUNNEL_WINDOW_DAYS * 86_400_000 * _INSTANTS + _INSTANTS - 1 - instants[0]
    return f"""
SELECT taken, count() FROM
(
    SELECT customer_id, windowFunnel({window})(
        toUInt64(toUnixTimestamp64Milli(occurred_at) * {_INSTANTS} + instant),
        {", ".join(f"instant = {instant}" for instant in instants)}
    ) AS taken
    FROM
    (
        SELECT customer_id, occurred_at, arrayJoin(arrayFilter(
            (instant, fits) -> fits, {instants}, [{", ".join(_FUNNEL_STEPS[step] for step in steps)}]
        )) AS instant
        FROM touchpoints_now WHERE {FORMING} AND {_OCCURRED}
    )
    GROUP BY customer_id
)
WHERE taken > 0 GROUP BY taken ORDER BY taken
"""
