-- On which ways do customers come to us, and how many of the journeys that went each way ended with a conversion?
SELECT path, journeys, round(share, 3) AS share, conversions, round(conversion_rate, 3) AS conversion_rate,
    round(median_days, 2) AS median_days
FROM journey_paths
ORDER BY journeys DESC, path
LIMIT 10
