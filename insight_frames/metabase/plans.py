"""One definition over many tables: planned as a frame, looked at, applied, applied again without doubles, undone.

The plan holds everything that applying and undoing need, and nothing is done that it does not show. What is there is
asked again before every step, because days may lie between a plan and its use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ColumnNotFound, InvalidInput, TableNotFound, near, sentence
from ..sources.numbered import NumberedTables
from ..wire.tables import NumberedTable
from . import meanings
from .definitions import Definitions, Kind, check_name

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("schema", "table", "table_id", "name", "field_ids", "action", "reason", "id", "definition", "before")
_WHY = "insight_frames: the same definition for many tables"
_UNDO = "insight_frames: a plan was undone"
Define = Callable[[NumberedTable], dict[str, Any]]


def plan(
    definitions: Definitions,
    source: NumberedTables,
    name: str,
    define: Define,
    schemas: str | Sequence[str],
    tables: Sequence[str] | None,
    description: str | None,
) -> pd.DataFrame:
    """Say for each table what would be done; see :func:`insight_frames.plan_segments`."""
    check_name(name)
    chosen = _chosen(source, schemas, tables)
    had = _by_table(definitions.listed())
    lines, refused = [], []
    for numbered in chosen:
        line = dict.fromkeys(COLUMNS) | {
            "schema": numbered.table.schema,
            "table": numbered.table.name,
            "table_id": numbered.id,
            "name": name,
            "field_ids": [],
        }
        try:
            definition = define(numbered)
        except ColumnNotFound as error:
            reason = str(error).split(". ")[0].rstrip(".")  # without near names, which nobody asked for here
            line |= {"action": "cannot", "reason": reason}
        except InvalidInput as error:
            refused.append(error)
            line |= {"action": "cannot", "reason": str(error)}
        else:
            there = [one for one in had.get(numbered.id, ()) if one.get("name") == name]
            line |= {"definition": definition, "field_ids": meanings.field_ids(definition)}
            line |= _decided(definitions.kind, there, definition, description)
        lines.append(line)
    if refused and not any(line["action"] != "cannot" for line in lines):
        raise refused[0]
    return _frame(lines, definitions.kind, description)


def _decided(
    kind: Kind, there: Sequence[dict[str, Any]], definition: dict[str, Any], description: str | None
) -> dict[str, Any]:
    """What is to be done where these of the same name are there."""
    if not there:
        return {"action": "create", "reason": ""}
    if len(there) > 1:
        numbers = ", ".join(str(one.get("id")) for one in there)
        return {"action": "cannot", "reason": f"there are several {kind}s of this name: {numbers}"}
    one = there[0]
    before = {"definition": one.get("definition"), "description": one.get("description")}
    if not meanings.same(one.get("definition"), definition):
        return {"action": "update", "reason": "it is defined otherwise", "id": one["id"], "before": before}
    if description is not None and one.get("description") != description:
        return {"action": "update", "reason": "it is described otherwise", "id": one["id"], "before": before}
    return {"action": "same", "reason": "", "id": one["id"], "before": before}


def apply(definitions: Definitions, made: pd.DataFrame) -> pd.DataFrame:
    """Do what a plan says; see :func:`insight_frames.apply_plan`."""
    description = _facts(made).get("description")
    had = _by_table(definitions.listed())
    lines = []
    for line in _lines(made):
        if line["action"] != "cannot":
            there = [one for one in had.get(line["table_id"], ()) if one.get("name") == line["name"]]
            now = _decided(definitions.kind, there, line["definition"], description)
            if now["action"] == "update" and line["before"] is None:
                line["before"] = now["before"]
            line |= {key: now.get(key, line[key]) for key in ("action", "reason", "id")}
            line |= _done(definitions, line, there, description)
        lines.append(line)
    return _frame(lines, definitions.kind, description)


def _done(
    definitions: Definitions, line: dict[str, Any], there: Sequence[dict[str, Any]], description: str | None
) -> dict[str, Any]:
    if line["action"] == "create":
        number = definitions.create(line["name"], line["table_id"], line["definition"], description)
        return {"action": "created", "id": number}
    if line["action"] == "update":
        changes = {"definition": line["definition"], "description": description or there[0].get("description")}
        definitions.change(line["id"], there[0], _WHY, **changes)
        return {"action": "updated"}
    return {}


def undo(definitions: Definitions, made: pd.DataFrame) -> pd.DataFrame:
    """Take back what a plan has done; see :func:`insight_frames.undo_plan`."""
    had = _by_table(definitions.listed())
    lines = []
    for line in _lines(made):
        there = [one for one in had.get(line["table_id"], ()) if one.get("name") == line["name"]]
        lines.append(line | _undone(definitions, line, there))
    return _frame(lines, definitions.kind, _facts(made).get("description"))


def _undone(definitions: Definitions, line: dict[str, Any], there: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if line["action"] not in ("create", "created", "update", "updated"):
        return {"action": "left", "reason": "the plan did nothing here"}
    if len(there) != 1:
        return {
            "action": "left",
            "reason": "it is not there any more" if not there else "there are several of this name",
        }
    one = there[0]
    if not meanings.same(one.get("definition"), line["definition"]):
        return {"action": "left", "reason": "it was never applied, or changed since", "id": one["id"]}
    if line["before"] is None:
        definitions.archive(one["id"], _UNDO)
        return {"action": "archived", "reason": "", "id": one["id"]}
    definitions.change(one["id"], one, _UNDO, **line["before"])
    return {"action": "restored", "reason": "", "id": one["id"]}


# ------------------------------------------------------------------------------------------------ frames
def _frame(lines: list[dict[str, Any]], kind: Kind, description: str | None) -> pd.DataFrame:
    import pandas as pd

    made = pd.DataFrame({key: pd.Series([line[key] for line in lines], dtype=object) for key in COLUMNS})
    made["table_id"] = made["table_id"].astype("int64")
    made["id"] = made["id"].astype("Int64")
    made.attrs["insight"] = {"plan": kind, "description": description}
    return made


def _facts(made: Any) -> dict[str, Any]:
    return dict(getattr(made, "attrs", {}).get("insight", {}))


def kind_of(made: Any) -> Kind:
    """What a plan is about; InvalidInput if it is none."""
    kind = _facts(made).get("plan")
    if kind not in ("segment", "metric") or not set(COLUMNS) <= set(made.columns):
        raise InvalidInput(
            sentence(
                "This is no plan",
                expected="the frame that plan_segments() or plan_metrics() gave, or some of its rows",
                got=type(made).__name__,
            )
        )
    return "segment" if kind == "segment" else "metric"


def _lines(made: pd.DataFrame) -> Iterable[dict[str, Any]]:
    for line in made[list(COLUMNS)].to_dict("records"):
        number = line["id"]
        known = {str(key): value for key, value in line.items()}
        before = known["before"] if isinstance(known["before"], dict) else None
        yield known | {"id": number if isinstance(number, int) else None, "before": before}


# ------------------------------------------------------------------------------------------------ tables
def _chosen(source: NumberedTables, schemas: str | Sequence[str], tables: Sequence[str] | None) -> list[NumberedTable]:
    names = [schemas] if isinstance(schemas, str) else list(schemas or ())
    if not names or not all(isinstance(one, str) for one in names):
        raise InvalidInput(sentence("schemas must name schemas", expected="a str or a list of str"))
    if isinstance(tables, str):
        raise InvalidInput(sentence("tables must be a list of names", got="one str", try_=f"tables=[{tables!r}]"))
    catalog = source.catalog(fresh=True)
    for one in names:
        catalog.check_schema(one)
    places = [place for place in catalog.tables if place[0] in names]
    known = {name for _, name in places}
    for one in tables or ():
        if one not in known:
            raise TableNotFound(
                sentence(f"There is no table {one!r} in these schemas", try_=near(one, known) or "list_tables()")
            )
    return [source.tables.find(*place) for place in places if tables is None or place[1] in tables]


def _by_table(listed: Iterable[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for one in listed:
        if isinstance(one.get("table_id"), int):
            found.setdefault(one["table_id"], []).append(one)
    return found
