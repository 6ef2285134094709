"""Who is one customer: a pure function of the set of links and corrections, and the same, link by link."""
