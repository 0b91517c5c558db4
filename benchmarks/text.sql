-- :rows rows with a text of 4,000 characters: quotes, backslashes, line breaks, letters beyond ASCII and beyond 16 bits.
CREATE SCHEMA :schema;
SET search_path TO :schema;
CREATE TABLE note AS
SELECT i::int AS note_id,
       (i % 900)::int AS participant_id,
       (SELECT left(string_agg(md5((i * 41 + k)::text) || E' said "I\'m well",\n\tsee C:\\visit\\' || k
                               || ' – größer, 漢字, Ω 😀; next, (' || i || E')\r\n', ''), 4000)
        FROM generate_series(1, 45) k) AS note
FROM generate_series(1, :rows) i;
ALTER TABLE note ADD PRIMARY KEY (note_id);
VACUUM ANALYZE note;
