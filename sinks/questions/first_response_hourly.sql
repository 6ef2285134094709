-- At which hours do calls and chats wait too long?
SELECT
    intDiv(toHour(hour), 3) * 3 AS from_hour,
    from_hour + 3 AS to_hour,
    sum(threads) AS all_threads,
    round(sum(answered_within_minute) / nullIf(all_threads, 0), 3) AS answered_share_minute,
    round(sum(answered) / nullIf(all_threads, 0), 3) AS answered_share
FROM first_response_hourly
WHERE mode = 'synchronous'
GROUP BY from_hour
ORDER BY from_hour
