-- How long does it take from the first touchpoint to the purchase, by what the journey began with?
SELECT marketing_channel, conversions, round(days_25, 1) AS days_25, round(days_50, 1) AS days_50,
    round(days_75, 1) AS days_75, round(days_90, 1) AS days_90, median_touches
FROM time_to_convert
WHERE conversion_type = 'purchase'
ORDER BY conversions DESC, marketing_channel
LIMIT 10
