-- Journeys as analysts ask for them. Every view reads FINAL, so it shows the valid version of each row, and no deleted row,
-- to every user, whatever the settings. Decimal(18, 6) has the same 64 bits as micros: reinterpret is exact.

CREATE VIEW IF NOT EXISTS journeys_now
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

CREATE VIEW IF NOT EXISTS journey_steps
(
    journey_id          UUID                    COMMENT 'The journey',
    customer_id         UUID                    COMMENT 'The customer',
    position            UInt32                  COMMENT 'Place of the step in its journey, from 1; the first 1,000 steps are kept',
    at                  DateTime64(3, 'UTC')    COMMENT 'Event time, UTC',
    since_start_seconds Float64                 COMMENT 'Time since the first touchpoint of the journey, seconds',
    channel             LowCardinality(String)  COMMENT 'Channel',
    action              LowCardinality(String)  COMMENT 'What happened',
    via                 String                  COMMENT 'Strongest identifier of the touchpoint as namespace:value',
    event_id            String                  COMMENT 'The id of the event that its producer gave',
    converted           Bool                    COMMENT 'True where the journey ends with a closing conversion'
)
AS SELECT
    journey_id,
    customer_id,
    position,
    at,
    dateDiff('millisecond', started_at, at) / 1000 AS since_start_seconds,
    channel,
    action,
    via,
    event_id,
    converted
FROM journeys FINAL
ARRAY JOIN
    arrayEnumerate(steps_at) AS position,
    steps_at AS at,
    steps_channel AS channel,
    steps_action AS action,
    steps_via AS via,
    steps_event_id AS event_id
COMMENT 'One row a touchpoint of a journey, in order';

CREATE VIEW IF NOT EXISTS journey_touches
(
    journey_id             UUID                    COMMENT 'The journey',
    customer_id            UUID                    COMMENT 'The customer',
    position               UInt32                  COMMENT 'Place of the touch in its journey, from 1',
    at                     DateTime64(3, 'UTC')    COMMENT 'Event time of the first touchpoint of the touch, UTC',
    channel                LowCardinality(String)  COMMENT 'Channel of the first touchpoint of the touch',
    marketing_channel      LowCardinality(String)  COMMENT 'Marketing channel of the visit',
    campaign               String                  COMMENT 'Campaign of the visit; empty if none',
    content                String                  COMMENT 'Variant of the advertisement or link of the visit; empty if none',
    touchpoints            Int32                   COMMENT 'Number of touchpoints of the journey in the touch',
    converted              Bool                    COMMENT 'True where the journey ends with a closing conversion',
    credit_first           Float64                 COMMENT 'Share of the conversion, 0 to 1: all to the first touch within the lookback; 0 without a conversion, like all credits',
    credit_last            Float64                 COMMENT 'Share of the conversion: all to the last touch',
    credit_last_non_direct Float64                 COMMENT 'Share of the conversion: all to the last touch that is not Direct',
    credit_linear          Float64                 COMMENT 'Share of the conversion: equal shares',
    credit_position        Float64                 COMMENT 'Share of the conversion: 40 % first, 40 % last, 20 % among those between',
    credit_j_shaped        Float64                 COMMENT 'Share of the conversion: 20 % first, 60 % last, 20 % among those between',
    credit_inverse_j       Float64                 COMMENT 'Share of the conversion: 60 % first, 20 % last, 20 % among those between',
    credit_time_decay      Float64                 COMMENT 'Share of the conversion: halved for every 7 days of age'
)
AS SELECT
    journey_id,
    customer_id,
    position,
    at,
    channel,
    marketing_channel,
    campaign,
    content,
    touch_touchpoints AS touchpoints,
    converted,
    first AS credit_first,
    last AS credit_last,
    last_non_direct AS credit_last_non_direct,
    linear AS credit_linear,
    by_position AS credit_position,
    j_shaped AS credit_j_shaped,
    inverse_j AS credit_inverse_j,
    time_decay AS credit_time_decay
FROM journeys FINAL
ARRAY JOIN
    arrayEnumerate(touches_at) AS position,
    touches_at AS at,
    touches_channel AS channel,
    touches_marketing_channel AS marketing_channel,
    touches_campaign AS campaign,
    touches_content AS content,
    touches_touchpoints AS touch_touchpoints,
    -- Empty without a conversion: filled with zeros, since ARRAY JOIN takes only arrays of one length.
    arrayResize(credit_first, length(touches_at), 0.) AS first,
    arrayResize(credit_last, length(touches_at), 0.) AS last,
    arrayResize(credit_last_non_direct, length(touches_at), 0.) AS last_non_direct,
    arrayResize(credit_linear, length(touches_at), 0.) AS linear,
    arrayResize(credit_position, length(touches_at), 0.) AS by_position,
    arrayResize(credit_j_shaped, length(touches_at), 0.) AS j_shaped,
    arrayResize(credit_inverse_j, length(touches_at), 0.) AS inverse_j,
    arrayResize(credit_time_decay, length(touches_at), 0.) AS time_decay
COMMENT 'One row a touch: the part of a visit that lies in a journey, with its share of the conversion under each model';

CREATE VIEW IF NOT EXISTS journey_paths
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

CREATE VIEW IF NOT EXISTS attributions
(
    journey_id        UUID                    COMMENT 'The journey',
    customer_id       UUID                    COMMENT 'The customer',
    converted_at      DateTime64(3, 'UTC')    COMMENT 'Event time of the closing conversion, UTC',
    conversion_type   LowCardinality(String)  COMMENT 'Type of the closing conversion',
    conversion_value  Decimal(18, 6)          COMMENT 'Value of the whole conversion in units of the currency',
    currency          LowCardinality(String)  COMMENT 'Currency of the value, ISO 4217; empty where there is no money',
    model             LowCardinality(String)  COMMENT 'first, last, last_non_direct, linear, position, j_shaped, inverse_j or time_decay; never add up several models',
    position          UInt32                  COMMENT 'Place of the touch in its journey, from 1',
    touched_at        DateTime64(3, 'UTC')    COMMENT 'Event time of the first touchpoint of the touch, UTC',
    channel           LowCardinality(String)  COMMENT 'Channel of the first touchpoint of the touch',
    marketing_channel LowCardinality(String)  COMMENT 'Marketing channel of the visit',
    campaign          String                  COMMENT 'Campaign of the visit; empty if none',
    content           String                  COMMENT 'Variant of the advertisement or link of the visit; empty if none',
    credit            Float64                 COMMENT 'Share of the conversion that the touch gets, above 0 to 1; of one conversion and model they add up to 1',
    value             Decimal(18, 6)          COMMENT 'Share of the value, credit times conversion_value, rounded to millionths'
)
AS SELECT
    journey_id,
    customer_id,
    ended_at AS converted_at,
    conversion_type,
    reinterpret(value_micros, 'Decimal(18, 6)') AS conversion_value,
    currency,
    model,
    position,
    touched_at,
    channel,
    marketing_channel,
    campaign,
    content,
    credit,
    reinterpret(toInt64(round(credit * value_micros)), 'Decimal(18, 6)') AS value
FROM
(
    SELECT *, model_credits.1 AS model, arrayResize(model_credits.2, length(touches_at), 0.) AS credits
    FROM journeys FINAL
    ARRAY JOIN [
        ('first', credit_first),
        ('last', credit_last),
        ('last_non_direct', credit_last_non_direct),
        ('linear', credit_linear),
        ('position', credit_position),
        ('j_shaped', credit_j_shaped),
        ('inverse_j', credit_inverse_j),
        ('time_decay', credit_time_decay)
    ] AS model_credits
    WHERE converted
)
ARRAY JOIN
    arrayEnumerate(touches_at) AS position,
    touches_at AS touched_at,
    touches_channel AS channel,
    touches_marketing_channel AS marketing_channel,
    touches_campaign AS campaign,
    touches_content AS content,
    credits AS credit
WHERE credit > 0
COMMENT 'One row a conversion, model and touch that gets credit under it';

CREATE VIEW IF NOT EXISTS attribution_by_channel
(
    model             LowCardinality(String)  COMMENT 'first, last, last_non_direct, linear, position, j_shaped, inverse_j or time_decay; never add up several models',
    marketing_channel LowCardinality(String)  COMMENT 'Marketing channel of the touches',
    currency          LowCardinality(String)  COMMENT 'Currency of the value, ISO 4217; empty where there is no money',
    conversions       Float64                 COMMENT 'Conversions credited: sum of the credits',
    value             Decimal(18, 6)          COMMENT 'Value credited in units of the currency: sum of credit times value',
    journeys          UInt64                  COMMENT 'Converting journeys in which the marketing channel got any credit'
)
AS SELECT
    model,
    marketing_channel,
    currency,
    round(sum(credit), 9) AS conversions,
    -- Rounded once, after adding up, so that shares of a cent are not lost touch by touch.
    reinterpret(toInt64(round(sum(credit * toFloat64(conversion_value)) * 1000000)), 'Decimal(18, 6)') AS value,
    uniqExact(journey_id) AS journeys
FROM attributions AS a
GROUP BY model, marketing_channel, currency
COMMENT 'Conversions and value by marketing channel under each of the eight models, all time; attributions has the days';
