"""Who answers a question: a Metabase server, a snapshot folder. Each opens a stream of record batches."""
