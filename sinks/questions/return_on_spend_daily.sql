-- On which days did we spend on paid search, and how many conversions were credited to it on that day?
SELECT day, currency, spend, round(conversions, 2) AS credited, round(roas, 2) AS return_on_spend
FROM return_on_spend_daily
WHERE dimension = 'marketing_channel' AND name = 'Paid Search' AND model = 'linear' AND currency = 'EUR'
ORDER BY day
LIMIT 10
