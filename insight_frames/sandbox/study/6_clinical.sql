-- One table per item group: context, then the items. Choice items have a label beside them; multiple choices a pair per choice.
DO $do$
DECLARE
  grp record;
  items text;
BEGIN
  FOR grp IN SELECT item_group_id, crf_id, clinical_table FROM item_group ORDER BY item_group_id LOOP
    SELECT string_agg(
        CASE WHEN data_type IN ('INT', 'REAL')
            THEN format('(max(value) FILTER (WHERE d.item_id = %s AND value ~ ''^-?\d+(\.\d+)?$''))::numeric AS %I', item_id, lower(item_oid))
          WHEN data_type = 'DATE' THEN format('(max(value) FILTER (WHERE d.item_id = %s))::date AS %I', item_id, lower(item_oid))
          ELSE format('max(value) FILTER (WHERE d.item_id = %s) AS %I', item_id, lower(item_oid)) END
        || CASE WHEN response_type = 'checkbox' THEN (
            SELECT string_agg(format(', CASE WHEN %1$L = ANY (string_to_array(max(value) FILTER (WHERE d.item_id = %2$s), '','')) THEN %1$L END AS %3$I', option_value, item_id, lower(item_oid) || '_' || option_value)
              || format(', CASE WHEN %1$L = ANY (string_to_array(max(value) FILTER (WHERE d.item_id = %2$s), '','')) THEN %4$L END AS %3$I', option_value, item_id, lower(item_oid) || '_' || option_value || '_label', option_text), '' ORDER BY option_order)
            FROM response_set r WHERE r.response_set_label = item.response_set_label)
          WHEN response_set_label IS NOT NULL THEN format(', max(value_label) FILTER (WHERE d.item_id = %s) AS %I', item_id, lower(item_oid) || '_label')
          ELSE '' END, ', ' ORDER BY ordinal)
      INTO items FROM item WHERE item_group_id = grp.item_group_id;
    EXECUTE format($sql$
      CREATE TABLE %I AS SELECT s.name::text study_name, t.site_oid, t.name site_name, p.label::text participant_label, p.participant_oid::text, v.event_oid::text, v.ordinal event_ordinal, e.event_repeat,
        e.date_start event_start_date, d.event_crf_id, l.version_name::text form_version, c.workflow_status::text crf_status, d.item_group_repeat, c.refreshed_at, %s
      FROM event_crf c JOIN item_data d USING (event_crf_id) JOIN study_event e USING (study_event_id) JOIN study_event_definition v USING (study_event_definition_id)
        JOIN participant p ON p.participant_id = c.participant_id JOIN site t USING (site_id) JOIN study s USING (study_id) JOIN form_layout l ON l.form_layout_id = c.form_layout_id
      WHERE c.crf_id = %s GROUP BY s.name, t.site_oid, t.name, p.label, p.participant_oid, v.event_oid, v.ordinal, e.event_repeat, e.date_start, d.event_crf_id, l.version_name, c.workflow_status,
        d.item_group_repeat, c.refreshed_at ORDER BY d.event_crf_id, d.item_group_repeat$sql$, grp.clinical_table, items, grp.crf_id);
    EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (event_crf_id, item_group_repeat), ADD FOREIGN KEY (event_crf_id) REFERENCES event_crf', grp.clinical_table);
  END LOOP;
END $do$;
