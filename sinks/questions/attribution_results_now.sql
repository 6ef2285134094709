-- What share of the conversions does each marketing channel get from the newest run of each data-driven model, and how many
-- conversions would be lost without it?
SELECT
    name AS marketing_channel,
    round(100 * anyIf(share, model = 'markov'), 1) AS markov_percent,
    round(100 * anyIf(removal_effect, model = 'markov'), 1) AS lost_without_it_percent,
    round(100 * anyIf(share, model = 'shapley'), 1) AS shapley_percent
FROM attribution_results_now
WHERE dimension = 'marketing_channel' AND conversion_type = '' AND markov_order IN (0, 1)
GROUP BY marketing_channel
ORDER BY markov_percent DESC, marketing_channel
LIMIT 10
