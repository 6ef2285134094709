-- How many of the customers whom we won in a week came back one, two and three weeks later?
SELECT cohort, sumIf(customers, periods_later = 0) AS won,
    round(sumIf(active, periods_later = 1) / nullIf(sumIf(customers, periods_later = 1), 0), 3) AS week_1,
    round(sumIf(active, periods_later = 2) / nullIf(sumIf(customers, periods_later = 2), 0), 3) AS week_2,
    round(sumIf(active, periods_later = 3) / nullIf(sumIf(customers, periods_later = 3), 0), 3) AS week_3
FROM retention_cohorts
WHERE period = 'week' AND complete
GROUP BY cohort
ORDER BY cohort
LIMIT 10
