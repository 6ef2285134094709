-- Absolute totals, told apart by actor and source partition, so that writing twice is writing once.

CREATE TABLE IF NOT EXISTS engagement
(
    channel          LowCardinality(String)                COMMENT 'Channel of the touchpoints',
    campaign         LowCardinality(String)                COMMENT 'Campaign of the touchpoints; empty if none',
    hour             DateTime64(3, 'UTC')                  COMMENT 'Beginning of the hour of event time, UTC',
    currency         LowCardinality(String)                COMMENT 'Currency of the conversions, ISO 4217; empty where there is no money',
    actor            LowCardinality(String)                COMMENT 'Who acted: human, suspect or machine',
    source_partition Int32                                 COMMENT 'Partition of the touchpoint topic that the totals come from; add them up',
    touchpoints      Int64                                 COMMENT 'Accepted touchpoints',
    inbound          Int64                                 COMMENT 'Touchpoints in which the customer speaks',
    outbound         Int64                                 COMMENT 'Touchpoints in which the company speaks',
    unique_openers   Int64                                 COMMENT 'Openings counted once per via and message, in the hour of the earliest human one',
    unique_clickers  Int64                                 COMMENT 'Clicks counted once per via and message, in the hour of the earliest human one',
    engaged_ms       Int64                                 COMMENT 'Sum of reported engaged time, milliseconds',
    conversions      Int64                                 COMMENT 'Touchpoints that are conversions, as reported',
    revenue_micros   Int64                                 COMMENT 'Sum of the value of the conversions in millionths of the currency unit',
    actions          Map(LowCardinality(String), Int64)    COMMENT 'Number of touchpoints by action, custom actions under their own names',
    version          UInt64                                COMMENT 'Source offset that last changed the row, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted          UInt8 DEFAULT 0                       COMMENT '1 where the row was removed; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
PARTITION BY toYYYYMM(hour)
ORDER BY (channel, campaign, hour, currency, actor, source_partition)
COMMENT 'Components of the engagement figures per channel, campaign, hour, currency, actor and source partition; engagement_hourly and engagement_daily add them up';
