-- At which hours of the day do people open our e-mails, and at which do machines?
SELECT
    intDiv(toHour(hour), 3) * 3 AS from_hour,
    from_hour + 3 AS to_hour,
    sum(human_opens) AS human,
    sum(suspect_opens) AS suspect,
    sum(machine_opens) AS machine,
    round(human / nullIf(human + suspect + machine, 0), 3) AS human_share_of_opens
FROM engagement_hourly
WHERE channel = 'email'
GROUP BY from_hour
ORDER BY from_hour
