"""What drains a stream: each sink takes a schema and record batches, and knows no source."""
