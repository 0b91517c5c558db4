"""Data cuts: what a connection or a snapshot holds of some participants, up to some day, without what is masked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from ..clinical import cuts
from ..snapshots import Snapshot
from ..snapshots.cutting import Undated, Words
from ..snapshots.studies import Schema, studies_of
from ..study import Reader, check_reader


def cut_rules(source: Reader, schema: Schema = None) -> pd.DataFrame:
    """Show which rows of each table a data cut keeps, as a frame that can be corrected and given to :func:`cut`.

    Parameters
    ----------
    source : Connection or Snapshot
    schema : str or list of str, optional
        The study's schema or schemas; needed if there are several with participants.

    Returns
    -------
    DataFrame
        One row a table: ``schema``, ``table``, ``rule``, ``participant`` and ``date``. The rule is ``"none"`` (all
        rows), ``"participant"`` (those of the participants in the cut) or ``"date"`` (of these, those until the cut
        date). ``participant`` is the column that leads to the participants, ``date`` the one that holds the day; for
        columns of other tables, the columns that lead there: ``"event_crf_id > study_event_id > date_start"``. They
        are found by declared keys and by names, so look at them.

    Raises
    ------
    SchemaNotFound
        With the nearest names.
    InvalidInput
        No schema has a table with one row a participant, or several have.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> study = ifr.Connection(box.url, username=box.username, password=box.password)
    >>> rules = ifr.cut_rules(study, "s_cardio3prod").set_index("table")
    >>> rules.loc["item_data", ["rule", "participant", "date"]].tolist()
    ['date', 'event_crf_id > participant_id', 'event_crf_id > study_event_id > date_start']
    """
    check_reader(source)
    return cuts.frame(rule for study in studies_of(source, schema) for rule in study.derived())


def cut(
    source: Any,
    path: Any,
    *,
    schema: Schema = None,
    participants: Any = None,
    until: date | str | None = None,
    undated: Undated | None = None,
    rules: pd.DataFrame | None = None,
    masks: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Snapshot:
    """Make a data cut: a snapshot that holds some participants of a study, up to a day, without what is masked.

    Taken of a connection, it is one statement and one moment as :func:`snapshot` is, and what is left out is never
    sent. Made of a snapshot, it needs no server and keeps that one's moment. Conditions and masks stand in the manifest
    (``filters``, ``masks``), the list of participants in a file beside the data, so the folder is as confidential as
    the data.

    Parameters
    ----------
    source : Connection or Snapshot
    path : str or path-like
        The folder to make.
    schema : str or list of str, optional
        The study's schema; needed if there are several with participants. Of several schemas, each is cut by its own
        rules; one without participants is kept whole, unless ``masks`` say otherwise.
    participants : list, Series, path or dict, optional
        Labels, OIDs or keys, all of one kind (looked for in this order), or a UTF-8 text file with one on each line; of
        several schemas one list that all of them know, or ``{"schema": list or None}``. Rows of others, and rows that
        lead to no participant, are left out of the tables whose rule is not ``"none"``.
    until : date or str, optional
        The last day that is in the cut; a moment with a time zone is seen in UTC. Participants whose own day is later
        are left out with all of their rows.
    undated : {"keep", "drop"}
        What becomes of rows whose day is missing; needed with ``until``.
    rules : DataFrame, optional
        What :func:`cut_rules` gives, corrected; it has the rules of all schemas.
    masks : dict, optional
        What must not be in the cut: ``{"table": "*"}`` the table, ``{"table": ["column", ...]}`` columns of it,
        ``{"*": ["column", ...]}`` of all tables; of several schemas also ``{"schema.table": ...}``. Asking the cut for
        them is an error that says so.
    overwrite : bool
        Replace a snapshot that is already there.

    Returns
    -------
    Snapshot

    Raises
    ------
    ParticipantNotFound
        Participants that the study does not have; ``err.value`` lists them.
    InvalidInput
        A cut date that lies in the future or behind the snapshot, a rule that names no day, ...
    TableNotFound, ColumnNotFound
        Masks or rules name what is not there.
    SnapshotError
        The folder exists, or cannot be written.

    Warns
    -----
    DataWarning
        ``until`` without ``rules``, and no date decides for some tables; the ``report`` names them.

    Examples
    --------
    >>> import insight_frames as ifr
    >>> study = ifr.Connection(box.url, username=box.username, password=box.password)
    >>> mine = study.read_table("s_cardio3prod", "participant", where="site_id = 3")["label"]
    >>> made = ifr.cut(study, folder / "cut", schema="s_cardio3prod", participants=mine,
    ...                masks={"ig_rand_randomization": "*", "participant": ["secondary_label"]})
    >>> len(made.read_table("s_cardio3prod", "participant")) == len(mine)
    True
    >>> made.read_table("s_cardio3prod", "ig_rand_randomization")
    Traceback (most recent call last):
    insight_frames.errors.TableNotFound: Table s_cardio3prod.ig_rand_randomization was left out of this cut on purpose \
    (masks) (...). Try: a cut without this mask, if you may see it.
    """
    check_reader(source)
    words: Words = {
        "schema": schema,
        "participants": participants,
        "until": until,
        "undated": undated,
        "rules": rules,
        "masks": masks,
        "overwrite": overwrite,
    }
    made: Snapshot = source.cut(path, **words)
    return made
