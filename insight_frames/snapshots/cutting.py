"""Takes a data cut: a snapshot of some participants, up to some day, without what must not be seen.

Live, conditions and masks are part of the one statement, so that what is left out is never sent; over a snapshot the
same conditions are decided on the stored rows. Which rows were asked for stands in the manifest.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal, TypedDict

import pandas as pd

from .. import manifest
from ..catalog import Catalog, Table
from ..clinical import cuts, people
from ..clinical.cuts import Chain, Rule
from ..clinical.design import Shape
from ..clinical.warning import warn
from ..errors import InvalidInput, QueryFailed, SnapshotError, sentence
from ..sources.generations import LOG
from ..sources.outcome import stale
from ..study import Reader
from ..wire.cells import StaleCatalog
from . import folder
from .conditions import Test
from .cut import Snapshot
from .cutwords import day_of, listed_in, masked
from .freeze import CATALOG_TRIES, Source
from .sifted import SiftedSource
from .take import take

Undated = Literal["keep", "drop"]


class Words(TypedDict, total=False):
    """What a cut is asked with; see :func:`insight_frames.cut`."""

    schema: str | None
    participants: Any
    until: date | str | None
    undated: Undated | None
    rules: pd.DataFrame | None
    masks: Mapping[str, Any] | None
    overwrite: bool


@dataclass(frozen=True)
class Study:
    """A schema with participants."""

    schema: str
    catalog: Catalog
    people: Shape

    @property
    def tables(self) -> dict[str, Table]:
        """Its tables by name."""
        return {one.name: one for one in self.catalog.tables.values() if one.schema == self.schema}


@dataclass(frozen=True)
class Asked:
    """What was asked for, checked."""

    listed: tuple[str, ...]
    column: str
    until: date | None
    undated: Undated | None


def study_of(reader: Reader, schema: str | None, catalog: Catalog | None = None) -> Study:
    """Find the schema meant, or the only one that has participants."""
    found = []
    for name in [schema] if schema is not None else reader.list_schemas()["schema"].tolist():
        known = catalog or reader.catalog_of(name)
        if schema is not None:
            known.check_schema(name)
        shape = people.participants_in(one for one in known.tables.values() if one.schema == name)
        if shape is not None:
            found.append(Study(name, known, shape))
    if len(found) == 1:
        return found[0]
    got = " and ".join(one.schema for one in found) or "none"
    expected = "one schema with a table of participants"
    raise InvalidInput(sentence("Which study to cut is not clear", expected=expected, got=got, try_="schema="))


def cut_live(reader: Reader, source: Source, path: Any, info: Mapping[str, Any], words: Words) -> Snapshot:
    """Take a cut of a database; a table that was altered meanwhile lets it start once more."""
    folder.refuse(folder.resolve(path), bool(words.get("overwrite")))
    schema = study_of(reader, words.get("schema")).schema
    for left in reversed(range(CATALOG_TRIES)):
        catalog = source.read_catalog([schema])
        settings = {"postgresql_version": catalog.settings.get("version"), "database": catalog.settings.get("database")}
        try:
            study = study_of(reader, schema, catalog)
            tables, _, how = _prepared(reader, study, {**info, **settings}, words)
            known = study.tables.values()
            logs = [one for one in tables if one.name == LOG and one.select and one in known]  # not if masked
            return take(source, tables, path, logs=logs, listed=[(one.schema, one.name) for one in known], **how)
        except (StaleCatalog, QueryFailed) as error:
            if not left or not stale(error):
                raise
    raise AssertionError("the last attempt gives or raises")


def cut_stored(reader: Snapshot, path: Any, words: Words) -> Snapshot:
    """Take a cut of a snapshot."""
    folder.refuse(folder.resolve(path), bool(words.get("overwrite")))
    study = study_of(reader, words.get("schema"))
    tables, tests, how = _prepared(reader, study, reader.manifest["insight"], words)
    how["lists"] = _numbered(_lists_of(reader), how["lists"])
    evidence = reader.manifest["insight"]["consistency"]
    source = SiftedSource(reader.source, tests)
    return take(source, tables, path, consistency="none" if evidence == "none" else "one-statement", **how)


def _lists_of(reader: Snapshot) -> dict[str, str]:
    """Read the lists beside a snapshot's data."""
    found = {}
    for one in reader.manifest["insight"].get("lists", []):
        file = reader.path / one["path"]
        if not file.is_file() or manifest.file_entry(reader.path, one["path"]) != one:
            what = f"{one['path']} is not the list that the snapshot was made with"
            raise SnapshotError(sentence(what, try_="verify() tells what is wrong; restore the file from a copy"))
        found[one["path"]] = file.read_text("utf-8")
    return found


def _numbered(kept: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Put a list beside those of the snapshot that is cut."""
    number = f"-{len(kept) + 1}" if kept else ""
    return {**kept, **{name.replace(".", f"{number}."): text for name, text in new.items()}}


def _prepared(
    reader: Reader, study: Study, info: Mapping[str, Any], words: Words
) -> tuple[list[Table], dict[str, list[Test]], dict[str, Any]]:
    """Check what is asked for; give the tables, the tests of each, and what else is to be taken down."""
    undated, given = words.get("undated"), words.get("rules")
    until = day_of(words.get("until"), undated, datetime.now(UTC).date(), info.get("taken"))
    listed, column = listed_in(reader, study.schema, study.people, words.get("participants"))
    absent = [one["table"] for one in info.get("masks", ()) if one["schema"] == study.schema]
    absent += [one.removeprefix(f"{study.schema}.") for one in info.get("not_readable", ())]
    narrow, masks = masked(study.schema, study.tables, absent, words.get("masks"))
    left = {one.name for one in narrow}
    rules = cuts.derive(study.tables, study.people)
    if given is not None:
        rules = cuts.given(given, study.tables, study.people, set(study.tables) - left)
    elif until is not None:
        _say_undecided([one for one in rules if _undecided(one) and one.table.name in left])
    asked = Asked(listed, column, until, undated)
    tests = _tests(rules, study, asked)
    tables = [replace(one, only=" and ".join(test.sql() for test in tests[one.name]) or None) for one in narrow]
    kept = [one for one in rules if one.table.name in left]
    closed = sorted(f"{one.schema}.{one.name}" for one in study.tables.values() if not one.readable)
    facts = {
        **{key: info.get(key) for key in ("server", "server_version", "user")},
        **info.get("source", {}),
        **{key: info[key] for key in ("postgresql_version", "database", "refresh_log") if key in info},
        "schemas": {study.schema: study.catalog.schemas.get(study.schema)},
        "warnings": _inherited(info.get("warnings", ()), narrow),
        "filters": [*info.get("filters", []), *_filters(kept, tests, asked)],
        "masks": [*info.get("masks", []), *masks],
        "not_readable": info.get("not_readable", closed),
        "cut_of": info.get("fingerprint"),
    }
    if any(one["table"] == LOG for one in masks):
        facts["refresh_log"] = {}
    lists = {"participants.csv": _text(listed)} if listed else {}
    return tables, tests, {"overwrite": bool(words.get("overwrite")), "info": facts, "lists": lists}


def _inherited(warnings: Sequence[Mapping[str, Any]], tables: Sequence[Table]) -> list[Mapping[str, Any]]:
    """Give the warnings of a snapshot that are about what the cut holds."""
    held = {(one.schema, one.name, column.name) for one in tables for column in one.columns}
    return [one for one in warnings if (one["schema"], one["table"], one["column"]) in held]


def _tests(rules: Sequence[Rule], study: Study, asked: Asked) -> dict[str, list[Test]]:
    """Give the tests of each table: its participants are in the cut, and its own day is."""
    own = next((one for one in rules if one.table.name == study.people.table.name), None)
    made: dict[str, list[Test]] = {name: [] for name in study.tables}
    for one in rules:
        chains = [] if one.rule == "none" else [one.date] if one.rule == "date" else []
        if one.rule != "none" and one.participant is not None:
            links = one.participant.links
            if asked.listed:
                made[one.table.name].append(Test(study.schema, Chain(links, asked.column), listed=asked.listed))
            if links and own is not None and own.rule == "date" and own.date is not None:
                chains.append(Chain((*links, *own.date.links), own.date.column))
        if asked.until is not None:
            made[one.table.name] += [_until(one.table, chain, study, asked) for chain in chains if chain is not None]
    return made


def _until(table: Table, chain: Chain, study: Study, asked: Asked) -> Test:
    last = study.tables[chain.links[-1].table] if chain.links else table
    zoned = last.column(chain.column).type.endswith("with time zone")
    return Test(study.schema, chain, until=asked.until, zoned=zoned, negative=asked.undated == "keep")


def _filters(rules: Sequence[Rule], tests: Mapping[str, Sequence[Test]], asked: Asked) -> list[dict[str, Any]]:
    """Say for the manifest which rows of each table were asked for."""
    found = []
    for one in rules:
        mine = tests[one.table.name]
        if not mine:
            continue
        parameters: dict[str, Any] = {}
        if any(test.listed for test in mine):
            digest = hashlib.sha256(_text(asked.listed).encode()).hexdigest()
            parameters["participants"] = {"count": len(asked.listed), "sha256": digest, "column": asked.column}
        if asked.until is not None and any(test.until for test in mine):
            parameters |= {"until": asked.until.isoformat(), "undated": asked.undated}
        condition = " and ".join(test.sql(shown=True) for test in mine)
        place = {"schema": one.table.schema, "table": one.table.name, "rule": one.rule}
        found.append({**place, "condition": condition, "parameters": parameters})
    return found


def _text(listed: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("participant",), *((one,) for one in listed)])
    return text.getvalue()


def _undecided(rule: Rule) -> bool:
    """Whether a cut date does not reach rows that tell of participants, be it summed up."""
    return rule.rule == "participant" or (rule.rule == "none" and "view" in rule.table.kind)


def _say_undecided(rules: Sequence[Rule]) -> None:
    if not rules:
        return
    names = [one.table.name for one in rules]
    message = sentence(
        "until= does not cut all tables: no date decides there",
        where=f"{', '.join(names[:5])}{' ...' if len(names) > 5 else ''}",
        try_="rules=cut_rules(...), with a date for each or as it is",
    )
    warn(message, cuts.frame(rules))
