"""What is asked about one customer.

Lists that can be long are bounded, so that a kiosk with a million touchpoints is as quick to show as anybody; what they
leave out is counted.
"""

# ruff: noqa: S608  (what queries are composed of stands here, too)

from __future__ import annotations

MEMBERS = """(
    SELECT concat(namespace, ':', value) FROM identities FINAL WHERE customer_id = %(customer)s
    UNION ALL SELECT %(canonical)s
)"""
ASSIGNED = """
SELECT toString(customer_id) FROM identities FINAL WHERE namespace = %(namespace)s AND value = %(value)s
"""
KNOWN = """
SELECT 1 WHERE %(text)s IN (SELECT via FROM touchpoints FINAL WHERE via = %(text)s)
    OR %(text)s IN (SELECT arrayJoin([stronger, weaker]) FROM identity_violations FINAL)
    OR %(text)s IN (SELECT arrayJoin([stronger, weaker]) FROM identity_corrections FINAL)
"""
# Whoever gives the customer its id is a via of its own touchpoints, or stands in what operators asserted.
CANDIDATES = """
SELECT DISTINCT via FROM touchpoints FINAL WHERE via_customer = %(customer)s
UNION ALL
SELECT arrayJoin([stronger, weaker]) FROM identity_corrections FINAL
WHERE hasAny(
    [stronger, weaker],
    (SELECT groupArray(concat(namespace, ':', value)) FROM identities FINAL WHERE customer_id = %(customer)s)
)
"""
IDENTIFIERS = f"SELECT * FROM {MEMBERS}"
EVIDENCE = f"""
SELECT via, other, argMin((occurred_at, channel, event_id), (occurred_at, event_id)) AS earliest
FROM touchpoints FINAL ARRAY JOIN arraySlice(identifiers, 2) AS other
WHERE via IN {MEMBERS} AND other IN {MEMBERS}
GROUP BY via, other ORDER BY earliest.1, earliest.3, via, other
"""
CORRECTIONS = f"""
SELECT stronger, weaker,
    argMax((kind, corrected_at, reason, correction_id), (corrected_at, correction_id, kind = 'retracted')) AS last
FROM identity_corrections FINAL
WHERE (stronger IN {MEMBERS} OR weaker IN {MEMBERS})
    AND version - 1 NOT IN (SELECT version FROM dead_letters FINAL WHERE topic = 'identity.links')
GROUP BY stronger, weaker ORDER BY last.2, stronger, weaker LIMIT 1000
"""
VIOLATIONS = f"""
SELECT stronger, weaker, reason, occurred_at, event_id, count() OVER () FROM identity_violations FINAL
WHERE stronger IN {MEMBERS} OR weaker IN {MEMBERS}
ORDER BY occurred_at, event_id, stronger, weaker LIMIT 1000
"""
# A user is never what is shared, so the other end of a user's link that doesn't count for sharing is.
SHARED = """
SELECT weaker, count() AS users, arraySort(groupArray(5)(stronger)) FROM identity_violations FINAL
WHERE reason = 'shared' AND startsWith(stronger, 'user_id:') AND weaker IN %(ends)s
GROUP BY weaker ORDER BY users DESC, weaker
"""
TOTALS = f"""
SELECT count(), countIf(direction = 'outbound' OR actor = 'machine'), minOrNull(occurred_at), maxOrNull(occurred_at)
FROM touchpoints FINAL WHERE via IN {MEMBERS}
"""
CONVERSIONS = "SELECT countIf(converted) FROM journeys FINAL WHERE customer_id = %(customer)s"
JOURNEYS = """
SELECT toString(journey_id), started_at, ended_at, touchpoints, conversion_type, value_micros, currency,
    arrayZip(steps_at, steps_channel, steps_action, steps_via),
    arrayZip(touches_at, touches_marketing_channel, touches_campaign, touches_touchpoints,
        arrayResize(credit_linear, length(touches_at), 0.)),
    count() OVER ()
FROM journeys FINAL WHERE customer_id = %(customer)s
ORDER BY started_at DESC, steps_event_id[1] DESC LIMIT 12
"""
SESSIONS = """
SELECT channel, started_at, ended_at, touchpoints, engaged FROM sessions FINAL
WHERE customer_id = %(customer)s AND ended_at >= fromUnixTimestamp64Milli(%(since)s)
ORDER BY channel, started_at LIMIT 20000
"""
APART = f"""
SELECT occurred_at, channel, action, via, if(actor = 'machine', 'machine', 'outbound') FROM touchpoints FINAL
WHERE via IN {MEMBERS} AND (direction = 'outbound' OR actor = 'machine')
    AND occurred_at >= fromUnixTimestamp64Milli(%(since)s)
ORDER BY occurred_at DESC, event_id DESC LIMIT 2000
"""
IDENTITY_CHANGES = f"""
SELECT changed_at, kind, toString(from_customer), toString(to_customer), identifiers, cause_event_id, reason,
    count() OVER ()
FROM identity_changes FINAL
WHERE from_customer = %(customer)s OR to_customer = %(customer)s
    OR hasAny(identifiers, (SELECT groupArray(*) FROM {MEMBERS}))
ORDER BY version DESC, from_customer, to_customer LIMIT 100
"""
JOURNEY_CHANGES = """
SELECT changed_at, cause, cause_event_id, toString(journey_before), toString(journey_after),
    conversion_type, value_micros, currency,
    arrayZip(before_touches_marketing_channel, arrayResize(before_credit_linear, length(before_touches_at), 0.)),
    arrayZip(after_touches_marketing_channel, arrayResize(after_credit_linear, length(after_touches_at), 0.)),
    count() OVER ()
FROM journey_changes FINAL WHERE customer_id = %(customer)s
ORDER BY version DESC, journey_before, journey_after LIMIT 100
"""
