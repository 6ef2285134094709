-- Which campaigns earned most in each currency, if credit fades by half for every week before the purchase?
SELECT name AS campaign, currency, round(sum(conversions), 1) AS purchases, round(sum(value), 2) AS earned
FROM attribution_by_dimension
WHERE dimension = 'campaign' AND model = 'time_decay' AND name != ''
GROUP BY campaign, currency
ORDER BY purchases DESC, campaign, currency
LIMIT 10
