-- Tables of a large company, made by ClickHouse itself: {touchpoints} touchpoints, and what the stages would make of them.
-- Visits are drawn first: few customers have most of them. Touchpoints, sessions and journeys follow from the visits, so
-- that the tables agree: a customer's journeys end at a purchase or before more than 30 days of silence. What a query reads
-- is as in a live database: texts of ordinary length, months in partitions, journeys and sessions in several versions.

-- A draw between 0 and 1, told apart by what it is for.
CREATE OR REPLACE FUNCTION drawn AS (n, purpose) -> (sipHash64(toUInt64(n), purpose) % 1000003) / 1000003;
CREATE OR REPLACE FUNCTION hashed AS (a, b, size) -> lower(substring(hex(sipHash128(toUInt64(a), toString(b))), 1, size));
-- A customer is known by up to four identifiers; the first gives the id.
CREATE OR REPLACE FUNCTION via_of AS (customer, place) -> concat(
    ['user_id', 'cookie_id', 'email_sha256', 'device_id'][1 + (customer + place) % 4], ':', hashed(customer, place, 32));
CREATE OR REPLACE FUNCTION uuid_of AS (digest) -> toUUID(concat(
    substring(digest, 1, 8), '-', substring(digest, 9, 4), '-5', substring(digest, 14, 3), '-',
    translate(substring(digest, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab'), substring(digest, 18, 3), '-',
    substring(digest, 21, 12)));
CREATE OR REPLACE FUNCTION own_customer AS (via) -> uuid_of(lower(hex(SHA1(concat(
    unhex('be58af1d235e5bf1bb5536492a89217f'),
    reverse(reinterpretAsFixedString(toUInt32(position(via, ':') - 1))), substring(via, 1, position(via, ':') - 1),
    reverse(reinterpretAsFixedString(toUInt32(length(via) - position(via, ':')))), substring(via, position(via, ':') + 1)
)))));
CREATE OR REPLACE FUNCTION step_at AS (n, at, i) -> at + toIntervalMillisecond(i * 41000 + if(i = 0, 0, sipHash64(n, toUInt16(i)) % 20000));
CREATE OR REPLACE FUNCTION action_of AS (n, channel, i, size, purchase) -> multiIf(
    purchase AND i = size - 1, 'purchased',
    channel = 'email', if(i = 0, 'opened', 'clicked'),
    channel = 'social', ['reacted', 'commented', 'shared', 'link_clicked'][1 + sipHash64(n, i, 9) % 4],
    channel = 'service', ['chat_message', 'called', 'message_received'][1 + sipHash64(n, i, 9) % 3],
    channel = 'mobile', ['screen_viewed', 'screen_viewed', 'product_viewed', 'app_opened'][1 + sipHash64(n, i, 9) % 4],
    ['page_viewed', 'page_viewed', 'page_viewed', 'product_viewed', 'product_viewed', 'searched', 'cart_added',
        'checkout_started'][1 + sipHash64(n, i, 9) % 8]);
CREATE OR REPLACE FUNCTION agent_of AS (customer) -> concat(
    'Mozilla/5.0 (X11; Linux x86_64; rv:', toString(100 + customer % 40), '.0) Gecko/20100101 Firefox');

-- What draws a visit's channel, marketing channel and campaign: cumulative shares.
CREATE TABLE visits
(
    n UInt32, customer UInt32, customer_id UUID, via String, at DateTime64(3, 'UTC'), channel LowCardinality(String),
    marketing_channel LowCardinality(String), campaign LowCardinality(String), size UInt16, purchase Bool
)
ENGINE = MergeTree ORDER BY (customer, at);
INSERT INTO visits
SELECT
    number AS n,
    toUInt32({customers} * 0.42 * pow(drawn(n, 'customer'), 1.7)) AS customer,
    own_customer(via_of(customer, 0)) AS customer_id,
    via_of(customer, toUInt8(drawn(n, 'place') * (1 + customer % 3))) AS via,
    toDateTime64('2026-01-01', 3, 'UTC') + toIntervalMillisecond(toInt64(drawn(n, 'at') * 181 * 86400000)) AS at,
    multiIf(drawn(n, 'channel') < 0.45, 'web', drawn(n, 'channel') < 0.69, 'mobile', drawn(n, 'channel') < 0.92, 'email',
        drawn(n, 'channel') < 0.97, 'service', 'social') AS channel,
    multiIf(
        channel = 'email', 'Email', channel = 'social', 'Organic Social', channel = 'service', 'Direct',
        channel = 'mobile', if(drawn(n, 'origin') < 0.3, 'Mobile Push Notifications', 'Direct'),
        ['Direct', 'Direct', 'Direct', 'Organic Search', 'Organic Search', 'Organic Search', 'Paid Search', 'Paid Search',
            'Referral', 'Paid Social', 'Display', 'Affiliates'][1 + toUInt8(drawn(n, 'origin') * 12)]
    ) AS marketing_channel,
    if(marketing_channel IN ('Direct', 'Organic Search', 'Organic Social', 'Referral'), '',
        concat(marketing_channel, '-', toString(toUInt8(drawn(n, 'campaign') * 12)))) AS campaign,
    1 + least(60, toUInt16(-2.4 * log(1 - drawn(n, 'size')))) AS size,
    channel != 'email' AND channel != 'social' AND drawn(n, 'purchase') < 0.05 AS purchase
FROM numbers({visits});

INSERT INTO touchpoints (channel, via, occurred_at, event_id, via_customer, action, direction, mode, actor, rules_version,
    marketing_channel, has_acquisition, source, medium, campaign, message_id, thread_id, conversion_type, value_micros,
    currency, order_id, satisfaction_metric, satisfaction_score, engaged_ms, user_agent, identifiers, properties, received_at,
    intake_partition, version)
SELECT channel, via, step_at(n, at, i) AS occurred_at, hashed(n, i, 22), own_customer(via),
    action_of(n, channel, i, size, purchase) AS action, 'inbound', if(channel = 'service', 'synchronous', 'asynchronous'),
    if(drawn(n, 'actor') < 0.01, 'suspect', 'human'), '1', marketing_channel, campaign != '' AND i = 0,
    if(i = 0, splitByChar(' ', marketing_channel)[1], ''), if(i = 0, 'cpc', ''), campaign,
    if(channel IN ('email', 'mobile'), hashed(n, 'message', 20), ''), if(channel = 'service', hashed(n, 'thread', 20), ''),
    if(action = 'purchased', 'purchase', ''), if(action = 'purchased', (1 + n % 300) * 990000, 0),
    if(action = 'purchased', if(n % 10 = 0, 'CHF', 'EUR'), ''), if(action = 'purchased', hashed(n, 'order', 12), ''),
    if(channel = 'service' AND i = size - 1 AND n % 3 = 0, 'nps', '') AS survey, if(survey = 'nps', sipHash64(n, i) % 11, NULL),
    if(channel IN ('web', 'mobile'), sipHash64(n, i) % 60000, NULL), agent_of(customer),
    if(i = 0, arrayDistinct([via, via_of(customer, n % (1 + customer % 3))]), [via]),
    map('path', concat('/c/', toString(sipHash64(n, i) % 500))), occurred_at + 1, n % 4, n
FROM visits ARRAY JOIN range(size) AS i;
-- Nine of ten who come to the service get an answer.
INSERT INTO touchpoints (channel, via, occurred_at, event_id, via_customer, action, direction, mode, actor, rules_version,
    marketing_channel, thread_id, identifiers, received_at, intake_partition, version)
SELECT channel, via, at + toIntervalSecond(sipHash64(n, 'answer') % 300) AS occurred_at, hashed(n, 'answer', 22),
    own_customer(via), 'chat_answered', 'outbound', 'synchronous', 'human', '1', 'Direct', hashed(n, 'thread', 20), [via],
    occurred_at + 1, n % 4, n
FROM visits WHERE channel = 'service' AND n % 10 != 0;
-- What the company sends, and what machines do: nobody's visits.
INSERT INTO touchpoints (channel, via, occurred_at, event_id, via_customer, action, direction, mode, actor, rules_version,
    marketing_channel, campaign, message_id, user_agent, identifiers, received_at, intake_partition, version)
SELECT
    multiIf(drawn(n, 'out') < 0.55, 'email', drawn(n, 'out') < 0.75, 'mobile', drawn(n, 'out') < 0.9, 'social', 'web') AS channel,
    via_of(customer, 0) AS via,
    toDateTime64('2026-01-01', 3, 'UTC') + toIntervalMillisecond(toInt64(drawn(n, 'sent') * 181 * 86400000)) AS occurred_at,
    hashed(n, 'out', 22), own_customer(via),
    multiIf(channel = 'email', if(n % 2 = 0, 'sent', 'delivered'), channel = 'mobile', if(n % 2 = 0, 'push_sent', 'push_delivered'),
        channel = 'social', 'impression_shown', 'page_viewed'),
    if(channel = 'web', 'inbound', 'outbound'), 'asynchronous', if(channel = 'web', 'machine', 'human'), '1',
    multiIf(channel = 'email', 'Email', channel = 'mobile', 'Mobile Push Notifications', channel = 'social', 'Organic Social', 'Direct')
        AS marketing_channel,
    if(channel = 'web', '', concat(marketing_channel, '-', toString(n % 12))),
    if(channel IN ('email', 'mobile'), hashed(n, 'message', 20), ''), if(channel = 'web', agent_of(customer), ''), [via],
    occurred_at + 1, n % 4, n
FROM
(
    SELECT number AS n, toUInt32({customers} * pow(drawn(n, 'receiver'), 1.2)) AS customer
    FROM numbers(assumeNotNull({touchpoints} - (SELECT count() FROM touchpoints)))
);

INSERT INTO sessions (session_id, customer_id, channel, started_at, ended_at, touchpoints, page_views, engaged_ms, conversions,
    engaged, marketing_channel, campaign, version)
SELECT uuid_of(hashed(n, 'session', 32)), customer_id, channel, at, step_at(n, at, size - 1), size,
    if(channel IN ('web', 'mobile'), size, 0), size * 9000, purchase, size > 1 OR purchase, marketing_channel, campaign, 1
FROM visits;
INSERT INTO sessions SELECT * REPLACE (2 AS version) FROM sessions WHERE touchpoints > 4;

-- `cuts` tells where a journey begins: behind a purchase, or after more than 30 days.
INSERT INTO journeys (journey_id, customer_id, started_at, ended_at, first_channel, last_channel, touchpoints, converted,
    conversion_type, value_micros, currency, order_id, goals, steps_at, steps_channel, steps_action, steps_via, steps_event_id,
    touches_at, touches_channel, touches_marketing_channel, touches_campaign, touches_content, touches_touchpoints,
    credit_first, credit_last, credit_last_non_direct, credit_linear, credit_position, credit_j_shaped, credit_inverse_j,
    credit_time_decay, version)
WITH
    arrayMap(v -> v.1, way) AS ns, arrayMap(v -> v.2, way) AS ats, arrayMap(v -> v.3, way) AS channels,
    arrayMap(v -> v.7, way) AS sizes, length(way) AS touches,
    arrayMap(i -> i = 1, arrayEnumerate(way)) AS is_first, arrayMap(i -> i = touches, arrayEnumerate(way)) AS is_last,
    arrayMap(i -> 1 / touches, way) AS equal
SELECT
    uuid_of(hashed(ns[1], 'journey', 32)), customer_id, ats[1], step_at(ns[-1], ats[-1], sizes[-1] - 1), channels[1], channels[-1],
    arraySum(sizes), way[-1].8 AS converted, if(converted, 'purchase', ''), if(converted, (1 + ns[-1] % 300) * 990000, 0),
    if(converted, if(ns[-1] % 10 = 0, 'CHF', 'EUR'), ''), if(converted, hashed(ns[-1], 'order', 12), ''), ns[1] % 20 = 0,
    arrayFlatten(arrayMap(v -> arrayMap(i -> step_at(v.1, v.2, i), range(v.7)), way)),
    arrayFlatten(arrayMap(v -> arrayMap(i -> v.3, range(v.7)), way)),
    arrayFlatten(arrayMap(v -> arrayMap(i -> action_of(v.1, v.3, i, v.7, v.8), range(v.7)), way)),
    arrayFlatten(arrayMap(v -> arrayMap(i -> v.6, range(v.7)), way)),
    arrayFlatten(arrayMap(v -> arrayMap(i -> hashed(v.1, i, 22), range(v.7)), way)),
    ats, channels, arrayMap(v -> v.4, way), arrayMap(v -> v.5, way), arrayMap(v -> '', way), sizes,
    if(converted, arrayMap(f -> toFloat64(f), is_first), []), if(converted, arrayMap(l -> toFloat64(l), is_last), []) AS last,
    last, if(converted, equal, []) AS shares, shares, shares, shares, shares, 1
FROM
(
    SELECT any(customer_id) AS customer_id,
        arraySort(v -> v.2, groupArray((n, at, channel, marketing_channel, campaign, via, size, purchase))) AS visits_of,
        arrayMap((v, before) -> before.8 OR dateDiff('second', before.2, v.2) > 30 * 86400,
            visits_of, arrayPopBack(arrayPushFront(visits_of, visits_of[1]))) AS cuts
    FROM visits GROUP BY customer
)
ARRAY JOIN arraySplit((v, cut) -> cut, visits_of, cuts) AS way;
INSERT INTO journeys SELECT * REPLACE (2 AS version) FROM journeys WHERE length(touches_at) > 1;

INSERT INTO identities (namespace, value, customer_id, version)
SELECT substring(via, 1, position(via, ':') - 1), substring(via, position(via, ':') + 1), own_customer(via_of(customer, 0)), 1
FROM
(
    SELECT number AS customer, via_of(customer, place) AS via
    FROM numbers({customers}) ARRAY JOIN range(1, 1 + customer % 3) AS place
);

INSERT INTO journey_changes (customer_id, journey_before, journey_after, cause, cause_event_id, changed_at, conversion_channel,
    conversion_via, conversion_event_id, converted_at, conversion_type, value_micros, currency,
    after_touches_at, after_touches_channel, after_touches_marketing_channel, after_touches_campaign, after_touches_content,
    after_touches_touchpoints, after_credit_first, after_credit_last, after_credit_last_non_direct, after_credit_linear,
    after_credit_position, after_credit_j_shaped, after_credit_inverse_j, after_credit_time_decay, version)
SELECT customer_id, toUUID('00000000-0000-0000-0000-000000000000'), journey_id, 'arrival', steps_event_id[-1], ended_at + 1,
    if(converted, last_channel, ''), if(converted, steps_via[-1], ''), if(converted, steps_event_id[-1], ''),
    if(converted, ended_at, 0), conversion_type, value_micros, currency,
    if(converted, touches_at, []), if(converted, touches_channel, []), if(converted, touches_marketing_channel, []),
    if(converted, touches_campaign, []), if(converted, touches_content, []), if(converted, touches_touchpoints, []),
    credit_first, credit_last, credit_last_non_direct, credit_linear, credit_position, credit_j_shaped, credit_inverse_j,
    credit_time_decay, version
FROM journeys FINAL;

INSERT INTO engagement (channel, campaign, hour, currency, actor, source_partition, touchpoints, inbound, outbound,
    unique_openers, unique_clickers, engaged_ms, conversions, revenue_micros, actions, version)
SELECT channel, campaign, toStartOfHour(occurred_at), currency, actor, intake_partition, count(), countIf(direction = 'inbound'),
    countIf(direction = 'outbound'), uniqIf(message_id, action = 'opened'), uniqIf(message_id, action = 'clicked'),
    sum(ifNull(engaged_ms, 0)), countIf(conversion_type != ''), sum(value_micros), sumMap(map(action, 1)), 1
FROM touchpoints
GROUP BY ALL;

-- What each day cost on marketing channels and campaigns that are paid for, in two currencies.
INSERT INTO spend (day, dimension, name, currency, amount_micros, version)
SELECT toDate(at) AS day, paid.1 AS dimension, paid.2 AS name, currency, count() * if(currency = 'EUR', 300000, 40000), 1
FROM visits
ARRAY JOIN [('marketing_channel', toString(marketing_channel)), ('campaign', toString(campaign))] AS paid
ARRAY JOIN ['EUR', 'CHF'] AS currency
WHERE campaign != ''
GROUP BY day, dimension, name, currency;

-- Every model was run every night, over each dimension and all days so far; each run credits each value that there is.
INSERT INTO attribution_runs (run_id, ran_at, model, markov_order, dimension, since, until, lookback_ms, code_version, journeys,
    conversions, paths, coverage, version)
SELECT uuid_of(hashed(number, concat(run.1, toString(run.2), dimension), 32)), toDateTime64('2026-01-02 03:00:00', 3, 'UTC')
    + toIntervalDay(number), run.1, run.2, dimension, toDate('2026-01-01'), toDate('2026-01-01') + number, 90 * 86400000, '1',
    2200 * (1 + number), 200 * (1 + number), 100 * (1 + number), 1, 1
FROM numbers(181)
ARRAY JOIN [('markov', 1), ('markov', 2), ('markov', 3), ('shapley', 0), ('shapley_rate', 0)] AS run
ARRAY JOIN ['marketing_channel', 'channel', 'campaign'] AS dimension;
INSERT INTO attribution_run_credits (run_id, name, currency, conversions, value_micros, share, removal_effect, version)
SELECT run_id, credited.name, currency, credited.share * part * conversions AS credit, toInt64(credit * 150000000), credited.share,
    if(model = 'markov', credited.share, NULL), 1
FROM attribution_runs
INNER JOIN
(
    SELECT value.1 AS dimension, value.2 AS name, count() / sum(count()) OVER (PARTITION BY dimension) AS share
    FROM visits
    ARRAY JOIN [('marketing_channel', toString(marketing_channel)), ('channel', toString(channel)), ('campaign', toString(campaign))] AS value
    GROUP BY dimension, name
) AS credited USING dimension
ARRAY JOIN ['EUR', 'CHF'] AS currency, [0.9, 0.1] AS part;
