-- :rows rows x 300 columns, shaped like the one table of a large form: most of it was never asked, or never answered.
CREATE SCHEMA :schema;
SET search_path TO :schema;
SELECT format('CREATE TABLE form AS SELECT i::int AS row_id, %s FROM generate_series(1, %s) i',
              string_agg(format('CASE WHEN (i * 7 + %s) %% %s = 0 THEN %s END AS item_%s', c * 13, 5 + c % 20,
                                (array['(i % 90)::int', '(i % 977) / 8.0::float8', '''answer '' || i % 40',
                                       'i % 2 = 0', 'date ''2023-01-01'' + i % 700',
                                       'timestamp ''2023-01-01'' + i * interval ''61 s'''])[1 + c % 6], c), ', '),
              :rows)
FROM generate_series(1, 299) c \gexec
ALTER TABLE form ADD PRIMARY KEY (row_id);
VACUUM ANALYZE form;
