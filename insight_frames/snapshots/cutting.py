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
from ..catalog import Table
from ..clinical import cuts
from ..clinical.cuts import Chain, Rule
from ..clinical.warning import warn
from ..errors import QueryFailed, SnapshotError, sentence
from ..sources.generations import LOG
from ..sources.outcome import stale
from ..study import Reader
from ..wire.cells import StaleCatalog
from . import folder
from .conditions import Test
from .cut import Snapshot
from .cutwords import day_of, listed_in, masked
from .freeze import CATALOG_TRIES, Source
from .sifted import Place, SiftedSource
from .studies import Schema, Study, again, masks_by_schema, people_by_schema, rules_by_schema, studies_of
from .take import take

Undated = Literal["keep", "drop"]


class Words(TypedDict, total=False):
    """What a cut is asked with; see :func:`insight_frames.cut`."""

    schema: Schema
    participants: Any
    until: date | str | None
    undated: Undated | None
    rules: pd.DataFrame | None
    masks: Mapping[str, Any] | None
    overwrite: bool


@dataclass(frozen=True)
class Asked:
    """What was asked for, checked."""

    listed: tuple[str, ...]
    column: str
    until: date | None
    undated: Undated | None


def cut_live(reader: Reader, source: Source, path: Any, info: Mapping[str, Any], words: Words) -> Snapshot:
    """Take a cut of a database; a table that was altered meanwhile lets it start once more."""
    folder.refuse(folder.resolve(path), bool(words.get("overwrite")))
    studies = studies_of(reader, words.get("schema"))
    for left in reversed(range(CATALOG_TRIES)):
        catalog = source.read_catalog([one.schema for one in studies])
        settings = {"postgresql_version": catalog.settings.get("version"), "database": catalog.settings.get("database")}
        try:
            studies = again(studies, reader, catalog)
            tables, _, how = _prepared(reader, studies, {**info, **settings}, words)
            known = [table for one in studies for table in one.tables.values()]
            logs = [one for one in tables if one.name == LOG and one.select and one in known]  # not if masked
            return take(source, tables, path, logs=logs, listed=[(one.schema, one.name) for one in known], **how)
        except (StaleCatalog, QueryFailed) as error:
            if not left or not stale(error):
                raise
    raise AssertionError("the last attempt gives or raises")


def cut_stored(reader: Snapshot, path: Any, words: Words) -> Snapshot:
    """Take a cut of a snapshot."""
    folder.refuse(folder.resolve(path), bool(words.get("overwrite")))
    studies = studies_of(reader, words.get("schema"))
    tables, tests, how = _prepared(reader, studies, reader.manifest["insight"], words)
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


@dataclass(frozen=True)
class _Part:
    """What is to be cut of one schema."""

    tables: list[Table]
    tests: dict[Place, list[Test]]
    filters: list[dict[str, Any]]
    masks: list[dict[str, Any]]
    undecided: list[Rule]
    participants: str | None


def _prepared(
    reader: Reader, studies: Sequence[Study], info: Mapping[str, Any], words: Words
) -> tuple[list[Table], dict[Place, list[Test]], dict[str, Any]]:
    """Check what is asked for; give the tables, the tests of each, and what else is to be taken down."""
    until = day_of(words.get("until"), words.get("undated"), datetime.now(UTC).date(), info.get("taken"))
    absent = {one.schema: _absent(one.schema, info) for one in studies}
    rules = rules_by_schema(words.get("rules"), studies)
    lists = people_by_schema(words.get("participants"), studies)
    masks = masks_by_schema(words.get("masks"), studies, absent)
    parts = []
    for one in studies:
        name = one.schema
        listed, column = ((), "") if one.people is None else listed_in(reader, name, one.people, lists[name])
        asked = Asked(listed, column, until, words.get("undated"))
        narrow, hidden = masked(name, one.tables, absent[name], masks[name])
        parts.append(_part(one, asked, rules[name], narrow, hidden))
    if words.get("rules") is None and until is not None:
        _say_undecided([rule for part in parts for rule in part.undecided], several=len(parts) > 1)
    tables = [table for part in parts for table in part.tables]
    closed = sorted(f"{x.schema}.{x.name}" for one in studies for x in one.tables.values() if not x.readable)
    facts = {
        **{key: info.get(key) for key in ("server", "server_version", "user")},
        **info.get("source", {}),
        **{key: info[key] for key in ("postgresql_version", "database", "refresh_log") if key in info},
        "schemas": {one.schema: one.catalog.schemas.get(one.schema) for one in studies},
        "warnings": _inherited(info.get("warnings", ()), tables),
        "filters": [*info.get("filters", []), *(line for part in parts for line in part.filters)],
        "masks": [*info.get("masks", []), *(line for part in parts for line in part.masks)],
        "not_readable": info.get("not_readable", closed),
        "cut_of": info.get("fingerprint"),
    }
    if any(one["table"] == LOG for part in parts for one in part.masks):
        facts["refresh_log"] = {}
    texts = dict.fromkeys(part.participants for part in parts if part.participants is not None)
    files = {f"participants{f'-{at}' if at > 1 else ''}.csv": text for at, text in enumerate(texts, 1)}
    tests = {place: mine for part in parts for place, mine in part.tests.items()}
    return tables, tests, {"overwrite": bool(words.get("overwrite")), "info": facts, "lists": files}


def _absent(schema: str, info: Mapping[str, Any]) -> list[str]:
    """Name the tables of a schema that a snapshot does not hold on purpose."""
    masked = [one["table"] for one in info.get("masks", ()) if one["schema"] == schema]
    closed = [one for one in info.get("not_readable", ()) if one.startswith(f"{schema}.")]
    return [*masked, *(one.removeprefix(f"{schema}.") for one in closed)]


def _part(study: Study, asked: Asked, given: Any, narrow: Sequence[Table], masks: list[dict[str, Any]]) -> _Part:
    """Find the rules of one schema, and what they come to."""
    left = {one.name for one in narrow}
    rules = study.derived() if given is None else study.given(given, set(study.tables) - left)
    tests = _tests(rules, study, asked)
    kept = [one for one in rules if one.table.name in left]
    return _Part(
        [replace(one, only=" and ".join(test.sql() for test in tests[one.schema, one.name]) or None) for one in narrow],
        tests,
        _filters(kept, tests, asked),
        masks,
        [one for one in kept if _undecided(one)],
        _text(asked.listed) if asked.listed else None,
    )


def _inherited(warnings: Sequence[Mapping[str, Any]], tables: Sequence[Table]) -> list[Mapping[str, Any]]:
    """Give the warnings of a snapshot that are about what the cut holds."""
    held = {(one.schema, one.name, column.name) for one in tables for column in one.columns}
    return [one for one in warnings if (one["schema"], one["table"], one["column"]) in held]


def _tests(rules: Sequence[Rule], study: Study, asked: Asked) -> dict[Place, list[Test]]:
    """Give the tests of each table: its participants are in the cut, and its own day is."""
    people = "" if study.people is None else study.people.table.name
    own = next((one for one in rules if one.table.name == people), None)
    made: dict[Place, list[Test]] = {(study.schema, name): [] for name in study.tables}
    for one in rules:
        mine = made[one.table.schema, one.table.name]
        chains = [one.date] if one.rule == "date" else []
        if one.rule != "none" and one.participant is not None:
            links = one.participant.links
            if asked.listed:
                mine.append(Test(study.schema, Chain(links, asked.column), listed=asked.listed))
            if links and own is not None and own.rule == "date" and own.date is not None:
                chains.append(Chain((*links, *own.date.links), own.date.column))
        if asked.until is not None:
            mine += [_until(one.table, chain, study, asked) for chain in chains if chain is not None]
    return made


def _until(table: Table, chain: Chain, study: Study, asked: Asked) -> Test:
    last = study.tables[chain.links[-1].table] if chain.links else table
    zoned = last.column(chain.column).type.endswith("with time zone")
    return Test(study.schema, chain, until=asked.until, zoned=zoned, negative=asked.undated == "keep")


def _filters(rules: Sequence[Rule], tests: Mapping[Place, Sequence[Test]], asked: Asked) -> list[dict[str, Any]]:
    """Say for the manifest which rows of each table were asked for."""
    found = []
    for one in rules:
        mine = tests[one.table.schema, one.table.name]
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


def _say_undecided(rules: Sequence[Rule], *, several: bool) -> None:
    if not rules:
        return
    names = [f"{one.table.schema}.{one.table.name}" if several else one.table.name for one in rules]
    message = sentence(
        "until= does not cut all tables: no date decides there",
        where=f"{', '.join(names[:5])}{' ...' if len(names) > 5 else ''}",
        try_="rules=cut_rules(...), with a date for each or as it is",
    )
    warn(message, cuts.frame(rules))
