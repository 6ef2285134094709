ALTER TABLE engagement RESET SETTING min_age_to_force_merge_seconds, min_age_to_force_merge_on_partition_only;
ALTER TABLE touchpoints RESET SETTING min_age_to_force_merge_seconds, min_age_to_force_merge_on_partition_only;
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

CREATE OR REPLACE VIEW identities_now
(
    identifier  String                  COMMENT 'The identifier as namespace:value',
    namespace   LowCardinality(String)  COMMENT 'What kind of name it is: user_id, email_sha256, phone_sha256, social_handle, device_id, cookie_id, click_id or another',
    value       String                  COMMENT 'The name itself; e-mail addresses and phone numbers only as SHA-256',
    customer_id UUID                    COMMENT 'Customer that the identifier belongs to now; one that is joined with no other is a customer of its own'
)
AS SELECT
    seen.identifier AS identifier,
    substring(identifier, 1, position(identifier, ':') - 1) AS namespace,
    substring(identifier, position(identifier, ':') + 1) AS value,
    -- Its own customer: UUIDv5 of (namespace, value) under the published namespace, as streams.domain.ids has it.
    lower(hex(SHA1(concat(
        unhex('be58af1d235e5bf1bb5536492a89217f'),
        reverse(reinterpretAsFixedString(toUInt32(length(namespace)))), namespace,
        reverse(reinterpretAsFixedString(toUInt32(length(value)))), value
    )))) AS digest,
    if(i.version > 0, i.customer_id, toUUID(concat(
        substring(digest, 1, 8), '-', substring(digest, 9, 4), '-5', substring(digest, 14, 3), '-',
        translate(substring(digest, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab'), substring(digest, 18, 3), '-',
        substring(digest, 21, 12)
    ))) AS customer_id
FROM
(
    SELECT DISTINCT arrayJoin(identifiers) AS identifier FROM touchpoints FINAL
    UNION DISTINCT
    SELECT concat(namespace, ':', value) FROM identities FINAL
    UNION DISTINCT
    SELECT arrayJoin([stronger, weaker]) FROM identity_corrections FINAL
) AS seen
LEFT ANY JOIN
(
    SELECT concat(namespace, ':', value) AS identifier, customer_id, version
    FROM identities FINAL
) AS i ON i.identifier = seen.identifier
SETTINGS join_use_nulls = 0
COMMENT 'One row an identifier that was ever seen on a touchpoint or named by an operator, with its customer now';

CREATE OR REPLACE VIEW customers
(
    customer_id UUID                            COMMENT 'The customer',
    identifiers Map(String, Array(String))      COMMENT 'Identifiers by namespace, each list sorted',
    first_seen  DateTime64(3, 'UTC')            COMMENT 'Event time of the first touchpoint, UTC',
    last_seen   DateTime64(3, 'UTC')            COMMENT 'Event time of the last touchpoint, UTC',
    touchpoints UInt64                          COMMENT 'Number of touchpoints, machine and outbound ones included',
    journeys    UInt64                          COMMENT 'Number of journeys; 0 where only machines acted or only the company spoke',
    conversions UInt64                          COMMENT 'Number of journeys that a closing conversion ends',
    revenue     Map(String, Decimal(18, 6))     COMMENT 'Value of those conversions by currency, in units of the currency'
)
AS SELECT
    t.customer_id AS customer_id,
    n.identifiers AS identifiers,
    t.first_seen AS first_seen,
    t.last_seen AS last_seen,
    t.touchpoints AS touchpoints,
    j.journeys AS journeys,
    j.conversions AS conversions,
    j.revenue AS revenue
FROM
(
    SELECT customer_id, min(occurred_at) AS first_seen, max(occurred_at) AS last_seen, count() AS touchpoints
    FROM touchpoints_now
    GROUP BY customer_id
) AS t
INNER JOIN
(
    SELECT customer_id, mapApply((k, v) -> (k, arraySort(v)), groupArrayMap(map(toString(namespace), value))) AS identifiers
    FROM identities_now
    GROUP BY customer_id
) AS n ON n.customer_id = t.customer_id
LEFT JOIN
(
    SELECT
        customer_id,
        count() AS journeys,
        countIf(converted) AS conversions,
        mapApply((k, v) -> (k, reinterpret(v, 'Decimal(18, 6)')), sumMapIf(map(toString(currency), value_micros), currency != '')) AS revenue
    FROM journeys FINAL
    GROUP BY customer_id
) AS j ON j.customer_id = t.customer_id
SETTINGS join_use_nulls = 0
COMMENT 'One row a customer with at least one touchpoint: the identifiers that belong to it now, and what it did';
