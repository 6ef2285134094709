-- What did a conversion cost on each marketing channel, and what came back for each euro, under different models?
SELECT
    name AS marketing_channel,
    round(anyIf(spend, model = 'linear'), 2) AS spent,
    round(anyIf(cost_per_conversion, model = 'last'), 2) AS cost_last,
    round(anyIf(cost_per_conversion, model = 'linear'), 2) AS cost_linear,
    round(anyIf(roas, model = 'last'), 2) AS roas_last,
    round(anyIf(roas, model = 'linear'), 2) AS roas_linear
FROM return_on_spend
WHERE dimension = 'marketing_channel' AND currency = 'EUR' AND conversion_type = ''
GROUP BY marketing_channel
ORDER BY spent DESC NULLS LAST, marketing_channel
LIMIT 10
