-- What analysts ask of journeys and customers: ways, transitions, funnels, cohorts, overlaps. Customers are those of now:
-- journeys and sessions bear the current customer, touchpoints get it from touchpoints_now. Who came on which marketing channel
-- is told by visits, so by the touches of journeys; a session has the marketing channel of its own channel alone.
-- A journey's arrays are in the order of its touchpoints, so equal times need care in funnel alone.

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
    path             String                  COMMENT 'Marketing channels of the touches in order, joined by " > "; consecutive repeats are one',
    channel_path     String                  COMMENT 'Channels of the steps (the first 1,000) in order, joined by " > "; consecutive repeats are one',
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
    arrayStringConcat(arrayCompact(touches_marketing_channel), ' > ') AS path,
    arrayStringConcat(arrayCompact(steps_channel), ' > ') AS channel_path,
    goals,
    conversion_type,
    reinterpret(value_micros, 'Decimal(18, 6)') AS value,
    currency,
    order_id
FROM journeys FINAL
COMMENT 'One row a journey with its state at the time of asking';

CREATE OR REPLACE VIEW journey_paths
(
    path            String                      COMMENT 'Marketing channels of the touches in order, joined by " > "; consecutive repeats are one',
    journeys        UInt64                      COMMENT 'Journeys that went this way, open ones included',
    share           Float64                     COMMENT 'Share of these among all journeys',
    customers       UInt64                      COMMENT 'Different customers of these journeys; do not add them up over paths',
    open            UInt64                      COMMENT 'Journeys among them that may go on: 30 days have not passed since the last touchpoint',
    conversions     UInt64                      COMMENT 'Journeys among them that a closing conversion ends',
    conversion_rate Float64                     COMMENT 'conversions / journeys; low while many are open',
    median_days     Nullable(Float64)           COMMENT 'Median time from the first touchpoint to the conversion, days; NULL without a conversion',
    value           Map(String, Decimal(18, 6)) COMMENT 'Value of the conversions by currency, in units of the currency'
)
AS SELECT
    path,
    count() AS journeys,
    journeys / sum(journeys) OVER () AS share,
    uniqExact(customer_id) AS customers,
    countIf(status = 'open') AS open,
    countIf(status = 'converted') AS conversions,
    conversions / journeys AS conversion_rate,
    quantileExactInclusiveOrNullIf(0.5)(duration_seconds, status = 'converted') / 86400 AS median_days,
    sumMapIf(map(toString(currency), j.value), currency != '') AS value
FROM journeys_now AS j
GROUP BY path
COMMENT 'One row a way through the marketing channels, over all journeys; group journeys_now by its path to look at some of them';

CREATE VIEW IF NOT EXISTS journey_transitions
(
    step      UInt32            COMMENT 'How many touches lie before, consecutive repeats being one; 0 is the beginning',
    from      String            COMMENT 'Marketing channel of the touch; "start" in step 0',
    to        String            COMMENT 'Marketing channel of the next touch that has another; "conversion" or "no conversion" where the journey ends, or has no more yet',
    journeys  UInt64            COMMENT 'Journeys that went from here to there in this step',
    customers UInt64            COMMENT 'Different customers of these journeys; do not add them up',
    share     Float64           COMMENT 'Share of these journeys among those that were here in this step',
    drop_off  Float64           COMMENT 'Share of the journeys here in this step that end here without conversion, so far; the same in each row of here'
)
AS SELECT
    step,
    from,
    to,
    count() AS journeys,
    uniqExact(customer_id) AS customers,
    journeys / sum(journeys) OVER here AS share,
    sumIf(journeys, to = 'no conversion') OVER here / sum(journeys) OVER here AS drop_off
FROM
(
    SELECT
        customer_id,
        arrayCompact(touches_marketing_channel) AS path,
        arrayPushFront(path, 'start') AS froms,
        arrayPushBack(path, if(converted, 'conversion', 'no conversion')) AS tos
    FROM journeys FINAL
)
ARRAY JOIN arrayMap(i -> toUInt32(i - 1), arrayEnumerate(froms)) AS step, froms AS from, tos AS to
GROUP BY step, from, to
WINDOW here AS (PARTITION BY step, from)
COMMENT 'One row a step of the ways that journeys took, as a Sankey diagram draws it: where from, where to, how many, how many were lost';

CREATE VIEW IF NOT EXISTS funnel
(
    step              UInt32             COMMENT 'Number of the step, from 1',
    name              String             COMMENT 'The step as it was asked for',
    customers         UInt64             COMMENT 'Customers who came as far as this step, or further, in order and within the window',
    share_of_first    Nullable(Float64)  COMMENT 'customers / customers of the first step; NULL over nobody',
    share_of_previous Nullable(Float64)  COMMENT 'customers / customers of the step before; NULL over nobody and in the first step'
)
AS SELECT
    step,
    name,
    customers,
    customers / nullIf(counts[1], 0) AS share_of_first,
    if(step = 1, NULL, customers / nullIf(counts[step - 1], 0)) AS share_of_previous
FROM
(
    SELECT arrayResize(
        sumForEach(arrayMap(step -> toUInt64(reached >= step), arrayEnumerate({steps:Array(String)}))), length({steps:Array(String)}), 0
    ) AS counts
    FROM
    (
        -- A touchpoint enters once for each step that it fits. A millisecond has 32 instants, in which later steps come first: so
        -- a step is always strictly later than the one before it, and touchpoints of equal times may come in any order.
        SELECT windowFunnel({window_seconds:UInt32} * 32000)(
            toUInt64(toUnixTimestamp64Milli(occurred_at) * 32 + 31 - fits),
            fits = 1, fits = 2, fits = 3, fits = 4, fits = 5, fits = 6, fits = 7, fits = 8, fits = 9, fits = 10
        ) AS reached
        FROM
        (
            SELECT customer_id, occurred_at, toString(action) AS action_name, concat(channel, '.', action) AS full_name
            FROM touchpoints_now
            -- Before the customer is looked for: the actions named, with or without channel.
            WHERE actor != 'machine' AND action IN (
                SELECT arrayJoin(arrayConcat(
                    {steps:Array(String)}, arrayMap(name -> substring(name, position(name, '.') + 1), {steps:Array(String)})
                ))
            )
        )
        ARRAY JOIN arrayFilter(
            (step, name) -> name = action_name OR name = full_name, arrayEnumerate({steps:Array(String)}), {steps:Array(String)}
        ) AS fits
        GROUP BY customer_id
    )
    HAVING NOT throwIf(length({steps:Array(String)}) NOT BETWEEN 1 AND 10, 'funnel takes 1 to 10 steps')
)
ARRAY JOIN arrayMap(i -> toUInt32(i), arrayEnumerate(counts)) AS step, {steps:Array(String)} AS name, counts AS customers
COMMENT 'One row a step: how many customers did one thing after the other, as funnel(steps = [''email.clicked'', ''cart_added'', ''purchased''], window_seconds = 604800). A step is an action, or channel.action, of humans and suspects or of the company; each is strictly later than the one before, all lie within window_seconds of the first. Of several beginnings the one that leads furthest counts';

CREATE VIEW IF NOT EXISTS first_visits
(
    customer_id       UUID                    COMMENT 'The customer',
    at                DateTime64(3, 'UTC')    COMMENT 'Event time of the first touchpoint of the visit, UTC',
    marketing_channel LowCardinality(String)  COMMENT 'Marketing channel of the visit: what won the customer',
    campaign          String                  COMMENT 'Campaign of the visit; empty if none',
    conversions       UInt64                  COMMENT 'Journeys of the customer that a closing conversion ended, until now'
)
-- Two journeys that begin at one instant have one visit, so it doesn't matter which of them is taken for the first.
AS SELECT
    customer_id,
    min(j.started_at) AS at,
    argMin(j.touches_marketing_channel[1], j.started_at) AS marketing_channel,
    argMin(j.touches_campaign[1], j.started_at) AS campaign,
    countIf(j.converted) AS conversions
FROM journeys AS j FINAL
GROUP BY customer_id
COMMENT 'One row a customer with at least one inbound touchpoint that no machine made: the visit that everything began with';

CREATE VIEW IF NOT EXISTS new_customers
(
    day               Date                    COMMENT 'Day of the first visit, UTC',
    marketing_channel LowCardinality(String)  COMMENT 'Marketing channel of the first visit',
    customers         UInt64                  COMMENT 'Customers whose first visit this was; a customer is in one row alone, so they add up',
    buyers            UInt64                  COMMENT 'Customers among them with a closing conversion, until now',
    buyer_share       Float64                 COMMENT 'buyers / customers; low while the day is young'
)
AS SELECT
    toDate(at) AS day,
    marketing_channel,
    count() AS customers,
    countIf(conversions > 0) AS buyers,
    buyers / customers AS buyer_share
FROM first_visits
GROUP BY day, marketing_channel
COMMENT 'Acquisition: customers won, by day and marketing channel of their first visit';

CREATE VIEW IF NOT EXISTS retention_cohorts
(
    period            LowCardinality(String)  COMMENT 'week (from Monday) or month; never add up both',
    cohort            Date                    COMMENT 'First day of the period of the customers'' first visit, UTC',
    marketing_channel LowCardinality(String)  COMMENT 'Marketing channel of that visit',
    periods_later     UInt32                  COMMENT 'How many weeks or months later; 0 is the cohort''s own',
    customers         UInt64                  COMMENT 'Customers of the cohort',
    active            UInt64                  COMMENT 'Customers of the cohort who had a session in the later period; 0 where nobody came back',
    retention         Float64                 COMMENT 'active / customers',
    complete          Bool                    COMMENT 'False in the last period in which anybody had a session, which may not be over'
)
-- Periods are numbers until the end: weeks since the Monday before 1970, months since the year 0.
AS SELECT
    period,
    if(
        period = 'week',
        toDate(first_period * 7 - 3),
        addMonths(toDate('1970-01-01'), first_period - toRelativeMonthNum(toDate('1970-01-01')))
    ) AS cohort,
    marketing_channel,
    periods_later,
    active_later[0] AS customers,
    active_later[periods_later] AS active,
    active / customers AS retention,
    first_period + periods_later < last_period AS complete
FROM
(
    SELECT
        period,
        first_period,
        marketing_channel,
        mapFromArrays(groupArray(later), groupArray(customers)) AS active_later,
        -- To the last period of all, so that those in which nobody came back are there.
        max(first_period + max(later)) OVER (PARTITION BY period) AS last_period
    FROM
    (
        SELECT period, first_period, marketing_channel, toUInt32(active_period - first_period) AS later, count() AS customers
        FROM
        (
            SELECT
                period,
                marketing_channel,
                arrayDistinct(arrayMap(
                    day -> if(period = 'week', intDiv(toInt32(day) + 3, 7), toInt32(toRelativeMonthNum(day))), days
                )) AS active_periods,
                arrayMin(active_periods) AS first_period
            FROM
            (
                SELECT s.customer_id AS customer_id, groupArrayArray(arrayCompact([toDate(s.started_at), toDate(s.ended_at)])) AS days
                FROM sessions AS s FINAL
                GROUP BY customer_id
            ) AS c
            INNER JOIN first_visits AS f ON f.customer_id = c.customer_id
            ARRAY JOIN ['week', 'month'] AS period
        )
        ARRAY JOIN active_periods AS active_period
        GROUP BY period, first_period, marketing_channel, later
    )
    GROUP BY period, first_period, marketing_channel
)
ARRAY JOIN range(toUInt32(last_period - first_period) + 1) AS periods_later
COMMENT 'One row a cohort and later week or month: how many of the customers won came back';

CREATE VIEW IF NOT EXISTS channel_overlap
(
    channels    Array(String)      COMMENT 'Channels on which the customers ever spoke to us, sorted: these and no others',
    customers   UInt64             COMMENT 'Customers with exactly these channels; a customer is in one row alone, so they add up',
    share       Float64            COMMENT 'Share of these among all customers with a session',
    buyers      UInt64             COMMENT 'Customers among them with a closing conversion, until now',
    buyer_share Float64            COMMENT 'buyers / customers'
)
AS SELECT
    channels,
    count() AS customers,
    customers / sum(customers) OVER () AS share,
    countIf(bought) AS buyers,
    buyers / customers AS buyer_share
FROM
(
    SELECT customer_id, arraySort(groupUniqArray(channel)) AS channels, max(converted) AS bought
    FROM
    (
        SELECT s.customer_id AS customer_id, toString(s.channel) AS channel, false AS converted FROM sessions AS s FINAL
        UNION ALL
        -- The channel is that of a session, too, and so adds none.
        SELECT j.customer_id AS customer_id, toString(j.first_channel) AS channel, j.converted AS converted FROM journeys AS j FINAL
    )
    GROUP BY customer_id
)
GROUP BY channels
COMMENT 'One row a set of channels: how many customers use exactly these, and how many of them buy';

CREATE VIEW IF NOT EXISTS time_to_convert
(
    conversion_type   LowCardinality(String)  COMMENT 'Type of the closing conversion',
    marketing_channel LowCardinality(String)  COMMENT 'Marketing channel of the first touch of the journey',
    conversions       UInt64                  COMMENT 'Journeys that such a conversion ends',
    days_25           Float64                 COMMENT 'From the first touchpoint to the conversion: a quarter took at most so many days',
    days_50           Float64                 COMMENT 'Median, days',
    days_75           Float64                 COMMENT 'Three quarters took at most so many days',
    days_90           Float64                 COMMENT 'Nine tenths took at most so many days',
    median_touches    Float64                 COMMENT 'Median number of touches, that of the conversion included'
)
AS SELECT
    j.conversion_type AS conversion_type,
    j.touches_marketing_channel[1] AS marketing_channel,
    count() AS conversions,
    quantilesExactInclusive(0.25, 0.5, 0.75, 0.9)(dateDiff('millisecond', j.started_at, j.ended_at) / 86400000) AS days,
    days[1] AS days_25,
    days[2] AS days_50,
    days[3] AS days_75,
    days[4] AS days_90,
    quantileExactInclusive(0.5)(length(j.touches_at)) AS median_touches
FROM journeys AS j FINAL
WHERE j.converted
GROUP BY conversion_type, marketing_channel
COMMENT 'One row a type of conversion and marketing channel on which the journey began: how long it took. Quantiles lie between two values where they fall between; those of several rows can''t be added up';

CREATE VIEW IF NOT EXISTS assisted_conversions
(
    conversion_type        LowCardinality(String)       COMMENT 'Type of the closing conversion',
    marketing_channel      LowCardinality(String)       COMMENT 'Marketing channel',
    assists                UInt64                       COMMENT 'Conversions with a touch of the marketing channel before the last touch, within the lookback; do not add them up over marketing channels',
    last_touch_conversions UInt64                       COMMENT 'Conversions whose last touch is of the marketing channel',
    assist_ratio           Nullable(Float64)            COMMENT 'assists / last_touch_conversions: above 1 it prepares more than it closes; NULL where it never closes',
    assisted_value         Map(String, Decimal(18, 6))  COMMENT 'Whole value of the conversions assisted by currency, in units of the currency; do not add it up over marketing channels',
    last_touch_value       Map(String, Decimal(18, 6))  COMMENT 'Value of the conversions closed by currency, in units of the currency'
)
AS SELECT
    conversion_type,
    marketing_channel,
    countIf(assisted) AS assists,
    countIf(closed) AS last_touch_conversions,
    assists / nullIf(last_touch_conversions, 0) AS assist_ratio,
    sumMapIf(value_by_currency, assisted AND currency != '') AS assisted_value,
    sumMapIf(value_by_currency, closed AND currency != '') AS last_touch_value
FROM
(
    SELECT
        conversion_type,
        currency,
        map(toString(currency), reinterpret(value_micros, 'Decimal(18, 6)')) AS value_by_currency,
        -- Linear credits every touch within the lookback, and no other.
        arrayFilter((channel, credit) -> credit > 0, touches_marketing_channel, credit_linear) AS touched,
        arrayPopBack(touched) AS before
    FROM journeys FINAL
    WHERE converted
)
ARRAY JOIN
    arrayDistinct(touched) AS marketing_channel,
    arrayMap(channel -> has(before, channel), arrayDistinct(touched)) AS assisted,
    arrayMap(channel -> channel = touched[-1], arrayDistinct(touched)) AS closed
GROUP BY conversion_type, marketing_channel
COMMENT 'One row a type of conversion and marketing channel: how often it helped on the way, and how often it was the last';

CREATE VIEW IF NOT EXISTS customer_timeline
(
    occurred_at       DateTime64(3, 'UTC')    COMMENT 'Event time, UTC; order by occurred_at, event_id, channel, via',
    channel           LowCardinality(String)  COMMENT 'Channel: email, web, mobile, social or service',
    via               String                  COMMENT 'Strongest identifier of the touchpoint as namespace:value',
    event_id          String                  COMMENT 'The id of the event that its producer gave',
    direction         LowCardinality(String)  COMMENT 'inbound: the customer speaks; outbound: the company speaks',
    action            LowCardinality(String)  COMMENT 'What happened: opened, page_viewed, purchased, ...',
    actor             LowCardinality(String)  COMMENT 'Who acted: human, suspect (perhaps a machine) or machine',
    marketing_channel LowCardinality(String)  COMMENT 'Marketing channel of the touchpoint itself',
    campaign          LowCardinality(String)  COMMENT 'Campaign of the touchpoint itself; empty if none',
    message_id        String                  COMMENT 'The message sent; empty if none',
    thread_id         String                  COMMENT 'The conversation that the touchpoint belongs to; empty if none',
    conversion_type   LowCardinality(String)  COMMENT 'Kind of conversion; empty where the touchpoint is no conversion',
    value             Decimal(18, 6)          COMMENT 'Value of the conversion in units of the currency; 0 where there is none',
    currency          LowCardinality(String)  COMMENT 'Currency of the value, ISO 4217; empty where there is no money',
    customer_id       UUID                    COMMENT 'The customer asked for'
)
AS WITH
    (
        SELECT anyOrNull(customer_id) FROM identities FINAL
        WHERE namespace = substringIndex({customer:String}, ':', 1) AND concat(namespace, ':', value) = {customer:String}
    ) AS assigned,
    substringIndex({customer:String}, ':', 1) AS own_namespace,
    substring({customer:String}, length(own_namespace) + 2) AS own_value,
    -- The customer of an identifier that nothing links, as in identities_now.
    lower(hex(SHA1(concat(
        unhex('be58af1d235e5bf1bb5536492a89217f'),
        reverse(reinterpretAsFixedString(toUInt32(length(own_namespace)))), own_namespace,
        reverse(reinterpretAsFixedString(toUInt32(length(own_value)))), own_value
    )))) AS digest,
    coalesce(toUUIDOrNull({customer:String}), assigned, toUUID(concat(
        substring(digest, 1, 8), '-', substring(digest, 9, 4), '-5', substring(digest, 14, 3), '-',
        translate(substring(digest, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab'), substring(digest, 18, 3), '-',
        substring(digest, 21, 12)
    ))) AS wanted
SELECT
    occurred_at,
    channel,
    via,
    event_id,
    direction,
    action,
    actor,
    marketing_channel,
    campaign,
    message_id,
    thread_id,
    conversion_type,
    value,
    currency,
    customer_id
FROM touchpoints_now
WHERE customer_id = wanted AND via IN (
    SELECT concat(namespace, ':', value) FROM identities FINAL WHERE customer_id = wanted
    UNION ALL
    -- Nobody else than the identifier that gives the customer its id; the sort of rows of one via is the same in all versions.
    SELECT via FROM touchpoints FINAL WHERE via_customer = wanted
)
COMMENT 'One row a touchpoint of one customer, machine and outbound ones included, as customer_timeline(customer = ''user_id:4711''): any of its identifiers as namespace:value, or the customer_id';

-- The same as before, in a third of the time: each touchpoint's via is looked up once, and what is linked is not sought.

CREATE OR REPLACE VIEW identities_now
(
    identifier  String                  COMMENT 'The identifier as namespace:value',
    namespace   LowCardinality(String)  COMMENT 'What kind of name it is: user_id, email_sha256, phone_sha256, social_handle, device_id, cookie_id, click_id or another',
    value       String                  COMMENT 'The name itself; e-mail addresses and phone numbers only as SHA-256',
    customer_id UUID                    COMMENT 'Customer that the identifier belongs to now; one that is joined with no other is a customer of its own'
)
AS SELECT
    identifier,
    substring(identifier, 1, position(identifier, ':') - 1) AS namespace,
    substring(identifier, position(identifier, ':') + 1) AS value,
    customer_id
FROM
(
    SELECT concat(i.namespace, ':', i.value) AS identifier, i.customer_id AS customer_id
    FROM identities AS i FINAL
    UNION ALL
    SELECT
        identifier,
        toUUID(concat(
            substring(digest, 1, 8), '-', substring(digest, 9, 4), '-5', substring(digest, 14, 3), '-',
            translate(substring(digest, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab'), substring(digest, 18, 3), '-',
            substring(digest, 21, 12)
        )) AS customer_id
    FROM
    (
        -- Its own customer: UUIDv5 of (namespace, value) under the published namespace, as streams.domain.ids has it.
        SELECT
            identifier,
            position(identifier, ':') AS colon,
            lower(hex(SHA1(concat(
                unhex('be58af1d235e5bf1bb5536492a89217f'),
                reverse(reinterpretAsFixedString(toUInt32(colon - 1))), substring(identifier, 1, colon - 1),
                reverse(reinterpretAsFixedString(toUInt32(length(identifier) - colon))), substring(identifier, colon + 1)
            )))) AS digest
        FROM
        (
            SELECT arrayJoin(identifiers) AS identifier FROM touchpoints FINAL
            UNION DISTINCT
            SELECT arrayJoin([stronger, weaker]) FROM identity_corrections FINAL
        )
        WHERE identifier NOT IN (SELECT concat(namespace, ':', value) FROM identities FINAL)
    )
)
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
AS WITH fromUnixTimestamp64Milli(0, 'UTC') AS never
SELECT
    customer_id,
    mapFromArrays(
        arrayDistinct(arrayMap(name -> substring(name, 1, position(name, ':') - 1), names)) AS namespaces,
        arrayMap(namespace -> arrayMap(
            name -> substring(name, length(namespace) + 2), arrayFilter(name -> startsWith(name, concat(namespace, ':')), names)
        ), namespaces)
    ) AS identifiers,
    first_seen,
    last_seen,
    touchpoints,
    journeys,
    conversions,
    mapFromArrays(
        arraySort(arrayDistinct(arrayMap(sale -> sale.1, sales))) AS currencies,
        arrayMap(currency -> reinterpret(arraySum(sale -> if(sale.1 = currency, sale.2, 0), sales), 'Decimal(18, 6)'), currencies)
    ) AS revenue
FROM
(
    SELECT
        customer_id,
        arraySort(arrayDistinct(groupArrayIf(u.name, u.name != ''))) AS names,
        minIf(u.first_seen, u.touchpoints > 0) AS first_seen,
        maxIf(u.last_seen, u.touchpoints > 0) AS last_seen,
        sum(u.touchpoints) AS touchpoints,
        countIf(u.is_journey) AS journeys,
        countIf(u.converted) AS conversions,
        groupArrayIf((u.currency, u.value_micros), u.converted AND u.currency != '') AS sales
    FROM
    (
        -- An identifier that nobody links gives its customer the id. It is the via of touchpoints, or an operator named it.
        SELECT
            if(i.version > 0, i.customer_id, v.own) AS customer_id,
            if(i.version > 0, '', v.via) AS name,
            v.first_seen AS first_seen,
            v.last_seen AS last_seen,
            v.touchpoints AS touchpoints,
            false AS is_journey,
            false AS converted,
            '' AS currency,
            0::Int64 AS value_micros
        FROM
        (
            -- By the own customer, which is one with the via, and quicker to group by than a text.
            SELECT
                via_customer AS own,
                any(via) AS via,
                min(occurred_at) AS first_seen,
                max(occurred_at) AS last_seen,
                count() AS touchpoints
            FROM touchpoints FINAL
            GROUP BY via_customer
        ) AS v
        LEFT ANY JOIN
        (
            SELECT concat(namespace, ':', value) AS identifier, customer_id, version
            FROM identities FINAL
        ) AS i ON i.identifier = v.via
        UNION ALL
        SELECT customer_id, concat(namespace, ':', value), never, never, 0, false, false, '', 0
        FROM identities FINAL
        UNION ALL
        SELECT customer_id, '', never, never, 0, true, converted, toString(currency), value_micros
        FROM journeys FINAL
        UNION ALL
        SELECT own, identifier, never, never, 0, false, false, '', 0
        FROM
        (
            SELECT
                arrayJoin([stronger, weaker]) AS identifier,
                position(identifier, ':') AS colon,
                lower(hex(SHA1(concat(
                    unhex('be58af1d235e5bf1bb5536492a89217f'),
                    reverse(reinterpretAsFixedString(toUInt32(colon - 1))), substring(identifier, 1, colon - 1),
                    reverse(reinterpretAsFixedString(toUInt32(length(identifier) - colon))), substring(identifier, colon + 1)
                )))) AS digest,
                toUUID(concat(
                    substring(digest, 1, 8), '-', substring(digest, 9, 4), '-5', substring(digest, 14, 3), '-',
                    translate(substring(digest, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab'), substring(digest, 18, 3), '-',
                    substring(digest, 21, 12)
                )) AS own
            FROM identity_corrections FINAL
        )
        WHERE identifier NOT IN (
            SELECT concat(namespace, ':', value) FROM identities FINAL
            WHERE concat(namespace, ':', value) IN (SELECT arrayJoin([stronger, weaker]) FROM identity_corrections FINAL)
        )
    ) AS u
    GROUP BY customer_id
    HAVING touchpoints > 0
)
SETTINGS join_use_nulls = 0
COMMENT 'One row a customer with at least one touchpoint: the identifiers that belong to it now, and what it did';

-- FINAL over a month that is one part merges nothing: over 5,000,000 touchpoints of half a year that is 0.01 s of CPU, and 1.2 s where
-- each month has five parts. So a month becomes one part an hour after the last insert into it.
ALTER TABLE touchpoints MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE engagement MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
