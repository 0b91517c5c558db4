"""Everything that real schemas hold and naive clients break on is in the study, and it is the same every time."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from insight_frames import sandbox
from insight_frames.sandbox import postgres
from insight_frames.sandbox import study as synthetic

Connection = psycopg.Connection[tuple[Any, ...]]
OPERATIONAL = (
    "study,site,user_account,study_event_definition,crf,form_layout,event_definition_crf,item_group,item,response_set,"
    "participant,study_event,event_crf,item_data,discrepancy_note,audit_log_event,participant_matrix,refresh_log"
)
RELATIONS = """select c.relname from pg_class c
    where relnamespace = %s::regnamespace and relkind in ('r', 'p', 'v', 'm') and not relispartition order by 1"""


def column(connection: Connection, query: str, *values: object) -> list[Any]:
    return [row[0] for row in connection.execute(query.encode(), values or None)]


def one(connection: Connection, query: str, *values: object) -> Any:
    (value,) = column(connection, query, *values)
    return value


def as_role(box: sandbox.Box, role: str) -> Connection:
    return psycopg.connect(box.dsn, user=role, options="-c search_path=s_cardio3prod", autocommit=True)


def test_two_environments_with_the_same_tables_and_other_rows(study: Connection) -> None:
    production, test = (column(study, RELATIONS, schema) for schema in ("s_cardio3prod", "s_cardio3test"))
    assert production == test
    assert set(production) >= set(OPERATIONAL.split(","))
    assert one(study, "select environment from s_cardio3prod.study") == "PROD"
    assert one(study, "select environment from s_cardio3test.study") == "TEST"
    same = (
        "select count(*) from s_cardio3prod.item_data join s_cardio3test.item_data using (item_data_id, value, item_id)"
    )
    assert one(study, same) < 0.5 * one(study, "select count(*) from s_cardio3test.item_data")


def test_one_table_per_item_group_and_some_are_empty(study: Connection) -> None:
    tables = column(study, "select clinical_table from item_group")
    assert set(tables) <= set(column(study, RELATIONS, "s_cardio3prod"))
    assert len(tables) == 12
    empty = [table for table in tables if not one(study, f"select count(*) from {table}")]
    assert empty == ["ig_physx_exam"]
    assert one(study, "select count(*) from study_group_class") == 0


@pytest.mark.parametrize("schema", synthetic.SCHEMAS)
def test_everything_has_a_comment(study: Connection, schema: str) -> None:
    assert one(study, "select obj_description(%s::regnamespace, 'pg_namespace')", schema)
    query = """select c.relname, a.attname from pg_class c left join pg_attribute a
          on a.attrelid = c.oid and attnum > 0 and not attisdropped
        where relnamespace = %s::regnamespace and relkind in ('r', 'p', 'v', 'm') and not relispartition
          and (obj_description(c.oid, 'pg_class') is null or col_description(c.oid, attnum) is null)"""
    assert study.execute(query, (schema,)).fetchall() == []
    comment = "select col_description('ig_vital_vitals'::regclass, attnum) from pg_attribute where attname = %s"
    assert "Vital Signs: First measurement (mmHg)" in column(study, comment, "i_vital_sysbp")
    assert "Vital Signs: Severity, label" in column(study, comment, "i_vital_sev_label")


def test_keys(study: Connection) -> None:
    query = "select count(*) from pg_constraint where connamespace = 's_cardio3prod'::regnamespace and contype = %s"
    assert one(study, query, "f") >= 20
    keyless = """select relname from pg_class c where relnamespace = 's_cardio3prod'::regnamespace
        and relkind in ('r', 'p') and not relispartition
        and not exists (select from pg_constraint where conrelid = c.oid and contype = 'p')"""
    assert column(study, keyless) == ["participant_matrix"]
    assert one(study, "select bool_and(convalidated) from pg_constraint")


def test_choice_items_are_pairs_and_multiple_choices_a_pair_each(study: Connection) -> None:
    pairs = """select distinct i_vital_sev, i_vital_sev_label from ig_vital_vitals
        where i_vital_sev is not null order by 1"""
    assert study.execute(pairs.encode()).fetchall() == [(1, "Mild"), (2, "Moderate"), (3, "Severe")]
    choices = (
        "select option_value, option_text from response_set where response_set_label = 'RS_LOC' order by option_order"
    )
    assert study.execute(choices).fetchall()[-2:] == [("NA", "Not applicable"), ("UNK", "Unknown")]
    assert one(study, "select count(*) from ig_vital_vitals where i_vital_loc = 'NA'") > 0
    wrong = """select count(*) from ig_vital_vitals
        where (i_vital_symp_3 is not null) <> coalesce('3' = any (string_to_array(i_vital_symp, ',')), false)
           or (i_vital_symp_3_label is not null) <> (i_vital_symp_3 is not null)"""
    assert one(study, wrong) == 0
    assert one(study, "select count(*) from ig_vital_vitals where i_vital_symp like '_,_,_%%'") > 0


def test_clinical_tables_hold_what_was_entered(study: Connection) -> None:
    query = """select count(*), count(*) filter (where v.i_vital_sysbp = d.value::numeric) from ig_vital_vitals v
        join item_data d using (event_crf_id, item_group_repeat) join item i using (item_id)
        where i.item_oid = 'I_VITAL_SYSBP'"""
    entered, equal = study.execute(query).fetchone() or (0, -1)
    assert entered == equal > 50
    assert one(study, "select max(item_group_repeat) from ig_ecg_triplicate") == 3
    assert one(study, "select max(event_repeat) from ig_cm_drug") > 3


def test_text_in_a_number_of_an_old_form_version(study: Connection) -> None:
    query = """select d.value, l.version_name from item_data d join item i using (item_id)
        join event_crf using (event_crf_id) join form_layout l using (form_layout_id)
        where i.data_type = 'INT' and d.value !~ '^-?[0-9.]+$'"""
    found = study.execute(query).fetchall()
    assert {value for value, _ in found} >= {"see note", "UNK"}
    assert {version for _, version in found} == {"1"}


def test_kinds_of_relations(study: Connection) -> None:
    kinds = dict(
        study.execute("select relname, relkind from pg_class where relnamespace = 's_cardio3prod'::regnamespace")
    )
    assert kinds["participant_overview"] == "v"
    assert kinds["enrollment_by_month"] == "m"
    assert kinds["audit_log_event"] == "p"
    assert one(study, "select count(*) from pg_inherits where inhparent = 'audit_log_event'::regclass") == 3
    for relation in ("participant_overview", "enrollment_by_month", "audit_log_event_2023", "audit_log_event_later"):
        assert one(study, f"select count(*) from {relation}") > 0


def test_names(study: Connection) -> None:
    names = column(study, "select attname from pg_attribute where attrelid = '\"Lab Import\"'::regclass and attnum > 0")
    assert {"Group", "order", "end", "select", 'with "quote"', "per%cent :colon {{braces}}", "größe_µm"} <= set(names)
    assert 63 in map(len, names)
    wide = "select count(*) from pg_attribute where attrelid = 'ig_quest_epro'::regclass and attnum > 0"
    assert one(study, wide) == 246
    assert one(study, "select count(*) from ig_quest_epro") == 62
    assert "東京循環器病院 2" in column(study, "select name from site")


def test_texts(study: Connection) -> None:
    texts = column(study, "select i_notes_text from ig_notes_freetext where i_notes_about <> 'all missing'")
    assert {"NA", "None", "null", "NaN", "", None, "007", "1,234.50", "-0", "山田 太郎", "محمد علي"} <= set(texts)
    codes = column(study, "select i_notes_code from ig_notes_freetext")
    assert {"001", "", None, "NA", "😀"} <= set(codes)
    (long,) = (text for text in texts if text and len(text) == 4000)
    assert {"\n", "\r\n", "\t", '"', "'", "\\", "🫀"} <= {
        mark for mark in ("\n", "\r\n", "\t", '"', "'", "\\", "🫀") if mark in long
    }
    whole = "".join(text for text in texts if text)
    for mark in ("\r", "👩‍⚕️", "{{b}}", "[[c]]", "\x07", "\u2028", "\ufeff"):
        assert mark in whole


def test_numbers_and_dates(study: Connection) -> None:
    study.execute("set timezone to 'UTC'")
    query = """select i_notes_partial, i_notes_date::text, i_notes_serial, i_notes_dose::text, i_notes_amount::text,
        i_notes_device, i_notes_change, i_notes_symp from ig_notes_freetext
        where participant_oid = 'SS_000005' order by item_group_repeat"""
    first, second, third, _, missing = study.execute(query).fetchall()
    serial = Decimal("12345678901234567890123456789012345678901234567890")
    assert first[:6] == ("2015", "0202-05-03", serial, "1.50", "1.50", 2**53 + 1)
    assert first[6] == 0.0
    assert math.copysign(1, first[6]) == -1
    assert second[:2] == ("2015-08", "9999-12-31")
    assert second[5:] == (123456789012345678, 0.1, "1,2,7")
    assert third[0] == "2015-08-09"
    assert set(missing) == {None}
    partial = column(
        study, "select distinct length(i_vital_stdat) from ig_vital_vitals where i_vital_stdat is not null"
    )
    assert set(partial) == {4, 7, 10}


def test_participants(study: Connection) -> None:
    assert one(study, "select count(*) from participant where status = 'removed'") == 1
    assert one(study, "select count(*) from study_event where locked and signed") > 0
    assert one(study, "select count(*) from study_event where removed") > 0
    assert column(study, "select label from participant where label like '%%-DDE' order by 1") == [
        "001-00012-DDE",
        "001-00042-DDE",
    ]
    moved = "select label, site_id from participant where left(label, 3)::int <> site_id order by 1"
    assert study.execute(moved).fetchall() == [("001-00007", 2), ("001-00057", 2)]
    audit = "select count(*) from audit_log_event where audit_log_event_type = 'Participant site changed'"
    assert one(study, audit) == 2


def test_second_entry_repeats_most_values(study: Connection) -> None:
    query = """select count(*), count(*) filter (where a.value is distinct from b.value) from participant p
        join participant q on q.label = p.label || '-DDE'
        join ig_demog_baseline x on x.participant_oid = p.participant_oid
        join ig_demog_baseline y on y.participant_oid = q.participant_oid and y.event_oid = x.event_oid
        join item_data a on a.event_crf_id = x.event_crf_id
        join item_data b on b.event_crf_id = y.event_crf_id and b.item_id = a.item_id"""
    both, different = study.execute(query).fetchone() or (0, 0)
    assert both > 10
    assert different < both / 2


def test_analyst(box: sandbox.Box, study: Connection) -> None:
    granted = "select has_table_privilege('insight_analyst', 's_renal1prod.participant', 'select')"
    assert one(study, granted) is True  # and yet out of reach: no USAGE on the schema
    with as_role(box, "insight_analyst") as analyst:
        for table in (
            "participant_contact",
            "ig_rand_randomization",
            "audit_log_event_2023",
            "s_renal1prod.participant",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(f"select * from {table}".encode())
        assert one(analyst, "select count(*) from participant") == 62
        assert one(analyst, "select count(*) from audit_log_event") > 1000
        assert one(analyst, "select row_security_active('participant')") is False
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            analyst.execute("create temp table t ()")


def test_unblinded_account(box: sandbox.Box) -> None:
    with as_role(box, "insight_unblinded") as unblinded:
        arms = "select i_rand_arm_label, count(*) from ig_rand_randomization group by 1"
        assert set(dict(unblinded.execute(arms))) == {"CARDIOZOL 10 mg", "Placebo"}
        assert one(unblinded, "select count(*) from participant") == 62


def test_site_account_sees_one_site_in_every_table(box: sandbox.Box, study: Connection) -> None:
    owners = dict(study.execute("select participant_oid, site_id from participant"))
    with as_role(box, "insight_site") as site:
        assert set(column(site, "select site_id from participant")) == {2}
        for table in ("ig_vital_vitals", "ig_cm_drug", "ig_quest_epro", "ig_notes_freetext"):
            seen = {owners[oid] for oid in column(site, f"select participant_oid from {table}")}
            assert seen <= {2}
        assert 0 < one(site, "select count(*) from item_data") < one(study, "select count(*) from item_data")
        assert one(site, "select count(*) from participant_overview") == one(site, "select count(*) from participant")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            site.execute("select * from audit_log_event")


def test_refresh_log(study: Connection) -> None:
    log = study.execute("select status, message, source_as_of from refresh_log order by refresh_log_id").fetchall()
    assert len(log) >= 48
    assert ("failed", "source not reachable") in {row[:2] for row in log}
    assert log[47][:2] == ("success", "generation 0")
    assert log[47][2] == datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)


def fingerprints(server: postgres.Server) -> dict[str, Any]:
    """Digest every table's rows, and the catalogue's columns and comments."""
    with server.connect("insight") as connection:
        relations = connection.execute("""
            select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace
            where nspname like 's\\_%' and relkind in ('r', 'm', 'p') order by 1""").fetchall()
        digest = "select count(*), sum(hashtextextended(t::text, 0)::numeric) from {} t"
        found = {name: connection.execute(digest.format(name).encode()).fetchone() for (name,) in relations}
        found["columns"] = connection.execute("""
            select nspname, relname, attname, format_type(atttypid, atttypmod), attnotnull,
              col_description(c.oid, attnum)
            from pg_attribute join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
            where nspname like 's\\_%' and attnum > 0 order by 1, 2, attnum""").fetchall()
        return found


@pytest.mark.long  # a second server and a second study
def test_the_same_every_time() -> None:
    found = []
    for _ in range(2):
        with postgres.start() as server:
            server.create_database("insight")
            synthetic.make_roles(server, "insight")
            synthetic.load(server, "insight", "demo")
            found.append(fingerprints(server))
    assert found[0] == found[1]
