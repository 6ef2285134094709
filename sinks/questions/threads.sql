-- Which customers wait longest for a person to answer?
SELECT channel, thread_id, mode, started_at, inbound, machine_outbound
FROM threads
WHERE started_by = 'customer' AND NOT answered
ORDER BY started_at, channel, thread_id
LIMIT 10
