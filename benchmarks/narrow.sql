-- :rows rows x 12 columns, shaped like item_data: keys, short texts, numbers with gaps, times.
CREATE SCHEMA :schema;
SET search_path TO :schema;
CREATE TABLE item_data AS
SELECT i::bigint AS item_data_id,
       (i % 700)::int AS item_id,
       (i / 11)::int AS event_crf_id,
       (array['available', 'removed', 'locked'])[1 + i % 3] AS status,
       CASE WHEN i % 9 = 0 THEN NULL WHEN i % 13 = 0 THEN '' ELSE 'value ' || substr(md5(i::text), 1, i % 12) END AS value,
       CASE WHEN i % 3 = 0 THEN round((i % 9973) * 0.37, 2)::float8 END AS value_num,
       timestamptz '2023-01-01 00:00:00+00' + i * interval '37.251 s' AS date_created,
       CASE WHEN i % 4 <> 0 THEN timestamp '2023-01-01' + i * interval '41 s' END AS date_updated,
       'user_' || (i % 200) AS owner,
       CASE WHEN i % 5 = 0 THEN (i % 300)::int END AS update_id,
       i % 17 = 0 AS deleted,
       lpad((i % 50)::text, 3, '0') AS site_code
FROM generate_series(1, :rows) i;
ALTER TABLE item_data ADD PRIMARY KEY (item_data_id);
VACUUM ANALYZE item_data;
