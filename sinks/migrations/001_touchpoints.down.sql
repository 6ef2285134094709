DROP TABLE IF EXISTS outcomes;
DROP TABLE IF EXISTS dead_letters;
DROP TABLE IF EXISTS late_touchpoints;
DROP TABLE IF EXISTS touchpoints;
