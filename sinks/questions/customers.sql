-- How many customers never bought, bought once or oftener, and what did they bring?
-- 5 stands for five and more.
SELECT least(conversions, 5) AS purchases, count() AS customers, round(avg(touchpoints), 1) AS touchpoints_each,
    sum(revenue['EUR']) AS revenue_eur, round(revenue_eur / customers, 2) AS eur_each
FROM customers
GROUP BY purchases
ORDER BY purchases
