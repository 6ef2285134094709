-- What do journeys begin with, and how many of these convert?
SELECT channel, action, count() AS journeys, countIf(converted) AS conversions,
    round(conversions / journeys, 3) AS conversion_rate
FROM journey_steps
WHERE position = 1
GROUP BY channel, action
ORDER BY journeys DESC, channel, action
LIMIT 10
