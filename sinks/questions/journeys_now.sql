-- How many journeys are open, have converted or have ended, how long did they take and how many touchpoints had they?
SELECT status, count() AS journeys, round(quantile(0.5)(duration_seconds) / 86400, 1) AS median_days,
    round(avg(touchpoints), 1) AS touchpoints, countIf(goals > 0) AS with_goals
FROM journeys_now
GROUP BY status
ORDER BY status
