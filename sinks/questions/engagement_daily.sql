-- How did our e-mails do week by week?
-- Rates of a week are made from its sums, never from the rates of its days.
SELECT
    toMonday(day) AS week,
    sum(sent) AS all_sent,
    round(sum(delivered) / nullIf(sum(sent), 0), 3) AS delivery_rate,
    round(sum(unique_openers) / nullIf(sum(delivered), 0), 3) AS open_rate,
    round(sum(unique_clickers) / nullIf(sum(delivered), 0), 4) AS click_through_rate,
    round(sum(unique_clickers) / nullIf(sum(unique_openers), 0), 3) AS click_to_open_rate,
    round(sum(unsubscriptions) / nullIf(sum(delivered), 0), 4) AS unsubscribe_rate
FROM engagement_daily
WHERE channel = 'email'
GROUP BY week
ORDER BY week DESC
LIMIT 10
