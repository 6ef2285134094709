-- Which customers do we write most e-mails without ever hearing from them?
SELECT customer_id, inbound, outbound, unanswered_outbound, round(talk_at_ratio, 2) AS talk_at_ratio
FROM dialogue_by_customer
WHERE channel = 'email' AND inbound = 0
ORDER BY outbound DESC, customer_id
LIMIT 10
