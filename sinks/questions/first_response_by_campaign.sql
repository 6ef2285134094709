-- Do we answer those whom our campaigns moved to write to us?
SELECT
    channel,
    if(campaign = '', '(none)', campaign) AS campaign_name,
    mode,
    threads,
    round(answered_share, 3) AS answered_share,
    round(answered_share_day, 3) AS answered_share_day,
    round(first_response_median_seconds / 3600, 2) AS median_hours,
    round(first_response_p90_seconds / 3600, 2) AS p90_hours
FROM first_response_by_campaign
ORDER BY threads DESC, channel, campaign, mode
LIMIT 10
