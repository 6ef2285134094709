-- How wrong were our reports when purchases were first seen: how many had each marketing channel then, what was added or taken
-- away since, by which cause, and what has it now?
SELECT
    marketing_channel,
    round(sum(conversions_first_seen), 1) AS first_seen,
    round(sum(conversions_late), 1) AS late,
    round(sum(conversions_merge), 1) AS merge,
    round(sum(conversions_split + conversions_verdict + conversions_arrival + conversions_other), 1) AS other_causes,
    round(sum(conversions_now), 1) AS now
FROM attribution_drift
WHERE model = 'linear'
GROUP BY marketing_channel
ORDER BY first_seen DESC, marketing_channel
LIMIT 10
