-- Participants, what happened to them, and what was written down about it.
\set epoch 'timestamptz \'2026-06-01 00:00:00+00\''
INSERT INTO participant SELECT g, 'SS_' || lpad(g::text, 6, '0'), format('%s-%s', lpad(home::text, 3, '0'), lpad(g::text, 5, '0')),
    CASE WHEN g % 3 = 0 THEN lpad((g % 100)::text, 3, '0') END,
    CASE WHEN g % 50 = 7 THEN 1 + home % :sites ELSE home END,  -- moved to another site; the label keeps the old one
    CASE WHEN g % 40 = 0 THEN 'removed' ELSE 'available' END, day, day + interval '8 hours' + g % 300 * interval '1 minute',
    CASE WHEN g % 50 = 7 THEN day + interval '90 days' END, 'user_' || 1 + g % (:sites * 4), CASE WHEN g % 50 = 7 THEN 'user_1' END, :epoch
  FROM generate_series(1, :participants) g, LATERAL (SELECT 1 + (g + :sites * 20 - 12) % :sites, date '2023-03-01' + g * 700 / :participants) h(home, day);
INSERT INTO participant SELECT :participants + row_number() OVER (ORDER BY participant_id), participant_oid || '_DDE', label || '-DDE', secondary_label,
    site_id, status, enrollment_date, date_created + interval '2 days', NULL, owner_user_name, NULL, refreshed_at
  FROM participant WHERE participant_id % 30 = 12;
INSERT INTO participant_contact SELECT participant_id, (array['Ann', 'José', '美咲', 'Zoë', 'Łukasz'])[1 + participant_id % 5],
    '+1 555 ' || lpad(participant_id::text, 5, '0'), lower(participant_oid) || '@example.org' FROM participant;

-- source is the participant whose values a double data entry repeats
CREATE TEMP TABLE person AS SELECT p.participant_id p, coalesce(o.participant_id, p.participant_id) + CASE :'environment' WHEN 'TEST' THEN 100000 ELSE 0 END source, p.enrollment_date + time '08:00' t,
    p.status = 'removed' removed, p.label LIKE '%-DDE' dde
  FROM participant p LEFT JOIN participant o ON p.label = o.label || '-DDE';
CREATE TEMP TABLE log AS SELECT * FROM (VALUES (1, 6, 0.5), (2, 10, 0.5), (3, 6, 0.5), (4, 2, 0.5), (5, 1, 0.9)) t(c, most, chance);
INSERT INTO study_event SELECT row_number() OVER (ORDER BY p, d, r), p, d, r, start, CASE WHEN d > :visits AND flag % 2 = 0 THEN start + flag * interval '3 days' END,
    flag % 3 = 0, CASE WHEN d > :visits THEN 'COMPLETED' ELSE (array['COMPLETED', 'COMPLETED', 'COMPLETED', 'DATA_ENTRY_STARTED', 'SCHEDULED', 'SKIPPED', 'STOPPED'])[1 + flag % 7] END,
    removed, false, d % 7 = 2, p % 3 = 0, start + interval '5 hours', start + flag * interval '13 hours', :epoch
  FROM (SELECT p, v d, 1 r, removed, pg_temp.n(source * 64 + v, 11, 100) flag,
      t + (v - 1) * interval '28 days' + pg_temp.n(source * 64 + v, 12, 7) * interval '1 day' + pg_temp.n(source * 64 + v, 13, 600) * interval '1 minute' start
    FROM person, generate_series(1, :visits) v WHERE v = 1 OR NOT dde AND pg_temp.u(source * 64 + v, 14) < 0.84
    UNION ALL
    SELECT p, :visits + c, r, removed, pg_temp.n(source * 64 + r, 15 + c, 100), t + r * interval '17 days' + pg_temp.n(source * 64 + r, 25 + c, 20000) * interval '1 minute'
    FROM person, log, generate_series(1, most) r WHERE NOT dde AND pg_temp.u(source * 64 + r, 35 + c) < chance) q;
INSERT INTO event_crf SELECT row_number() OVER (ORDER BY e.study_event_id, c.ordinal), e.study_event_id, e.participant_id, c.crf_id,
    c.crf_id * 10 + CASE WHEN e.date_start < '2023-09-01' THEN 1 ELSE 2 END, CASE WHEN flag < 70 THEN 'COMPLETED' ELSE 'INITIAL_DATA_ENTRY' END,
    (array['VERIFIED', 'NOT_VERIFIED', 'CHANGED_SINCE_VERIFIED'])[1 + flag % 3], CASE WHEN flag % 3 = 0 THEN e.date_created + interval '40 days' END,
    e.removed, false, e.signed AND flag < 70, e.date_created, e.date_created + flag * interval '7 hours', CASE WHEN flag < 70 THEN e.date_start + interval '2 hours' END,
    'user_' || 1 + e.participant_id % (:sites * 4), 'user_' || 1 + flag % (:sites * 4), e.refreshed_at
  FROM study_event e JOIN event_definition_crf c USING (study_event_definition_id), LATERAL (SELECT pg_temp.n(e.study_event_id * 64 + c.crf_id, 51, 100)) f(flag);
ANALYZE participant, study_event, event_crf;

CREATE TEMP TABLE rule AS SELECT i.item_id, f.form_id, CASE WHEN f.code = 'VITAL' AND q.suffix = 'REAL1' THEN 'model' ELSE q.kind END kind, q.ordinal, o.most, i.response_set_label,
    CASE q.suffix WHEN 'REAL1' THEN lo1 WHEN 'REAL2' THEN lo2 ELSE 0 END lo, CASE q.suffix WHEN 'REAL1' THEN hi1 WHEN 'REAL2' THEN hi2 ELSE 120 END hi
  FROM item i JOIN form f ON f.form_id = i.item_group_id JOIN question q USING (ordinal)
    LEFT JOIN (SELECT response_set_label, count(*)::int most FROM response_set GROUP BY 1) o ON o.response_set_label = i.response_set_label;
ANALYZE rule;
-- fill says whether the item was answered, h is what its value is made from; a second entry differs in one value of twenty.
-- kind model: a mean that moves from visit to visit, a normal deviation of the participant and one of the value (study.MODEL)
INSERT INTO item_data
  SELECT x.event_crf_id * 100::bigint + r.ordinal + 30 * (x.repeat - 1), x.event_crf_id, r.item_id, x.repeat, coalesce(o.option_value, w.value), coalesce(o.option_text, w.label), false,
    x.date_created::date, CASE WHEN h % 5 = 0 THEN x.date_updated::date END, x.update_user_name
  FROM (SELECT c.event_crf_id, c.crf_id, k.repeat, c.date_created, c.date_updated, c.update_user_name, e.date_start, p.dde, c.form_layout_id % 10 = 1 old_version, p.source, e.study_event_definition_id visit,
      hashint8extended(p.source, e.study_event_definition_id * 1000 + e.event_repeat * 10 + k.repeat) # c.crf_id AS key
    FROM event_crf c JOIN study_event e USING (study_event_id) JOIN person p ON p.p = c.participant_id JOIN item_group g ON g.crf_id = c.crf_id,
      generate_series(1, CASE WHEN g.repeating THEN 1 + pg_temp.n(c.event_crf_id, 52, 3) ELSE 1 END) k(repeat)) x
    JOIN rule r ON r.form_id = x.crf_id
    CROSS JOIN LATERAL (SELECT pg_temp.u(x.key, r.item_id), hashint8extended(x.key, r.item_id + CASE WHEN x.dde AND pg_temp.u(x.event_crf_id, r.item_id) < 0.05 THEN 7000 ELSE 5000 END) & 1152921504606846975) a(fill, h)
    CROSS JOIN LATERAL (SELECT CASE r.kind
        WHEN 'choice' THEN NULL
        WHEN 'real' THEN round((r.lo + (r.hi - r.lo) * (h % 1000 + h / 1000 % 1000) / 2000.0)::numeric, CASE WHEN r.hi > 300 THEN 1 ELSE 2 END)::text
        WHEN 'model' THEN round((:mean + :slope * (x.visit - 1) + :sd_participant * pg_temp.z(x.source, 90) + :sd_residual * pg_temp.z(h, 92))::numeric, 2)::text
        WHEN 'int' THEN CASE WHEN x.old_version AND h % 29 = 0 THEN (array['see note', 'NA', 'UNK', '12-14'])[1 + h / 29 % 4] ELSE (h % 60 + h / 60 % 60)::text END
        WHEN 'date' THEN (x.date_start::date + (h % 10)::int)::text
        WHEN 'time' THEN to_char(time '06:00' + (h % 900) * interval '1 minute', 'HH24:MI')
        WHEN 'pdate' THEN substr((x.date_start::date - (h % 4000)::int)::text, 1, (array[4, 7, 10, 10])[1 + h / 4000 % 4])
        WHEN 'term' THEN (array['Headache', 'Nausea', 'Dizziness', 'Paracetamol', 'Metoprolol', 'Rash', 'Cough', 'Back pain', 'Hypertension', 'Insomnia', 'N/A', 'None'])[1 + h % 12]
          || (array['', '', ' 500 mg', ', left', ', recurrent', ' (worse at night)', ' NOS', ' since childhood'])[1 + h / 12 % 8]
        WHEN 'multi' THEN array_to_string(array_remove(array[CASE WHEN h % 127 & 1 > 0 THEN '1' END, CASE WHEN h % 127 & 2 > 0 THEN '2' END, CASE WHEN h % 127 & 4 > 0 THEN '3' END,
          CASE WHEN h % 127 & 8 > 0 THEN '4' END, CASE WHEN h % 127 & 16 > 0 THEN '5' END, CASE WHEN h % 127 & 32 > 0 THEN '6' END, CASE WHEN h % 127 & 64 > 0 THEN '7' END], NULL), ',')
        WHEN 'comment' THEN (array['Seen', 'Called', 'Reported', 'Measured', 'Checked', 'Discussed'])[1 + h % 6] || ' at ' || to_char(time '06:00' + (h / 6 % 900) * interval '1 minute', 'HH24:MI')
          || (array['; no complaint', '; see source document', '; repeated after rest', ', "as before"', '; tired, slept ' || h / 5400 % 9 || ' h', ', patient asked for a call'])[1 + h / 5400 % 6]
        WHEN 'code' THEN lpad((h % 1000)::text, 3, '0')
        WHEN 'file' THEN 'scan_' || to_hex(h % 4294967296) || '.pdf' END,
      CASE WHEN r.kind = 'choice' THEN 1 + (h % r.most)::int END, CASE WHEN r.kind = 'multi' THEN NULL::text END) w(value, option, label)
    LEFT JOIN response_set o ON o.response_set_label = r.response_set_label AND o.option_order = w.option
  WHERE a.fill < CASE WHEN r.ordinal <= 2 THEN 1.0 WHEN r.kind = 'file' THEN 0.1 ELSE 0.65 END;
ALTER TABLE item_data ADD PRIMARY KEY (item_data_id), ADD UNIQUE (event_crf_id, item_id, item_group_repeat);
ANALYZE item_data;

INSERT INTO discrepancy_note SELECT row_number() OVER (ORDER BY item_data_id), NULL, row_number() OVER (ORDER BY item_data_id), 'DN-' || row_number() OVER (ORDER BY item_data_id),
    'itemData', c.participant_id, c.study_event_id, d.event_crf_id, item_data_id, (array['Query', 'Query', 'Failed Validation Check', 'Reason for Change', 'Annotation'])[1 + f % 5],
    (array['Closed', 'Closed', 'Closed-Modified', 'Updated', 'New', 'Resolution Proposed', 'Not Applicable'])[1 + f % 7],
    (array['Value outside expected range', 'Date before informed consent', 'Please clarify', 'Unit missing?', 'Differs from source: "' || d.value || '"'])[1 + f % 5],
    'Please verify against source and correct or confirm (check ' || f || ').', d.update_user_name, 'user_1', d.date_created + f * interval '1 minute'
  FROM item_data d JOIN event_crf c USING (event_crf_id), LATERAL (SELECT pg_temp.n(item_data_id, 62, 1000)) g(f) WHERE pg_temp.u(item_data_id, 61) < 0.03;
INSERT INTO discrepancy_note SELECT last + row_number() OVER (ORDER BY discrepancy_note_id, k), discrepancy_note_id, thread_number, display_id, entity_type, participant_id, study_event_id,
    event_crf_id, item_data_id, note_type, 'Updated', 'reply', (array['Confirmed against source.', 'Corrected.', 'Typing error, see audit trail.'])[1 + (thread_number + k) % 3],
    assigned_user_name, 'user_2', date_created + k * interval '3 days'
  FROM discrepancy_note, generate_series(1, 2) k, (SELECT max(discrepancy_note_id) last FROM discrepancy_note) m WHERE pg_temp.u(discrepancy_note_id * 2 + k, 63) < 0.7;
INSERT INTO audit_log_event SELECT item_data_id * 2 + k, d.date_created + interval '9 hours' + k * interval '4 days' + pg_temp.n(item_data_id, 71 + k, 30000) * interval '1 second', 'item_data',
    'Item data value updated', update_user_name, item_data_id, i.item_oid, CASE WHEN k = 1 THEN (array['initial value', 'typing error', 'source corrected'])[1 + pg_temp.n(item_data_id, 73, 3)] END,
    CASE WHEN k = 1 THEN '9' END, d.value, event_crf_id, NULL, item_group_repeat
  FROM item_data d JOIN item i USING (item_id), generate_series(0, 1) k WHERE k = 0 OR pg_temp.u(item_data_id + k, 74) < 0.15;
INSERT INTO audit_log_event SELECT -participant_id, date_updated AT TIME ZONE 'UTC', 'participant', 'Participant site changed', update_user_name, participant_id, participant_oid, 'moved house',
    left(label, 3), lpad(site_id::text, 3, '0'), NULL, NULL, NULL FROM participant WHERE update_user_name IS NOT NULL;
ALTER TABLE audit_log_event ADD PRIMARY KEY (audit_id, audit_date);
INSERT INTO participant_matrix SELECT p.participant_id, c.study_event_definition_id, coalesce(e.event_repeat, 1), c.crf_id, e.study_event_id, x.event_crf_id,
    coalesce(e.workflow_status, 'NOT_SCHEDULED'), coalesce(x.workflow_status, 'NOT_STARTED'), c.required
  FROM participant p CROSS JOIN event_definition_crf c LEFT JOIN study_event e USING (participant_id, study_event_definition_id)
    LEFT JOIN event_crf x ON x.study_event_id = e.study_event_id AND x.crf_id = c.crf_id ORDER BY 1, 2, 3, c.ordinal;
INSERT INTO refresh_log SELECT g, t, t + interval '95 s', CASE WHEN g = 17 THEN 'failed' ELSE 'success' END, t, CASE WHEN g = 17 THEN 'source not reachable' WHEN g = 48 THEN 'generation 0' END
  FROM generate_series(1, 48) g, LATERAL (SELECT :epoch - (48 - g) * interval '30 min') s(t);
ALTER TABLE item_data ADD FOREIGN KEY (event_crf_id) REFERENCES event_crf, ADD FOREIGN KEY (item_id) REFERENCES item;
ALTER TABLE discrepancy_note ADD FOREIGN KEY (parent_dn_id) REFERENCES discrepancy_note, ADD FOREIGN KEY (event_crf_id) REFERENCES event_crf;
ALTER TABLE participant_matrix ADD FOREIGN KEY (participant_id) REFERENCES participant, ADD FOREIGN KEY (crf_id) REFERENCES crf;
