-- What exactly are the rates of e-mail, and where do they stand?
SELECT name, formula, source, views[-1] AS view
FROM metric_definitions
WHERE channel = 'email' AND unit = 'share'
ORDER BY name
LIMIT 10
