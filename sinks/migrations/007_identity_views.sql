-- Customers as they are now. What a touchpoint stores is its via; whose it is, a join with identities says at the time of asking.
-- A join and no dictionary: measured over 1,000,000 touchpoints and 100,000 identities the join is as fast as the best
-- dictionary (90 ms, hashed array 90 to 160), always fresh, and needs no user, no memory and no reload of its own; direct
-- dictionaries take 7 s, caches are stale. sinks/DESIGN.md has the table.

CREATE VIEW IF NOT EXISTS touchpoints_now
(
    customer_id         UUID                    COMMENT 'Customer that the touchpoint belongs to now: that of its via',
    channel             LowCardinality(String)  COMMENT 'Channel: email, web, mobile, social or service',
    via                 String                  COMMENT 'Strongest identifier as namespace:value; says whose touchpoint it is',
    occurred_at         DateTime64(3, 'UTC')    COMMENT 'Event time, UTC',
    event_id            String                  COMMENT 'The id of the event that its producer gave; unique within channel and via',
    action              LowCardinality(String)  COMMENT 'What happened: opened, page_viewed, purchased, ...',
    direction           LowCardinality(String)  COMMENT 'inbound: the customer speaks; outbound: the company speaks',
    mode                LowCardinality(String)  COMMENT 'synchronous: both sides are present (call, chat, visit); asynchronous: e-mail, post, push',
    actor               LowCardinality(String)  COMMENT 'Who acted: human, suspect (perhaps a machine, counted apart) or machine',
    marketing_channel   LowCardinality(String)  COMMENT 'Marketing channel of the touchpoint itself, by the default channel group of GA4',
    has_acquisition     Bool                    COMMENT 'True where the touchpoint says where the customer came from, own domains excepted',
    source              LowCardinality(String)  COMMENT 'utm_source: site, sender or app that sent the customer; empty if not given',
    medium              LowCardinality(String)  COMMENT 'utm_medium: email, cpc, organic, referral, ...; empty if not given',
    campaign            LowCardinality(String)  COMMENT 'utm_campaign: name of the campaign; empty if not given',
    content             String                  COMMENT 'utm_content: variant of the advertisement or link; empty if not given',
    term                String                  COMMENT 'utm_term: search term bid on; empty if not given',
    click_id            String                  COMMENT 'Click id of the advertising platform (gclid and its kin); empty if not given',
    referrer            String                  COMMENT 'Address of the page that linked here; empty if not given',
    url                 String                  COMMENT 'Address of the landing page; empty if not given',
    message_id          String                  COMMENT 'The message sent; its sending, delivery, opening and clicks share it; empty if none',
    thread_id           String                  COMMENT 'The conversation that the touchpoint belongs to; empty if none',
    link                String                  COMMENT 'Address clicked; empty if none',
    conversion_type     LowCardinality(String)  COMMENT 'Kind of conversion (purchase, ...); empty where the touchpoint is no conversion',
    value               Decimal(18, 6)          COMMENT 'Value of the conversion in units of the currency; 0 where there is none',
    currency            LowCardinality(String)  COMMENT 'Currency of the value, ISO 4217; empty where there is no money',
    order_id            String                  COMMENT 'Order of the conversion; empty if none',
    sentiment           Nullable(Int16)         COMMENT 'Sentiment of what was said, in thousandths, -1000 to 1000; NULL if not given',
    satisfaction_metric LowCardinality(String)  COMMENT 'Survey question: nps (0 to 10), csat (1 to 5) or acsi (3 to 30); empty where it is no survey answer',
    satisfaction_score  Nullable(Int32)         COMMENT 'Survey answer on the scale of its metric; NULL where it is none',
    engaged_seconds     Nullable(Float64)       COMMENT 'Engaged time on the page or foreground time in the app, seconds; NULL if not given',
    user_agent          String                  COMMENT 'User agent of the browser or mail client; empty if not given',
    identifiers         Array(String)           COMMENT 'All identifiers after cleaning as namespace:value, strongest first; the first is via',
    properties          Map(String, String)     COMMENT 'Everything else that the producer sent, as strings',
    received_at         DateTime64(3, 'UTC')    COMMENT 'When the record first reached Kafka, UTC'
)
AS SELECT
    if(i.version > 0, i.customer_id, t.via_customer) AS customer_id,
    t.channel AS channel,
    t.via AS via,
    t.occurred_at AS occurred_at,
    t.event_id AS event_id,
    t.action AS action,
    t.direction AS direction,
    t.mode AS mode,
    t.actor AS actor,
    t.marketing_channel AS marketing_channel,
    t.has_acquisition AS has_acquisition,
    t.source AS source,
    t.medium AS medium,
    t.campaign AS campaign,
    t.content AS content,
    t.term AS term,
    t.click_id AS click_id,
    t.referrer AS referrer,
    t.url AS url,
    t.message_id AS message_id,
    t.thread_id AS thread_id,
    t.link AS link,
    t.conversion_type AS conversion_type,
    reinterpret(t.value_micros, 'Decimal(18, 6)') AS value,
    t.currency AS currency,
    t.order_id AS order_id,
    t.sentiment AS sentiment,
    t.satisfaction_metric AS satisfaction_metric,
    t.satisfaction_score AS satisfaction_score,
    t.engaged_ms / 1000 AS engaged_seconds,
    t.user_agent AS user_agent,
    t.identifiers AS identifiers,
    t.properties AS properties,
    t.received_at AS received_at
FROM touchpoints AS t FINAL
LEFT ANY JOIN
(
    SELECT concat(namespace, ':', value) AS identifier, customer_id, version
    FROM identities FINAL
) AS i ON i.identifier = t.via
SETTINGS join_use_nulls = 0
COMMENT 'One row an accepted touchpoint with the customer that it belongs to now, machine and outbound ones included';

CREATE VIEW IF NOT EXISTS identities_now
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

CREATE VIEW IF NOT EXISTS customers
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

CREATE VIEW IF NOT EXISTS attribution_changes
(
    changed_at          DateTime64(3, 'UTC')    COMMENT 'When the change became known: when the record that caused it reached Kafka, UTC',
    cause               LowCardinality(String)  COMMENT 'arrival: a touchpoint came behind all others; late: one came before others; merge, split: identifiers moved between customers; verdict: a touchpoint turned out to be a machine''s',
    cause_event_id      String                  COMMENT 'event_id of the touchpoint, or of what caused the move, or correction_id',
    customer_id         UUID                    COMMENT 'The customer; a conversion that moves to another one is a change of both',
    journey_before      UUID                    COMMENT 'The journey before; zeros where there was none',
    journey_after       UUID                    COMMENT 'The journey after; zeros where there is none',
    conversion_channel  LowCardinality(String)  COMMENT 'Channel of the conversion',
    conversion_via      String                  COMMENT 'Strongest identifier of the conversion as namespace:value',
    conversion_event_id String                  COMMENT 'event_id of the conversion',
    converted_at        DateTime64(3, 'UTC')    COMMENT 'Event time of the conversion, UTC',
    conversion_type     LowCardinality(String)  COMMENT 'Type of the conversion',
    currency            LowCardinality(String)  COMMENT 'Currency of the values, ISO 4217; empty where there is no money',
    model               LowCardinality(String)  COMMENT 'first, last, last_non_direct, linear, position, j_shaped, inverse_j or time_decay; never add up several models',
    marketing_channel   LowCardinality(String)  COMMENT 'Marketing channel of the touches',
    campaign            String                  COMMENT 'Campaign of the touches; empty if none',
    credit_before       Float64                 COMMENT 'Share of the conversion before, 0 to 1; 0 where it was not known, or another customer''s',
    credit_after        Float64                 COMMENT 'Share of the conversion after, 0 to 1',
    value_before        Decimal(18, 6)          COMMENT 'Share of the value before, in units of the currency, rounded to millionths',
    value_after         Decimal(18, 6)          COMMENT 'Share of the value after; value_after - value_before is what was added to the figure'
)
AS SELECT
    c.changed_at AS changed_at,
    c.cause AS cause,
    c.cause_event_id AS cause_event_id,
    c.customer_id AS customer_id,
    c.journey_before AS journey_before,
    c.journey_after AS journey_after,
    c.conversion_channel AS conversion_channel,
    c.conversion_via AS conversion_via,
    c.conversion_event_id AS conversion_event_id,
    c.converted_at AS converted_at,
    c.conversion_type AS conversion_type,
    c.currency AS currency,
    c.model AS model,
    touch_marketing_channel AS marketing_channel,
    touch_campaign AS campaign,
    sum(share_before) AS credit_before,
    sum(share_after) AS credit_after,
    reinterpret(toInt64(round(credit_before * c.value_micros)), 'Decimal(18, 6)') AS value_before,
    reinterpret(toInt64(round(credit_after * c.value_micros)), 'Decimal(18, 6)') AS value_after
FROM
(
    SELECT
        *,
        model_credits.1 AS model,
        arrayResize(model_credits.2, length(before_touches_at), 0.) AS shares_before,
        arrayResize(model_credits.3, length(after_touches_at), 0.) AS shares_after
    FROM journey_changes FINAL
    ARRAY JOIN [
        ('first', before_credit_first, after_credit_first),
        ('last', before_credit_last, after_credit_last),
        ('last_non_direct', before_credit_last_non_direct, after_credit_last_non_direct),
        ('linear', before_credit_linear, after_credit_linear),
        ('position', before_credit_position, after_credit_position),
        ('j_shaped', before_credit_j_shaped, after_credit_j_shaped),
        ('inverse_j', before_credit_inverse_j, after_credit_inverse_j),
        ('time_decay', before_credit_time_decay, after_credit_time_decay)
    ] AS model_credits
) AS c
ARRAY JOIN
    arrayConcat(before_touches_marketing_channel, after_touches_marketing_channel) AS touch_marketing_channel,
    arrayConcat(before_touches_campaign, after_touches_campaign) AS touch_campaign,
    arrayConcat(shares_before, arrayResize(emptyArrayFloat64(), length(shares_after), 0.)) AS share_before,
    arrayConcat(arrayResize(emptyArrayFloat64(), length(shares_before), 0.), shares_after) AS share_after
GROUP BY
    c.version, changed_at, cause, cause_event_id, customer_id, journey_before, journey_after, conversion_channel, conversion_via,
    conversion_event_id, converted_at, conversion_type, currency, c.value_micros, model, marketing_channel, campaign
HAVING abs(credit_after - credit_before) > 1e-9
COMMENT 'One row a change, model, marketing channel and campaign whose credit it changed; all changes added up are attributions';
