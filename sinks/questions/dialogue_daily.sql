-- Do customers and company speak alike in service, week after week?
SELECT
    day AS end_of_week,
    inbound_30_days,
    outbound_30_days,
    round(reciprocity, 3) AS reciprocity
FROM dialogue_daily
WHERE channel = 'service' AND toDayOfWeek(day) = 7
ORDER BY day DESC
LIMIT 10
