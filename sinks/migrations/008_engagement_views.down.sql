-- engagement_* and sessions_daily stay: they have all columns that they had before.
DROP VIEW IF EXISTS metric_definitions;
DROP VIEW IF EXISTS satisfaction_monthly;
DROP VIEW IF EXISTS dialogue_by_channel;
DROP VIEW IF EXISTS dialogue_by_customer;
DROP VIEW IF EXISTS dialogue_daily;
DROP VIEW IF EXISTS first_response_by_campaign;
DROP VIEW IF EXISTS first_response_daily;
DROP VIEW IF EXISTS first_response_hourly;
DROP VIEW IF EXISTS threads;
DROP VIEW IF EXISTS active_customers_monthly;
DROP VIEW IF EXISTS active_customers_weekly;
DROP VIEW IF EXISTS active_customers_daily;
DROP VIEW IF EXISTS sessions_by_campaign;
DROP VIEW IF EXISTS sessions_hourly;
DROP VIEW IF EXISTS revenue_daily;
