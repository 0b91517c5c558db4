-- Comments on everything, then who may read what.
CREATE TEMP TABLE word AS SELECT * FROM (VALUES
  ('about', 'What the row is an example of'), ('archived', 'True if archived'), ('assigned_user_name', 'User who has to answer'), ('audit_date', 'When it was done, server time without zone'),
  ('audit_id', 'Number of the audit entry'), ('audit_log_event_type', 'Kind of audit entry'), ('audit_table', 'What was changed'), ('clinical_table', 'Name of the table with the values of this item group'),
  ('country', 'Country code, ISO 3166'), ('crf_id', 'Number of the form'), ('crf_status', 'Workflow status of the form'), ('crf_workflow_status', 'Workflow status of the form'),
  ('data_type', 'ST, INT, REAL, DATE, PDATE or FILE'), ('date_completed', 'When the form was completed, site time'), ('date_created', 'When it was created'), ('date_end', 'End of the event, site time'),
  ('date_last_sdv_verified', 'When source data were last verified'), ('date_start', 'Start of the event, site time'), ('date_updated', 'When it was last changed'), ('deleted', 'True if the value was deleted'),
  ('description', 'Description'), ('detailed_notes', 'Text of the message'), ('discrepancy_note_id', 'Number of the message'), ('display_id', 'Number shown to users'),
  ('electronic_signature_status', 'True if signed'), ('email', 'E-mail address'), ('end', 'Day of the last sample'), ('enrolled', 'Participants enrolled'), ('enrollment_date', 'Day of enrollment'),
  ('entity_id', 'Number of what was changed'), ('entity_name', 'Name of what was changed'), ('entity_type', 'What the message is about'), ('environment', 'PROD or TEST'),
  ('event_crf_id', 'Number of the started form'), ('event_definition_crf_id', 'Number of the rule'), ('event_oid', 'OID of the event'), ('event_ordinal', 'Place of the event in the study'),
  ('event_repeat', 'Repeat of the event, from 1'), ('event_start_date', 'Start of the event, site time'), ('event_workflow_status', 'Workflow status of the event'), ('events', 'Number of events'),
  ('facility_city', 'City'), ('first_name', 'First name'), ('form_layout_id', 'Number of the form version'), ('form_layout_oid', 'OID of the form version'), ('form_oid', 'OID of the form'),
  ('form_version', 'Version of the form'), ('item_data_id', 'Number of the value'), ('item_data_repeat_key', 'Repeat of the item group'), ('item_group_id', 'Number of the item group'),
  ('item_group_oid', 'OID of the item group'), ('item_group_repeat', 'Repeat of the item group, from 1'), ('item_id', 'Number of the item'), ('item_oid', 'OID of the item'), ('label', 'Participant ID'), ('last_event', 'Start of the last event'),
  ('locked', 'True if locked'), ('message', 'Message of the refresh'), ('month', 'First day of the month'), ('name', 'Name'), ('new_value', 'Value after'), ('note_type', 'Kind of message'), ('old_value', 'Value before'),
  ('option_order', 'Place of the choice in its list'), ('option_text', 'Label of the choice'), ('option_value', 'Code of the choice'), ('order', 'Number of the sample'), ('ordinal', 'Place in its list'),
  ('owner_user_name', 'User who created it'), ('parent_dn_id', 'First message of the thread; missing in the first one'), ('participant_id', 'Number of the participant'), ('participant_label', 'Participant ID'),
  ('participant_oid', 'OID of the participant'), ('phone', 'Telephone'), ('reason_for_change', 'Reason for the change'), ('refresh_finished', 'End of the refresh'), ('refresh_log_id', 'Number of the refresh'),
  ('refresh_started', 'Begin of the refresh'), ('refreshed_at', 'State of the source that this row was loaded from'), ('removed', 'True if removed'), ('repeating', 'True if it may occur more than once'),
  ('required', 'True if required'), ('resolution_status', 'Status of the thread'), ('response_set_label', 'List of choices'), ('response_type', 'How the item is answered'), ('role', 'Role of the user'),
  ('sdv_requirement', 'Source data verification required'), ('sdv_status', 'Status of source data verification'), ('secondary_label', 'Second ID of the participant'), ('signed', 'True if signed'),
  ('site_id', 'Number of the site'), ('site_name', 'Name of the site'), ('site_oid', 'OID of the site'), ('source_as_of', 'State of the source that was loaded'), ('start_time_flag', 'True if the time of the start is known'),
  ('status', 'Status'), ('study_event_definition_id', 'Number of the event definition'), ('study_event_id', 'Number of the event'), ('study_group_class_id', 'Number of the group class'), ('study_id', 'Number of the study'),
  ('study_name', 'Name of the study'), ('study_oid', 'OID of the study'), ('thread_number', 'Number of the thread'), ('type', 'Scheduled, Unscheduled or Common'), ('unique_protocol_id', 'Protocol number'),
  ('units', 'Unit'), ('update_user_name', 'User who last changed it'), ('user_id', 'Number of the user'), ('user_name', 'Name of the user'), ('value', 'Value as entered'), ('value_label', 'Label of the choice'),
  ('version_name', 'Name of the version'), ('workflow_status', 'Workflow status')) t(col, comment);
CREATE TEMP TABLE relation_word AS SELECT * FROM (VALUES
  ('study', 'The study'), ('site', 'One row per site'), ('user_account', 'One row per user'), ('study_event_definition', 'One row per event of the protocol'), ('crf', 'One row per form'),
  ('form_layout', 'One row per version of a form'), ('event_definition_crf', 'Which form belongs to which event'), ('item_group', 'One row per item group'), ('item', 'One row per item'),
  ('response_set', 'One row per choice of a list'), ('participant', 'One row per participant'), ('study_event', 'One row per event of a participant'), ('event_crf', 'One row per started form'),
  ('item_data', 'One row per value, as entered'), ('discrepancy_note', 'Queries and annotations, one row per message'), ('audit_log_event', 'One row per change'),
  ('participant_matrix', 'One row per form that could be started'), ('refresh_log', 'One row per refresh of this schema'), ('study_group_class', 'One row per group class'),
  ('participant_contact', 'How to reach participants'), ('participant_overview', 'Participants with the number of their events'), ('enrollment_by_month', 'Participants enrolled by month and site'),
  ('ig_rand_randomization', 'Item group RAND: arm and kit. Unblinding!'), ('ig_quest_epro', 'Item group QUEST: 120 questions answered at home'),
  ('Lab Import', 'As sent by the laboratory'), ('ig_notes_freetext', 'Item group NOTES: free text and other values that are easily damaged on the way')) t(rel, comment);

DO $do$
DECLARE
  one record;
BEGIN
  EXECUTE format('COMMENT ON SCHEMA %I IS %L', current_schema(), (SELECT format('Study %s, %s', name, environment) FROM study));
  FOR one IN SELECT c.relname, c.relkind, coalesce(w.comment, format('Item group %s of the form %s', g.name, f.name)) AS comment
      FROM pg_class c LEFT JOIN relation_word w ON w.rel = c.relname LEFT JOIN item_group g ON g.clinical_table = c.relname LEFT JOIN crf f USING (crf_id)
      WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition LOOP
    EXECUTE format('COMMENT ON %s %I IS %L', CASE one.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, one.relname, one.comment);
  END LOOP;
  FOR one IN SELECT c.relname, a.attname, coalesce(i.brief_description || coalesce(' (' || i.units || ')', '') || CASE WHEN a.attname LIKE '%\_label' THEN ', label' ELSE '' END,
        w.comment, initcap(replace(regexp_replace(a.attname, '^i_[a-z]+_', ''), '_', ' '))) AS comment
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped LEFT JOIN word w ON w.col = a.attname
        LEFT JOIN item i ON c.relname LIKE 'ig\_%' AND lower(i.item_oid) = regexp_replace(a.attname, '(_\d)?(_label)?$', '')
      WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition ORDER BY c.oid, a.attnum LOOP
    EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', one.relname, one.attname, one.comment);
  END LOOP;
END $do$;

GRANT USAGE ON SCHEMA :"schema" TO insight_analyst, insight_site;
DO $do$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT relname, relkind, CASE
        WHEN relname IN ('participant', 'event_crf', 'study_event', 'participant_matrix', 'item_data', 'discrepancy_note') OR relname LIKE 'ig\_%' THEN (
          SELECT attname FROM pg_attribute a WHERE a.attrelid = c.oid AND attname IN ('participant_id', 'participant_oid', 'event_crf_id') ORDER BY attname DESC LIMIT 1) END AS key
      FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition AND relname NOT IN ('participant_contact', 'ig_rand_randomization') LOOP
    EXECUTE format('GRANT SELECT ON %I TO insight_analyst', one.relname);
    IF one.relname NOT IN ('audit_log_event', 'enrollment_by_month', 'Lab Import') THEN
      EXECUTE format('GRANT SELECT ON %I TO insight_site', one.relname);
    END IF;
    IF one.key IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one.relname);
      EXECUTE format('CREATE POLICY own_site ON %I FOR SELECT TO insight_site USING (%s)', one.relname, CASE WHEN one.relname = 'participant' THEN 'site_id = 2'
        ELSE format('%1$I IN (SELECT %1$I FROM %2$I)', one.key, CASE one.key WHEN 'event_crf_id' THEN 'event_crf' ELSE 'participant' END) END);
    END IF;
  END LOOP;
END $do$;
GRANT SELECT ON ig_rand_randomization TO insight_unblinded;
