-- A study of somebody else: SELECT on its tables, but no USAGE on the schema.
CREATE SCHEMA s_renal1prod;
COMMENT ON SCHEMA s_renal1prod IS 'Study RENAL-1, PROD: of another sponsor';
CREATE TABLE s_renal1prod.participant (participant_id int PRIMARY KEY, label text);
INSERT INTO s_renal1prod.participant SELECT g, 'R-' || g FROM generate_series(1, 5) g;
GRANT SELECT ON s_renal1prod.participant TO insight_analyst, insight_site;
-- ten times coarser statistics than usual, in a third of the time
SET default_statistics_target = 10;
ANALYZE;
