-- Which e-mail campaigns were opened and clicked by people, and how much of it were machines?
SELECT
    campaign,
    delivered,
    round(open_rate, 3) AS open_rate,
    round(click_through_rate, 4) AS click_through_rate,
    round(click_to_open_rate, 3) AS click_to_open_rate,
    round(complaint_rate, 4) AS complaint_rate,
    round(machine_opens / nullIf(human_opens + suspect_opens + machine_opens, 0), 3) AS machine_share_of_opens
FROM engagement_by_campaign
WHERE channel = 'email' AND delivered > 0
ORDER BY engagement_by_campaign.open_rate DESC, campaign
LIMIT 10
