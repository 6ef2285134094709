-- Which marketing channels brought visitors who stayed?
SELECT
    marketing_channel,
    sum(sessions) AS all_sessions,
    sum(engaged_sessions) AS engaged,
    round(1 - engaged / nullIf(all_sessions, 0), 3) AS bounce_rate,
    round(sum(engaged_seconds) / nullIf(all_sessions, 0), 1) AS engaged_seconds_per_session,
    sum(conversions) AS all_conversions
FROM sessions_daily
WHERE channel = 'web'
GROUP BY marketing_channel
ORDER BY all_sessions DESC, marketing_channel
LIMIT 10
