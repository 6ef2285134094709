-- How many customers do we win a week, by the marketing channel of their first visit?
SELECT toMonday(day) AS week, sum(customers) AS won, sumIf(customers, marketing_channel = 'Direct') AS direct,
    sumIf(customers, marketing_channel = 'Organic Search') AS organic_search,
    sumIf(customers, marketing_channel = 'Email') AS email, sumIf(customers, startsWith(marketing_channel, 'Paid')) AS paid,
    round(sum(buyers) / won, 3) AS buyer_share
FROM new_customers
GROUP BY week
ORDER BY week
LIMIT 10
