-- A study's :tables tables, :rows rows in all: a few large ones, many small ones, with columns like those of item_data.
CREATE SCHEMA :schema;
SET search_path TO :schema;
WITH sizes AS (
  SELECT n, (:rows * (1.0 / n) / sum(1.0 / n) OVER ())::int AS rows FROM generate_series(1, :tables) n
)
SELECT format('CREATE TABLE %s AS'
              ' SELECT i::bigint AS row_id, (i %% 700)::int AS item_id, (i / 11)::int AS event_crf_id,'
              ' (array[''available'', ''removed'', ''locked''])[1 + i %% 3] AS status,'
              ' CASE WHEN i %% 9 <> 0 THEN ''value '' || substr(md5(i::text), 1, i %% 12) END AS value,'
              ' CASE WHEN i %% 3 = 0 THEN round((i %% 9973) * 0.37, 2)::float8 END AS value_num,'
              ' timestamptz ''2023-01-01 00:00:00+00'' + i * interval ''37.251 s'' AS date_created,'
              ' date ''2023-01-01'' + i %% 700 AS day, ''user_'' || (i %% 200) AS owner, i %% 17 = 0 AS deleted'
              ' FROM generate_series(1, %s) i', 'table_' || to_char(n, 'FM000'), greatest(1, rows))
FROM sizes \gexec
VACUUM ANALYZE;
