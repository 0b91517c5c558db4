"""A study's tables as studies mean them: choices and keys on reading, what is shared by a connection and a snapshot.

Whoever reads is asked for the catalogue and for small metadata tables in its own words, so that a server and a folder
give the same frames; the rules themselves are in ``clinical/``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from . import clinical
from .catalog import Catalog, Table
from .errors import InvalidInput, sentence
from .question import KEY, Question
from .reading import Looks

if TYPE_CHECKING:
    import pandas as pd

    from .clinical import design, keys
    from .clinical.choices import Choice, Given, How

CHECKED_ROWS = 1_000_000  # describe_table checks a derived key on tables up to this size
Ask = Callable[[Question, Looks, "int | None"], Any]


class Reader(Protocol):
    """A connection or a snapshot."""

    @property
    def read_table(self) -> Callable[..., Any]:
        """Read a table, with the keywords of :func:`insight_frames.read_table`."""

    def list_schemas(self) -> pd.DataFrame:
        """List the schemas."""

    def catalog_of(self, schema: str, name: str | None = None) -> Catalog:
        """Give the tables, columns and keys of a schema as data; an error if it does not hold the table `name`."""


def check_reader(source: Any) -> None:
    """InvalidInput unless it is a connection or a snapshot."""
    if not all(hasattr(source, word) for word in ("read_table", "catalog_of", "list_schemas")):
        raise InvalidInput(
            sentence(
                "The source cannot be asked for tables",
                expected="a connection (ifr.connect) or a snapshot (ifr.open_snapshot)",
                got=f"a value of type {type(source).__name__}",
            )
        )


def read_table(
    reader: Reader,
    ask: Ask,
    question: Question,
    looks: Looks,
    chunksize: int | None,
    how: How | None,
    given: Given | None,
) -> Any:
    """Read a table with its choices and its key as they are asked for."""
    if how is not None:
        clinical.choices.check_how(how)
    if given is not None and how is None:
        raise InvalidInput(sentence("choice_lists= was given without choices=", try_="choices='label'"))
    if how is not None and looks.one_dtype:
        raise InvalidInput(sentence("choices= and one dtype= for all columns exclude each other", try_="dtype={...}"))
    if looks.index_col is KEY:
        looks = looks.but(index_col=list(key_of(reader, _table(reader, question)).columns))
    if how is None:
        return ask(question, looks, chunksize)
    return _Choosing.of(reader, question, looks, how, given, whole=chunksize is None).read(ask, chunksize)


def key_of(reader: Reader, table: Table) -> keys.RowKey:
    """Give a table's key: declared, else derived from its columns and proven by its rows; an error if there is none."""
    if table.key is not None:
        return clinical.keys.RowKey(table.key)
    label, found = f"{table.schema}.{table.name}", clinical.keys.candidates(table)
    if not found:
        raise InvalidInput(
            sentence(
                f"{label} declares no key, and its columns suggest none",
                where="index_col=KEY",
                try_="index_col=[...] by name",
            )
        )
    wanted = [column for one in found for column in one.columns]
    rows = reader.read_table(table.schema, table.name, columns=list(dict.fromkeys(wanted)))
    key = clinical.keys.proven(rows, found)
    if key is None:
        clinical.keys.check(rows, label, found[-1])
        raise AssertionError("a key that is not proven does not pass the check")
    return key


def describe(reader: Reader, table: Table) -> pd.DataFrame:
    """Describe a table's columns; a key that is not declared is derived, and proven if the table is not too long."""
    from .sinks import listing

    made = listing.columns(table)
    found = [] if table.key is not None or not table.readable else clinical.keys.candidates(table)
    if not found:
        return made
    wanted = list(dict.fromkeys(column for one in found for column in one.columns))
    rows = reader.read_table(table.schema, table.name, columns=wanted, limit=CHECKED_ROWS + 1)
    checked = len(rows) <= CHECKED_ROWS
    key = clinical.keys.proven(rows, found) if checked else found[0]
    said = f"{len(rows):,} rows prove it" if checked else f"not checked: more than {CHECKED_ROWS:,} rows"
    if key is None:
        said = f"none: {len(rows):,} rows are alike in what the columns suggest"
    else:
        for column, part in zip(key.columns, key.parts, strict=True):
            mine = made["column"] == column
            made.loc[mine, "key"] = f"derived: {part}" + ("" if checked else ", not checked")
    made.attrs["insight"] = {"key": None if key is None else list(key.columns), "derived_key": said}
    return made


def _table(reader: Reader, question: Question) -> Table:
    schema, name = question.schema or "", question.name or ""
    return reader.catalog_of(schema, name).table(schema, name)


def choices_of(
    reader: Reader, table: Table, given: Given | None = None
) -> tuple[dict[str, Choice], dict[str, design.Item]]:
    """Find a table's choice items, and what the study's design says of its columns."""
    catalog = reader.catalog_of(table.schema).tables.values()
    items: dict[str, design.Item] = {}
    lists: dict[Any, design.Pairs] = {}
    origin = ""
    for found in clinical.design.designs_of(one for one in catalog if one.schema == table.schema):
        if found.items.table.name == table.name:
            continue
        read = reader.read_table(table.schema, found.items.table.name, columns=found.items.columns)
        items = clinical.design.items_of(read, found.items, [one.name for one in table.columns])
        if items:
            lists, origin = _lists(reader, found)
            break
    return clinical.choices.choices_of(table, items, lists, origin, given), items


def _lists(reader: Reader, found: design.Design) -> tuple[dict[Any, design.Pairs], str]:
    """Read the lists of choices, by what the items call them; and where they stand."""
    if found.lists is None:
        return {}, ""
    schema, name = found.lists.table.schema, found.lists.table.name
    lists = clinical.design.lists_of(reader.read_table(schema, name, columns=found.lists.columns), found.lists)
    if found.between is not None:
        read = reader.read_table(schema, found.between.table.name, columns=found.between.columns)
        lists = clinical.design.through(read, found.between, lists)
    return lists, f"{schema}.{name}"


class _Choosing:
    """One reading of a table with choices: what is read beside what was asked for, and what becomes of the rows."""

    def __init__(self, question: Question, looks: Looks, how: How) -> None:
        self.question, self.looks, self.how = question, looks, how
        self.choices: dict[str, Choice] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self.extra: list[str] = []

    @classmethod
    def of(
        cls, reader: Reader, question: Question, looks: Looks, how: How, given: Given | None, *, whole: bool
    ) -> _Choosing:
        """Find the choices; ``whole``: one frame is asked for, whose own pairs tell levels if it holds all rows."""
        self = cls(question, looks, how)
        table = _table(reader, question)
        every, items = choices_of(reader, table, given)
        met, self.extra = clinical.choices.needed(every, question.columns)
        if question.columns is not None and met:  # the report names rows by their key
            readable = {one.name for one in table.columns if one.readable}
            wanted = [one for one in table.key or () if one not in (*question.columns, *self.extra)]
            self.extra += wanted if readable.issuperset(wanted) else []
        self.choices = {name: one for name, one in met.items() if not looks.decides(name)}
        for name, item in items.items():
            self.facts[name] = {"unit": item.unit} if item.unit is not None else {}
        for name, facts in clinical.choices.told(one for one in every.values() if one.multiple).items():
            self.facts[name] = {**self.facts.get(name, {}), **facts}
        unknown = [one for one in self.choices.values() if one.levels is None]
        if unknown and not (whole and question.plain):
            wanted = [side for one in unknown for side in (one.column, one.pair) if side is not None]
            self._learn(reader.read_table(table.schema, table.name, columns=wanted))
        return self

    def _learn(self, rows: pd.DataFrame) -> None:
        for name, one in self.choices.items():
            if one.levels is None:
                self.choices[name] = one.learn(rows[one.column], rows[one.pair])

    def read(self, ask: Ask, chunksize: int | None) -> Any:
        """Ask, and finish what comes."""
        question = self.question
        if question.columns is not None and self.extra:
            question = replace(question, columns=(*question.columns, *self.extra))
        made = ask(question, self.looks.but(index_col=None), chunksize)
        return self._finish(made) if chunksize is None else self._chunks(made)

    def _chunks(self, parts: Generator[pd.DataFrame, None, None]) -> Generator[pd.DataFrame, None, None]:
        try:
            for part in parts:
                yield self._finish(part)
        finally:
            parts.close()

    def _finish(self, frame: pd.DataFrame) -> pd.DataFrame:
        told = frame.attrs["insight"]
        self._learn(frame)
        frame, report = clinical.levels.apply(frame, self.choices.values(), self.how, self.question.columns)
        if self.question.columns is not None:
            frame = frame[self._order(frame)]
        columns = {name: facts for name, facts in told["columns"].items() if name in frame.columns}
        chosen = clinical.choices.told(self.choices.values())
        for name in columns:
            columns[name] = {**columns[name], **self.facts.get(name, {}), **chosen.get(name, {})}
        frame.attrs["insight"] = {**told, "columns": columns, "choices": self.how}
        if len(report):
            _warn(report, self.question.label)
        index = self.looks.index_col
        if index is None:
            return frame
        clinical.facts.check_columns(frame, [index] if isinstance(index, str) else index, "index_col=")
        return frame.set_index(index)

    def _order(self, frame: pd.DataFrame) -> list[str]:
        """Name the columns that were asked for, and with ``choices="both"`` each choice's two side by side."""
        order: list[str] = []
        for name in self.question.columns or ():
            mine = self.choices.get(name)
            both = [name, mine.pair or f"{name}_label"] if mine is not None and self.how == "both" else [name]
            order += [one for one in both if one in frame.columns and one not in order]
        return order


def _warn(report: pd.DataFrame, label: str) -> None:
    named = sorted(set(report["column"]))
    message = sentence(
        f"Choices of {label} do not fit their lists",
        where=f"{len(report)} cases in {', '.join(map(repr, named[:5]))}{' ...' if len(named) > 5 else ''}",
        got="; ".join(f"{problem} ({count})" for problem, count in report["problem"].value_counts().items()),
        try_="the warning's report, or column_report(), names codes and rows; nothing was dropped",
    )
    clinical.warning.warn(message, report)
