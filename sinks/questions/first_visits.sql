-- Which campaigns win customers, and how many of these buy?
SELECT campaign, marketing_channel, count() AS customers, countIf(conversions > 0) AS buyers,
    round(buyers / customers, 3) AS buyer_share
FROM first_visits
WHERE campaign != ''
GROUP BY campaign, marketing_channel
ORDER BY customers DESC, campaign, marketing_channel
LIMIT 10
