-- A real trial as a study; the temporary table patient holds what the package ships: one row a patient, all of it text.
CREATE SCHEMA :"schema";
SET LOCAL search_path TO :"schema", pg_temp;

CREATE TABLE study (study_id int PRIMARY KEY, study_oid text UNIQUE NOT NULL, name text NOT NULL, unique_protocol_id text, environment text, status text);
CREATE TABLE site (site_id int PRIMARY KEY, study_id int NOT NULL REFERENCES study, site_oid text UNIQUE NOT NULL, name text NOT NULL, country text);
CREATE TABLE study_event_definition (study_event_definition_id int PRIMARY KEY, event_oid varchar(40) UNIQUE NOT NULL, name text NOT NULL,
  type varchar(20) NOT NULL, repeating boolean NOT NULL, ordinal int NOT NULL);
CREATE TABLE crf (crf_id int PRIMARY KEY, form_oid varchar(40) UNIQUE NOT NULL, name text NOT NULL);
CREATE TABLE item_group (item_group_id int PRIMARY KEY, crf_id int NOT NULL REFERENCES crf, item_group_oid varchar(40) UNIQUE NOT NULL, name text,
  repeating boolean NOT NULL, clinical_table text);
CREATE TABLE response_set (response_set_label varchar(80), option_order int, option_value varchar(255), option_text varchar(4000),
  PRIMARY KEY (response_set_label, option_order));
CREATE TABLE item (item_id int PRIMARY KEY, item_group_id int NOT NULL REFERENCES item_group, item_oid varchar(40) UNIQUE NOT NULL, name text NOT NULL,
  brief_description text, units varchar(64), data_type varchar(10) NOT NULL, response_type text NOT NULL, response_set_label varchar(80), ordinal int);
CREATE TABLE participant (participant_id int PRIMARY KEY, participant_oid varchar(40) UNIQUE NOT NULL, label varchar(30) UNIQUE NOT NULL,
  site_id int NOT NULL REFERENCES site, status text NOT NULL, enrollment_date date);
CREATE TABLE study_event (study_event_id int PRIMARY KEY, participant_id int NOT NULL REFERENCES participant,
  study_event_definition_id int NOT NULL REFERENCES study_event_definition, event_repeat int NOT NULL, date_start timestamp, workflow_status varchar(64) NOT NULL);
CREATE TABLE event_crf (event_crf_id int PRIMARY KEY, study_event_id int NOT NULL REFERENCES study_event, participant_id int NOT NULL REFERENCES participant,
  crf_id int NOT NULL REFERENCES crf, workflow_status varchar(64) NOT NULL);

INSERT INTO study VALUES (1, 'S_GBSG2(PROD)', 'GBSG-2', 'GBSG-2', 'PROD', 'available');
INSERT INTO site VALUES (1, 1, 'S_ALL(PROD)', 'All centres', 'DE');
INSERT INTO study_event_definition VALUES (1, 'SE_BASELINE', 'Baseline', 'Scheduled', false, 1), (2, 'SE_FOLLOWUP', 'Follow-up', 'Scheduled', false, 2);
INSERT INTO crf VALUES (1, 'F_BASE', 'Baseline'), (2, 'F_SURV', 'Survival');
INSERT INTO item_group VALUES (1, 1, 'IG_BASE_TUMOUR', 'Tumour', false, 'ig_base_tumour'), (2, 2, 'IG_SURV_RECURRENCE', 'Recurrence', false, 'ig_surv_recurrence');
INSERT INTO response_set VALUES ('RS_NY', 1, '0', 'no'), ('RS_NY', 2, '1', 'yes'), ('RS_MENO', 1, '1', 'Pre'), ('RS_MENO', 2, '2', 'Post'),
  ('RS_GRADE', 1, '1', 'I'), ('RS_GRADE', 2, '2', 'II'), ('RS_GRADE', 3, '3', 'III');
INSERT INTO item SELECT row_number() OVER (), g, upper('I_' || form || '_' || name), upper(name), brief, unit, type, CASE WHEN list IS NULL THEN 'text' ELSE 'radio' END, list, row_number() OVER ()
  FROM (VALUES (1, 'base', 'horth', 'Hormonal therapy', NULL, 'INT', 'RS_NY'), (1, 'base', 'age', 'Age', 'years', 'INT', NULL),
    (1, 'base', 'menostat', 'Menopausal status', NULL, 'INT', 'RS_MENO'), (1, 'base', 'tsize', 'Tumour size', 'mm', 'INT', NULL),
    (1, 'base', 'tgrade', 'Tumour grade', NULL, 'INT', 'RS_GRADE'), (1, 'base', 'pnodes', 'Positive lymph nodes', NULL, 'INT', NULL),
    (1, 'base', 'progrec', 'Progesterone receptor', 'fmol', 'INT', NULL), (1, 'base', 'estrec', 'Estrogen receptor', 'fmol', 'INT', NULL),
    (2, 'surv', 'time', 'Recurrence-free survival time', 'days', 'INT', NULL), (2, 'surv', 'cens', 'Recurrence or death', NULL, 'INT', 'RS_NY')
  ) t(g, form, name, brief, unit, type, list);
INSERT INTO participant SELECT n, 'SS_' || lpad(n::text, 4, '0'), lpad(n::text, 4, '0'), 1, 'available', NULL FROM patient;
INSERT INTO study_event SELECT 2 * n - 2 + d, n, d, 1, NULL, 'COMPLETED' FROM patient, generate_series(1, 2) d ORDER BY n, d;
INSERT INTO event_crf SELECT study_event_id, study_event_id, participant_id, study_event_definition_id, 'COMPLETED' FROM study_event ORDER BY 1;

CREATE TABLE ig_base_tumour (participant_label text NOT NULL, participant_oid text NOT NULL, event_oid text NOT NULL, event_crf_id int PRIMARY KEY REFERENCES event_crf,
  i_base_horth numeric, i_base_horth_label text, i_base_age numeric, i_base_menostat numeric, i_base_menostat_label text, i_base_tsize numeric,
  i_base_tgrade numeric, i_base_tgrade_label text, i_base_pnodes numeric, i_base_progrec numeric, i_base_estrec numeric);
INSERT INTO ig_base_tumour SELECT p.label, p.participant_oid, 'SE_BASELINE', 2 * n - 1, h.option_value::numeric, horth, age::numeric, m.option_value::numeric, menostat, tsize::numeric,
    g.option_value::numeric, tgrade, pnodes::numeric, progrec::numeric, estrec::numeric
  FROM patient JOIN participant p ON p.participant_id = n LEFT JOIN response_set h ON (h.response_set_label, h.option_text) = ('RS_NY', horth)
    LEFT JOIN response_set m ON (m.response_set_label, m.option_text) = ('RS_MENO', menostat) LEFT JOIN response_set g ON (g.response_set_label, g.option_text) = ('RS_GRADE', tgrade)
  ORDER BY n;
CREATE TABLE ig_surv_recurrence (participant_label text NOT NULL, participant_oid text NOT NULL, event_oid text NOT NULL, event_crf_id int PRIMARY KEY REFERENCES event_crf,
  i_surv_time numeric, i_surv_cens numeric, i_surv_cens_label text);
INSERT INTO ig_surv_recurrence SELECT p.label, p.participant_oid, 'SE_FOLLOWUP', 2 * n, time::numeric, cens::numeric, (array['no', 'yes'])[1 + cens::int]
  FROM patient JOIN participant p ON p.participant_id = n ORDER BY n;

COMMENT ON SCHEMA :"schema" IS 'Study GBSG-2, PROD';
DO $do$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT c.relname, a.attname, i.brief_description || coalesce(' (' || i.units || ')', '') || CASE WHEN a.attname LIKE '%\_label' THEN ', label' ELSE '' END AS comment
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 JOIN item i ON lower(i.item_oid) = regexp_replace(a.attname, '_label$', '')
      WHERE relnamespace = current_schema()::regnamespace AND relname LIKE 'ig\_%' LOOP
    EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', one.relname, one.attname, one.comment);
  END LOOP;
END $do$;
COMMENT ON TABLE ig_base_tumour IS 'Item group BASE: patient and tumour at randomization';
COMMENT ON TABLE ig_surv_recurrence IS 'Item group SURV: recurrence-free survival';
COMMENT ON TABLE participant IS 'One row per participant';
COMMENT ON COLUMN participant.label IS 'Participant ID';
GRANT USAGE ON SCHEMA :"schema" TO insight_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA :"schema" TO insight_analyst;
ANALYZE study, site, study_event_definition, crf, item_group, response_set, item, participant, study_event, event_crf, ig_base_tumour, ig_surv_recurrence;
