-- Which marketing channels prepare purchases that others close?
SELECT marketing_channel, assists, last_touch_conversions, round(assist_ratio, 2) AS assist_ratio,
    assisted_value['EUR'] AS assisted_eur, last_touch_value['EUR'] AS last_touch_eur
FROM assisted_conversions
WHERE conversion_type = 'purchase'
ORDER BY assists DESC, marketing_channel
LIMIT 10
