-- What operators had read again: one row a record and replay, so that none is replayed twice unknowingly. And whose tables these
-- are: two pipelines, an old and a new one, each have a database, and exchange them when the new one takes over.

CREATE TABLE IF NOT EXISTS replays
(
    topic       LowCardinality(String) COMMENT 'Topic of the dead letter or late touchpoint, as its own table has it',
    partition   Int32                  COMMENT 'Partition of it',
    offset      Int64                  COMMENT 'Offset of it in its partition',
    epoch       UInt16 DEFAULT 0       COMMENT 'OMNIJOURNEY_LOG_EPOCH under which it was written: a topic made anew counts from 0 again',
    namespace   LowCardinality(String) COMMENT 'OMNIJOURNEY_NAMESPACE of the pipeline whose topic it is; empty for topics that touchpoints are produced to, which all share',
    kind        LowCardinality(String) COMMENT 'dead: it was a dead letter; late: a late touchpoint',
    outcome     LowCardinality(String) COMMENT 'sent: sent again to its topic; inserted: its row was inserted again; duplicate: what it says is there already, nothing was sent',
    mended      Array(String)          COMMENT 'Fields that were set anew before; empty where it was replayed as it was',
    selection   String                 COMMENT 'What was asked to be replayed, in the words of the command line',
    replayed_by String                 COMMENT 'Who asked: name of the account on the machine of the command',
    replayed_at DateTime64(3, 'UTC')   COMMENT 'When the command began, UTC, milliseconds; one time for all rows of a run',
    version     UInt64                 COMMENT 'replayed_at in milliseconds; the highest version of a row is valid',
    deleted     UInt8 DEFAULT 0        COMMENT '1 where the row was removed; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (topic, partition, offset, epoch, namespace, replayed_at)
COMMENT 'Log of dead letters and late touchpoints that were replayed: by whom, when, how';

CREATE TABLE IF NOT EXISTS pipelines
(
    since      DateTime64(3, 'UTC')   COMMENT 'From when on, UTC, milliseconds; the latest row holds',
    namespace  LowCardinality(String) COMMENT 'OMNIJOURNEY_NAMESPACE of the workers that write these tables; empty is one, too',
    serves     Bool                   COMMENT 'True where people ask these tables; false where they are kept beside those, to be compared',
    reads_from DateTime64(3, 'UTC')   COMMENT 'Touchpoints received before it were not read, UTC, milliseconds; 1970 where all were',
    begins     Map(String, Int64)     COMMENT 'By topic-partition: when the first touchpoint was received that could be read, milliseconds since 1970 UTC; later than reads_from where Kafka no longer had the earlier ones',
    tables     Map(String, String)    COMMENT 'By name: UUID of each table that workers write; shows where an exchange was cut short',
    said_by    String                 COMMENT 'Who had it so: name of the account on the machine of the command',
    version    UInt64                 COMMENT 'since in milliseconds; the highest version of a row is valid',
    deleted    UInt8 DEFAULT 0        COMMENT '1 where the row was removed; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY since
COMMENT 'Log of whose tables these are: workers of another namespace refuse to write them. Empty while nobody ever folded anew';
