-- On which channels do customers answer what we say?
SELECT
    channel,
    customers,
    inbound,
    outbound,
    round(reciprocity, 3) AS reciprocity,
    round(talk_at_ratio, 3) AS talk_at_ratio
FROM dialogue_by_channel
ORDER BY talk_at_ratio DESC, channel
