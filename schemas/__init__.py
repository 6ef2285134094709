"""Avro schemas, one file a record and version, and the codec over them."""
