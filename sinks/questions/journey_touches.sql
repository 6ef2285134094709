-- Which campaigns open journeys, and which close them?
SELECT campaign, marketing_channel, countIf(position = 1) AS opened, countIf(credit_last = 1) AS closed,
    count() AS touches, round(sum(credit_linear), 1) AS linear_conversions
FROM journey_touches
WHERE campaign != ''
GROUP BY campaign, marketing_channel
ORDER BY linear_conversions DESC, touches DESC, campaign, marketing_channel
LIMIT 10
