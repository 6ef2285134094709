-- What each model credits: the rule models by any dimension and day, runs of the data-driven models, spend and what came back
-- for it, and how far figures have moved since they were first shown. docs/attribution.md has the models.
-- Runs and spend are written by commands, not by the stream: of one key the last insert is valid, by the server's clock.

CREATE TABLE IF NOT EXISTS attribution_runs
(
    run_id          UUID                    COMMENT 'The run: UUIDv5 of its parameters and ran_at',
    ran_at          DateTime64(3, 'UTC')    COMMENT 'When the run was made, UTC, milliseconds',
    model           LowCardinality(String)  COMMENT 'markov, shapley (by conversions) or shapley_rate (by conversion rate)',
    markov_order    UInt8                   COMMENT 'How many channels back the Markov model looks, 1 to 3; 0 for other models',
    dimension       LowCardinality(String)  COMMENT 'What credit goes to: marketing_channel, channel or campaign',
    conversion_type LowCardinality(String)  COMMENT 'Type of conversion that counts; empty: every closing conversion',
    since           Date                    COMMENT 'First day of the journeys'' ends, UTC',
    until           Date                    COMMENT 'Last day of the journeys'' ends, UTC, inclusive',
    lookback_ms     Int64                   COMMENT 'Touches that begin longer before the journey''s end are left out, milliseconds',
    seed            UInt64                  COMMENT 'Seed of what is drawn at random',
    sampled_orders  UInt32                  COMMENT 'Orders of channels that were sampled; 0 where the figures are exact',
    code_version    LowCardinality(String)  COMMENT 'Version of omnijourney that computed it',
    journeys        UInt64                  COMMENT 'Journeys that ended in the range, converting or not',
    open_journeys   UInt64                  COMMENT 'Of these, journeys that may still go on: they count as not converting',
    conversions     UInt64                  COMMENT 'Journeys that a conversion of the type closes',
    paths           UInt64                  COMMENT 'Different paths, repeats written once',
    coverage        Float64                 COMMENT 'Share of the conversions whose path names at least one value of the dimension, 0 to 1',
    version         UInt64 DEFAULT toUnixTimestamp64Milli(now64(3)) COMMENT 'When the row was inserted, by the server''s clock, milliseconds; the highest version of a row is valid',
    deleted         UInt8 DEFAULT 0         COMMENT '1 where the run was thrown away; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY run_id
COMMENT 'One row a run of a data-driven model, with its parameters and what it saw';

CREATE TABLE IF NOT EXISTS attribution_run_credits
(
    run_id         UUID                    COMMENT 'The run',
    name           String                  COMMENT 'Marketing channel, channel or campaign, as the run''s dimension says; empty: touches without campaign',
    currency       LowCardinality(String)  COMMENT 'Currency of the conversions, ISO 4217; empty where there is no money',
    conversions    Float64                 COMMENT 'Conversions of that currency credited',
    value_micros   Int64                   COMMENT 'Value credited in millionths of the currency unit',
    share          Float64                 COMMENT 'Share of all conversions of the run, the same in each currency''s row; of one currency they add up to 1',
    share_error    Nullable(Float64)       COMMENT 'Standard error of share from sampling orders; NULL where share is exact',
    removal_effect Nullable(Float64)       COMMENT 'Share of conversions that would be lost without it, 0 to 1; NULL where the model is not markov',
    version        UInt64 DEFAULT toUnixTimestamp64Milli(now64(3)) COMMENT 'When the row was inserted, by the server''s clock, milliseconds; the highest version of a row is valid',
    deleted        UInt8 DEFAULT 0         COMMENT '1 where the run was thrown away; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (run_id, name, currency)
COMMENT 'One row a run, name and currency: what the model credits';

CREATE TABLE IF NOT EXISTS spend
(
    day           Date                    COMMENT 'The day, UTC',
    dimension     LowCardinality(String)  COMMENT 'What the money was spent on: marketing_channel or campaign',
    name          String                  COMMENT 'The marketing channel or the campaign',
    currency      LowCardinality(String)  COMMENT 'Currency of the amount, ISO 4217',
    amount_micros Int64                   COMMENT 'What was spent, in millionths of the currency unit',
    version       UInt64 DEFAULT toUnixTimestamp64Milli(now64(3)) COMMENT 'When the row was inserted, by the server''s clock, milliseconds; the highest version of a row is valid',
    deleted       UInt8 DEFAULT 0         COMMENT '1 where it was taken back; FINAL hides such rows'
)
ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (dimension, day, name, currency)
COMMENT 'One row a day, marketing channel or campaign, and currency: what was spent; the last file that names it holds';

CREATE VIEW IF NOT EXISTS attribution_by_dimension
(
    model           LowCardinality(String)  COMMENT 'first, last, last_non_direct, linear, position, j_shaped, inverse_j or time_decay; never add up several models',
    dimension       LowCardinality(String)  COMMENT 'channel, marketing_channel, campaign or content; never add up several dimensions',
    name            String                  COMMENT 'Value of the dimension; empty where touches have no campaign or content',
    day             Date                    COMMENT 'Day of the conversion, UTC',
    conversion_type LowCardinality(String)  COMMENT 'Type of the closing conversion',
    currency        LowCardinality(String)  COMMENT 'Currency of the value, ISO 4217; empty where there is no money',
    conversions     Float64                 COMMENT 'Conversions credited: sum of the credits',
    value           Decimal(18, 6)          COMMENT 'Value credited in units of the currency: sum of credit times value'
)
AS SELECT
    model_sums.1 AS model,
    dimension,
    name,
    day,
    conversion_type,
    currency,
    model_sums.2 AS conversions,
    reinterpret(toInt64(round(model_sums.3)), 'Decimal(18, 6)') AS value
FROM
(
    -- Added up under all models at once, and told apart afterwards: an eighth of the rows on the way.
    SELECT
        dimension_name.1 AS dimension,
        dimension_name.2 AS name,
        toDate(ended_at) AS day,
        conversion_type,
        currency,
        sum(first) AS sum_first, sum(first * value_micros) AS value_first,
        sum(last) AS sum_last, sum(last * value_micros) AS value_last,
        sum(last_non_direct) AS sum_last_non_direct, sum(last_non_direct * value_micros) AS value_last_non_direct,
        sum(linear) AS sum_linear, sum(linear * value_micros) AS value_linear,
        sum(by_position) AS sum_position, sum(by_position * value_micros) AS value_position,
        sum(j_shaped) AS sum_j_shaped, sum(j_shaped * value_micros) AS value_j_shaped,
        sum(inverse_j) AS sum_inverse_j, sum(inverse_j * value_micros) AS value_inverse_j,
        sum(time_decay) AS sum_time_decay, sum(time_decay * value_micros) AS value_time_decay
    FROM
    (
        SELECT
            ended_at, conversion_type, currency, value_micros,
            channel, marketing_channel, campaign, content,
            first, last, last_non_direct, linear, by_position, j_shaped, inverse_j, time_decay
        FROM journeys FINAL
        ARRAY JOIN
            touches_channel AS channel,
            touches_marketing_channel AS marketing_channel,
            touches_campaign AS campaign,
            touches_content AS content,
            arrayResize(credit_first, length(touches_at), 0.) AS first,
            arrayResize(credit_last, length(touches_at), 0.) AS last,
            arrayResize(credit_last_non_direct, length(touches_at), 0.) AS last_non_direct,
            arrayResize(credit_linear, length(touches_at), 0.) AS linear,
            arrayResize(credit_position, length(touches_at), 0.) AS by_position,
            arrayResize(credit_j_shaped, length(touches_at), 0.) AS j_shaped,
            arrayResize(credit_inverse_j, length(touches_at), 0.) AS inverse_j,
            arrayResize(credit_time_decay, length(touches_at), 0.) AS time_decay
        WHERE converted
    )
    ARRAY JOIN [
        ('channel', toString(channel)),
        ('marketing_channel', toString(marketing_channel)),
        ('campaign', campaign),
        ('content', content)
    ] AS dimension_name
    GROUP BY dimension, name, day, conversion_type, currency
)
ARRAY JOIN [
    ('first', sum_first, value_first),
    ('last', sum_last, value_last),
    ('last_non_direct', sum_last_non_direct, value_last_non_direct),
    ('linear', sum_linear, value_linear),
    ('position', sum_position, value_position),
    ('j_shaped', sum_j_shaped, value_j_shaped),
    ('inverse_j', sum_inverse_j, value_inverse_j),
    ('time_decay', sum_time_decay, value_time_decay)
] AS model_sums
WHERE conversions > 0
COMMENT 'Conversions and value by day and one dimension under each rule model; every dimension adds up to the same conversions';

CREATE VIEW IF NOT EXISTS attribution_results
(
    run_id          UUID                    COMMENT 'The run',
    ran_at          DateTime64(3, 'UTC')    COMMENT 'When the run was made, UTC',
    model           LowCardinality(String)  COMMENT 'markov, shapley (by conversions) or shapley_rate (by conversion rate)',
    markov_order    UInt8                   COMMENT 'How many channels back the Markov model looks; 0 for other models',
    dimension       LowCardinality(String)  COMMENT 'What credit goes to: marketing_channel, channel or campaign',
    conversion_type LowCardinality(String)  COMMENT 'Type of conversion that counts; empty: every closing conversion',
    since           Date                    COMMENT 'First day of the journeys'' ends, UTC',
    until           Date                    COMMENT 'Last day of the journeys'' ends, UTC, inclusive',
    name            String                  COMMENT 'Value of the dimension; empty: touches without campaign',
    currency        LowCardinality(String)  COMMENT 'Currency of the conversions, ISO 4217; empty where there is no money',
    conversions     Float64                 COMMENT 'Conversions of that currency credited',
    value           Decimal(18, 6)          COMMENT 'Value credited in units of the currency',
    share           Float64                 COMMENT 'Share of all conversions of the run, the same in each currency''s row',
    share_error     Nullable(Float64)       COMMENT 'Standard error of share from sampling; NULL where share is exact',
    removal_effect  Nullable(Float64)       COMMENT 'Share of conversions that would be lost without it; NULL where the model is not markov',
    coverage        Float64                 COMMENT 'Share of the run''s conversions whose path names at least one value of the dimension'
)
AS SELECT
    r.run_id AS run_id,
    r.ran_at AS ran_at,
    r.model AS model,
    r.markov_order AS markov_order,
    r.dimension AS dimension,
    r.conversion_type AS conversion_type,
    r.since AS since,
    r.until AS until,
    c.name AS name,
    c.currency AS currency,
    c.conversions AS conversions,
    reinterpret(c.value_micros, 'Decimal(18, 6)') AS value,
    c.share AS share,
    c.share_error AS share_error,
    c.removal_effect AS removal_effect,
    r.coverage AS coverage
FROM attribution_run_credits AS c FINAL
INNER JOIN
(
    SELECT * FROM attribution_runs FINAL
) AS r ON r.run_id = c.run_id
COMMENT 'Every run of a data-driven model: one row a run, name and currency';

CREATE VIEW IF NOT EXISTS attribution_results_now
(
    run_id          UUID                    COMMENT 'The run',
    ran_at          DateTime64(3, 'UTC')    COMMENT 'When the run was made, UTC',
    model           LowCardinality(String)  COMMENT 'markov, shapley (by conversions) or shapley_rate (by conversion rate)',
    markov_order    UInt8                   COMMENT 'How many channels back the Markov model looks; 0 for other models',
    dimension       LowCardinality(String)  COMMENT 'What credit goes to: marketing_channel, channel or campaign',
    conversion_type LowCardinality(String)  COMMENT 'Type of conversion that counts; empty: every closing conversion',
    since           Date                    COMMENT 'First day of the journeys'' ends, UTC',
    until           Date                    COMMENT 'Last day of the journeys'' ends, UTC, inclusive',
    name            String                  COMMENT 'Value of the dimension; empty: touches without campaign',
    currency        LowCardinality(String)  COMMENT 'Currency of the conversions, ISO 4217; empty where there is no money',
    conversions     Float64                 COMMENT 'Conversions of that currency credited',
    value           Decimal(18, 6)          COMMENT 'Value credited in units of the currency',
    share           Float64                 COMMENT 'Share of all conversions of the run, the same in each currency''s row',
    share_error     Nullable(Float64)       COMMENT 'Standard error of share from sampling; NULL where share is exact',
    removal_effect  Nullable(Float64)       COMMENT 'Share of conversions that would be lost without it; NULL where the model is not markov',
    coverage        Float64                 COMMENT 'Share of the run''s conversions whose path names at least one value of the dimension'
)
AS SELECT * FROM attribution_results
WHERE run_id IN
(
    SELECT argMax(run_id, (ran_at, run_id))
    FROM attribution_runs FINAL
    GROUP BY model, markov_order, dimension, conversion_type
)
COMMENT 'The newest run of each data-driven model, order, dimension and conversion type';

CREATE VIEW IF NOT EXISTS return_on_spend_daily
(
    model               LowCardinality(String)    COMMENT 'The rule model; never add up several models',
    dimension           LowCardinality(String)    COMMENT 'marketing_channel or campaign; never add up both',
    name                String                    COMMENT 'The marketing channel or the campaign; empty: touches without campaign',
    day                 Date                      COMMENT 'Day of the spend, and of the conversions, UTC',
    currency            LowCardinality(String)    COMMENT 'Currency of spend and value, ISO 4217; empty: conversions without money',
    spend               Nullable(Decimal(18, 6))  COMMENT 'What was spent on the day; NULL where no file told',
    conversions         Float64                   COMMENT 'Conversions of the currency credited on the day',
    value               Decimal(18, 6)            COMMENT 'Value credited on the day',
    cost_per_conversion Nullable(Float64)         COMMENT 'spend / conversions; NULL without either',
    roas                Nullable(Float64)         COMMENT 'Return on advertising spend, value / spend; NULL without spend'
)
AS SELECT
    model,
    dimension,
    name,
    day,
    currency,
    if(sum(told) > 0, reinterpret(sum(amount_micros), 'Decimal(18, 6)'), NULL) AS spend,
    sum(credited) AS conversions,
    sum(credited_value) AS value,
    toFloat64(spend) / nullIf(conversions, 0) AS cost_per_conversion,
    toFloat64(value) / nullIf(toFloat64(spend), 0) AS roas
FROM
(
    SELECT model, dimension, name, day, currency, 1 AS told, amount_micros, 0. AS credited, toDecimal64(0, 6) AS credited_value
    FROM spend FINAL
    ARRAY JOIN ['first', 'last', 'last_non_direct', 'linear', 'position', 'j_shaped', 'inverse_j', 'time_decay'] AS model
    UNION ALL
    SELECT model, dimension, name, day, currency, 0, 0, conversions, value
    FROM attribution_by_dimension
    WHERE dimension IN ('marketing_channel', 'campaign')
)
GROUP BY model, dimension, name, day, currency
COMMENT 'Spend beside what each rule model credits, by day; spend without conversions and conversions without spend have rows, too';

CREATE VIEW IF NOT EXISTS return_on_spend
(
    model               LowCardinality(String)    COMMENT 'A rule model, or markov, shapley, shapley_rate by their newest runs; never add up several models',
    markov_order        UInt8                     COMMENT 'How many channels back the Markov model looks; 0 for other models',
    conversion_type     LowCardinality(String)    COMMENT 'Type of conversion that a run counts; empty: every closing conversion',
    dimension           LowCardinality(String)    COMMENT 'marketing_channel or campaign; never add up both',
    name                String                    COMMENT 'The marketing channel or the campaign; empty: touches without campaign',
    currency            LowCardinality(String)    COMMENT 'Currency of spend and value, ISO 4217; empty: conversions without money',
    since               Date                      COMMENT 'First day that counts: of the run, else the first with any spend in the dimension',
    until               Date                      COMMENT 'Last day that counts, inclusive: of the run, else the last with any spend in the dimension',
    spend               Nullable(Decimal(18, 6))  COMMENT 'What was spent; NULL where no file told',
    conversions         Float64                   COMMENT 'Conversions of the currency credited; of shapley_rate it may be below 0',
    value               Decimal(18, 6)            COMMENT 'Value credited',
    cost_per_conversion Nullable(Float64)         COMMENT 'spend / conversions; NULL without spend, or where no more than 0 conversions are credited',
    roas                Nullable(Float64)         COMMENT 'Return on advertising spend, value / spend; NULL without spend'
)
AS SELECT
    model,
    markov_order,
    conversion_type,
    dimension,
    name,
    currency,
    since,
    until,
    if(sum(told) > 0, reinterpret(sum(amount_micros), 'Decimal(18, 6)'), NULL) AS spend,
    sum(credited) AS conversions,
    sum(credited_value) AS value,
    if(conversions > 0, toFloat64(spend) / conversions, NULL) AS cost_per_conversion,
    toFloat64(value) / nullIf(toFloat64(spend), 0) AS roas
FROM
(
    SELECT
        model, 0 AS markov_order, '' AS conversion_type, dimension, name, currency, since, until,
        toUInt64(daily.spend IS NOT NULL) AS told, reinterpret(ifNull(daily.spend, 0), 'Int64') AS amount_micros,
        conversions AS credited, value AS credited_value
    FROM return_on_spend_daily AS daily
    INNER JOIN
    (
        SELECT dimension, min(day) AS since, max(day) AS until FROM spend FINAL GROUP BY dimension
    ) AS days USING dimension
    WHERE day BETWEEN since AND until
    UNION ALL
    SELECT model, markov_order, conversion_type, dimension, name, currency, since, until, 0, 0, conversions, value
    FROM attribution_results_now
    WHERE dimension IN ('marketing_channel', 'campaign')
    UNION ALL
    SELECT
        run.model, run.markov_order, run.conversion_type, dimension, spent.name, spent.currency, run.since, run.until,
        1, spent.amount_micros, 0., toDecimal64(0, 6)
    FROM (SELECT * FROM spend FINAL) AS spent
    INNER JOIN
    (
        SELECT DISTINCT model, markov_order, conversion_type, dimension, since, until FROM attribution_results_now
    ) AS run USING dimension
    WHERE spent.day BETWEEN run.since AND run.until
)
GROUP BY model, markov_order, conversion_type, dimension, name, currency, since, until
COMMENT 'Cost per conversion and ROAS by model: rule models over the days with spend, data-driven ones over those of their newest run';

CREATE VIEW IF NOT EXISTS attribution_drift
(
    day                    Date                    COMMENT 'Day of the conversion, UTC',
    marketing_channel      LowCardinality(String)  COMMENT 'Marketing channel of the touches',
    model                  LowCardinality(String)  COMMENT 'first, last, last_non_direct, linear, position, j_shaped, inverse_j or time_decay; never add up several models',
    currency               LowCardinality(String)  COMMENT 'Currency of the values, ISO 4217; empty where there is no money',
    conversions_first_seen Float64                 COMMENT 'Conversions credited when each conversion was first seen',
    conversions_arrival    Float64                 COMMENT 'Credit added since by touchpoints that came behind all others of the customer; below 0 where it was taken away, as in all that follow',
    conversions_late       Float64                 COMMENT 'Credit added since by touchpoints that came before others',
    conversions_merge      Float64                 COMMENT 'Credit added since by customers who turned out to be one',
    conversions_split      Float64                 COMMENT 'Credit added since by customers who turned out to be several',
    conversions_verdict    Float64                 COMMENT 'Credit added since by touchpoints that turned out to be a machine''s',
    conversions_other      Float64                 COMMENT 'Credit added since by any other cause',
    conversions_now        Float64                 COMMENT 'Conversions credited now: first seen and all that was added',
    value_first_seen       Decimal(18, 6)          COMMENT 'Value credited when each conversion was first seen, in units of the currency',
    value_arrival          Decimal(18, 6)          COMMENT 'Value added since by touchpoints that came behind all others',
    value_late             Decimal(18, 6)          COMMENT 'Value added since by touchpoints that came before others',
    value_merge            Decimal(18, 6)          COMMENT 'Value added since by merges',
    value_split            Decimal(18, 6)          COMMENT 'Value added since by splits',
    value_verdict          Decimal(18, 6)          COMMENT 'Value added since by verdicts',
    value_other            Decimal(18, 6)          COMMENT 'Value added since by any other cause',
    value_now              Decimal(18, 6)          COMMENT 'Value credited now: first seen and all that was added, but for rounding in millionths'
)
AS SELECT
    day,
    marketing_channel,
    model_sums.1 AS model,
    currency,
    round(sumIf(model_sums.2, part = 'first_seen'), 9) AS conversions_first_seen,
    round(sumIf(model_sums.2, part = 'arrival'), 9) AS conversions_arrival,
    round(sumIf(model_sums.2, part = 'late'), 9) AS conversions_late,
    round(sumIf(model_sums.2, part = 'merge'), 9) AS conversions_merge,
    round(sumIf(model_sums.2, part = 'split'), 9) AS conversions_split,
    round(sumIf(model_sums.2, part = 'verdict'), 9) AS conversions_verdict,
    round(sumIf(model_sums.2, part = 'other'), 9) AS conversions_other,
    round(sum(model_sums.2), 9) AS conversions_now,
    reinterpret(toInt64(round(sumIf(model_sums.3, part = 'first_seen'))), 'Decimal(18, 6)') AS value_first_seen,
    reinterpret(toInt64(round(sumIf(model_sums.3, part = 'arrival'))), 'Decimal(18, 6)') AS value_arrival,
    reinterpret(toInt64(round(sumIf(model_sums.3, part = 'late'))), 'Decimal(18, 6)') AS value_late,
    reinterpret(toInt64(round(sumIf(model_sums.3, part = 'merge'))), 'Decimal(18, 6)') AS value_merge,
    reinterpret(toInt64(round(sumIf(model_sums.3, part = 'split'))), 'Decimal(18, 6)') AS value_split,
    reinterpret(toInt64(round(sumIf(model_sums.3, part = 'verdict'))), 'Decimal(18, 6)') AS value_verdict,
    reinterpret(toInt64(round(sumIf(model_sums.3, part = 'other'))), 'Decimal(18, 6)') AS value_other,
    reinterpret(toInt64(round(sum(model_sums.3))), 'Decimal(18, 6)') AS value_now
FROM
(
    SELECT
        toDate(converted_at) AS day,
        marketing_channel,
        currency,
        -- What told a conversion first. A conversion that changes hands is told by both customers, always after that.
        multiIf(
            (conversion_channel, conversion_via, conversion_event_id, (changed_at, version, customer_id, journey_after)) IN
            (
                SELECT conversion_channel, conversion_via, conversion_event_id,
                    min((changed_at, version, customer_id, journey_after))
                FROM journey_changes FINAL
                GROUP BY conversion_channel, conversion_via, conversion_event_id
            ), 'first_seen',
            cause IN ('arrival', 'late', 'merge', 'split', 'verdict'), toString(cause),
            'other'
        ) AS part,
        sum(d_first) AS sum_first, sum(d_first * value_micros) AS value_first,
        sum(d_last) AS sum_last, sum(d_last * value_micros) AS value_last,
        sum(d_last_non_direct) AS sum_last_non_direct, sum(d_last_non_direct * value_micros) AS value_last_non_direct,
        sum(d_linear) AS sum_linear, sum(d_linear * value_micros) AS value_linear,
        sum(d_position) AS sum_position, sum(d_position * value_micros) AS value_position,
        sum(d_j_shaped) AS sum_j_shaped, sum(d_j_shaped * value_micros) AS value_j_shaped,
        sum(d_inverse_j) AS sum_inverse_j, sum(d_inverse_j * value_micros) AS value_inverse_j,
        sum(d_time_decay) AS sum_time_decay, sum(d_time_decay * value_micros) AS value_time_decay
    FROM journey_changes FINAL
    ARRAY JOIN
        arrayConcat(before_touches_marketing_channel, after_touches_marketing_channel) AS marketing_channel,
        arrayConcat(arrayMap(share -> -share, arrayResize(before_credit_first, length(before_touches_at), 0.)),
            arrayResize(after_credit_first, length(after_touches_at), 0.)) AS d_first,
        arrayConcat(arrayMap(share -> -share, arrayResize(before_credit_last, length(before_touches_at), 0.)),
            arrayResize(after_credit_last, length(after_touches_at), 0.)) AS d_last,
        arrayConcat(arrayMap(share -> -share, arrayResize(before_credit_last_non_direct, length(before_touches_at), 0.)),
            arrayResize(after_credit_last_non_direct, length(after_touches_at), 0.)) AS d_last_non_direct,
        arrayConcat(arrayMap(share -> -share, arrayResize(before_credit_linear, length(before_touches_at), 0.)),
            arrayResize(after_credit_linear, length(after_touches_at), 0.)) AS d_linear,
        arrayConcat(arrayMap(share -> -share, arrayResize(before_credit_position, length(before_touches_at), 0.)),
            arrayResize(after_credit_position, length(after_touches_at), 0.)) AS d_position,
        arrayConcat(arrayMap(share -> -share, arrayResize(before_credit_j_shaped, length(before_touches_at), 0.)),
            arrayResize(after_credit_j_shaped, length(after_touches_at), 0.)) AS d_j_shaped,
        arrayConcat(arrayMap(share -> -share, arrayResize(before_credit_inverse_j, length(before_touches_at), 0.)),
            arrayResize(after_credit_inverse_j, length(after_touches_at), 0.)) AS d_inverse_j,
        arrayConcat(arrayMap(share -> -share, arrayResize(before_credit_time_decay, length(before_touches_at), 0.)),
            arrayResize(after_credit_time_decay, length(after_touches_at), 0.)) AS d_time_decay
    WHERE conversion_event_id != ''
    GROUP BY day, marketing_channel, currency, part
)
ARRAY JOIN [
    ('first', sum_first, value_first),
    ('last', sum_last, value_last),
    ('last_non_direct', sum_last_non_direct, value_last_non_direct),
    ('linear', sum_linear, value_linear),
    ('position', sum_position, value_position),
    ('j_shaped', sum_j_shaped, value_j_shaped),
    ('inverse_j', sum_inverse_j, value_inverse_j),
    ('time_decay', sum_time_decay, value_time_decay)
] AS model_sums
GROUP BY day, marketing_channel, model, currency
HAVING max(abs(model_sums.2)) > 1e-9
COMMENT 'How wrong earlier reports were: credit when conversions were first seen, what each cause has added since, and credit now';
