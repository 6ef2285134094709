-- On which ways do customers come to us, and how many of those who went each of them bought?
SELECT path, count() AS conversions
FROM journey_paths
GROUP BY path
ORDER BY conversions DESC, path
LIMIT 10
