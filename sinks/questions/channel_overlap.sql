-- Which channels do customers use together, and who buys most?
SELECT channels, customers, round(share, 3) AS share, buyers, round(buyer_share, 3) AS buyer_share
FROM channel_overlap
ORDER BY customers DESC, channels
LIMIT 10
