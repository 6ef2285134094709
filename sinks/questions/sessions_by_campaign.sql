-- Which campaigns brought visitors to the web site, and how many of them bounced?
SELECT
    campaign,
    sum(sessions) AS all_sessions,
    round(1 - sum(engaged_sessions) / nullIf(all_sessions, 0), 3) AS bounce_rate,
    round(sum(engaged_seconds) / nullIf(all_sessions, 0), 1) AS engaged_seconds_per_session,
    sum(conversions) AS all_conversions
FROM sessions_by_campaign
WHERE channel = 'web' AND campaign != ''
GROUP BY campaign
ORDER BY all_sessions DESC, campaign
LIMIT 10
