"""The only speaker of PostgreSQL's own protocol: one session, what its errors mean, a few sessions shared.

What a session sends and reads is the same packed rows as through Metabase, so that the same decoder makes the same
frames; only the wrapping (JSON there, none here) differs.
"""
