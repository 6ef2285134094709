-- How many customers were active in each week, and on which channels?
SELECT
    week,
    maxIf(active_customers, channel = 'all') AS on_any_channel,
    maxIf(active_customers, channel = 'email') AS email,
    maxIf(active_customers, channel = 'web') AS web,
    maxIf(active_customers, channel = 'mobile') AS mobile,
    maxIf(active_customers, channel = 'social') AS social,
    maxIf(active_customers, channel = 'service') AS service
FROM active_customers_weekly
GROUP BY week
ORDER BY week DESC
LIMIT 10
