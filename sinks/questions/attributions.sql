-- Which touches of which journeys earned most of the largest purchases, if the last non-direct touch gets the credit?
SELECT toDate(converted_at) AS day, marketing_channel, campaign, position, credit, round(value, 2) AS value, currency
FROM attributions
WHERE model = 'last_non_direct' AND currency = 'EUR'
ORDER BY value DESC, journey_id, position
LIMIT 10
