-- How did the credit of e-mail move from one run of the Markov model to the next?
SELECT ran_at, since, until, markov_order, round(100 * any(share), 1) AS percent, round(sum(conversions), 1) AS credited
FROM attribution_results
WHERE model = 'markov' AND dimension = 'marketing_channel' AND name = 'Email'
GROUP BY run_id, ran_at, since, until, markov_order
ORDER BY ran_at DESC, run_id
LIMIT 10
