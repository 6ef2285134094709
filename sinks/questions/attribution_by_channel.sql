-- What did each marketing channel earn in euros if the first touch gets the credit, if the last does, and if all share it?
SELECT
    marketing_channel,
    round(sumIf(value, model = 'first'), 2) AS first,
    round(sumIf(value, model = 'last'), 2) AS last,
    round(sumIf(value, model = 'linear'), 2) AS linear
FROM attribution_by_channel
WHERE currency = 'EUR'
GROUP BY marketing_channel
ORDER BY linear DESC, marketing_channel
LIMIT 10
