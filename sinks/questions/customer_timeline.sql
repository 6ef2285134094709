-- What happened with a customer, machines and what the company sent included, such as the one who bought after the most
-- changes of channel in at most ten touchpoints?
SELECT occurred_at, channel, direction, actor, action, marketing_channel
FROM customer_timeline(customer = (
    SELECT toString(customer_id)
    FROM journeys_now
    WHERE status = 'converted' AND touchpoints <= 10
    ORDER BY length(splitByString(' > ', channel_path)) DESC, journey_id
    LIMIT 1
))
ORDER BY occurred_at, event_id, channel, via
LIMIT 10
