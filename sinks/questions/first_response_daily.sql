-- How soon did a person answer calls and chats, day by day?
SELECT
    day,
    threads,
    round(answered_share, 3) AS answered_share,
    round(answered_share_minute, 3) AS answered_share_minute,
    round(first_response_median_seconds) AS median_seconds,
    round(first_response_p90_seconds) AS p90_seconds
FROM first_response_daily
WHERE channel = 'service' AND mode = 'synchronous'
ORDER BY day DESC, campaign
LIMIT 10
