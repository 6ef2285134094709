-- How do journeys go on after their first marketing channel, and from which do we lose most of them?
SELECT from, sum(journeys) AS begun, round(any(drop_off), 3) AS drop_off,
    round(sumIf(share, to = 'conversion'), 3) AS converted_at_once,
    argMaxIf(to, (journeys, to), to NOT IN ('conversion', 'no conversion')) AS mostly_to
FROM journey_transitions
WHERE step = 1
GROUP BY from
ORDER BY begun DESC, from
LIMIT 10
