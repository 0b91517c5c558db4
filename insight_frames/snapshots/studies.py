"""The studies that a data cut is of: one schema or several, and which of the words for it are meant for which schema.

Each schema is cut by its own rules, links never lead from one to another; so whatever is said of a cut is first taken
apart by schema, and nothing that is said of a schema that is not cut passes unseen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..catalog import Catalog, Table
from ..clinical import cuts, people
from ..clinical.cuts import Rule
from ..clinical.design import Shape
from ..errors import InvalidInput, TableNotFound, near, sentence
from ..study import Reader

Schema = str | Sequence[str] | None


@dataclass(frozen=True)
class Study:
    """A schema, and the table of its participants if it has one."""

    schema: str
    catalog: Catalog
    people: Shape | None

    @property
    def tables(self) -> dict[str, Table]:
        """Its tables by name."""
        return {one.name: one for one in self.catalog.tables.values() if one.schema == self.schema}

    def derived(self) -> list[Rule]:
        """Give the rules that keys and names tell; without participants, all rows of all tables are kept."""
        if self.people is None:
            return [Rule(one, "none") for one in self.tables.values()]
        return cuts.derive(self.tables, self.people)

    def given(self, rules: Any, unneeded: Collection[str]) -> list[Rule]:
        """Read a frame of rules."""
        if self.people is None:
            ruled = [str(one["table"]) for one in rules.to_dict("records") if one["rule"] != "none"]
            if ruled:
                where = f"rules=, {self.schema}.{ruled[0]}"
                raise InvalidInput(sentence("The schema has no participants", where=where, expected="the rule 'none'"))
            return self.derived()
        return cuts.given(rules, self.tables, self.people, unneeded)


def study_of(reader: Reader, schema: str | None) -> Study:
    """Find the schema meant, or the only one that has participants."""
    found = []
    for name in [schema] if schema is not None else reader.list_schemas()["schema"].tolist():
        one = _study(reader, name, None)
        if one.people is not None:
            found.append(one)
    if len(found) == 1:
        return found[0]
    got = " and ".join(one.schema for one in found) or "none"
    expected = "one schema with a table of participants"
    raise InvalidInput(sentence("Which study to cut is not clear", expected=expected, got=got, try_="schema="))


def studies_of(reader: Reader, schema: Schema) -> list[Study]:
    """Find the schema or schemas meant; of several, those without participants are kept whole."""
    if schema is None or isinstance(schema, str):
        return [study_of(reader, schema)]
    names = list(dict.fromkeys(schema)) if isinstance(schema, Sequence) else []
    if not names or not all(isinstance(one, str) for one in names):
        raise InvalidInput(sentence("schema= is no schema", expected="a name, or a list of names"))
    found = [_study(reader, one, None) for one in names]
    if all(one.people is None for one in found):
        raise InvalidInput(
            sentence("None of the schemas has participants", where=f"schema=, {', '.join(names)}", try_="snapshot()")
        )
    return found


def again(known: Sequence[Study], reader: Reader, catalog: Catalog) -> list[Study]:
    """Look at the same schemas in a catalogue that was read anew."""
    return [_study(reader, one.schema, catalog) for one in known]


def _study(reader: Reader, name: str, catalog: Catalog | None) -> Study:
    known = catalog or reader.catalog_of(name)
    known.check_schema(name)
    return Study(name, known, people.participants_in(one for one in known.tables.values() if one.schema == name))


# ------------------------------------------------------------------ what is said of which schema
def rules_by_schema(rules: Any, studies: Sequence[Study]) -> dict[str, Any]:
    """Take a frame of rules apart."""
    names = [one.schema for one in studies]
    if rules is None or len(studies) == 1:
        return dict.fromkeys(names, rules)
    if not isinstance(rules, pd.DataFrame) or not set(cuts.COLUMNS) <= set(rules.columns):
        raise InvalidInput(cuts.NO_RULES)
    for name in rules["schema"].unique():
        if name not in names:
            raise InvalidInput(sentence(f"rules= names the schema {name!r}, which is not cut", try_=near(name, names)))
    return {one: rules[rules["schema"] == one] for one in names}


def people_by_schema(given: Any, studies: Sequence[Study]) -> dict[str, Any]:
    """Take lists of participants apart: one for all schemas, or a mapping that names each schema with participants."""
    names = [one.schema for one in studies if one.people is not None]
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, given)
    wrong = [one for one in given if one not in names]
    missing = [one for one in names if one not in given]
    if wrong or missing:
        raise InvalidInput(
            sentence(
                "participants= must have a list for each schema with participants, or None for all of them",
                expected=", ".join(map(repr, names)),
                got=", ".join(map(repr, given)) or "none",
            )
        )
    return dict(given)


def masks_by_schema(masks: Any, studies: Sequence[Study], absent: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Take masks apart: ``table`` is meant in every schema that has it, ``schema.table`` in one, ``*`` in all."""
    if len(studies) == 1 or not isinstance(masks, Mapping):
        return {one.schema: masks for one in studies}
    made: dict[str, dict[str, Any]] = {one.schema: {} for one in studies}
    known = {one.schema: {*one.tables, *absent[one.schema]} for one in studies}
    for name, what in masks.items():
        hits = [(schema, name) for schema, tables in known.items() if name in tables]
        hits += [
            (schema, name.removeprefix(f"{schema}."))
            for schema, tables in known.items()
            if str(name).startswith(f"{schema}.") and name.removeprefix(f"{schema}.") in {*tables, "*"}
        ]
        if name == "*":
            hits = _having(what, studies)
        if not hits:
            every = [f"{schema}.{one}" for schema, tables in known.items() for one in tables]
            hint = near(str(name), [*every, *(one for tables in known.values() for one in tables)])
            raise TableNotFound(sentence(f"masks= names {name!r}, no table here", try_=hint or "list_tables()"))
        for schema, table in hits:
            if table in made[schema]:
                raise InvalidInput(sentence(f"masks= names {schema}.{table} twice", try_="one entry for each table"))
            made[schema][table] = what
    return made


def _having(columns: Any, studies: Sequence[Study]) -> list[tuple[str, str]]:
    """Give the schemas that have one of the columns; where none has, the first is left to say so."""
    wanted = set(columns) if isinstance(columns, Sequence | set) and not isinstance(columns, str) else set()
    hits = [one.schema for one in studies if wanted <= {c.name for t in one.tables.values() for c in t.columns}]
    return [(one, "*") for one in hits or [studies[0].schema]]
