-- The study's design: sites, events, forms, items, choices. Forms 1 to 5 are logs in common events.
INSERT INTO study VALUES (1, format('S_CARDIO3(%s)', :'environment'), 'CARDIO-3', 'CARDIO-3', :'environment', 'available', '2023-01-10');
INSERT INTO site SELECT g, 1, format('S_SITE%s(%s)', lpad(g::text, 3, '0'), :'environment'),
    (array['Riverside Heart Center', 'Klinikum Süd – Überlingen', '東京循環器病院', 'Ośrodek Kardiologii Łódź', 'Hospital São João ❤️'])[1 + g % 5] || ' ' || g,
    lpad(g::text, 3, '0'), (array['US', 'DE', 'JP', 'PL', 'BR'])[1 + g % 5],
    (array['Springfield', 'Überlingen', '東京', 'Łódź', 'São Paulo'])[1 + g % 5], 'available', '2023-02-01'
  FROM generate_series(1, :sites) g;
INSERT INTO user_account SELECT g, 'user_' || g, (array['CRC', 'Investigator', 'Monitor', 'Data Manager'])[1 + g % 4], 1 + g % :sites
  FROM generate_series(1, :sites * 4) g;
INSERT INTO study_event_definition SELECT g, 'SE_V' || g, 'Visit ' || g, 'Scheduled', false, g, 'available' FROM generate_series(1, :visits) g;
INSERT INTO study_event_definition SELECT :visits + g, 'SE_' || code, name, 'Common', g < 5, :visits + g, 'available'
  FROM (VALUES (1, 'AE', 'Adverse Event'), (2, 'CM', 'Concomitant Medication'), (3, 'MH', 'Medical History'),
    (4, 'DV', 'Protocol Deviation'), (5, 'DS', 'Disposition')) t(g, code, name);

CREATE TEMP TABLE form AS SELECT * FROM (VALUES  -- code, group, name, two measurements and a count: item, unit, from, to
  (1, 'AE', 'EVENT', 'Adverse Events', 'DOSE', 'mg', 5, 40, 'DURAT', 'h', 1, 96, 'EPISODE', NULL),
  (2, 'CM', 'DRUG', 'Concomitant Medication', 'DOSE', 'mg', 1, 500, 'STRENG', 'mg/mL', 1, 50, 'DAILY', NULL),
  (3, 'MH', 'HISTORY', 'Medical History', 'AGEON', 'years', 1, 80, 'YEARS', 'years', 0, 40, 'ATTACKS', NULL),
  (4, 'DV', 'DEVIATION', 'Protocol Deviations', 'DELAY', 'days', 1, 30, 'MISSED', 'mg', 5, 40, 'DOSES', NULL),
  (5, 'DS', 'STATUS', 'Disposition', 'EXPOS', 'days', 1, 700, 'LASTDO', 'mg', 5, 40, 'CONTACT', NULL),
  (6, 'VITAL', 'VITALS', 'Vital Signs', 'SYSBP', 'mmHg', 95, 185, 'DIABP', 'mmHg', 55, 110, 'PULSE', 'beats/min'),
  (7, 'DEMOG', 'BASELINE', 'Demography', 'HEIGHT', 'cm', 148, 201, 'WEIGHT', 'kg', 45, 130, 'AGE', 'years'),
  (8, 'ECG', 'TRIPLICATE', 'Electrocardiogram', 'QTCF', 'ms', 350, 480, 'PR', 'ms', 120, 220, 'HR', 'beats/min'),
  (9, 'CHEM', 'CHEMISTRY', 'Clinical Chemistry', 'CREAT', 'mg/dL', 0, 2, 'POTASS', 'mmol/L', 3, 6, 'ALT', 'U/L'),
  (10, 'HEMA', 'BLOOD', 'Hematology', 'HGB', 'g/dL', 9, 18, 'WBC', '10^9/L', 3, 12, 'PLT', '10^9/L'),
  (11, 'ECHO', 'HEART', 'Echocardiography', 'LVEF', '%', 20, 70, 'LVEDD', 'mm', 40, 75, 'GRADE', NULL),
  (12, 'PHYSX', 'EXAM', 'Physical Examination', 'TEMP', '°C', 36, 39, 'GIRTH', 'cm', 60, 140, 'SYSTEMS', NULL),
  (13, 'EXPOS', 'DOSING', 'Study Drug Exposure', 'DOSE', 'mg', 5, 40, 'VOLUME', 'mL', 1, 50, 'TABLETS', NULL),
  (14, 'WALK', 'TEST', 'Six-Minute Walk', 'METERS', 'm', 120, 640, 'BORG', NULL, 0, 10, 'STOPS', NULL),
  (15, 'QOL', 'SCALE', 'Quality of Life', 'VAS', 'mm', 0, 100, 'INDEX', NULL, 0, 1, 'SUM', NULL),
  (16, 'BIOMK', 'MARKERS', 'Biomarkers', 'NTBNP', 'pg/mL', 50, 4000, 'TROPT', 'ng/L', 3, 60, 'FREEZE', NULL),
  (17, 'URINE', 'STRIP', 'Urinalysis', 'PH', NULL, 5, 8, 'GRAV', NULL, 1, 2, 'CELLS', '/uL'),
  (18, 'COAG', 'CLOTTING', 'Coagulation', 'INR', NULL, 1, 4, 'APTT', 's', 25, 60, 'TUBES', NULL),
  (19, 'LIPID', 'FATS', 'Lipids', 'LDL', 'mg/dL', 40, 220, 'HDL', 'mg/dL', 25, 95, 'FASTED', 'h'),
  (20, 'SMOKE', 'HABIT', 'Tobacco Use', 'PACKY', 'pack-years', 0, 60, 'YEARS', 'years', 0, 50, 'DAILY', NULL),
  (21, 'DIET', 'FOOD', 'Diet', 'SALT', 'g', 2, 15, 'KCAL', 'kcal', 1200, 3500, 'MEALS', NULL),
  (22, 'HOLTR', 'RHYTHM', 'Holter', 'HOURS', 'h', 12, 48, 'SDNN', 'ms', 50, 180, 'VES', NULL),
  (23, 'XRAY', 'CHEST', 'Chest X-Ray', 'CTR', NULL, 0, 1, 'DOSE', 'mSv', 0, 1, 'FILMS', NULL),
  (24, 'PKSMP', 'SAMPLES', 'Pharmacokinetics', 'CONC', 'ng/mL', 1, 900, 'DELAY', 'min', 0, 30, 'TUBES', NULL),
  (25, 'PREG', 'TESTS', 'Pregnancy Test', 'HCG', 'IU/L', 0, 5, 'WEEKS', 'weeks', 0, 40, 'TESTS', NULL),
  (26, 'FRAIL', 'SCORE', 'Frailty', 'GRIP', 'kg', 10, 60, 'SPEED', 'm/s', 0, 2, 'FALLS', NULL),
  (27, 'PACER', 'DEVICE', 'Pacemaker', 'VOLTS', 'V', 1, 5, 'IMPED', 'ohm', 300, 1200, 'LEADS', NULL),
  (28, 'HOSP', 'STAY', 'Hospitalisation', 'NIGHTS', 'days', 1, 30, 'ICU', 'h', 0, 200, 'WARDS', NULL),
  (29, 'ELIG', 'CRITERIA', 'Eligibility', 'AGE', 'years', 18, 85, 'EGFR', 'mL/min', 30, 120, 'CRITS', NULL),
  (30, 'RESUS', 'USE', 'Resource Use', 'COST', 'EUR', 10, 4000, 'TRAVEL', 'km', 1, 200, 'CALLS', NULL)
) t(form_id, code, grp, name, real1, unit1, lo1, hi1, real2, unit2, lo2, hi2, count1, unit3) WHERE form_id <= :forms;

CREATE TEMP TABLE question AS SELECT * FROM (VALUES  -- what every form asks; kind says how its values are made
  (1, 'PERF', 'Was it done?', 'INT', 'radio', 'RS_NY', 'choice'), (2, 'DAT', 'Date of assessment', 'DATE', 'text', NULL, 'date'),
  (3, 'TIM', 'Time of assessment', 'ST', 'text', NULL, 'time'), (4, 'POS', 'Position', 'INT', 'single-select', 'RS_POS', 'choice'),
  (5, 'REAL1', 'First measurement', 'REAL', 'text', NULL, 'real'), (6, 'ORRESU', 'Unit', 'INT', 'single-select', 'RS_UNIT', 'choice'),
  (7, 'REAL2', 'Second measurement', 'REAL', 'calculation', NULL, 'real'), (8, 'SEV', 'Severity', 'INT', 'radio', 'RS_SEV', 'choice'),
  (9, 'REL', 'Relation to study drug', 'INT', 'radio', 'RS_REL', 'choice'), (10, 'OUT', 'Outcome', 'INT', 'single-select', 'RS_OUT', 'choice'),
  (11, 'ACN', 'Action taken', 'INT', 'single-select', 'RS_ACN', 'choice'), (12, 'SCORE', 'Score', 'INT', 'text', NULL, 'int'),
  (13, 'COUNT1', 'Count', 'INT', 'text', NULL, 'int'), (14, 'TOTAL', 'Total score', 'INT', 'calculation', NULL, 'int'),
  (15, 'TERM', 'Reported term', 'ST', 'text', NULL, 'term'), (16, 'SYMP', 'Symptoms', 'ST', 'checkbox', 'RS_SYMP', 'multi'),
  (17, 'LOC', 'Location', 'ST', 'single-select', 'RS_LOC', 'choice'), (18, 'COMM', 'Comment', 'ST', 'textarea', NULL, 'comment'),
  (19, 'STDAT', 'Start date, as far as known', 'PDATE', 'text', NULL, 'pdate'), (20, 'ENDAT', 'End date', 'DATE', 'text', NULL, 'date'),
  (21, 'LAB', 'Laboratory number', 'ST', 'text', NULL, 'code'), (22, 'FILE', 'Attached file', 'FILE', 'file', NULL, 'file')
) t(ordinal, suffix, brief, data_type, response_type, response_set_label, kind);

INSERT INTO crf SELECT form_id, 'F_' || code, name, 'available' FROM form;
INSERT INTO form_layout SELECT form_id * 10 + v, form_id, format('F_%s_V%s', code, v), v::text, 'available' FROM form, generate_series(1, 2) v;
INSERT INTO item_group SELECT form_id, form_id, format('IG_%s_%s', code, grp), initcap(grp), code = 'ECG', lower(format('ig_%s_%s', code, grp)) FROM form;
INSERT INTO item SELECT form_id * 100 + ordinal, form_id, format('I_%s_%s', code, known.suffix), known.suffix, format('%s: %s', form.name, brief),
    format('%s, as asked on the form "%s"', brief, form.name), CASE suffix.suffix WHEN 'REAL1' THEN unit1 WHEN 'REAL2' THEN unit2 WHEN 'COUNT1' THEN unit3 END,
    data_type, response_type, response_set_label, ordinal
  FROM form, question suffix, LATERAL (SELECT CASE suffix.suffix WHEN 'REAL1' THEN real1 WHEN 'REAL2' THEN real2 WHEN 'COUNT1' THEN count1 ELSE suffix.suffix END) known(suffix);
INSERT INTO response_set SELECT label, o, coalesce((codes)[o], o::text), texts[o]
  FROM (VALUES ('RS_NY', array['0', '1'], array['No', 'Yes']), ('RS_POS', NULL, array['Supine', 'Sitting', 'Standing']),
    ('RS_UNIT', NULL, array['SI', 'Conventional', 'Other']), ('RS_SEV', NULL, array['Mild', 'Moderate', 'Severe']),
    ('RS_REL', array['0', '1', '2', '3'], array['Not related', 'Unlikely', 'Possible', 'Probable']),
    ('RS_OUT', NULL, array['Recovered', 'Recovering', 'Not recovered', 'Recovered with sequelae', 'Fatal', 'Unknown']),
    ('RS_ACN', NULL, array['None', 'Dose reduced', 'Drug interrupted', 'Drug withdrawn']),
    ('RS_SYMP', NULL, array['Chest pain', 'Dyspnea', 'Edema', 'Palpitations', 'Syncope', 'Fatigue', 'Cough']),
    ('RS_LOC', array['01', '02', '03', 'NA', 'UNK'], array['Left', 'Right', 'Both sides', 'Not applicable', 'Unknown'])
  ) t(label, codes, texts), generate_subscripts(texts, 1) o;
-- some forms are designed but never scheduled: their clinical tables stay empty
INSERT INTO event_definition_crf SELECT row_number() OVER (ORDER BY v, k), v, 6 + (v * 3 + k * 2) % (:forms - 5 - ceil((:forms - 5) * 0.12)::int), k, k <= 4,
    (array['100% required', 'not required'])[1 + k % 2]
  FROM generate_series(1, :visits) v, generate_series(1, :forms_per_visit) k;
INSERT INTO event_definition_crf SELECT 100000 + g, :visits + g, g, 1, true, 'not required' FROM generate_series(1, 5) g;
