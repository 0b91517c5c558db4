-- The operational tables of one study environment. refreshed_at is the same in every row of one state of the schema.
CREATE SCHEMA :"schema";
SET search_path TO :"schema";

CREATE TABLE study (study_id int PRIMARY KEY, study_oid text UNIQUE NOT NULL, name text NOT NULL, unique_protocol_id text,
  environment text, status text, date_created timestamptz);
CREATE TABLE site (site_id int PRIMARY KEY, study_id int NOT NULL REFERENCES study, site_oid text UNIQUE NOT NULL,
  name text NOT NULL, unique_protocol_id text, country text, facility_city text, status text, date_created timestamptz);
CREATE TABLE user_account (user_id int PRIMARY KEY, user_name text UNIQUE NOT NULL, role text, site_id int REFERENCES site);
CREATE TABLE study_event_definition (study_event_definition_id int PRIMARY KEY, event_oid varchar(40) UNIQUE NOT NULL,
  name varchar(2000) NOT NULL, type varchar(20) NOT NULL, repeating boolean NOT NULL, ordinal int NOT NULL, status text);
CREATE TABLE crf (crf_id int PRIMARY KEY, form_oid varchar(40) UNIQUE NOT NULL, name varchar(255) NOT NULL, status text);
CREATE TABLE form_layout (form_layout_id int PRIMARY KEY, crf_id int NOT NULL REFERENCES crf,
  form_layout_oid varchar(40) UNIQUE NOT NULL, version_name varchar(255) NOT NULL, status text);
CREATE TABLE event_definition_crf (event_definition_crf_id int PRIMARY KEY,
  study_event_definition_id int NOT NULL REFERENCES study_event_definition, crf_id int NOT NULL REFERENCES crf,
  ordinal int, required boolean, sdv_requirement text);
CREATE TABLE item_group (item_group_id int PRIMARY KEY, crf_id int NOT NULL REFERENCES crf,
  item_group_oid varchar(40) UNIQUE NOT NULL, name varchar(255), repeating boolean NOT NULL, clinical_table text);
CREATE TABLE item (item_id int PRIMARY KEY, item_group_id int NOT NULL REFERENCES item_group,
  item_oid varchar(40) UNIQUE NOT NULL, name varchar(255) NOT NULL, brief_description varchar(255),
  description varchar(4000), units varchar(64), data_type varchar(10) NOT NULL, response_type text NOT NULL,
  response_set_label varchar(80), ordinal int);
CREATE TABLE response_set (response_set_label varchar(80), option_order int, option_value varchar(255),
  option_text varchar(4000), PRIMARY KEY (response_set_label, option_order));
CREATE TABLE participant (participant_id int PRIMARY KEY, participant_oid varchar(40) UNIQUE NOT NULL,
  label varchar(30) UNIQUE NOT NULL, secondary_label varchar(30), site_id int NOT NULL REFERENCES site,
  status text NOT NULL, enrollment_date date, date_created timestamptz NOT NULL, date_updated timestamptz,
  owner_user_name text, update_user_name text, refreshed_at timestamptz NOT NULL);
CREATE TABLE study_event (study_event_id int PRIMARY KEY, participant_id int NOT NULL REFERENCES participant,
  study_event_definition_id int NOT NULL REFERENCES study_event_definition, event_repeat int NOT NULL,
  date_start timestamp, date_end timestamp, start_time_flag boolean, workflow_status varchar(64) NOT NULL,
  removed boolean, archived boolean, locked boolean, signed boolean, date_created timestamptz NOT NULL,
  date_updated timestamptz, refreshed_at timestamptz NOT NULL,
  UNIQUE (participant_id, study_event_definition_id, event_repeat));
CREATE TABLE event_crf (event_crf_id int PRIMARY KEY, study_event_id int NOT NULL REFERENCES study_event,
  participant_id int NOT NULL REFERENCES participant, crf_id int NOT NULL REFERENCES crf,
  form_layout_id int NOT NULL REFERENCES form_layout, workflow_status varchar(64) NOT NULL, sdv_status varchar(64),
  date_last_sdv_verified timestamptz, removed boolean, archived boolean, electronic_signature_status boolean,
  date_created timestamptz NOT NULL, date_updated timestamptz, date_completed timestamp, owner_user_name text,
  update_user_name text, refreshed_at timestamptz NOT NULL);
CREATE TABLE item_data (item_data_id bigint NOT NULL, event_crf_id int NOT NULL, item_id int NOT NULL,
  item_group_repeat int NOT NULL, value varchar(4000), value_label text, deleted boolean, date_created date NOT NULL,
  date_updated date, update_user_name text);
CREATE TABLE discrepancy_note (discrepancy_note_id int PRIMARY KEY, parent_dn_id int, thread_number int,
  display_id varchar(32), entity_type varchar(30) NOT NULL, participant_id int, study_event_id int, event_crf_id int,
  item_data_id bigint, note_type text NOT NULL, resolution_status text NOT NULL, description varchar(2040),
  detailed_notes varchar(1000), assigned_user_name text, owner_user_name text, date_created timestamptz NOT NULL);
CREATE TABLE audit_log_event (audit_id bigint NOT NULL, audit_date timestamp NOT NULL, audit_table varchar(500) NOT NULL,
  audit_log_event_type text NOT NULL, user_name text, entity_id bigint, entity_name varchar(500),
  reason_for_change varchar(1000), old_value varchar(4000), new_value varchar(4000), event_crf_id int,
  study_event_id int, item_data_repeat_key int) PARTITION BY RANGE (audit_date);
CREATE TABLE audit_log_event_2023 PARTITION OF audit_log_event FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE audit_log_event_2024 PARTITION OF audit_log_event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE audit_log_event_later PARTITION OF audit_log_event DEFAULT;
CREATE TABLE participant_matrix (participant_id int NOT NULL, study_event_definition_id int NOT NULL, event_repeat int,
  crf_id int NOT NULL, study_event_id int, event_crf_id int, event_workflow_status text, crf_workflow_status text,
  required boolean);
CREATE TABLE refresh_log (refresh_log_id int PRIMARY KEY, refresh_started timestamptz NOT NULL,
  refresh_finished timestamptz, status text NOT NULL, source_as_of timestamptz, message text);
CREATE TABLE study_group_class (study_group_class_id int PRIMARY KEY, name text NOT NULL, status text,
  date_created timestamptz);
CREATE TABLE participant_contact (participant_id int PRIMARY KEY REFERENCES participant, first_name text, phone text,
  email text);
