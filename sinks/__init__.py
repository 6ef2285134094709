"""What the pipeline writes to ClickHouse: tables and views, the writer, rows from records, the report."""
