-- When do visitors come to the web site, and when do they stay?
SELECT
    intDiv(toHour(hour), 3) * 3 AS from_hour,
    from_hour + 3 AS to_hour,
    sum(sessions) AS all_sessions,
    round(1 - sum(engaged_sessions) / nullIf(all_sessions, 0), 3) AS bounce_rate,
    round(sum(engaged_seconds) / nullIf(all_sessions, 0), 1) AS engaged_seconds_per_session
FROM sessions_hourly
WHERE channel = 'web'
GROUP BY from_hour
ORDER BY from_hour
