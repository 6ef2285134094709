DROP VIEW IF EXISTS attribution_changes;
DROP VIEW IF EXISTS customers;
DROP VIEW IF EXISTS identities_now;
DROP VIEW IF EXISTS touchpoints_now;
