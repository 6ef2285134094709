-- Which pages did people view most, and how many customers were they?
SELECT properties['path'] AS page, count() AS views, uniqExact(customer_id) AS customers
FROM touchpoints_now
WHERE action = 'page_viewed' AND actor = 'human'
GROUP BY page
ORDER BY views DESC, page
LIMIT 10
