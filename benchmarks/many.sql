-- :tables tables with :rows rows in all.
CREATE SCHEMA :schema;
SET search_path TO :schema;
SELECT format('CREATE TABLE table_%s AS SELECT i AS row_id, i %% 7 AS site_id, ''S-'' || i AS label,'
              ' CASE WHEN i %% 3 = 0 THEN i / 8.0::float8 END AS result, date ''2023-01-01'' + i AS day'
              ' FROM generate_series(%s, %s) i',
              to_char(n, 'FM000'), :rows * (n - 1) / :tables + 1, :rows * n / :tables)
FROM generate_series(1, :tables) n \gexec
VACUUM ANALYZE;
