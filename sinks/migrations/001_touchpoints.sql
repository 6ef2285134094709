-- What came in: the accepted touchpoints, and what became of every record that was read.
-- A row is replaced by one with the same sorting key and a higher version; FINAL shows the highest and hides deleted ones.

CREATE TABLE IF NOT EXISTS touchpoints
(
    channel             LowCardinality(String) COMMENT 'Channel: email, web, mobile, social or service',
    via                 String                 COMMENT 'Strongest identifier as namespace:value; says whose touchpoint it is',
    occurred_at         DateTime64(3, 'UTC')   COMMENT 'Event time, UTC, milliseconds',
    event_id            String                 COMMENT 'The id of the event that its producer gave; unique within channel and via',
    via_customer        UUID                   COMMENT 'Customer that the touchpoint was resolved to when it was accepted',
    action              LowCardinality(String) COMMENT 'What happened: opened, page_viewed, purchased, ...',
    direction           LowCardinality(String) COMMENT 'inbound: the customer speaks; outbound: the company speaks',
    mode                LowCardinality(String) COMMENT 'synchronous: both sides are present (call, chat, visit); asynchronous: e-mail, post, push',
    actor               LowCardinality(String) COMMENT 'Who acted: human, suspect (perhaps a machine, counted apart) or machine',
    rules_version       LowCardinality(String) COMMENT 'Version of the rules that judged the actor',
    marketing_channel   LowCardinality(String) COMMENT 'Marketing channel of the touchpoint itself, by the default channel group of GA4',
    has_acquisition     Bool                   COMMENT 'True where the touchpoint says where the customer came from, own domains excepted',
    source              LowCardinality(String) COMMENT 'utm_source: site, sender or app that sent the customer; empty if not given',
    medium              LowCardinality(String) COMMENT 'utm_medium: email, cpc, organic, referral, ...; empty if not given',
    campaign            LowCardinality(String) COMMENT 'utm_campaign: name of the campaign; empty if not given',
    content             String                 COMMENT 'utm_content: variant of the advertisement or link; empty if not given',
    term                String                 COMMENT 'utm_term: search term bid on; empty if not given',
    click_id            String                 COMMENT 'Click id of the advertising platform (gclid and its kin); empty if not given',
    referrer            String                 COMMENT 'Address of the page that linked here; empty if not given',
    url                 String                 COMMENT 'Address of the landing page; empty if not given',
    message_id          String                 COMMENT 'The message sent; its sending, delivery, opening and clicks share it; empty if none',
    thread_id           String                 COMMENT 'The conversation that the touchpoint belongs to; empty if none',
    link                String                 COMMENT 'Address clicked; empty if none',
    conversion_type     LowCardinality(String) COMMENT 'Kind of conversion (purchase, ...); empty where the touchpoint is no conversion',
    value_micros        Int64                  COMMENT 'Value of the conversion in millionths of the currency unit; 0 where there is none',
    currency            LowCardinality(String) COMMENT 'Currency of the value, ISO 4217; empty where there is no money',
    order_id            String                 COMMENT 'Order of the conversion; empty if none',
    sentiment           Nullable(Int16)        COMMENT 'Sentiment of what was said, in thousandths, -1000 to 1000; NULL if not given',
    satisfaction_metric LowCardinality(String) COMMENT 'Survey question: nps (0 to 10), csat (1 to 5) or acsi (3 to 30); empty where it is no survey answer',
    satisfaction_score  Nullable(Int32)        COMMENT 'Survey answer on the scale of its metric; NULL where it is none',
    engaged_ms          Nullable(Int64)        COMMENT 'Engaged time on the page or foreground time in the app, milliseconds; NULL if not given',
    user_agent          String                 COMMENT 'User agent of the browser or mail client; empty if not given',
    provider_machine    Bool                   COMMENT 'True where the provider itself says that a machine did it',
    backfill            Bool                   COMMENT 'True for imported history, for which lateness is not judged',
    identifiers         Array(String)          COMMENT 'All identifiers after cleaning as namespace:value, strongest first; the first is via',
    properties          Map(String, String)    COMMENT 'Everything else that the producer sent, as strings',
    received_at         DateTime64(3, 'UTC')   COMMENT 'When the record first reached Kafka, UTC, milliseconds',
    intake_partition    Int32                  COMMENT 'Partition of its channel topic that the touchpoint was read from',
    version             UInt64                 COMMENT 'Offset of the touchpoint in its source partition, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted             UInt8 DEFAULT 0        COMMENT '1 where the touchpoint was erased; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (channel, via, occurred_at, event_id)
COMMENT 'One row an accepted touchpoint: one contact between a customer and the company on a channel. Machine traffic is in it, told apart by actor';

CREATE TABLE IF NOT EXISTS late_touchpoints
(
    channel     LowCardinality(String) COMMENT 'Channel of the touchpoint',
    event_id    String                 COMMENT 'The id of the event that its producer gave',
    occurred_at DateTime64(3, 'UTC')   COMMENT 'Event time, UTC, milliseconds',
    late_by_ms  Int64                  COMMENT 'How far its event time lies behind the watermark of its topic and partition, milliseconds',
    topic       LowCardinality(String) COMMENT 'Topic that the record was read from',
    partition   Int32                  COMMENT 'Partition that the record was read from',
    offset      Int64                  COMMENT 'Offset of the record in its partition',
    received_at DateTime64(3, 'UTC')   COMMENT 'When the record reached Kafka, UTC, milliseconds',
    key         Nullable(String)       COMMENT 'Key of the record as it was read, bytes; NULL where it had none' CODEC(ZSTD(3)),
    original    String                 COMMENT 'The touchpoint as it was read, bytes; can be replayed with backfill' CODEC(ZSTD(3)),
    version     UInt64                 COMMENT 'Offset of the record, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted     UInt8 DEFAULT 0        COMMENT '1 where the record was erased; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (topic, partition, offset)
COMMENT 'Touchpoints that came later than the lateness budget allows; they count in no journey and no engagement figure';

CREATE TABLE IF NOT EXISTS dead_letters
(
    reason      LowCardinality(String) COMMENT 'Why it was refused: undecodable, wrong_topic, invalid, no_identifier, future, ...',
    field       LowCardinality(String) COMMENT 'The field that is wrong; empty where it is the whole record',
    value       String                 COMMENT 'The value found, identifier values masked',
    expected    String                 COMMENT 'What was expected instead',
    channel     LowCardinality(String) COMMENT 'Channel of the topic that the record was read from',
    topic       LowCardinality(String) COMMENT 'Topic that the record was read from',
    partition   Int32                  COMMENT 'Partition that the record was read from',
    offset      Int64                  COMMENT 'Offset of the record in its partition',
    received_at DateTime64(3, 'UTC')   COMMENT 'When the record reached Kafka, UTC, milliseconds',
    key         Nullable(String)       COMMENT 'Key of the record as it was read, bytes; NULL where it had none' CODEC(ZSTD(3)),
    original    String                 COMMENT 'The record as it was read, bytes' CODEC(ZSTD(3)),
    version     UInt64                 COMMENT 'Offset of the record, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted     UInt8 DEFAULT 0        COMMENT '1 where the record was erased; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (topic, partition, offset)
COMMENT 'Records that could not be taken, with the reason and the original bytes';

CREATE TABLE IF NOT EXISTS outcomes
(
    topic     LowCardinality(String) COMMENT 'Topic that the records were read from',
    channel   LowCardinality(String) COMMENT 'Channel of that topic',
    partition Int32                  COMMENT 'Partition that the records were read from',
    outcome   LowCardinality(String) COMMENT 'accepted, duplicate, late, dead or rerouted (sent again to the right partition)',
    reason    LowCardinality(String) COMMENT 'Reason of the dead letters; empty for other outcomes',
    records   Int64                  COMMENT 'Number of records, from the beginning of the partition',
    version   UInt64                 COMMENT 'Source offset that last changed the row, epoch of the log in the high 16 bits; the highest version of a row is valid',
    deleted   UInt8 DEFAULT 0        COMMENT '1 where the row was removed; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (topic, partition, outcome, reason)
COMMENT 'How many records of each source partition ended in which outcome; the sum over outcomes is what was read';
