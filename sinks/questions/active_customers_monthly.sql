-- How many customers were active in each month, and on which channels?
SELECT
    month,
    maxIf(active_customers, channel = 'all') AS on_any_channel,
    maxIf(active_customers, channel = 'email') AS email,
    maxIf(active_customers, channel = 'web') AS web,
    maxIf(active_customers, channel = 'mobile') AS mobile,
    maxIf(active_customers, channel = 'social') AS social,
    maxIf(active_customers, channel = 'service') AS service
FROM active_customers_monthly
GROUP BY month
ORDER BY month DESC
LIMIT 10
