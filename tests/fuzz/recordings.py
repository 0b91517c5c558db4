"""Answers of the sandbox as they came, small ones of every form and of both ways a server may write a list.

They are kept as files, so that the same seed makes the same damage on every machine. A test sees that the sandbox
still answers in this form; ``python tests/fuzz/recordings.py`` asks for all of them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from insight_frames import Connection, sandbox
from insight_frames.catalog import Column, Table
from insight_frames.question import table_question
from insight_frames.sandbox import Box
from insight_frames.sources import metabase, plan
from insight_frames.wire.cells import Frame, readable
from insight_frames.wire.http import Answer
from insight_frames.wire.rows import read_rows, statement
from insight_frames.wire.unpack import Layout, read_cells

HERE = Path(__file__).with_name("answers")
ERAS = ("0.34", "0.47")  # one writes a list on one line, the other a line per object
WHERE = "here"
SCHEMA = "s_fuzz"
SQL = """
create table {0}.many (n int primary key, t text, x numeric(6,2), d date, b bool, f float8, z timestamptz, y bytea,
  a int[], j jsonb);
insert into {0}.many select g, case g % 7 when 0 then null when 1 then '' when 2 then 'two words' when 3 then 'a"b,c)'
    when 4 then E'line\\nline' when 5 then 'é\\\\😀' else 'plain' || g end,
  nullif(g % 5, 0) * 1.25, date '2024-01-01' + g, nullif(g % 3, 0) = 1, g / 8.0,
  timestamptz '2024-01-01Z' + g * '1s'::interval,
  decode(lpad(to_hex(g), 4, '0'), 'hex'), array[g, null, -g], jsonb_build_object('k', g) from generate_series(1, 350) g;
create table {0}.nasty (n int primary key, t text, j jsonb);
insert into {0}.nasty select i, t, to_jsonb(array[t, '"}}]']) from unnest(array['plain', 'quote "}}]', '[{{"a": "b"}}]',
  '{{"t":"0","m":null}}', E'}},\\n{{', 'back\\slash\\', E',0)\\n(0,"', '', 'é😀',
  E'}}\\n]', 'a\\n']) with ordinality u(t, i);
create table {0}.none (n int primary key, t text);
create table {0}.narrow (n int);
insert into {0}.narrow select g from generate_series(1, 40) g;
create view {0}.numbered as select * from {0}.many order by n;
"""


@dataclass(frozen=True)
class Recording:
    """One answer and what reads it: the columns of each branch, and whether it is numbered; plain if there is none."""

    name: str
    plain: bool
    branches: dict[str, dict[str, Any]]
    body: str
    expected: dict[str, str | None] = field(default_factory=dict)
    columns: str | None = None

    def __repr__(self) -> str:
        return self.name

    @property
    def data(self) -> bytes:
        return self.body.encode()

    @property
    def layouts(self) -> dict[int, Layout]:
        return _layouts(self)

    def read(self, pieces: Iterable[bytes]) -> dict[int, pa.Table]:
        """Read a body as if it were this one's; the rows of each branch."""
        found: dict[int, list[pa.RecordBatch]] = {key: [] for key in self.layouts}
        with readable(WHERE):
            for key, batch in self._read(iter(pieces)):
                found[key].append(batch)
        return {key: pa.Table.from_batches(batches, self.layouts[key].schema) for key, batches in found.items()}

    def _read(self, pieces: Iterator[bytes]) -> Iterator[tuple[int, pa.RecordBatch]]:
        if self.plain:
            return read_rows(pieces, WHERE, self.layouts[0], self.columns)
        frame = Frame({int(key): shape for key, shape in self.expected.items()}, columns=self.columns)
        return read_cells(pieces, WHERE, self.layouts, frame)


@cache
def _made(name: str, era: str) -> dict[int, Layout]:
    return {int(key): _layout(**one) for key, one in load(era)[name].branches.items()}


def _layouts(one: Recording) -> dict[int, Layout]:
    name, era = one.name.rsplit(" ", 1)
    return _made(name, era)


def _layout(table: str, columns: list[dict[str, Any]], numbered: bool) -> Layout:
    known = tuple(Column(**{**one, "labels": tuple(one["labels"])}) for one in columns)
    return plan.layout(f"s.{table}", known, table_question("s", table, numbers="exact"), numbered=numbered)


@cache
def load(era: str) -> dict[str, Recording]:
    """Give the recordings of an era by name."""
    kept = json.loads((HERE / f"{era}.json").read_text(encoding="utf-8"))
    return {one["name"].rsplit(" ", 1)[0]: Recording(**one) for one in kept}


def record(connection: Connection, era: str) -> list[Recording]:
    """Ask for every answer; the tables are there."""
    source = connection._source
    tables = {one.name: one for one in source.catalog(SCHEMA).tables.values() if one.schema == SCHEMA}
    asked = {
        "pages": [("many", False)],
        "numbered": [("numbered", True)],
        "nasty pages": [("nasty", False)],
        "nasty numbered": [("nasty", True)],
        "many branches": [("nasty", False), ("none", False), ("narrow", True), ("none", True), ("narrow", False)],
    }
    made = [_packed(f"{name} {era}", source, [(tables[one], how) for one, how in what]) for name, what in asked.items()]
    return made + [_plain(f"plain {name} {era}", source, tables[name]) for name in ("many", "nasty", "none", "narrow")]


def _packed(name: str, source: metabase.MetabaseSource, asked: list[tuple[Table, bool]]) -> Recording:
    branches, sql, names = {}, [], {}
    for key, (table, numbered) in enumerate(asked):
        question = table_question(SCHEMA, table.name, numbers="exact")
        layout = plan.layout("", table.columns, question, numbered=numbered)
        inner = plan.table_source(table, table.columns, question)
        numbered_branch = plan.numbered_branch(key, inner, layout)
        sql.append(numbered_branch if numbered else plan.page_branch(key, table, table.columns, layout))
        branches[str(key)] = {"table": table.name, "columns": _columns(table), "numbered": numbered}
        names[key] = (SCHEMA, table.name)
    body = _export(source, metabase.packed.combine(sql, names))
    return Recording(name, False, branches, body, {str(key): table.shape for key, (table, _) in enumerate(asked)})


def _plain(name: str, source: metabase.MetabaseSource, table: Table) -> Recording:
    question = table_question(SCHEMA, table.name, numbers="exact")
    layout = plan.layout("", table.columns, question, numbered=True)
    shape = metabase.packed.shape(SCHEMA, table.name)
    inner = plan.table_source(table, table.columns, question).text
    text, _ = statement(inner, layout.readings, shape=shape)
    branch = {"table": table.name, "columns": _columns(table), "numbered": True}
    return Recording(name, True, {"0": branch}, _export(source, text), columns=table.shape)


def _columns(table: Table) -> list[dict[str, Any]]:
    return [{**asdict(one), "labels": list(one.labels)} for one in table.columns]


def _export(source: metabase.MetabaseSource, sql: str) -> str:
    with source.server.export(sql) as answer:
        return b"".join(answer.pieces()).decode()


def conversation(connection: Connection, schema: str = SCHEMA) -> list[list[str]]:
    """Ask for a table, a query and a table by the plain path; every request and the body of its answer, in order."""
    heard: list[list[str]] = []
    with pytest.MonkeyPatch.context() as patch:
        original = Answer.pieces

        def listening(answer: Answer) -> Iterator[bytes]:
            body = b"".join(original(answer))
            heard.append([answer.where.rpartition(" at ")[0], body.decode()])
            return iter([body])

        patch.setattr(Answer, "pieces", listening)
        ask(connection, schema)
    return [
        [request, '{"id":"0123-session"}' if "/session" in request and '{"id"' in body else body]
        for request, body in heard
    ]


def ask(connection: Connection, schema: str = SCHEMA) -> int:
    """Ask for the version and some questions; the number of all rows."""
    str(connection.server_version)
    tables = [connection.read_table(schema, "narrow"), connection.read_table(schema, "nasty", order_by="n")]
    connection._source._path = "plain"
    return sum(map(len, (*tables, connection.read_sql(f"select n, t from {schema}.nasty"))))


def prepare(box: Box) -> None:
    """Make the tables in a sandbox."""
    with box.connect() as database:
        database.execute(f"drop schema if exists {SCHEMA} cascade; create schema {SCHEMA}".encode())
        database.execute(SQL.format(SCHEMA).encode())
        database.execute(f"grant usage on schema {SCHEMA} to insight_analyst".encode())
        database.execute(f"grant select on all tables in schema {SCHEMA} to insight_analyst".encode())


def main() -> None:
    """Record all anew."""
    for era in ERAS:
        with ExitStack() as stack:
            box = stack.enter_context(sandbox.start(era=era))
            prepare(box)
            asked = Connection(box.url, username=box.username, password=box.password, keep_session=False)
            made = [asdict(one) for one in record(stack.enter_context(asked), era)]
            said = conversation(Connection(box.url, username=box.username, password=box.password, keep_session=False))
        for name, kept in ((era, made), (f"{era} conversation", said)):
            text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
            (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
