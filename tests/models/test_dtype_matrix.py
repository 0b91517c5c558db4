"""Default frames in model libraries: the matrix of the README, and every table against one made by hand."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import kinds
import numpy as np
import pandas as pd
import pytest
from modelling import LIBRARIES, by_hand, outcome
from psycopg import sql
from sandboxes import Connect, Database, Scratch

from insight_frames import Connection

S = "s_cardio3prod"
README = Path(__file__).parents[2] / "README.md"
TABLES = [
    "Lab Import", "audit_log_event", "crf", "discrepancy_note", "enrollment_by_month", "event_crf",
    "event_definition_crf", "form_layout", "ig_ae_event", "ig_chem_chemistry", "ig_cm_drug", "ig_demog_baseline",
    "ig_ds_status", "ig_dv_deviation", "ig_ecg_triplicate", "ig_echo_heart", "ig_hema_blood", "ig_mh_history",
    "ig_notes_freetext", "ig_physx_exam", "ig_quest_epro", "ig_rand_randomization", "ig_vital_vitals", "item",
    "item_data", "item_group", "participant", "participant_matrix", "participant_overview", "refresh_log",
    "response_set", "site", "study", "study_event", "study_event_definition", "study_group_class", "user_account",
]  # fmt: skip
TAKEN = {"yes", "dropna", "0/1"}
LEVELS = 12  # a text with more of them is no factor
ROWS = 300
pytestmark = pytest.mark.parametrize("era", ["0.47"])


def by_psycopg(database: Database, schema: str, name: str, order: list[str]) -> dict[str, list[Any]]:
    """Give the columns of a table as Python's values."""
    keys = sql.SQL(", ").join(map(sql.Identifier, order))
    cursor = database.execute(sql.SQL("select * from {} order by {}").format(sql.Identifier(schema, name), keys))
    rows = cursor.fetchall()
    return {one.name: [row[place] for row in rows] for place, one in enumerate(cursor.description or [])}


def test_the_readme_prints_the_matrix(scratch: Scratch, connection: Connection) -> None:
    scratch.run(kinds.SQL)
    for one in kinds.gaps():
        scratch.run(one)
    tables = ("kinds", "kinds_with_gaps")
    read = {name: connection.read_table(scratch.schema, name, order_by="n") for name in tables}
    rows = {name: by_psycopg(scratch.database, scratch.schema, name, ["n"]) for name in tables}
    lines = kinds.matrix(read, rows)
    printed = kinds.printed(lines)
    if os.environ.get("INSIGHT_MATRIX") == "print":
        print(f"\n{printed}")
    fit = {cell for kind, _, *cells in lines if kind.removesuffix(" with NULL") in kinds.FIT for cell in cells}
    assert fit == TAKEN
    shown = re.search(r"<!-- models -->\n(.*?)<!-- /models -->", README.read_text(encoding="utf-8"), re.S)
    assert shown is not None
    assert shown[1] == printed


def fit_for_a_model(column: str, type_: str, values: list[Any], choices: dict[str, list[Any]]) -> pd.Series | None:
    """Make the column by hand if it is a number, a truth or a text with few levels, of which two at least occur."""
    if column in choices:
        hand = pd.Series(pd.Categorical(values, choices[column], ordered=True))
    elif type_.startswith(("smallint", "integer", "bigint", "numeric", "double", "boolean", "text", "character")):
        hand = by_hand(values)
    else:
        return None
    distinct = hand.nunique()
    factor = hand.dtype == "category"
    return hand if distinct > 1 and hand.notna().sum() >= 20 and (distinct <= LEVELS or not factor) else None


def outcomes(
    read: pd.DataFrame, rows: dict[str, list[Any]], choices: dict[str, list[Any]] | None = None
) -> tuple[int, list[str]]:
    """Model with each column that is fit for it; give how many are, and what goes another way than by hand."""
    place = np.arange(len(read))
    side = pd.DataFrame({"y": place * 11 % 97 / 7.0, "days": 1 + place * 13 % 200, "event": place * 7 % 3 % 2})
    tried, wrong = 0, []
    for column, told in read.attrs["insight"]["columns"].items():
        hand = fit_for_a_model(column, told["type"], rows[column], choices or {})
        if hand is None:
            continue
        tried += 1
        for library in LIBRARIES:
            got = outcome(library, side.assign(x=read[column]), side.assign(x=hand))
            if got not in TAKEN:
                wrong.append(f"{column} ({read[column].dtype}) in {library}: {got}")
    return tried, wrong


def scratched(scratch: Scratch, name: str, *, gaps: bool) -> None:
    """Copy some rows of a table, with one value in ten of every column taken away where gaps are asked for."""
    source, target = sql.Identifier(S, name), sql.Identifier(name)
    copy = "create table {} as select row_number() over () as n__, t.* from (select * from {} order by 1 limit {}) t"
    scratch.database.execute(sql.SQL(copy).format(target, source, sql.Literal(ROWS)))
    if gaps:
        columns = [one.name for one in scratch.database.execute(sql.SQL("select * from {}").format(target)).description]
        empty = sql.SQL("{0} = case when (n__ + {1}) % 10 > 0 then {0} end")
        each = [empty.format(sql.Identifier(one), sql.Literal(place)) for place, one in enumerate(columns) if place]
        scratch.database.execute(sql.SQL("update {} set {}").format(target, sql.SQL(", ").join(each)))


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("gaps", [False, True], ids=["as it is", "with gaps"])
@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_every_table(scratch: Scratch, connection: Connection, name: str, gaps: bool) -> None:
    scratched(scratch, name, gaps=gaps)
    read = connection.read_table(scratch.schema, name, order_by="n__")
    tried, wrong = outcomes(read, by_psycopg(scratch.database, scratch.schema, name, ["n__"]))
    assert not wrong, "\n".join(wrong)
    assert tried or len(read) < 20


CHOSEN = [
    one if one == "ig_vital_vitals" else pytest.param(one, marks=pytest.mark.long) for one in TABLES if "ig_" in one
]


@pytest.mark.parametrize("name", CHOSEN)
def test_choices_are_factors_with_all_levels(superuser: Database, connect: Connect, name: str) -> None:
    key = ["participant_oid"] if name in ("ig_rand_randomization", "ig_quest_epro") else []
    key = key or [*(["event_crf_id"] if name != "ig_notes_freetext" else ["participant_oid"]), "item_group_repeat"]
    read = connect("unblinded").read_table(S, name, choices="label", order_by=key)
    rows = by_psycopg(superuser, S, name, key)
    lists = superuser.execute(
        f"""select lower(item_oid), array_agg(option_text order by option_order) from {S}.item
            join {S}.response_set using (response_set_label) where response_type <> 'checkbox' group by 1""".encode()
    ).fetchall()
    choices = {column: levels for column, levels in lists if column in read}
    for column, levels in choices.items():
        assert read[column].cat.categories.tolist() == levels
        rows[column] = rows[f"{column}_label"]
    for column in [one for one in read if read[one].dtype == "category" and one not in choices]:  # told by pairs alone
        pairs = {*zip(rows[column], rows[f"{column}_label"], strict=True)} - {(None, None)}
        choices[column] = [label for _, label in sorted(pairs)]
        assert read[column].cat.categories.tolist() == choices[column]
        rows[column] = rows[f"{column}_label"]
    few = ["i_vital_sev", "i_vital_pos"] if name == "ig_vital_vitals" else list(read)
    assert len(read) == 0 or choices or name not in ("ig_vital_vitals", "ig_ae_event")
    read.attrs["insight"]["columns"] = {k: v for k, v in read.attrs["insight"]["columns"].items() if k in few}
    _, wrong = outcomes(read, rows, choices)
    assert not wrong, "\n".join(wrong)


def test_the_tables_tried_are_all_there_are(connect: Connect) -> None:
    listed = set(connect("unblinded").list_tables(S)["table"])
    assert listed - set(TABLES) == set()
