-- Of the customers who viewed a product on the web, how many put something into the cart and bought it within a week,
-- on whatever channel?
SELECT step, name, customers, round(share_of_first, 3) AS share_of_first, round(share_of_previous, 3) AS share_of_previous
FROM funnel(steps = ['web.product_viewed', 'cart_added', 'checkout_started', 'purchased'], window_seconds = 604800)
ORDER BY step
