-- What the customers' histories come to. Steps, touches and credits are parallel arrays inside the journey's row,
-- so that a row is always whole: one version holds all of them or none.

CREATE TABLE IF NOT EXISTS journeys
(
    journey_id                UUID                             COMMENT 'The journey: UUIDv5 of the customer and the first touchpoint',
    customer_id               UUID                             COMMENT 'The customer',
    started_at                DateTime64(3, 'UTC')             COMMENT 'Event time of the first touchpoint, UTC, milliseconds',
    ended_at                  DateTime64(3, 'UTC')             COMMENT 'Event time of the last touchpoint, UTC, milliseconds',
    first_channel             LowCardinality(String)           COMMENT 'Channel of the first touchpoint',
    last_channel              LowCardinality(String)           COMMENT 'Channel of the last touchpoint',
    touchpoints               Int32                            COMMENT 'Number of journey-forming touchpoints: inbound and not by a machine',
    converted                 Bool                             COMMENT 'True where a closing conversion ends the journey',
    conversion_type           LowCardinality(String)           COMMENT 'Type of the closing conversion; empty without one',
    value_micros              Int64                            COMMENT 'Value of the closing conversion in millionths of the currency unit; 0 without one',
    currency                  LowCardinality(String)           COMMENT 'Currency of the closing conversion, ISO 4217; empty where there is no money',
    order_id                  String                           COMMENT 'Order of the closing conversion; empty if none',
    goals                     Int32                            COMMENT 'Number of conversions in the journey that do not close it',
    steps_at                  Array(DateTime64(3, 'UTC'))      COMMENT 'Event time of each touchpoint in order, the first 1,000, UTC, milliseconds',
    steps_channel             Array(LowCardinality(String))    COMMENT 'Channel of each step, parallel to steps_at',
    steps_action              Array(LowCardinality(String))    COMMENT 'What happened in each step, parallel to steps_at',
    steps_via                 Array(String)                    COMMENT 'Strongest identifier of each step as namespace:value, parallel to steps_at',
    steps_event_id            Array(String)                    COMMENT 'The event id of each step that its producer gave, parallel to steps_at',
    touches_at                Array(DateTime64(3, 'UTC'))      COMMENT 'Beginning of each touch (the part of a visit that lies in the journey) in order, UTC, milliseconds',
    touches_channel           Array(LowCardinality(String))    COMMENT 'Channel of the first touchpoint of each touch, parallel to touches_at',
    touches_marketing_channel Array(LowCardinality(String))    COMMENT 'Marketing channel of the visit of each touch, parallel to touches_at',
    touches_campaign          Array(String)                    COMMENT 'Campaign of the visit of each touch, empty if none, parallel to touches_at',
    touches_content           Array(String)                    COMMENT 'Variant of the advertisement or link of the visit of each touch, empty if none, parallel to touches_at',
    touches_touchpoints       Array(Int32)                     COMMENT 'Number of touchpoints of the journey in each touch, parallel to touches_at',
    credit_first              Array(Float64)                   COMMENT 'Share of the conversion for each touch (0 to 1, together 1), all to the first within the lookback; empty without a conversion, like all credits',
    credit_last               Array(Float64)                   COMMENT 'Share of the conversion for each touch, all to the last',
    credit_last_non_direct    Array(Float64)                   COMMENT 'Share of the conversion for each touch, all to the last that is not Direct; if all are Direct, to the last',
    credit_linear             Array(Float64)                   COMMENT 'Share of the conversion for each touch, equal shares',
    credit_position           Array(Float64)                   COMMENT 'Share of the conversion for each touch, 40 % to the first, 40 % to the last, 20 % among those between',
    credit_j_shaped           Array(Float64)                   COMMENT 'Share of the conversion for each touch, 20 % to the first, 60 % to the last, 20 % among those between',
    credit_inverse_j          Array(Float64)                   COMMENT 'Share of the conversion for each touch, 60 % to the first, 20 % to the last, 20 % among those between',
    credit_time_decay         Array(Float64)                   COMMENT 'Share of the conversion for each touch, halved for every 7 days of age',
    version                   UInt64                           COMMENT 'Source offset that last changed the row, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted                   UInt8 DEFAULT 0                  COMMENT '1 where the journey has ceased to exist (joined with another, split, erased); FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY journey_id
COMMENT 'One row a journey: the touchpoints of one customer with gaps of at most 30 days, closed by a closing conversion';

CREATE TABLE IF NOT EXISTS sessions
(
    session_id        UUID                    COMMENT 'The session: UUIDv5 of the customer and the first touchpoint',
    customer_id       UUID                    COMMENT 'The customer',
    channel           LowCardinality(String)  COMMENT 'The channel',
    started_at        DateTime64(3, 'UTC')    COMMENT 'Event time of the first touchpoint, UTC, milliseconds',
    ended_at          DateTime64(3, 'UTC')    COMMENT 'Event time of the last touchpoint, UTC, milliseconds',
    touchpoints       Int32                   COMMENT 'Number of journey-forming touchpoints: inbound and not by a machine',
    page_views        Int32                   COMMENT 'Number of pages (web) or screens (mobile) viewed',
    engaged_ms        Int64                   COMMENT 'Sum of reported engaged time, milliseconds',
    conversions       Int32                   COMMENT 'Number of conversions, closing or not; an order counts once a customer',
    engaged           Bool                    COMMENT 'Engaged session after GA4: at least 2 page views, or 10 s engaged time, or a conversion',
    marketing_channel LowCardinality(String)  COMMENT 'Marketing channel of the first touchpoint that has an acquisition, else of the first',
    campaign          LowCardinality(String)  COMMENT 'Campaign of the touchpoint that gives the marketing channel; empty if none',
    content           String                  COMMENT 'Variant of the advertisement or link of that touchpoint; empty if none',
    version           UInt64                  COMMENT 'Source offset that last changed the row, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted           UInt8 DEFAULT 0         COMMENT '1 where the session has ceased to exist (joined with another, split, erased); FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY session_id
COMMENT 'One row a session: the touchpoints of one customer on one channel with gaps of at most 30 minutes';
