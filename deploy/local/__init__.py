"""The local stack: a real Kafka and a real ClickHouse on one machine, for the demo, development and tests.

`stack.Stack` is what others use. One supervisor process (`supervisor`) owns every process of one stack; `fetch` brings
what they run; `kafka` and `clickhouse` decide how the two servers are configured. Production is neither of these.
"""
