ALTER TABLE touchpoints COMMENT COLUMN via_customer 'Customer that the touchpoint was resolved to when it was accepted';
DROP TABLE IF EXISTS journey_changes;
DROP TABLE IF EXISTS identity_corrections;
DROP TABLE IF EXISTS identity_violations;
DROP TABLE IF EXISTS identity_changes;
DROP TABLE IF EXISTS identities;
