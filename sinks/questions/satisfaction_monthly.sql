-- How content are our customers, and how sure can we be of it?
SELECT month, channel, metric, answers, round(satisfaction, 1) AS satisfaction, round(low, 1) AS low, round(high, 1) AS high
FROM satisfaction_monthly
ORDER BY month DESC, channel, metric
LIMIT 10
