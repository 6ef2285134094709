-- From which channel to which do customers go on within a journey, and how long does it take them?
SELECT previous AS from, channel AS to, count() AS times, uniqExact(journey_id) AS journeys,
    round(quantile(0.5)(dateDiff('second', previous_at, at)) / 3600, 1) AS median_hours
FROM
(
    SELECT journey_id, at, channel, lagInFrame(channel) OVER way AS previous, lagInFrame(at) OVER way AS previous_at
    FROM journey_steps
    WINDOW way AS (PARTITION BY journey_id ORDER BY position)
)
WHERE previous NOT IN ('', channel)
GROUP BY from, to
ORDER BY times DESC, from, to
LIMIT 10
