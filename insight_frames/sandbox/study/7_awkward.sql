-- What real schemas hold and naive clients break on: shapes, names and values.
CREATE VIEW participant_overview WITH (security_invoker = true) AS
  SELECT p.participant_id, p.label, s.name AS site_name, count(e.study_event_id) AS events, max(e.date_start) AS last_event
  FROM participant p JOIN site s USING (site_id) LEFT JOIN study_event e USING (participant_id) GROUP BY p.participant_id, p.label, s.name;
CREATE MATERIALIZED VIEW enrollment_by_month AS
  SELECT date_trunc('month', enrollment_date)::date AS month, site_id, count(*) AS enrolled FROM participant GROUP BY 1, 2 ORDER BY 1, 2;

-- the arm unblinds: for one account only
CREATE TABLE ig_rand_randomization (participant_oid text PRIMARY KEY, participant_label text NOT NULL, i_rand_date date NOT NULL,
  i_rand_arm text NOT NULL, i_rand_arm_label text NOT NULL, i_rand_kit varchar(10) NOT NULL, i_rand_stratum text);
INSERT INTO ig_rand_randomization SELECT participant_oid, label, enrollment_date, (array['A', 'B'])[1 + f % 2], (array['CARDIOZOL 10 mg', 'Placebo'])[1 + f % 2],
    lpad((f * 7 % 100000)::text, 6, '0'), (array['<65', '>=65'])[1 + f / 2 % 2]
  FROM participant, LATERAL (SELECT pg_temp.n(participant_id, 81, 100000)) r(f) WHERE label NOT LIKE '%-DDE';

-- 120 questions with code and label: 246 columns
DO $do$
BEGIN
  EXECUTE (SELECT format('CREATE TABLE ig_quest_epro (participant_label text, participant_oid text, site_name text, event_oid text, event_start_date timestamp, form_version text, %s, PRIMARY KEY (participant_oid, event_oid))',
    string_agg(format('i_quest_q%1$s numeric, i_quest_q%1$s_label text', lpad(q::text, 3, '0')), ', ' ORDER BY q)) FROM generate_series(1, 120) q);
  EXECUTE (SELECT format($sql$INSERT INTO ig_quest_epro SELECT p.label, p.participant_oid, s.name, 'SE_V1', e.date_start, '1', %s
      FROM participant p JOIN site s USING (site_id) JOIN study_event e ON e.participant_id = p.participant_id AND e.study_event_definition_id = 1
      ORDER BY p.participant_id$sql$,
    string_agg(format('nullif(pg_temp.n(p.participant_id, %1$s, 6), 5), (array[''Never'', ''Rarely'', ''Sometimes'', ''Often'', ''Always''])[1 + nullif(pg_temp.n(p.participant_id, %1$s, 6), 5)]', 1000 + q), ', ' ORDER BY q))
    FROM generate_series(1, 120) q);
END $do$;

CREATE TABLE "Lab Import" ("Group" text, "order" int, "end" date, "select" boolean, "Mixed Case" text, "with ""quote""" text, "per%cent :colon {{braces}}" numeric(8,3), "größe_µm" float8,
  a_column_name_of_exactly_sixty_three_characters_as_postgres_allow text, PRIMARY KEY ("Group", "order"));
INSERT INTO "Lab Import" SELECT (array['chem', 'Chem', 'HEMA', 'null'])[1 + g % 4], g, date '2024-01-01' + g, g % 3 = 0, 'Row ' || g, '"' || g || '"', g / 7.0, g * 0.1, repeat('x', g)
  FROM generate_series(1, 12) g;

CREATE TABLE ig_notes_freetext (participant_oid text NOT NULL, item_group_repeat int NOT NULL, i_notes_about text, i_notes_code text, i_notes_text varchar(4000), i_notes_partial text,
  i_notes_symp text, i_notes_date date, i_notes_serial numeric(50), i_notes_dose numeric(10,2), i_notes_amount numeric, i_notes_device bigint, i_notes_change float8, i_notes_seen timestamptz,
  PRIMARY KEY (participant_oid, item_group_repeat));
COMMENT ON TABLE ig_notes_freetext IS 'Item group NOTES: free text and other values that are easily damaged on the way';
INSERT INTO ig_notes_freetext (participant_oid, item_group_repeat, i_notes_about, i_notes_code, i_notes_text) VALUES
  ('SS_000001', 1, 'looks like missing', 'NA', 'NA'), ('SS_000001', 2, 'looks like missing', 'None', 'None'), ('SS_000001', 3, 'looks like missing', 'null', 'null'),
  ('SS_000001', 4, 'looks like missing', 'NaN', 'NaN'), ('SS_000001', 5, 'empty text', '', ''), ('SS_000001', 6, 'missing', NULL, NULL), ('SS_000001', 7, 'looks like missing', 'N/A', '\N'),
  ('SS_000001', 8, 'blanks', ' ', E' leading and trailing \t'), ('SS_000002', 1, 'leading zeros', '001', '007'), ('SS_000002', 2, 'looks like a number', '1e5', '1,234.50'),
  ('SS_000002', 3, 'looks like a truth', 'TRUE', 'f'), ('SS_000002', 4, 'looks like a formula', '=1+1', '@SUM(A1)'), ('SS_000002', 5, 'looks like a row', '(1,2)', '{"a": [1, "}", null]}'),
  ('SS_000002', 6, 'minus zero', '-0', '-0'), ('SS_000003', 1, 'line breaks', 'LF', E'first\nsecond\r\nthird\rfourth\n'), ('SS_000003', 2, 'tabs and quotes', 'TAB', E'a\tb\t"c" ''d'' `e` \\n \\\\ "'),
  ('SS_000003', 3, 'emoji', '😀', 'Patient 👩‍⚕️ said 👍🏽, flag 🇧🇷'), ('SS_000003', 4, 'names', 'JP', '山田 太郎'), ('SS_000003', 5, 'names', 'GR', 'Ευγενία Παπαδοπούλου'), ('SS_000003', 6, 'names', 'AR', 'محمد علي'),
  ('SS_000003', 7, 'names', 'PL', 'Łucja Żółć'), ('SS_000003', 8, 'composed and decomposed', 'NFC', E'é = e\u0301'), ('SS_000003', 9, 'templates', '{{x}}', 'a {{b}} [[c]] :d $1 %s ${e} ?'),
  ('SS_000003', 10, 'control characters', 'CTL', E'bell \x07 unit \x1f delete \x7f nbsp \u00a0 zero\u200bwidth bom\ufeff line\u2028sep'),
  ('SS_000004', 1, '4000 characters', 'LONG', left(repeat(E'Line one, "quoted"; \ttabbed\\ end.\nLine two: it''s ünder 🫀 control.\r\n', 80), 4000));
INSERT INTO ig_notes_freetext (participant_oid, item_group_repeat, i_notes_about, i_notes_partial, i_notes_symp, i_notes_date, i_notes_serial, i_notes_dose, i_notes_amount, i_notes_device, i_notes_change, i_notes_seen) VALUES
  ('SS_000005', 1, 'year only; year 202; 50 digits', '2015', '1', '0202-05-03', 12345678901234567890123456789012345678901234567890, 1.50, 1.50, 9007199254740993, '-0', '2024-02-29 23:59:59.999999+00'),
  ('SS_000005', 2, 'year and month; year 9999', '2015-08', '1,2,7', '9999-12-31', 99999999999999999999999999999999999999999999999999, 1.00, 1.5, 123456789012345678, 0.1, '1969-12-31 23:59:59+00'),
  ('SS_000005', 3, 'whole date', '2015-08-09', '1,2', '2024-02-29', -1, -0.01, 0.10, -9007199254740993, 1e-300, '2026-03-29 02:30:00+02'),
  ('SS_000005', 4, 'greatest', '', '7', '0001-01-01', 0, 99999999.99, 1e20, 9223372036854775807, 1.7976931348623157e308, '9999-12-31 23:59:59+00'),
  ('SS_000005', 5, 'all missing', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
