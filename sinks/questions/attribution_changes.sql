-- Why did the euros of each marketing channel change after they were first reported?
SELECT marketing_channel, cause, round(sum(credit_after - credit_before), 2) AS purchases, round(sum(value_after - value_before), 2) AS euros
FROM attribution_changes
WHERE model = 'linear' AND currency = 'EUR' AND cause != 'arrival'
GROUP BY marketing_channel, cause
ORDER BY abs(euros) DESC, marketing_channel, cause
LIMIT 10
