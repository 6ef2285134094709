DROP VIEW IF EXISTS sessions_daily;
DROP VIEW IF EXISTS engagement_by_campaign;
DROP VIEW IF EXISTS engagement_daily;
DROP VIEW IF EXISTS engagement_hourly;
