DROP VIEW IF EXISTS attribution_by_channel;
DROP VIEW IF EXISTS attributions;
DROP VIEW IF EXISTS journey_paths;
DROP VIEW IF EXISTS journey_touches;
DROP VIEW IF EXISTS journey_steps;
DROP VIEW IF EXISTS journeys_now;
