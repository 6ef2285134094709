-- How many customers use the app on a day, in a week and in 30 days, and how often do they come back?
SELECT
    day,
    daily_active,
    weekly_active,
    monthly_active,
    round(stickiness, 3) AS stickiness,
    round(avg(active_customers_daily.stickiness) OVER (ORDER BY day ROWS 6 PRECEDING), 3) AS stickiness_of_7_days
FROM active_customers_daily
WHERE channel = 'mobile'
ORDER BY day DESC
LIMIT 10
