DROP VIEW IF EXISTS customer_timeline;
DROP VIEW IF EXISTS assisted_conversions;
DROP VIEW IF EXISTS time_to_convert;
DROP VIEW IF EXISTS channel_overlap;
DROP VIEW IF EXISTS retention_cohorts;
DROP VIEW IF EXISTS new_customers;
DROP VIEW IF EXISTS first_visits;
DROP VIEW IF EXISTS funnel;
DROP VIEW IF EXISTS journey_transitions;
CREATE OR REPLACE VIEW journey_paths
(
    journey_id       UUID                    COMMENT 'The journey',
    customer_id      UUID                    COMMENT 'The customer',
    converted_at     DateTime64(3, 'UTC')    COMMENT 'Event time of the closing conversion, UTC',
    path             String                  COMMENT 'Marketing channels of the touches in order, joined by " > "; consecutive repeats are one',
    channel_path     String                  COMMENT 'Channels of the steps (the first 1,000) in order, joined by " > "; consecutive repeats are one',
    touches          UInt32                  COMMENT 'Number of touches, repeats counted',
    duration_seconds Float64                 COMMENT 'From the first touchpoint to the conversion, seconds',
    conversion_type  LowCardinality(String)  COMMENT 'Type of the closing conversion',
    value            Decimal(18, 6)          COMMENT 'Value of the closing conversion in units of the currency',
    currency         LowCardinality(String)  COMMENT 'Currency of the value, ISO 4217; empty where there is no money'
)
AS SELECT
    journey_id,
    customer_id,
    ended_at AS converted_at,
    arrayStringConcat(arrayCompact(touches_marketing_channel), ' > ') AS path,
    arrayStringConcat(arrayCompact(steps_channel), ' > ') AS channel_path,
    length(touches_at) AS touches,
    dateDiff('millisecond', started_at, ended_at) / 1000 AS duration_seconds,
    conversion_type,
    reinterpret(value_micros, 'Decimal(18, 6)') AS value,
    currency
FROM journeys FINAL
WHERE converted
COMMENT 'One row a journey with a closing conversion: the way to it. Group by path to find the commonest';

CREATE OR REPLACE VIEW journeys_now
(
    journey_id       UUID                    COMMENT 'The journey',
    customer_id      UUID                    COMMENT 'The customer',
    status           LowCardinality(String)  COMMENT 'converted: closed by a conversion; ended: no touchpoint for more than 30 days until now; open: may go on',
    started_at       DateTime64(3, 'UTC')    COMMENT 'Event time of the first touchpoint, UTC',
    ended_at         DateTime64(3, 'UTC')    COMMENT 'Event time of the last touchpoint so far, UTC',
    duration_seconds Float64                 COMMENT 'From the first to the last touchpoint, seconds',
    first_channel    LowCardinality(String)  COMMENT 'Channel of the first touchpoint',
    last_channel     LowCardinality(String)  COMMENT 'Channel of the last touchpoint',
    touchpoints      Int32                   COMMENT 'Number of touchpoints',
    touches          UInt32                  COMMENT 'Number of touches: visits, or their parts that lie in the journey',
    goals            Int32                   COMMENT 'Number of conversions that do not close the journey',
    conversion_type  LowCardinality(String)  COMMENT 'Type of the closing conversion; empty without one',
    value            Decimal(18, 6)          COMMENT 'Value of the closing conversion in units of the currency; 0 without one',
    currency         LowCardinality(String)  COMMENT 'Currency of the value, ISO 4217; empty where there is no money',
    order_id         String                  COMMENT 'Order of the closing conversion; empty if none'
)
AS SELECT
    journey_id,
    customer_id,
    multiIf(converted, 'converted', ended_at < now64(3, 'UTC') - toIntervalDay(30), 'ended', 'open') AS status,
    started_at,
    ended_at,
    dateDiff('millisecond', started_at, ended_at) / 1000 AS duration_seconds,
    first_channel,
    last_channel,
    touchpoints,
    length(touches_at) AS touches,
    goals,
    conversion_type,
    reinterpret(value_micros, 'Decimal(18, 6)') AS value,
    currency,
    order_id
FROM journeys FINAL
COMMENT 'One row a journey with its state at the time of asking';
