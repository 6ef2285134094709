-- Do customers whom we know by several identifiers buy more?
SELECT least(arraySum(length, mapValues(identifiers)), 6) AS known_by, count() AS customers,
    countIf(conversions > 0) AS buyers, round(buyers / customers, 3) AS share, sum(revenue['EUR']) AS revenue_eur
FROM customers
GROUP BY known_by
ORDER BY known_by
