"""A double of Metabase's HTTP API over a real PostgreSQL.

It is right when it agrees with the recorded answers of real servers in ``tests/contract``; it shares no code with the
client, so that the tests cannot agree with themselves. It runs as its own process (``python -m
insight_frames.sandbox.double``), because its work must not share an interpreter with the client under test.
"""
