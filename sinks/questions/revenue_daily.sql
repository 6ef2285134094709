-- What did each channel sell in the last seven days, in which currency?
SELECT
    channel,
    currency,
    sum(human_conversions) AS conversions,
    round(sum(human_revenue), 2) AS revenue,
    round(revenue / nullIf(conversions, 0), 2) AS value_per_conversion
FROM revenue_daily
WHERE currency != '' AND day > (SELECT max(day) FROM revenue_daily) - 7
GROUP BY channel, currency
ORDER BY currency, revenue DESC, channel
LIMIT 10
