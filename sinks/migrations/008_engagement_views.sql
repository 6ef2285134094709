-- Every metric of docs/definitions.md, per channel and campaign, by hour, by day and over all time. engagement_* count what
-- touchpoints report; sessions_*, active_customers_*, threads and dialogue_by_* follow the customers as they are now.
-- A column of one channel is 0 on the others, and its rates are NULL there, so that a column adds up over any rows.
-- Sums of revenue and engaged time are of 128 bits: what they add up is capped at the largest of 64.
-- metric_definitions says which metric stands where.

CREATE OR REPLACE VIEW engagement_hourly
(
    hour                    DateTime64(3, 'UTC')        COMMENT 'Beginning of the hour of event time, UTC',
    channel                 LowCardinality(String)      COMMENT 'Channel',
    campaign                LowCardinality(String)      COMMENT 'Campaign; empty if none',
    human_touchpoints       Int64                       COMMENT 'Touchpoints judged human, inbound and outbound',
    suspect_touchpoints     Int64                       COMMENT 'Touchpoints judged suspect (perhaps a machine), inbound and outbound',
    machine_touchpoints     Int64                       COMMENT 'Touchpoints judged machine, inbound and outbound',
    human_inbound           Int64                       COMMENT 'Inbound touchpoints judged human: the customer speaks',
    suspect_inbound         Int64                       COMMENT 'Inbound touchpoints judged suspect (perhaps a machine): the customer speaks',
    machine_inbound         Int64                       COMMENT 'Inbound touchpoints judged machine: the customer speaks',
    outbound                Int64                       COMMENT 'Outbound touchpoints: the company speaks, whoever triggered it',
    human_share             Nullable(Float64)           COMMENT 'Human share: human_inbound / inbound touchpoints of all three; NULL over no denominator',
    human_conversions       Int64                       COMMENT 'Conversions judged human, as reported',
    suspect_conversions     Int64                       COMMENT 'Conversions judged suspect (perhaps a machine), as reported',
    machine_conversions     Int64                       COMMENT 'Conversions judged machine, as reported',
    human_revenue           Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged human by currency, in units of the currency',
    suspect_revenue         Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged suspect (perhaps a machine) by currency, in units of the currency',
    machine_revenue         Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged machine by currency, in units of the currency',
    human_engaged_seconds   Float64                     COMMENT 'Engaged time that touchpoints judged human reported, seconds; by session and customer it stands in sessions_daily and its kin',
    suspect_engaged_seconds Float64                     COMMENT 'Engaged time that touchpoints judged suspect (perhaps a machine) reported, seconds; by session and customer it stands in sessions_daily and its kin',
    machine_engaged_seconds Float64                     COMMENT 'Engaged time that touchpoints judged machine reported, seconds; by session and customer it stands in sessions_daily and its kin',
    human_actions           Map(String, Int64)          COMMENT 'Number of touchpoints judged human by action, custom actions under their own names',
    suspect_actions         Map(String, Int64)          COMMENT 'Number of touchpoints judged suspect (perhaps a machine) by action, custom actions under their own names',
    machine_actions         Map(String, Int64)          COMMENT 'Number of touchpoints judged machine by action, custom actions under their own names',
    sent                    Int64                       COMMENT 'E-mails sent (action sent); 0 on other channels, like all counts of e-mail',
    delivered               Int64                       COMMENT 'E-mails delivered (action delivered)',
    bounced                 Int64                       COMMENT 'E-mails bounced (action bounced)',
    human_opens             Int64                       COMMENT 'Openings of e-mails judged human, each counted',
    suspect_opens           Int64                       COMMENT 'Openings of e-mails judged suspect (perhaps a machine), each counted',
    machine_opens           Int64                       COMMENT 'Openings of e-mails judged machine, each counted',
    human_clicks            Int64                       COMMENT 'Clicks in e-mails judged human, each counted',
    suspect_clicks          Int64                       COMMENT 'Clicks in e-mails judged suspect (perhaps a machine), each counted',
    machine_clicks          Int64                       COMMENT 'Clicks in e-mails judged machine, each counted',
    unique_openers          Int64                       COMMENT 'Human openings of e-mails counted once per via and message, in the hour of the earliest',
    unique_clickers         Int64                       COMMENT 'Human clicks in e-mails counted once per via and message, in the hour of the earliest',
    complaints              Int64                       COMMENT 'Complaints about e-mails (action complained) judged human',
    unsubscriptions         Int64                       COMMENT 'Unsubscriptions from e-mails (action unsubscribed) judged human',
    delivery_rate           Nullable(Float64)           COMMENT 'E-mail: delivered / sent; NULL over no denominator',
    open_rate               Nullable(Float64)           COMMENT 'E-mail: unique_openers / delivered; NULL over no denominator',
    open_rate_of_sent       Nullable(Float64)           COMMENT 'E-mail: unique_openers / sent; NULL over no denominator',
    click_through_rate      Nullable(Float64)           COMMENT 'E-mail: unique_clickers / delivered (CTR); NULL over no denominator',
    click_to_open_rate      Nullable(Float64)           COMMENT 'E-mail: unique_clickers / unique_openers (CTOR); NULL over no denominator',
    email_bounce_rate       Nullable(Float64)           COMMENT 'E-mail: bounced / sent; NULL over no denominator',
    complaint_rate          Nullable(Float64)           COMMENT 'E-mail: complaints / delivered; NULL over no denominator',
    unsubscribe_rate        Nullable(Float64)           COMMENT 'E-mail: unsubscriptions / delivered; NULL over no denominator',
    human_page_views        Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged human',
    suspect_page_views      Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged suspect (perhaps a machine)',
    machine_page_views      Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged machine',
    push_delivered          Int64                       COMMENT 'Push messages delivered (action push_delivered); 0 on other channels than mobile, like push_opened',
    push_opened             Int64                       COMMENT 'Push messages opened (action push_opened) judged human, each opening counted',
    unique_push_openers     Int64                       COMMENT 'Human openings of push messages counted once per via and message, in the hour of the earliest',
    push_click_rate         Nullable(Float64)           COMMENT 'Mobile: push_opened / push_delivered (push CTR); NULL over no denominator',
    impressions             Int64                       COMMENT 'Impressions on social networks (action impression_shown); 0 on other channels, like all counts of social',
    reactions               Int64                       COMMENT 'Reactions on social networks (action reacted) judged human',
    comments                Int64                       COMMENT 'Comments on social networks (action commented) judged human',
    shares                  Int64                       COMMENT 'Shares on social networks (action shared) judged human',
    social_clicks           Int64                       COMMENT 'Clicks on social networks (action link_clicked) judged human',
    social_engagement_rate  Nullable(Float64)           COMMENT 'Social: (reactions + comments + shares + social_clicks) / impressions; NULL over no denominator',
    amplification_rate      Nullable(Float64)           COMMENT 'Social: shares / impressions; NULL over no denominator',
    conversation_rate       Nullable(Float64)           COMMENT 'Social: comments / impressions; NULL over no denominator'
)
AS SELECT
    e.hour AS hour,
    e.channel AS channel,
    e.campaign AS campaign,
    sumIf(e.touchpoints, e.actor = 'human') AS human_touchpoints,
    sumIf(e.touchpoints, e.actor = 'suspect') AS suspect_touchpoints,
    sumIf(e.touchpoints, e.actor = 'machine') AS machine_touchpoints,
    sumIf(e.inbound, e.actor = 'human') AS human_inbound,
    sumIf(e.inbound, e.actor = 'suspect') AS suspect_inbound,
    sumIf(e.inbound, e.actor = 'machine') AS machine_inbound,
    sum(e.outbound) AS outbound,
    human_inbound / nullIf(human_inbound + suspect_inbound + machine_inbound, 0) AS human_share,
    sumIf(e.conversions, e.actor = 'human') AS human_conversions,
    sumIf(e.conversions, e.actor = 'suspect') AS suspect_conversions,
    sumIf(e.conversions, e.actor = 'machine') AS machine_conversions,
    sumMapIf(map(e.currency, reinterpret(toInt128(e.revenue_micros), 'Decimal(38, 6)')), e.actor = 'human' AND e.currency != '') AS human_revenue,
    sumMapIf(map(e.currency, reinterpret(toInt128(e.revenue_micros), 'Decimal(38, 6)')), e.actor = 'suspect' AND e.currency != '') AS suspect_revenue,
    sumMapIf(map(e.currency, reinterpret(toInt128(e.revenue_micros), 'Decimal(38, 6)')), e.actor = 'machine' AND e.currency != '') AS machine_revenue,
    sumIf(toInt128(e.engaged_ms), e.actor = 'human') / 1000 AS human_engaged_seconds,
    sumIf(toInt128(e.engaged_ms), e.actor = 'suspect') / 1000 AS suspect_engaged_seconds,
    sumIf(toInt128(e.engaged_ms), e.actor = 'machine') / 1000 AS machine_engaged_seconds,
    sumMapIf(e.actions, e.actor = 'human') AS human_actions,
    sumMapIf(e.actions, e.actor = 'suspect') AS suspect_actions,
    sumMapIf(e.actions, e.actor = 'machine') AS machine_actions,
    sumIf(e.actions['sent'], e.channel = 'email') AS sent,
    sumIf(e.actions['delivered'], e.channel = 'email') AS delivered,
    sumIf(e.actions['bounced'], e.channel = 'email') AS bounced,
    sumIf(e.actions['opened'], e.channel = 'email' AND e.actor = 'human') AS human_opens,
    sumIf(e.actions['opened'], e.channel = 'email' AND e.actor = 'suspect') AS suspect_opens,
    sumIf(e.actions['opened'], e.channel = 'email' AND e.actor = 'machine') AS machine_opens,
    sumIf(e.actions['clicked'], e.channel = 'email' AND e.actor = 'human') AS human_clicks,
    sumIf(e.actions['clicked'], e.channel = 'email' AND e.actor = 'suspect') AS suspect_clicks,
    sumIf(e.actions['clicked'], e.channel = 'email' AND e.actor = 'machine') AS machine_clicks,
    sumIf(e.unique_openers, e.channel = 'email' AND e.actor = 'human') AS unique_openers,
    sumIf(e.unique_clickers, e.channel = 'email' AND e.actor = 'human') AS unique_clickers,
    sumIf(e.actions['complained'], e.channel = 'email' AND e.actor = 'human') AS complaints,
    sumIf(e.actions['unsubscribed'], e.channel = 'email' AND e.actor = 'human') AS unsubscriptions,
    delivered / nullIf(sent, 0) AS delivery_rate,
    unique_openers / nullIf(delivered, 0) AS open_rate,
    unique_openers / nullIf(sent, 0) AS open_rate_of_sent,
    unique_clickers / nullIf(delivered, 0) AS click_through_rate,
    unique_clickers / nullIf(unique_openers, 0) AS click_to_open_rate,
    bounced / nullIf(sent, 0) AS email_bounce_rate,
    complaints / nullIf(delivered, 0) AS complaint_rate,
    unsubscriptions / nullIf(delivered, 0) AS unsubscribe_rate,
    sumIf(if(e.channel = 'web', e.actions['page_viewed'], e.actions['screen_viewed']), e.channel IN ('web', 'mobile') AND e.actor = 'human') AS human_page_views,
    sumIf(if(e.channel = 'web', e.actions['page_viewed'], e.actions['screen_viewed']), e.channel IN ('web', 'mobile') AND e.actor = 'suspect') AS suspect_page_views,
    sumIf(if(e.channel = 'web', e.actions['page_viewed'], e.actions['screen_viewed']), e.channel IN ('web', 'mobile') AND e.actor = 'machine') AS machine_page_views,
    sumIf(e.actions['push_delivered'], e.channel = 'mobile') AS push_delivered,
    sumIf(e.actions['push_opened'], e.channel = 'mobile' AND e.actor = 'human') AS push_opened,
    sumIf(e.unique_openers, e.channel = 'mobile' AND e.actor = 'human') AS unique_push_openers,
    push_opened / nullIf(push_delivered, 0) AS push_click_rate,
    sumIf(e.actions['impression_shown'], e.channel = 'social') AS impressions,
    sumIf(e.actions['reacted'], e.channel = 'social' AND e.actor = 'human') AS reactions,
    sumIf(e.actions['commented'], e.channel = 'social' AND e.actor = 'human') AS comments,
    sumIf(e.actions['shared'], e.channel = 'social' AND e.actor = 'human') AS shares,
    sumIf(e.actions['link_clicked'], e.channel = 'social' AND e.actor = 'human') AS social_clicks,
    (reactions + comments + shares + social_clicks) / nullIf(impressions, 0) AS social_engagement_rate,
    shares / nullIf(impressions, 0) AS amplification_rate,
    comments / nullIf(impressions, 0) AS conversation_rate
FROM engagement AS e FINAL
GROUP BY hour, channel, campaign
COMMENT 'Engagement per hour, channel and campaign: components and rates. A rate divides what happened in the hour';

CREATE OR REPLACE VIEW engagement_daily
(
    day                     Date                        COMMENT 'Day of event time, UTC',
    channel                 LowCardinality(String)      COMMENT 'Channel',
    campaign                LowCardinality(String)      COMMENT 'Campaign; empty if none',
    human_touchpoints       Int64                       COMMENT 'Touchpoints judged human, inbound and outbound',
    suspect_touchpoints     Int64                       COMMENT 'Touchpoints judged suspect (perhaps a machine), inbound and outbound',
    machine_touchpoints     Int64                       COMMENT 'Touchpoints judged machine, inbound and outbound',
    human_inbound           Int64                       COMMENT 'Inbound touchpoints judged human: the customer speaks',
    suspect_inbound         Int64                       COMMENT 'Inbound touchpoints judged suspect (perhaps a machine): the customer speaks',
    machine_inbound         Int64                       COMMENT 'Inbound touchpoints judged machine: the customer speaks',
    outbound                Int64                       COMMENT 'Outbound touchpoints: the company speaks, whoever triggered it',
    human_share             Nullable(Float64)           COMMENT 'Human share: human_inbound / inbound touchpoints of all three; NULL over no denominator',
    human_conversions       Int64                       COMMENT 'Conversions judged human, as reported',
    suspect_conversions     Int64                       COMMENT 'Conversions judged suspect (perhaps a machine), as reported',
    machine_conversions     Int64                       COMMENT 'Conversions judged machine, as reported',
    human_revenue           Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged human by currency, in units of the currency',
    suspect_revenue         Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged suspect (perhaps a machine) by currency, in units of the currency',
    machine_revenue         Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged machine by currency, in units of the currency',
    human_engaged_seconds   Float64                     COMMENT 'Engaged time that touchpoints judged human reported, seconds; by session and customer it stands in sessions_daily and its kin',
    suspect_engaged_seconds Float64                     COMMENT 'Engaged time that touchpoints judged suspect (perhaps a machine) reported, seconds; by session and customer it stands in sessions_daily and its kin',
    machine_engaged_seconds Float64                     COMMENT 'Engaged time that touchpoints judged machine reported, seconds; by session and customer it stands in sessions_daily and its kin',
    human_actions           Map(String, Int64)          COMMENT 'Number of touchpoints judged human by action, custom actions under their own names',
    suspect_actions         Map(String, Int64)          COMMENT 'Number of touchpoints judged suspect (perhaps a machine) by action, custom actions under their own names',
    machine_actions         Map(String, Int64)          COMMENT 'Number of touchpoints judged machine by action, custom actions under their own names',
    sent                    Int64                       COMMENT 'E-mails sent (action sent); 0 on other channels, like all counts of e-mail',
    delivered               Int64                       COMMENT 'E-mails delivered (action delivered)',
    bounced                 Int64                       COMMENT 'E-mails bounced (action bounced)',
    human_opens             Int64                       COMMENT 'Openings of e-mails judged human, each counted',
    suspect_opens           Int64                       COMMENT 'Openings of e-mails judged suspect (perhaps a machine), each counted',
    machine_opens           Int64                       COMMENT 'Openings of e-mails judged machine, each counted',
    human_clicks            Int64                       COMMENT 'Clicks in e-mails judged human, each counted',
    suspect_clicks          Int64                       COMMENT 'Clicks in e-mails judged suspect (perhaps a machine), each counted',
    machine_clicks          Int64                       COMMENT 'Clicks in e-mails judged machine, each counted',
    unique_openers          Int64                       COMMENT 'Human openings of e-mails counted once per via and message, in the hour of the earliest',
    unique_clickers         Int64                       COMMENT 'Human clicks in e-mails counted once per via and message, in the hour of the earliest',
    complaints              Int64                       COMMENT 'Complaints about e-mails (action complained) judged human',
    unsubscriptions         Int64                       COMMENT 'Unsubscriptions from e-mails (action unsubscribed) judged human',
    delivery_rate           Nullable(Float64)           COMMENT 'E-mail: delivered / sent; NULL over no denominator',
    open_rate               Nullable(Float64)           COMMENT 'E-mail: unique_openers / delivered; NULL over no denominator',
    open_rate_of_sent       Nullable(Float64)           COMMENT 'E-mail: unique_openers / sent; NULL over no denominator',
    click_through_rate      Nullable(Float64)           COMMENT 'E-mail: unique_clickers / delivered (CTR); NULL over no denominator',
    click_to_open_rate      Nullable(Float64)           COMMENT 'E-mail: unique_clickers / unique_openers (CTOR); NULL over no denominator',
    email_bounce_rate       Nullable(Float64)           COMMENT 'E-mail: bounced / sent; NULL over no denominator',
    complaint_rate          Nullable(Float64)           COMMENT 'E-mail: complaints / delivered; NULL over no denominator',
    unsubscribe_rate        Nullable(Float64)           COMMENT 'E-mail: unsubscriptions / delivered; NULL over no denominator',
    human_page_views        Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged human',
    suspect_page_views      Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged suspect (perhaps a machine)',
    machine_page_views      Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged machine',
    push_delivered          Int64                       COMMENT 'Push messages delivered (action push_delivered); 0 on other channels than mobile, like push_opened',
    push_opened             Int64                       COMMENT 'Push messages opened (action push_opened) judged human, each opening counted',
    unique_push_openers     Int64                       COMMENT 'Human openings of push messages counted once per via and message, in the hour of the earliest',
    push_click_rate         Nullable(Float64)           COMMENT 'Mobile: push_opened / push_delivered (push CTR); NULL over no denominator',
    impressions             Int64                       COMMENT 'Impressions on social networks (action impression_shown); 0 on other channels, like all counts of social',
    reactions               Int64                       COMMENT 'Reactions on social networks (action reacted) judged human',
    comments                Int64                       COMMENT 'Comments on social networks (action commented) judged human',
    shares                  Int64                       COMMENT 'Shares on social networks (action shared) judged human',
    social_clicks           Int64                       COMMENT 'Clicks on social networks (action link_clicked) judged human',
    social_engagement_rate  Nullable(Float64)           COMMENT 'Social: (reactions + comments + shares + social_clicks) / impressions; NULL over no denominator',
    amplification_rate      Nullable(Float64)           COMMENT 'Social: shares / impressions; NULL over no denominator',
    conversation_rate       Nullable(Float64)           COMMENT 'Social: comments / impressions; NULL over no denominator'
)
AS SELECT
    toDate(e.hour) AS day,
    e.channel AS channel,
    e.campaign AS campaign,
    sum(e.human_touchpoints) AS human_touchpoints,
    sum(e.suspect_touchpoints) AS suspect_touchpoints,
    sum(e.machine_touchpoints) AS machine_touchpoints,
    sum(e.human_inbound) AS human_inbound,
    sum(e.suspect_inbound) AS suspect_inbound,
    sum(e.machine_inbound) AS machine_inbound,
    sum(e.outbound) AS outbound,
    human_inbound / nullIf(human_inbound + suspect_inbound + machine_inbound, 0) AS human_share,
    sum(e.human_conversions) AS human_conversions,
    sum(e.suspect_conversions) AS suspect_conversions,
    sum(e.machine_conversions) AS machine_conversions,
    sumMap(e.human_revenue) AS human_revenue,
    sumMap(e.suspect_revenue) AS suspect_revenue,
    sumMap(e.machine_revenue) AS machine_revenue,
    sum(e.human_engaged_seconds) AS human_engaged_seconds,
    sum(e.suspect_engaged_seconds) AS suspect_engaged_seconds,
    sum(e.machine_engaged_seconds) AS machine_engaged_seconds,
    sumMap(e.human_actions) AS human_actions,
    sumMap(e.suspect_actions) AS suspect_actions,
    sumMap(e.machine_actions) AS machine_actions,
    sum(e.sent) AS sent,
    sum(e.delivered) AS delivered,
    sum(e.bounced) AS bounced,
    sum(e.human_opens) AS human_opens,
    sum(e.suspect_opens) AS suspect_opens,
    sum(e.machine_opens) AS machine_opens,
    sum(e.human_clicks) AS human_clicks,
    sum(e.suspect_clicks) AS suspect_clicks,
    sum(e.machine_clicks) AS machine_clicks,
    sum(e.unique_openers) AS unique_openers,
    sum(e.unique_clickers) AS unique_clickers,
    sum(e.complaints) AS complaints,
    sum(e.unsubscriptions) AS unsubscriptions,
    delivered / nullIf(sent, 0) AS delivery_rate,
    unique_openers / nullIf(delivered, 0) AS open_rate,
    unique_openers / nullIf(sent, 0) AS open_rate_of_sent,
    unique_clickers / nullIf(delivered, 0) AS click_through_rate,
    unique_clickers / nullIf(unique_openers, 0) AS click_to_open_rate,
    bounced / nullIf(sent, 0) AS email_bounce_rate,
    complaints / nullIf(delivered, 0) AS complaint_rate,
    unsubscriptions / nullIf(delivered, 0) AS unsubscribe_rate,
    sum(e.human_page_views) AS human_page_views,
    sum(e.suspect_page_views) AS suspect_page_views,
    sum(e.machine_page_views) AS machine_page_views,
    sum(e.push_delivered) AS push_delivered,
    sum(e.push_opened) AS push_opened,
    sum(e.unique_push_openers) AS unique_push_openers,
    push_opened / nullIf(push_delivered, 0) AS push_click_rate,
    sum(e.impressions) AS impressions,
    sum(e.reactions) AS reactions,
    sum(e.comments) AS comments,
    sum(e.shares) AS shares,
    sum(e.social_clicks) AS social_clicks,
    (reactions + comments + shares + social_clicks) / nullIf(impressions, 0) AS social_engagement_rate,
    shares / nullIf(impressions, 0) AS amplification_rate,
    comments / nullIf(impressions, 0) AS conversation_rate
FROM engagement_hourly AS e
GROUP BY day, channel, campaign
COMMENT 'Engagement per day, channel and campaign: components and rates. A rate divides what happened on the day';

CREATE OR REPLACE VIEW engagement_by_campaign
(
    first_hour              DateTime64(3, 'UTC')        COMMENT 'Hour of the earliest touchpoint, UTC',
    last_hour               DateTime64(3, 'UTC')        COMMENT 'Hour of the latest touchpoint, UTC',
    channel                 LowCardinality(String)      COMMENT 'Channel',
    campaign                LowCardinality(String)      COMMENT 'Campaign; empty if none',
    human_touchpoints       Int64                       COMMENT 'Touchpoints judged human, inbound and outbound',
    suspect_touchpoints     Int64                       COMMENT 'Touchpoints judged suspect (perhaps a machine), inbound and outbound',
    machine_touchpoints     Int64                       COMMENT 'Touchpoints judged machine, inbound and outbound',
    human_inbound           Int64                       COMMENT 'Inbound touchpoints judged human: the customer speaks',
    suspect_inbound         Int64                       COMMENT 'Inbound touchpoints judged suspect (perhaps a machine): the customer speaks',
    machine_inbound         Int64                       COMMENT 'Inbound touchpoints judged machine: the customer speaks',
    outbound                Int64                       COMMENT 'Outbound touchpoints: the company speaks, whoever triggered it',
    human_share             Nullable(Float64)           COMMENT 'Human share: human_inbound / inbound touchpoints of all three; NULL over no denominator',
    human_conversions       Int64                       COMMENT 'Conversions judged human, as reported',
    suspect_conversions     Int64                       COMMENT 'Conversions judged suspect (perhaps a machine), as reported',
    machine_conversions     Int64                       COMMENT 'Conversions judged machine, as reported',
    human_revenue           Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged human by currency, in units of the currency',
    suspect_revenue         Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged suspect (perhaps a machine) by currency, in units of the currency',
    machine_revenue         Map(String, Decimal(38, 6)) COMMENT 'Value of the conversions judged machine by currency, in units of the currency',
    human_engaged_seconds   Float64                     COMMENT 'Engaged time that touchpoints judged human reported, seconds; by session and customer it stands in sessions_daily and its kin',
    suspect_engaged_seconds Float64                     COMMENT 'Engaged time that touchpoints judged suspect (perhaps a machine) reported, seconds; by session and customer it stands in sessions_daily and its kin',
    machine_engaged_seconds Float64                     COMMENT 'Engaged time that touchpoints judged machine reported, seconds; by session and customer it stands in sessions_daily and its kin',
    human_actions           Map(String, Int64)          COMMENT 'Number of touchpoints judged human by action, custom actions under their own names',
    suspect_actions         Map(String, Int64)          COMMENT 'Number of touchpoints judged suspect (perhaps a machine) by action, custom actions under their own names',
    machine_actions         Map(String, Int64)          COMMENT 'Number of touchpoints judged machine by action, custom actions under their own names',
    sent                    Int64                       COMMENT 'E-mails sent (action sent); 0 on other channels, like all counts of e-mail',
    delivered               Int64                       COMMENT 'E-mails delivered (action delivered)',
    bounced                 Int64                       COMMENT 'E-mails bounced (action bounced)',
    human_opens             Int64                       COMMENT 'Openings of e-mails judged human, each counted',
    suspect_opens           Int64                       COMMENT 'Openings of e-mails judged suspect (perhaps a machine), each counted',
    machine_opens           Int64                       COMMENT 'Openings of e-mails judged machine, each counted',
    human_clicks            Int64                       COMMENT 'Clicks in e-mails judged human, each counted',
    suspect_clicks          Int64                       COMMENT 'Clicks in e-mails judged suspect (perhaps a machine), each counted',
    machine_clicks          Int64                       COMMENT 'Clicks in e-mails judged machine, each counted',
    unique_openers          Int64                       COMMENT 'Human openings of e-mails counted once per via and message, in the hour of the earliest',
    unique_clickers         Int64                       COMMENT 'Human clicks in e-mails counted once per via and message, in the hour of the earliest',
    complaints              Int64                       COMMENT 'Complaints about e-mails (action complained) judged human',
    unsubscriptions         Int64                       COMMENT 'Unsubscriptions from e-mails (action unsubscribed) judged human',
    delivery_rate           Nullable(Float64)           COMMENT 'E-mail: delivered / sent; NULL over no denominator',
    open_rate               Nullable(Float64)           COMMENT 'E-mail: unique_openers / delivered; NULL over no denominator',
    open_rate_of_sent       Nullable(Float64)           COMMENT 'E-mail: unique_openers / sent; NULL over no denominator',
    click_through_rate      Nullable(Float64)           COMMENT 'E-mail: unique_clickers / delivered (CTR); NULL over no denominator',
    click_to_open_rate      Nullable(Float64)           COMMENT 'E-mail: unique_clickers / unique_openers (CTOR); NULL over no denominator',
    email_bounce_rate       Nullable(Float64)           COMMENT 'E-mail: bounced / sent; NULL over no denominator',
    complaint_rate          Nullable(Float64)           COMMENT 'E-mail: complaints / delivered; NULL over no denominator',
    unsubscribe_rate        Nullable(Float64)           COMMENT 'E-mail: unsubscriptions / delivered; NULL over no denominator',
    human_page_views        Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged human',
    suspect_page_views      Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged suspect (perhaps a machine)',
    machine_page_views      Int64                       COMMENT 'Pages (web) or screens (mobile) viewed by touchpoints judged machine',
    push_delivered          Int64                       COMMENT 'Push messages delivered (action push_delivered); 0 on other channels than mobile, like push_opened',
    push_opened             Int64                       COMMENT 'Push messages opened (action push_opened) judged human, each opening counted',
    unique_push_openers     Int64                       COMMENT 'Human openings of push messages counted once per via and message, in the hour of the earliest',
    push_click_rate         Nullable(Float64)           COMMENT 'Mobile: push_opened / push_delivered (push CTR); NULL over no denominator',
    impressions             Int64                       COMMENT 'Impressions on social networks (action impression_shown); 0 on other channels, like all counts of social',
    reactions               Int64                       COMMENT 'Reactions on social networks (action reacted) judged human',
    comments                Int64                       COMMENT 'Comments on social networks (action commented) judged human',
    shares                  Int64                       COMMENT 'Shares on social networks (action shared) judged human',
    social_clicks           Int64                       COMMENT 'Clicks on social networks (action link_clicked) judged human',
    social_engagement_rate  Nullable(Float64)           COMMENT 'Social: (reactions + comments + shares + social_clicks) / impressions; NULL over no denominator',
    amplification_rate      Nullable(Float64)           COMMENT 'Social: shares / impressions; NULL over no denominator',
    conversation_rate       Nullable(Float64)           COMMENT 'Social: comments / impressions; NULL over no denominator'
)
AS SELECT
    min(e.hour) AS first_hour,
    max(e.hour) AS last_hour,
    e.channel AS channel,
    e.campaign AS campaign,
    sum(e.human_touchpoints) AS human_touchpoints,
    sum(e.suspect_touchpoints) AS suspect_touchpoints,
    sum(e.machine_touchpoints) AS machine_touchpoints,
    sum(e.human_inbound) AS human_inbound,
    sum(e.suspect_inbound) AS suspect_inbound,
    sum(e.machine_inbound) AS machine_inbound,
    sum(e.outbound) AS outbound,
    human_inbound / nullIf(human_inbound + suspect_inbound + machine_inbound, 0) AS human_share,
    sum(e.human_conversions) AS human_conversions,
    sum(e.suspect_conversions) AS suspect_conversions,
    sum(e.machine_conversions) AS machine_conversions,
    sumMap(e.human_revenue) AS human_revenue,
    sumMap(e.suspect_revenue) AS suspect_revenue,
    sumMap(e.machine_revenue) AS machine_revenue,
    sum(e.human_engaged_seconds) AS human_engaged_seconds,
    sum(e.suspect_engaged_seconds) AS suspect_engaged_seconds,
    sum(e.machine_engaged_seconds) AS machine_engaged_seconds,
    sumMap(e.human_actions) AS human_actions,
    sumMap(e.suspect_actions) AS suspect_actions,
    sumMap(e.machine_actions) AS machine_actions,
    sum(e.sent) AS sent,
    sum(e.delivered) AS delivered,
    sum(e.bounced) AS bounced,
    sum(e.human_opens) AS human_opens,
    sum(e.suspect_opens) AS suspect_opens,
    sum(e.machine_opens) AS machine_opens,
    sum(e.human_clicks) AS human_clicks,
    sum(e.suspect_clicks) AS suspect_clicks,
    sum(e.machine_clicks) AS machine_clicks,
    sum(e.unique_openers) AS unique_openers,
    sum(e.unique_clickers) AS unique_clickers,
    sum(e.complaints) AS complaints,
    sum(e.unsubscriptions) AS unsubscriptions,
    delivered / nullIf(sent, 0) AS delivery_rate,
    unique_openers / nullIf(delivered, 0) AS open_rate,
    unique_openers / nullIf(sent, 0) AS open_rate_of_sent,
    unique_clickers / nullIf(delivered, 0) AS click_through_rate,
    unique_clickers / nullIf(unique_openers, 0) AS click_to_open_rate,
    bounced / nullIf(sent, 0) AS email_bounce_rate,
    complaints / nullIf(delivered, 0) AS complaint_rate,
    unsubscriptions / nullIf(delivered, 0) AS unsubscribe_rate,
    sum(e.human_page_views) AS human_page_views,
    sum(e.suspect_page_views) AS suspect_page_views,
    sum(e.machine_page_views) AS machine_page_views,
    sum(e.push_delivered) AS push_delivered,
    sum(e.push_opened) AS push_opened,
    sum(e.unique_push_openers) AS unique_push_openers,
    push_opened / nullIf(push_delivered, 0) AS push_click_rate,
    sum(e.impressions) AS impressions,
    sum(e.reactions) AS reactions,
    sum(e.comments) AS comments,
    sum(e.shares) AS shares,
    sum(e.social_clicks) AS social_clicks,
    (reactions + comments + shares + social_clicks) / nullIf(impressions, 0) AS social_engagement_rate,
    shares / nullIf(impressions, 0) AS amplification_rate,
    comments / nullIf(impressions, 0) AS conversation_rate
FROM engagement_hourly AS e
GROUP BY channel, campaign
COMMENT 'Engagement per channel and campaign over all time: here the rates hold, since an opening may come days after its delivery';

CREATE OR REPLACE VIEW revenue_daily
(
    day                 Date                   COMMENT 'Day of event time, UTC',
    channel             LowCardinality(String) COMMENT 'Channel',
    campaign            LowCardinality(String) COMMENT 'Campaign; empty if none',
    currency            LowCardinality(String) COMMENT 'Currency of the conversions, ISO 4217; empty where there is no money',
    human_conversions   Int64                  COMMENT 'Conversions judged human, as reported',
    suspect_conversions Int64                  COMMENT 'Conversions judged suspect (perhaps a machine), as reported',
    machine_conversions Int64                  COMMENT 'Conversions judged machine, as reported',
    human_revenue       Decimal(38, 6)         COMMENT 'Value of the conversions judged human, in units of the currency',
    suspect_revenue     Decimal(38, 6)         COMMENT 'Value of the conversions judged suspect (perhaps a machine), in units of the currency',
    machine_revenue     Decimal(38, 6)         COMMENT 'Value of the conversions judged machine, in units of the currency'
)
AS SELECT
    toDate(e.hour) AS day,
    e.channel AS channel,
    e.campaign AS campaign,
    e.currency AS currency,
    sumIf(e.conversions, e.actor = 'human') AS human_conversions,
    sumIf(e.conversions, e.actor = 'suspect') AS suspect_conversions,
    sumIf(e.conversions, e.actor = 'machine') AS machine_conversions,
    reinterpret(sumIf(toInt128(e.revenue_micros), e.actor = 'human'), 'Decimal(38, 6)') AS human_revenue,
    reinterpret(sumIf(toInt128(e.revenue_micros), e.actor = 'suspect'), 'Decimal(38, 6)') AS suspect_revenue,
    reinterpret(sumIf(toInt128(e.revenue_micros), e.actor = 'machine'), 'Decimal(38, 6)') AS machine_revenue
FROM engagement AS e FINAL
WHERE e.conversions != 0
GROUP BY day, channel, campaign, currency
COMMENT 'Conversions and revenue per day, channel, campaign and currency, as reported: a row a currency where engagement_daily has a map';

-- Sessions belong to customers, so a merge or a late touchpoint corrects them; the engaged time of engagement_* is what was
-- reported, with machines apart, and stays. Different customers don't add up: each view counts them from the sessions themselves.
CREATE OR REPLACE VIEW sessions_hourly
(
    hour              DateTime64(3, 'UTC')   COMMENT 'Hour in which the sessions began, UTC',
    channel           LowCardinality(String) COMMENT 'Channel',
    marketing_channel LowCardinality(String) COMMENT 'Marketing channel of the sessions',
    campaign          LowCardinality(String) COMMENT 'Campaign that brought the sessions; empty if none',
    sessions          UInt64                 COMMENT 'Sessions begun',
    engaged_sessions  UInt64                 COMMENT 'Engaged sessions after GA4: at least 2 page views, or 10 s engaged time, or a conversion',
    bounce_rate       Nullable(Float64)      COMMENT '1 - engaged_sessions / sessions; NULL on channels without pages (all but web and mobile)',
    customers         UInt64                 COMMENT 'Different customers with a session; do not add them up over rows',
    touchpoints       Int64                  COMMENT 'Touchpoints in the sessions',
    page_views        Int64                  COMMENT 'Pages (web) or screens (mobile) viewed in the sessions',
    engaged_seconds   Float64                COMMENT 'Engaged time in the sessions, seconds: time engaged with pages (web), time in the foreground (mobile)',
    conversions       Int64                  COMMENT 'Conversions in the sessions, closing or not'
)
AS SELECT
    toStartOfHour(s.started_at) AS hour,
    s.channel AS channel,
    s.marketing_channel AS marketing_channel,
    s.campaign AS campaign,
    count() AS sessions,
    countIf(s.engaged) AS engaged_sessions,
    if(channel IN ('web', 'mobile'), 1 - engaged_sessions / nullIf(sessions, 0), NULL) AS bounce_rate,
    uniqExact(s.customer_id) AS customers,
    sum(s.touchpoints) AS touchpoints,
    sum(s.page_views) AS page_views,
    sum(toInt128(s.engaged_ms)) / 1000 AS engaged_seconds,
    sum(s.conversions) AS conversions
FROM sessions AS s FINAL
GROUP BY hour, channel, marketing_channel, campaign
COMMENT 'Sessions per hour, channel, marketing channel and campaign: of humans and suspects, inbound only';

CREATE OR REPLACE VIEW sessions_daily
(
    day               Date                   COMMENT 'Day on which the sessions began, UTC',
    channel           LowCardinality(String) COMMENT 'Channel',
    marketing_channel LowCardinality(String) COMMENT 'Marketing channel of the sessions',
    campaign          LowCardinality(String) COMMENT 'Campaign that brought the sessions; empty if none',
    sessions          UInt64                 COMMENT 'Sessions begun',
    engaged_sessions  UInt64                 COMMENT 'Engaged sessions after GA4: at least 2 page views, or 10 s engaged time, or a conversion',
    bounce_rate       Nullable(Float64)      COMMENT '1 - engaged_sessions / sessions; NULL on channels without pages (all but web and mobile)',
    customers         UInt64                 COMMENT 'Different customers with a session; do not add them up over rows',
    touchpoints       Int64                  COMMENT 'Touchpoints in the sessions',
    page_views        Int64                  COMMENT 'Pages (web) or screens (mobile) viewed in the sessions',
    engaged_seconds   Float64                COMMENT 'Engaged time in the sessions, seconds: time engaged with pages (web), time in the foreground (mobile)',
    conversions       Int64                  COMMENT 'Conversions in the sessions, closing or not'
)
AS SELECT
    toDate(s.started_at) AS day,
    s.channel AS channel,
    s.marketing_channel AS marketing_channel,
    s.campaign AS campaign,
    count() AS sessions,
    countIf(s.engaged) AS engaged_sessions,
    if(channel IN ('web', 'mobile'), 1 - engaged_sessions / nullIf(sessions, 0), NULL) AS bounce_rate,
    uniqExact(s.customer_id) AS customers,
    sum(s.touchpoints) AS touchpoints,
    sum(s.page_views) AS page_views,
    sum(toInt128(s.engaged_ms)) / 1000 AS engaged_seconds,
    sum(s.conversions) AS conversions
FROM sessions AS s FINAL
GROUP BY day, channel, marketing_channel, campaign
COMMENT 'Sessions per day, channel, marketing channel and campaign: of humans and suspects, inbound only';

CREATE OR REPLACE VIEW sessions_by_campaign
(
    first_hour        DateTime64(3, 'UTC')   COMMENT 'Hour in which the first session began, UTC',
    last_hour         DateTime64(3, 'UTC')   COMMENT 'Hour in which the last session began, UTC',
    channel           LowCardinality(String) COMMENT 'Channel',
    marketing_channel LowCardinality(String) COMMENT 'Marketing channel of the sessions',
    campaign          LowCardinality(String) COMMENT 'Campaign that brought the sessions; empty if none',
    sessions          UInt64                 COMMENT 'Sessions begun',
    engaged_sessions  UInt64                 COMMENT 'Engaged sessions after GA4: at least 2 page views, or 10 s engaged time, or a conversion',
    bounce_rate       Nullable(Float64)      COMMENT '1 - engaged_sessions / sessions; NULL on channels without pages (all but web and mobile)',
    customers         UInt64                 COMMENT 'Different customers with a session; do not add them up over rows',
    touchpoints       Int64                  COMMENT 'Touchpoints in the sessions',
    page_views        Int64                  COMMENT 'Pages (web) or screens (mobile) viewed in the sessions',
    engaged_seconds   Float64                COMMENT 'Engaged time in the sessions, seconds: time engaged with pages (web), time in the foreground (mobile)',
    conversions       Int64                  COMMENT 'Conversions in the sessions, closing or not'
)
AS SELECT
    min(toStartOfHour(s.started_at)) AS first_hour,
    max(toStartOfHour(s.started_at)) AS last_hour,
    s.channel AS channel,
    s.marketing_channel AS marketing_channel,
    s.campaign AS campaign,
    count() AS sessions,
    countIf(s.engaged) AS engaged_sessions,
    if(channel IN ('web', 'mobile'), 1 - engaged_sessions / nullIf(sessions, 0), NULL) AS bounce_rate,
    uniqExact(s.customer_id) AS customers,
    sum(s.touchpoints) AS touchpoints,
    sum(s.page_views) AS page_views,
    sum(toInt128(s.engaged_ms)) / 1000 AS engaged_seconds,
    sum(s.conversions) AS conversions
FROM sessions AS s FINAL
GROUP BY channel, marketing_channel, campaign
COMMENT 'Sessions per channel, marketing channel and campaign over all time: of humans and suspects, inbound only';

-- Sessions say on which days a customer was there, and bear the customer of now: no touchpoint is read, nothing is joined. Within
-- a session no gap is longer than 30 minutes, and a run of over 24 hours is cut at midnights, so a session has touchpoints on
-- the days of its beginning and its end and on no other. Suspects form sessions, so they make a customer active, too; to ask
-- for humans alone, count the customers of touchpoints_now.

-- A customer is in the window of a day when its last active day is less than 7 or 30 days old. So each active day counts
-- from itself up to the next one, at most 30 days, and the pairs are few: (day, gap to the next) with a number of customers.
-- To count different customers in 30 windows for each day takes 1.5 to 2 times the processor time, and more the oftener they come.
CREATE OR REPLACE VIEW active_customers_daily
(
    day            Date                    COMMENT 'The day, UTC; one without anybody active in its 30 days has no row',
    channel        LowCardinality(String)  COMMENT 'Channel; all: over all channels, where a customer of several counts once',
    daily_active   UInt64                  COMMENT 'Customers with a journey-forming touchpoint on the day: inbound, not by a machine; never add them up over rows',
    weekly_active  UInt64                  COMMENT 'The same in the 7 days that end with the day',
    monthly_active UInt64                  COMMENT 'The same in the 30 days that end with the day; whole from the 30th day of the data on',
    stickiness     Nullable(Float64)       COMMENT 'daily_active / monthly_active (dauPerMau of GA4); NULL over no denominator'
)
AS SELECT
    active_day + age AS day,
    a.channel AS channel,
    sumIf(a.customers, age = 0) AS daily_active,
    sumIf(a.customers, age < 7) AS weekly_active,
    sum(a.customers) AS monthly_active,
    daily_active / nullIf(monthly_active, 0) AS stickiness
FROM
(
    SELECT channel, active_day, gap, count() AS customers
    FROM
    (
        SELECT
            if(s.channel = '', 'all', s.channel) AS channel,
            arrayCompact(arraySort(groupArrayArray([toDate(s.started_at), toDate(s.ended_at)]))) AS active_days,
            arrayMap((d, n) -> toUInt8(least(n - d, 30)), active_days, arrayPushBack(arrayPopFront(active_days), toDate('2149-06-06'))) AS gaps
        FROM sessions AS s FINAL
        GROUP BY GROUPING SETS ((s.channel, s.customer_id), (s.customer_id))
    )
    ARRAY JOIN active_days AS active_day, gaps AS gap
    GROUP BY channel, active_day, gap
) AS a
ARRAY JOIN range(gap) AS age
GROUP BY day, channel
QUALIFY day <= maxIf(day, daily_active > 0) OVER ()
SETTINGS group_by_use_nulls = 0
COMMENT 'Active customers on each day, in the week and in the 30 days that end with it, per channel and over all; with the customers as they are now';

CREATE OR REPLACE VIEW active_customers_weekly
(
    week             Date                   COMMENT 'First day of the calendar week, Monday to Sunday, UTC',
    channel          LowCardinality(String) COMMENT 'Channel; all: over all channels, where a customer of several counts once',
    active_customers UInt64                 COMMENT 'Customers with a journey-forming touchpoint in the week: inbound, not by a machine; never add them up over rows'
)
AS SELECT
    week,
    if(s.channel = '', 'all', s.channel) AS channel,
    uniqExact(s.customer_id) AS active_customers
FROM sessions AS s FINAL
ARRAY JOIN arrayDistinct([toMonday(s.started_at), toMonday(s.ended_at)]) AS week
GROUP BY GROUPING SETS ((week, s.channel), (week))
SETTINGS group_by_use_nulls = 0
COMMENT 'Active customers of each calendar week, Monday to Sunday, per channel and over all; with the customers as they are now';

CREATE OR REPLACE VIEW active_customers_monthly
(
    month            Date                   COMMENT 'First day of the calendar month, UTC',
    channel          LowCardinality(String) COMMENT 'Channel; all: over all channels, where a customer of several counts once',
    active_customers UInt64                 COMMENT 'Customers with a journey-forming touchpoint in the month: inbound, not by a machine; never add them up over rows'
)
AS SELECT
    month,
    if(s.channel = '', 'all', s.channel) AS channel,
    uniqExact(s.customer_id) AS active_customers
FROM sessions AS s FINAL
ARRAY JOIN arrayDistinct([toStartOfMonth(s.started_at), toStartOfMonth(s.ended_at)]) AS month
GROUP BY GROUPING SETS ((month, s.channel), (month))
SETTINGS group_by_use_nulls = 0
COMMENT 'Active customers of each calendar month, per channel and over all; with the customers as they are now';

CREATE OR REPLACE VIEW threads
(
    channel                LowCardinality(String)         COMMENT 'Channel',
    thread_id              String                         COMMENT 'The conversation; unique within its channel',
    customer_id            UUID                           COMMENT 'Customer of its first touchpoint, now',
    campaign               LowCardinality(String)         COMMENT 'Campaign of its first touchpoint; empty if none',
    mode                   LowCardinality(String)         COMMENT 'Mode of its first touchpoint: synchronous (call, chat) or asynchronous (letter, post)',
    started_by             LowCardinality(String)         COMMENT 'customer or company: who made the first touchpoint; what a machine said as a customer is passed over',
    started_at             DateTime64(3, 'UTC')           COMMENT 'Event time of its first touchpoint, UTC: where a customer started it, of the first message',
    last_at                DateTime64(3, 'UTC')           COMMENT 'Event time of its last touchpoint, UTC',
    inbound                UInt64                         COMMENT 'Touchpoints in which the customer speaks',
    human_outbound         UInt64                         COMMENT 'Touchpoints in which a human of the company speaks',
    machine_outbound       UInt64                         COMMENT 'Touchpoints in which a bot of the company speaks; it does not stop the clock',
    answered               Bool                           COMMENT 'True where a customer started it and a human answered',
    first_answered_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time of the first human answer, UTC; NULL where it is not answered',
    first_response_seconds Nullable(Float64)              COMMENT 'From the first message of the customer to the first human answer, seconds; NULL where it is not answered'
)
AS SELECT
    t.channel AS channel,
    t.thread_id AS thread_id,
    argMin(t.customer_id, (t.occurred_at, t.event_id, t.via)) AS customer_id,
    argMin(t.campaign, (t.occurred_at, t.event_id, t.via)) AS campaign,
    argMin(t.mode, (t.occurred_at, t.event_id, t.via)) AS mode,
    if(argMin(t.direction, (t.occurred_at, t.event_id, t.via)) = 'inbound', 'customer', 'company') AS started_by,
    min(t.occurred_at) AS started_at,
    max(t.occurred_at) AS last_at,
    countIf(t.direction = 'inbound') AS inbound,
    countIf(t.direction = 'outbound' AND t.actor = 'human') AS human_outbound,
    countIf(t.direction = 'outbound' AND t.actor != 'human') AS machine_outbound,
    started_by = 'customer' AND human_outbound > 0 AS answered,
    -- In a thread of a customer every outbound touchpoint comes after the first inbound one.
    if(answered, minIf(t.occurred_at, t.direction = 'outbound' AND t.actor = 'human'), NULL) AS first_answered_at,
    (toUnixTimestamp64Milli(first_answered_at) - toUnixTimestamp64Milli(started_at)) / 1000 AS first_response_seconds
FROM touchpoints_now AS t
WHERE t.thread_id != '' AND NOT (t.direction = 'inbound' AND t.actor = 'machine')
GROUP BY channel, thread_id
COMMENT 'One row a conversation: who started it, and when a human answered';

CREATE OR REPLACE VIEW first_response_hourly
(
    hour                          DateTime64(3, 'UTC')   COMMENT 'Hour in which the threads were started, UTC',
    channel                       LowCardinality(String) COMMENT 'Channel',
    campaign                      LowCardinality(String) COMMENT 'Campaign of the message that started the thread; empty if none',
    mode                          LowCardinality(String) COMMENT 'Mode of the message that started the thread: synchronous (call, chat) or asynchronous (letter, post)',
    threads                       UInt64                 COMMENT 'Threads that a customer started',
    answered                      UInt64                 COMMENT 'Of these, threads that a human answered so far',
    answered_within_minute        UInt64                 COMMENT 'Answered by a human within 60 s',
    answered_within_hour          UInt64                 COMMENT 'Answered by a human within 3,600 s',
    answered_within_day           UInt64                 COMMENT 'Answered by a human within 86,400 s',
    answered_share                Nullable(Float64)      COMMENT 'answered / threads',
    answered_share_minute         Nullable(Float64)      COMMENT 'answered_within_minute / threads',
    answered_share_hour           Nullable(Float64)      COMMENT 'answered_within_hour / threads',
    answered_share_day            Nullable(Float64)      COMMENT 'answered_within_day / threads',
    first_response_median_seconds Nullable(Float64)      COMMENT 'Median of the first response times of the answered threads, seconds; NULL where none is answered',
    first_response_p90_seconds    Nullable(Float64)      COMMENT '90th percentile of the same, seconds, between two of them by their distance; NULL where none is answered'
)
AS SELECT
    toStartOfHour(t.started_at) AS hour,
    t.channel AS channel,
    t.campaign AS campaign,
    t.mode AS mode,
    count() AS threads,
    countIf(t.answered) AS answered,
    countIf(t.first_response_seconds <= 60) AS answered_within_minute,
    countIf(t.first_response_seconds <= 3600) AS answered_within_hour,
    countIf(t.first_response_seconds <= 86400) AS answered_within_day,
    answered / nullIf(threads, 0) AS answered_share,
    answered_within_minute / nullIf(threads, 0) AS answered_share_minute,
    answered_within_hour / nullIf(threads, 0) AS answered_share_hour,
    answered_within_day / nullIf(threads, 0) AS answered_share_day,
    if(answered = 0, NULL, quantileExactInclusiveIf(0.5)(assumeNotNull(t.first_response_seconds), t.answered)) AS first_response_median_seconds,
    if(answered = 0, NULL, quantileExactInclusiveIf(0.9)(assumeNotNull(t.first_response_seconds), t.answered)) AS first_response_p90_seconds
FROM threads AS t
WHERE t.started_by = 'customer'
GROUP BY hour, channel, campaign, mode
COMMENT 'How soon a human answers threads that a customer started, per hour, channel, campaign and mode. Counts add up over rows, medians and percentiles do not';

CREATE OR REPLACE VIEW first_response_daily
(
    day                           Date                   COMMENT 'Day on which the threads were started, UTC',
    channel                       LowCardinality(String) COMMENT 'Channel',
    campaign                      LowCardinality(String) COMMENT 'Campaign of the message that started the thread; empty if none',
    mode                          LowCardinality(String) COMMENT 'Mode of the message that started the thread: synchronous (call, chat) or asynchronous (letter, post)',
    threads                       UInt64                 COMMENT 'Threads that a customer started',
    answered                      UInt64                 COMMENT 'Of these, threads that a human answered so far',
    answered_within_minute        UInt64                 COMMENT 'Answered by a human within 60 s',
    answered_within_hour          UInt64                 COMMENT 'Answered by a human within 3,600 s',
    answered_within_day           UInt64                 COMMENT 'Answered by a human within 86,400 s',
    answered_share                Nullable(Float64)      COMMENT 'answered / threads',
    answered_share_minute         Nullable(Float64)      COMMENT 'answered_within_minute / threads',
    answered_share_hour           Nullable(Float64)      COMMENT 'answered_within_hour / threads',
    answered_share_day            Nullable(Float64)      COMMENT 'answered_within_day / threads',
    first_response_median_seconds Nullable(Float64)      COMMENT 'Median of the first response times of the answered threads, seconds; NULL where none is answered',
    first_response_p90_seconds    Nullable(Float64)      COMMENT '90th percentile of the same, seconds, between two of them by their distance; NULL where none is answered'
)
AS SELECT
    toDate(t.started_at) AS day,
    t.channel AS channel,
    t.campaign AS campaign,
    t.mode AS mode,
    count() AS threads,
    countIf(t.answered) AS answered,
    countIf(t.first_response_seconds <= 60) AS answered_within_minute,
    countIf(t.first_response_seconds <= 3600) AS answered_within_hour,
    countIf(t.first_response_seconds <= 86400) AS answered_within_day,
    answered / nullIf(threads, 0) AS answered_share,
    answered_within_minute / nullIf(threads, 0) AS answered_share_minute,
    answered_within_hour / nullIf(threads, 0) AS answered_share_hour,
    answered_within_day / nullIf(threads, 0) AS answered_share_day,
    if(answered = 0, NULL, quantileExactInclusiveIf(0.5)(assumeNotNull(t.first_response_seconds), t.answered)) AS first_response_median_seconds,
    if(answered = 0, NULL, quantileExactInclusiveIf(0.9)(assumeNotNull(t.first_response_seconds), t.answered)) AS first_response_p90_seconds
FROM threads AS t
WHERE t.started_by = 'customer'
GROUP BY day, channel, campaign, mode
COMMENT 'How soon a human answers threads that a customer started, per day, channel, campaign and mode. Counts add up over rows, medians and percentiles do not';

CREATE OR REPLACE VIEW first_response_by_campaign
(
    first_hour                    DateTime64(3, 'UTC')   COMMENT 'Hour in which the first thread was started, UTC',
    last_hour                     DateTime64(3, 'UTC')   COMMENT 'Hour in which the last thread was started, UTC',
    channel                       LowCardinality(String) COMMENT 'Channel',
    campaign                      LowCardinality(String) COMMENT 'Campaign of the message that started the thread; empty if none',
    mode                          LowCardinality(String) COMMENT 'Mode of the message that started the thread: synchronous (call, chat) or asynchronous (letter, post)',
    threads                       UInt64                 COMMENT 'Threads that a customer started',
    answered                      UInt64                 COMMENT 'Of these, threads that a human answered so far',
    answered_within_minute        UInt64                 COMMENT 'Answered by a human within 60 s',
    answered_within_hour          UInt64                 COMMENT 'Answered by a human within 3,600 s',
    answered_within_day           UInt64                 COMMENT 'Answered by a human within 86,400 s',
    answered_share                Nullable(Float64)      COMMENT 'answered / threads',
    answered_share_minute         Nullable(Float64)      COMMENT 'answered_within_minute / threads',
    answered_share_hour           Nullable(Float64)      COMMENT 'answered_within_hour / threads',
    answered_share_day            Nullable(Float64)      COMMENT 'answered_within_day / threads',
    first_response_median_seconds Nullable(Float64)      COMMENT 'Median of the first response times of the answered threads, seconds; NULL where none is answered',
    first_response_p90_seconds    Nullable(Float64)      COMMENT '90th percentile of the same, seconds, between two of them by their distance; NULL where none is answered'
)
AS SELECT
    min(toStartOfHour(t.started_at)) AS first_hour,
    max(toStartOfHour(t.started_at)) AS last_hour,
    t.channel AS channel,
    t.campaign AS campaign,
    t.mode AS mode,
    count() AS threads,
    countIf(t.answered) AS answered,
    countIf(t.first_response_seconds <= 60) AS answered_within_minute,
    countIf(t.first_response_seconds <= 3600) AS answered_within_hour,
    countIf(t.first_response_seconds <= 86400) AS answered_within_day,
    answered / nullIf(threads, 0) AS answered_share,
    answered_within_minute / nullIf(threads, 0) AS answered_share_minute,
    answered_within_hour / nullIf(threads, 0) AS answered_share_hour,
    answered_within_day / nullIf(threads, 0) AS answered_share_day,
    if(answered = 0, NULL, quantileExactInclusiveIf(0.5)(assumeNotNull(t.first_response_seconds), t.answered)) AS first_response_median_seconds,
    if(answered = 0, NULL, quantileExactInclusiveIf(0.9)(assumeNotNull(t.first_response_seconds), t.answered)) AS first_response_p90_seconds
FROM threads AS t
WHERE t.started_by = 'customer'
GROUP BY channel, campaign, mode
COMMENT 'How soon a human answers threads that a customer started, per channel, campaign and mode over all time. Counts add up over rows, medians and percentiles do not';

CREATE OR REPLACE VIEW dialogue_daily
(
    day              Date                    COMMENT 'Day of event time, UTC; one without touchpoints has no row',
    channel          LowCardinality(String)  COMMENT 'Channel',
    inbound          Int64                   COMMENT 'Inbound touchpoints of the day judged human: the customer speaks',
    outbound         Int64                   COMMENT 'Outbound touchpoints of the day: the company speaks',
    inbound_30_days  Int64                   COMMENT 'Inbound touchpoints judged human in the 30 days that end with the day',
    outbound_30_days Int64                   COMMENT 'Outbound touchpoints in the 30 days that end with the day',
    reciprocity      Nullable(Float64)       COMMENT 'The smaller of the two / the larger (ours): 1 where both speak alike, 0 where one is silent; NULL over no denominator'
)
AS SELECT
    e.day AS day,
    e.channel AS channel,
    sum(e.human_inbound) AS inbound,
    sum(e.outbound) AS outbound,
    sum(inbound) OVER (PARTITION BY channel ORDER BY day RANGE BETWEEN 29 PRECEDING AND CURRENT ROW) AS inbound_30_days,
    sum(outbound) OVER (PARTITION BY channel ORDER BY day RANGE BETWEEN 29 PRECEDING AND CURRENT ROW) AS outbound_30_days,
    least(inbound_30_days, outbound_30_days) / nullIf(greatest(inbound_30_days, outbound_30_days), 0) AS reciprocity
FROM engagement_daily AS e
GROUP BY day, channel
COMMENT 'Who speaks how much, per day and channel: talking with customers, not at them';

CREATE OR REPLACE VIEW dialogue_by_customer
(
    channel             LowCardinality(String)  COMMENT 'Channel',
    customer_id         UUID                    COMMENT 'The customer, now',
    inbound             UInt64                  COMMENT 'Inbound touchpoints judged human in the last 30 days of the data: the customer speaks',
    outbound            UInt64                  COMMENT 'Outbound touchpoints in the same days: the company speaks',
    unanswered_outbound UInt64                  COMMENT 'Of these, without a later inbound one judged human: about the same message; in the same thread if of no message; any if of neither',
    reciprocity         Nullable(Float64)       COMMENT 'The smaller of inbound and outbound / the larger (ours); NULL over no denominator',
    talk_at_ratio       Nullable(Float64)       COMMENT 'unanswered_outbound / outbound (ours); NULL over no denominator'
)
AS SELECT
    s.channel AS channel,
    s.customer_id AS customer_id,
    sum(s.heard) AS inbound,
    sum(length(s.spoken_at)) AS outbound,
    sum(arrayCount(at -> at >= s.last_heard_at, s.spoken_at)) AS unanswered_outbound,
    least(inbound, outbound) / nullIf(greatest(inbound, outbound), 0) AS reciprocity,
    unanswered_outbound / nullIf(outbound, 0) AS talk_at_ratio
FROM
(
    SELECT
        t.channel AS channel,
        t.customer_id AS customer_id,
        subject,
        countIf(t.direction = 'inbound' AND subject = '') AS heard,
        maxIf(t.occurred_at, t.direction = 'inbound') AS last_heard_at,
        groupArrayIf(t.occurred_at, t.direction = 'outbound') AS spoken_at
    FROM touchpoints_now AS t
    -- An inbound touchpoint stands for its message, its thread and the channel; an outbound one waits at the first that it has.
    ARRAY JOIN if(
        t.direction = 'inbound',
        arrayFilter((x, has) -> has, [concat('message ', t.message_id), concat('thread ', t.thread_id), ''], [t.message_id != '', t.thread_id != '', true]),
        [multiIf(t.message_id != '', concat('message ', t.message_id), t.thread_id != '', concat('thread ', t.thread_id), '')]
    ) AS subject
    WHERE t.occurred_at >= (SELECT toDateTime64(toDate(max(occurred_at)) - 29, 3, 'UTC') FROM touchpoints FINAL)
        AND (t.direction = 'outbound' OR t.actor = 'human')
    GROUP BY channel, customer_id, subject
) AS s
GROUP BY channel, customer_id
COMMENT 'Who speaks how much with each customer, in the 30 days that end with the day of the newest touchpoint';

CREATE OR REPLACE VIEW dialogue_by_channel
(
    channel             LowCardinality(String)  COMMENT 'Channel',
    customers           UInt64                  COMMENT 'Customers that spoke or were spoken to in the last 30 days of the data',
    inbound             UInt64                  COMMENT 'Inbound touchpoints judged human: the customer speaks',
    outbound            UInt64                  COMMENT 'Outbound touchpoints: the company speaks',
    unanswered_outbound UInt64                  COMMENT 'Of these, without a later inbound one judged human: about the same message; in the same thread if of no message; any if of neither',
    reciprocity         Nullable(Float64)       COMMENT 'The smaller of inbound and outbound / the larger (ours); NULL over no denominator',
    talk_at_ratio       Nullable(Float64)       COMMENT 'unanswered_outbound / outbound (ours); NULL over no denominator'
)
AS SELECT
    d.channel AS channel,
    count() AS customers,
    sum(d.inbound) AS inbound,
    sum(d.outbound) AS outbound,
    sum(d.unanswered_outbound) AS unanswered_outbound,
    least(inbound, outbound) / nullIf(greatest(inbound, outbound), 0) AS reciprocity,
    unanswered_outbound / nullIf(outbound, 0) AS talk_at_ratio
FROM dialogue_by_customer AS d
GROUP BY channel
COMMENT 'Who speaks how much on each channel, in the 30 days that end with the day of the newest touchpoint';

-- Intervals of 95 %. NPS: adjusted Wald, 3 answers added (Rocks, 2016). CSAT: Wilson's score interval (1927). ACSI: mean and
-- standard error, the normal approximation.
CREATE OR REPLACE VIEW satisfaction_monthly
(
    month        Date                    COMMENT 'First day of the month in which the answers were given, UTC',
    channel      LowCardinality(String)  COMMENT 'Channel on which the answer was given',
    metric       LowCardinality(String)  COMMENT 'nps (0 to 10), csat (1 to 5) or acsi (three items of 1 to 10, added up)',
    answers      UInt64                  COMMENT 'Survey answers judged human: n',
    favourable   UInt64                  COMMENT 'Of these, nps 9 or 10 (promoters), csat 4 or 5; for acsi those above the middle of the scale, 16.5',
    unfavourable UInt64                  COMMENT 'Of these, nps 0 to 6 (detractors), csat 1 to 3; for acsi those below the middle of the scale',
    satisfaction Nullable(Float64)       COMMENT 'nps: % favourable - % unfavourable, -100 to 100. csat: % favourable. acsi: (mean - 3) / 27 * 100, 0 to 100',
    low          Nullable(Float64)       COMMENT 'Lower end of its 95 % interval; acsi of one answer has none, NULL',
    high         Nullable(Float64)       COMMENT 'Upper end of its 95 % interval; two results whose intervals overlap widely do not differ'
)
AS SELECT
    toStartOfMonth(t.occurred_at) AS month,
    t.channel AS channel,
    t.satisfaction_metric AS metric,
    count() AS answers,
    countIf(multiIf(metric = 'nps', t.satisfaction_score >= 9, metric = 'csat', t.satisfaction_score >= 4, t.satisfaction_score >= 17)) AS favourable,
    countIf(multiIf(metric = 'nps', t.satisfaction_score <= 6, metric = 'csat', t.satisfaction_score <= 3, t.satisfaction_score <= 16)) AS unfavourable,
    multiIf(
        metric = 'nps', 100 * (favourable - unfavourable) / answers,
        metric = 'csat', 100 * favourable / answers,
        100 * (avg(t.satisfaction_score) - 3) / 27
    ) AS satisfaction,
    1.959964 AS z,
    -- Middle and half width, each on its own scale.
    multiIf(
        metric = 'nps', 100 * (favourable - unfavourable) / (answers + 3),
        metric = 'csat', 100 * (favourable + z * z / 2) / (answers + z * z),
        satisfaction
    ) AS middle,
    (favourable + 0.75) / (answers + 3) AS promoting,
    (unfavourable + 0.75) / (answers + 3) AS detracting,
    favourable / answers AS satisfied,
    multiIf(
        metric = 'nps', 100 * z * sqrt((promoting + detracting - pow(promoting - detracting, 2)) / (answers + 3)),
        metric = 'csat', 100 * z * sqrt(satisfied * (1 - satisfied) * answers + z * z / 4) / (answers + z * z),
        answers > 1, 100 / 27 * z * stddevSampStable(t.satisfaction_score) / sqrt(answers),
        NULL
    ) AS half_width,
    -- greatest and least pass over NULL.
    if(half_width IS NULL, NULL, greatest(middle - half_width, if(metric = 'nps', -100, 0))) AS low,
    if(half_width IS NULL, NULL, least(middle + half_width, 100)) AS high
FROM touchpoints AS t FINAL
WHERE t.satisfaction_metric != '' AND t.actor = 'human'
GROUP BY month, channel, metric
COMMENT 'What customers answered in surveys, per month, channel and question, with the number of answers and an interval';

CREATE OR REPLACE VIEW metric_definitions
(
    channel String        COMMENT 'Channel that the metric is for; any: for each of them',
    name    String        COMMENT 'The metric: a column of this name in each of its views',
    formula String        COMMENT 'How it is made; a share in columns of the view, so that it can be made again over a sum of rows, NULL over no denominator',
    unit    String        COMMENT 'share (of 1), count, customers (different ones, never add them up), seconds, points or currency (units of it)',
    source  String        COMMENT 'Where it comes from: columns of tables',
    views   Array(String) COMMENT 'Views that have it'
)
AS SELECT channel, name, formula, unit, source, views
FROM values('channel String, name String, formula String, unit String, source String, views Array(String)',
    ('any', 'human_share', 'human_inbound / (human_inbound + suspect_inbound + machine_inbound)', 'share', 'engagement.inbound', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('any', 'human_conversions', 'touchpoints judged human that are conversions, as reported; suspect_conversions and machine_conversions apart', 'count', 'engagement.conversions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign', 'revenue_daily']),
    ('any', 'human_revenue', 'sum of their value per currency; suspect_revenue and machine_revenue apart', 'currency', 'engagement.revenue_micros', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign', 'revenue_daily']),
    ('any', 'daily_active', 'different customers with a journey-forming touchpoint on the day: inbound, judged human or suspect', 'customers', 'sessions.started_at, sessions.ended_at, sessions.customer_id', ['active_customers_daily']),
    ('any', 'weekly_active', 'the same in the 7 days that end with the day', 'customers', 'sessions.started_at, sessions.ended_at, sessions.customer_id', ['active_customers_daily']),
    ('any', 'monthly_active', 'the same in the 30 days that end with the day', 'customers', 'sessions.started_at, sessions.ended_at, sessions.customer_id', ['active_customers_daily']),
    ('any', 'active_customers', 'the same in the calendar week, from Monday on, or month', 'customers', 'sessions.started_at, sessions.ended_at, sessions.customer_id', ['active_customers_weekly', 'active_customers_monthly']),
    ('any', 'stickiness', 'daily_active / monthly_active', 'share', 'sessions.started_at, sessions.ended_at, sessions.customer_id', ['active_customers_daily']),
    ('email', 'delivery_rate', 'delivered / sent', 'share', 'engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'unique_openers', 'human openings, once per (via, message_id), in the hour of the earliest', 'count', 'engagement.unique_openers', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'unique_clickers', 'human clicks, once per (via, message_id), in the hour of the earliest', 'count', 'engagement.unique_clickers', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'open_rate', 'unique_openers / delivered', 'share', 'engagement.unique_openers, engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'open_rate_of_sent', 'unique_openers / sent', 'share', 'engagement.unique_openers, engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'click_through_rate', 'unique_clickers / delivered', 'share', 'engagement.unique_clickers, engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'click_to_open_rate', 'unique_clickers / unique_openers', 'share', 'engagement.unique_clickers, engagement.unique_openers', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'email_bounce_rate', 'bounced / sent', 'share', 'engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'complaint_rate', 'complaints / delivered', 'share', 'engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('email', 'unsubscribe_rate', 'unsubscriptions / delivered', 'share', 'engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('web', 'engaged_sessions', 'sessions with at least 2 page views, or 10 s of engaged time, or a conversion (GA4)', 'count', 'sessions.engaged', ['sessions_hourly', 'sessions_daily', 'sessions_by_campaign']),
    ('web', 'bounce_rate', '1 - engaged_sessions / sessions', 'share', 'sessions.engaged', ['sessions_hourly', 'sessions_daily', 'sessions_by_campaign']),
    ('web', 'engaged_seconds', 'sum of the engaged time in sessions', 'seconds', 'sessions.engaged_ms', ['sessions_hourly', 'sessions_daily', 'sessions_by_campaign']),
    ('mobile', 'push_click_rate', 'push_opened / push_delivered', 'share', 'engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('mobile', 'engaged_seconds', 'sum of the time in the foreground in sessions (Snowplow)', 'seconds', 'sessions.engaged_ms', ['sessions_hourly', 'sessions_daily', 'sessions_by_campaign']),
    ('social', 'social_engagement_rate', '(reactions + comments + shares + social_clicks) / impressions', 'share', 'engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('social', 'amplification_rate', 'shares / impressions', 'share', 'engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('social', 'conversation_rate', 'comments / impressions', 'share', 'engagement.actions', ['engagement_hourly', 'engagement_daily', 'engagement_by_campaign']),
    ('service', 'answered_share', 'answered / threads', 'share', 'touchpoints.thread_id, touchpoints.direction, touchpoints.actor', ['first_response_hourly', 'first_response_daily', 'first_response_by_campaign']),
    ('service', 'answered_share_minute', 'answered_within_minute / threads', 'share', 'touchpoints.thread_id, touchpoints.occurred_at', ['first_response_hourly', 'first_response_daily', 'first_response_by_campaign']),
    ('service', 'answered_share_hour', 'answered_within_hour / threads', 'share', 'touchpoints.thread_id, touchpoints.occurred_at', ['first_response_hourly', 'first_response_daily', 'first_response_by_campaign']),
    ('service', 'answered_share_day', 'answered_within_day / threads', 'share', 'touchpoints.thread_id, touchpoints.occurred_at', ['first_response_hourly', 'first_response_daily', 'first_response_by_campaign']),
    ('service', 'first_response_median_seconds', 'median, first inbound message to first human answer, of answered threads that a customer started', 'seconds', 'touchpoints.thread_id, touchpoints.occurred_at', ['first_response_hourly', 'first_response_daily', 'first_response_by_campaign']),
    ('service', 'first_response_p90_seconds', '90th percentile of the same', 'seconds', 'touchpoints.thread_id, touchpoints.occurred_at', ['first_response_hourly', 'first_response_daily', 'first_response_by_campaign']),
    ('any', 'reciprocity', 'least(inbound, outbound) / greatest(inbound, outbound)', 'share', 'touchpoints.direction, touchpoints.actor', ['dialogue_by_channel', 'dialogue_by_customer']),
    ('any', 'reciprocity', 'least(inbound_30_days, outbound_30_days) / greatest(inbound_30_days, outbound_30_days)', 'share', 'engagement.inbound, engagement.outbound', ['dialogue_daily']),
    ('any', 'talk_at_ratio', 'unanswered_outbound / outbound', 'share', 'touchpoints.direction, touchpoints.message_id, touchpoints.thread_id', ['dialogue_by_channel', 'dialogue_by_customer']),
    ('any', 'satisfaction', 'nps: % 9 or 10 - % 0 to 6; csat: % 4 or 5; acsi: (mean - 3) / 27 * 100', 'points', 'touchpoints.satisfaction_score', ['satisfaction_monthly'])
)
COMMENT 'Every metric once: name, formula, unit, source and the views that have it';
