-- By which names do we know our customers, and how many of each has a customer who has any?
SELECT namespace, count() AS identifiers, uniqExact(customer_id) AS customers, round(identifiers / customers, 2) AS each
FROM identities_now
GROUP BY namespace
ORDER BY identifiers DESC, namespace
