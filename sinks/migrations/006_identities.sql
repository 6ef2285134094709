-- Who is who: what IDENTITY decided, and what came of it in journeys and credits. Changes are a log, everything else is replaced
-- by key. Sorting keys hold no NULL: where there is no customer or no journey, the UUID is all zeros.

CREATE TABLE IF NOT EXISTS identities
(
    namespace   LowCardinality(String) COMMENT 'What kind of name it is: user_id, email_sha256, phone_sha256, social_handle, device_id, cookie_id, click_id or another',
    value       String                 COMMENT 'The name itself; e-mail addresses and phone numbers only as SHA-256',
    customer_id UUID                   COMMENT 'Customer that the identifier belongs to',
    version     UInt64                 COMMENT 'Offset in identity.links + 1 of the record that changed it, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted     UInt8 DEFAULT 0        COMMENT '1 where the identifier was erased; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (namespace, value)
COMMENT 'One row an identifier whose customer was ever another than its own; identities_now has all identifiers';

CREATE TABLE IF NOT EXISTS identity_changes
(
    kind           LowCardinality(String) COMMENT 'merge: no identifier stayed with the customer that they left; split: some did; asserted, retracted, lifted: what an operator said of a pair',
    version        UInt64                 COMMENT 'Offset in identity.links + 1 of the record that caused it, epoch of the log in the high 16 bits; of one version and kind a row a pair of customers',
    from_customer  UUID                   COMMENT 'Customer that the identifiers left; zeros for what an operator said',
    to_customer    UUID                   COMMENT 'Customer that they belong to from then on; zeros for what an operator said',
    identifiers    Array(String)          COMMENT 'Identifiers that moved, or the two of the corrected pair, as namespace:value, sorted',
    cause_event_id String                 COMMENT 'event_id of the touchpoint, or correction_id of the correction, that caused it',
    caused_at      DateTime64(3, 'UTC')   COMMENT 'Event time of that touchpoint, or when the operator said so, UTC, milliseconds',
    changed_at     DateTime64(3, 'UTC')   COMMENT 'When it became known: when the record that caused it reached Kafka, UTC, milliseconds',
    reason         String                 COMMENT 'Why, in the words of the operator; empty where evidence caused it',
    deleted        UInt8 DEFAULT 0        COMMENT '1 where the change was erased; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (version, from_customer, to_customer, kind)
COMMENT 'Log of who became who: identifiers that moved between customers, and what operators said';

CREATE TABLE IF NOT EXISTS identity_violations
(
    stronger    String                 COMMENT 'The stronger identifier of the link as namespace:value: of the two the via of the touchpoint',
    weaker      String                 COMMENT 'The other identifier as namespace:value',
    reason      LowCardinality(String) COMMENT 'Why the link does not count: the namespace whose limit refused it, identifiers (all together), shared or overflow; empty in a deleted row',
    occurred_at DateTime64(3, 'UTC')   COMMENT 'Event time of the earliest touchpoint that bears both, or of the operator''s assertion, UTC, milliseconds',
    event_id    String                 COMMENT 'event_id of that touchpoint, or correction_id',
    version     UInt64                 COMMENT 'Offset in identity.links + 1 of the record that changed it, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted     UInt8 DEFAULT 0        COMMENT '1 where the link counts again or is no more; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (stronger, weaker)
COMMENT 'Links that count for nothing now, and why: two identifiers stood on one touchpoint, and yet are not joined by it';

CREATE TABLE IF NOT EXISTS identity_corrections
(
    correction_id String                 COMMENT 'The id of the correction, unique',
    kind          LowCardinality(String) COMMENT 'asserted: the two are one customer; retracted: this pair does not link them; lifted: the evidence decides again',
    stronger      String                 COMMENT 'The stronger identifier of the pair as namespace:value',
    weaker        String                 COMMENT 'The other identifier as namespace:value',
    corrected_at  DateTime64(3, 'UTC')   COMMENT 'When the operator said so, UTC, milliseconds; of one pair the latest holds, of equal times the largest correction_id',
    reason        String                 COMMENT 'Why, in the words of the operator',
    version       UInt64                 COMMENT 'Offset in identity.links + 1 of the record, epoch of the log in the high 16 bits: the version of what it caused in identity_changes',
    deleted       UInt8 DEFAULT 0        COMMENT '1 where the correction was erased; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (stronger, weaker, corrected_at, correction_id, kind)
COMMENT 'What operators said of pairs of identifiers, as they sent it; those that IDENTITY could not take are in dead_letters too';

CREATE TABLE IF NOT EXISTS journey_changes
(
    customer_id                      UUID                          COMMENT 'The customer',
    journey_before                   UUID                          COMMENT 'The journey before; zeros where there was none',
    journey_after                    UUID                          COMMENT 'The journey after; zeros where there is none',
    cause                            LowCardinality(String)        COMMENT 'arrival: a touchpoint came behind all others; late: one came before others; merge, split: identifiers moved between customers; verdict: a touchpoint turned out to be a machine''s',
    cause_event_id                   String                        COMMENT 'event_id of the touchpoint, or of what caused the move, or correction_id',
    changed_at                       DateTime64(3, 'UTC')          COMMENT 'When it became known: when the record that caused it reached Kafka, UTC, milliseconds',
    conversion_channel               LowCardinality(String)        COMMENT 'Channel of the conversion; empty where the change is not about one, as all that follows',
    conversion_via                   String                        COMMENT 'Strongest identifier of the conversion as namespace:value',
    conversion_event_id              String                        COMMENT 'event_id of the conversion',
    converted_at                     DateTime64(3, 'UTC')          COMMENT 'Event time of the conversion, UTC, milliseconds; 1970 without one',
    conversion_type                  LowCardinality(String)        COMMENT 'Type of the conversion',
    value_micros                     Int64                         COMMENT 'Value of the conversion in millionths of the currency unit',
    currency                         LowCardinality(String)        COMMENT 'Currency of the value, ISO 4217; empty where there is no money',
    before_touches_at                Array(DateTime64(3, 'UTC'))   COMMENT 'Before: beginning of each touch in order, UTC, milliseconds; empty where it closed no journey of this customer, as all arrays of before',
    before_touches_channel           Array(LowCardinality(String)) COMMENT 'Before: channel of the first touchpoint of each touch',
    before_touches_marketing_channel Array(LowCardinality(String)) COMMENT 'Before: marketing channel of the visit of each touch',
    before_touches_campaign          Array(String)                 COMMENT 'Before: campaign of the visit of each touch, empty if none',
    before_touches_content           Array(String)                 COMMENT 'Before: variant of the advertisement or link of the visit of each touch, empty if none',
    before_touches_touchpoints       Array(Int32)                  COMMENT 'Before: number of touchpoints of the journey in each touch',
    before_credit_first              Array(Float64)                COMMENT 'Before: share of the conversion for each touch, all to the first within the lookback',
    before_credit_last               Array(Float64)                COMMENT 'Before: share for each touch, all to the last',
    before_credit_last_non_direct    Array(Float64)                COMMENT 'Before: share for each touch, all to the last that is not Direct; if all are Direct, to the last',
    before_credit_linear             Array(Float64)                COMMENT 'Before: share for each touch, equal shares',
    before_credit_position           Array(Float64)                COMMENT 'Before: share for each touch, 40 % to the first, 40 % to the last, 20 % among those between',
    before_credit_j_shaped           Array(Float64)                COMMENT 'Before: share for each touch, 20 % to the first, 60 % to the last, 20 % among those between',
    before_credit_inverse_j          Array(Float64)                COMMENT 'Before: share for each touch, 60 % to the first, 20 % to the last, 20 % among those between',
    before_credit_time_decay         Array(Float64)                COMMENT 'Before: share for each touch, halved for every 7 days of age',
    after_touches_at                 Array(DateTime64(3, 'UTC'))   COMMENT 'After: beginning of each touch in order, UTC, milliseconds; empty where it closes none any more, as all arrays of after',
    after_touches_channel            Array(LowCardinality(String)) COMMENT 'After: channel of the first touchpoint of each touch',
    after_touches_marketing_channel  Array(LowCardinality(String)) COMMENT 'After: marketing channel of the visit of each touch',
    after_touches_campaign           Array(String)                 COMMENT 'After: campaign of the visit of each touch, empty if none',
    after_touches_content            Array(String)                 COMMENT 'After: variant of the advertisement or link of the visit of each touch, empty if none',
    after_touches_touchpoints        Array(Int32)                  COMMENT 'After: number of touchpoints of the journey in each touch',
    after_credit_first               Array(Float64)                COMMENT 'After: share of the conversion for each touch, all to the first within the lookback',
    after_credit_last                Array(Float64)                COMMENT 'After: share for each touch, all to the last',
    after_credit_last_non_direct     Array(Float64)                COMMENT 'After: share for each touch, all to the last that is not Direct; if all are Direct, to the last',
    after_credit_linear              Array(Float64)                COMMENT 'After: share for each touch, equal shares',
    after_credit_position            Array(Float64)                COMMENT 'After: share for each touch, 40 % to the first, 40 % to the last, 20 % among those between',
    after_credit_j_shaped            Array(Float64)                COMMENT 'After: share for each touch, 20 % to the first, 60 % to the last, 20 % among those between',
    after_credit_inverse_j           Array(Float64)                COMMENT 'After: share for each touch, 60 % to the first, 20 % to the last, 20 % among those between',
    after_credit_time_decay          Array(Float64)                COMMENT 'After: share for each touch, halved for every 7 days of age',
    version                          UInt64                        COMMENT 'Offset in customers.activity of the record that caused it, epoch of the log in the high 16 bits',
    deleted                          UInt8 DEFAULT 0               COMMENT '1 where the change was erased; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (customer_id, version, journey_before, journey_after, conversion_via, conversion_event_id)
COMMENT 'Log of what became of journeys other than by touchpoints behind them: a conversion first seen, its credits changed, a journey began or ceased';

-- Until there were identities the touchpoint's customer was that of its via alone; so what is stored is right already.
ALTER TABLE touchpoints COMMENT COLUMN via_customer 'Customer of the via alone, while nothing links it; touchpoints_now has the customer that it belongs to';
