"""Schemas, tables, columns, keys and comments as data, and the one statement that reads them.

Discovery asks PostgreSQL's catalogue, because only it knows views, materialized views, partitioned parents, rights and
exact types; nothing about the study is assumed. The statement sends one JSON text per table, between a first row with
the server's settings and a last row that proves the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import ColumnNotFound, IncompleteResult, PermissionDenied, SchemaNotFound, TableNotFound, near, sentence

KINDS = {"r": "table", "v": "view", "m": "materialized view", "p": "partitioned table", "f": "foreign table"}


@dataclass(frozen=True)
class Column:
    """One column. ``type`` is PostgreSQL's own spelling; domains tell their base, arrays their element."""

    name: str
    type: str
    number: int
    nullable: bool = True
    comment: str | None = None
    typtype: str = "b"
    base: str | None = None
    element: str | None = None
    element_typtype: str | None = None
    labels: tuple[str, ...] = ()
    readable: bool = True


@dataclass(frozen=True)
class ForeignKey:
    """Columns that point at the key of another table."""

    columns: tuple[str, ...]
    schema: str
    table: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One relation that this account may enter.

    ``keys`` holds the primary key first, then unique constraints; ``pages`` and ``bytes`` are what PostgreSQL sees on
    disk; ``rows_estimate`` is the planner's guess and None where it has none. ``only`` is a condition over the alias
    ``t``: for who reads the table, it has no other rows than those for which it is true.
    """

    schema: str
    name: str
    kind: str = "table"
    columns: tuple[Column, ...] = ()
    comment: str | None = None
    rows_estimate: int | None = None
    pages: int = 0
    bytes: int = 0
    heap: bool = True
    inherited: bool = False
    row_security: bool = False
    select: bool = True
    has_primary_key: bool = False
    keys: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    shape: str | None = None
    only: str | None = None

    @property
    def key(self) -> tuple[str, ...] | None:
        """The declared primary key, else the first unique constraint over columns that are never NULL."""
        if self.has_primary_key:
            return self.keys[0]
        strict = {one.name for one in self.columns if not one.nullable}
        return next((one for one in self.keys if strict.issuperset(one)), None)

    @property
    def labelled(self) -> bool:
        """Whether its columns may have labels, as enums and domains have."""
        return any(one.typtype in "ed" for one in self.columns)

    @property
    def readable(self) -> bool:
        """Whether every column may be read."""
        return self.select or (bool(self.columns) and all(one.readable for one in self.columns))

    def column(self, name: str) -> Column:
        """Find one column; ColumnNotFound with near matches."""
        for one in self.columns:
            if one.name == name:
                return one
        known = [one.name for one in self.columns]
        raise ColumnNotFound(
            sentence(
                f"{self.schema}.{self.name} has no column {name!r}",
                try_=near(name, known)
                or f"describe_table({self.schema!r}, {self.name!r}) lists its {len(known)} columns",
            )
        )


@dataclass(frozen=True)
class Catalog:
    """What one account sees of one database, or of some of its schemas.

    ``schemas`` are all visible schema names with their comments, also of tables not asked for; ``closed`` those that
    exist and may not be used.
    ``settled`` is False if a relation was dropped while the catalogue was read: its size is not known then, and that it
    may be read is assumed, because the next statement tells.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    schemas: dict[str, str | None] = field(default_factory=dict)
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    settled: bool = True
    closed: frozenset[str] = frozenset()

    def check_schema(self, schema: str) -> str:
        """PermissionDenied if it may not be used, SchemaNotFound with near matches if it is not there."""
        if schema in self.schemas:
            return schema
        if schema in self.closed:
            raise PermissionDenied(
                sentence(
                    f"The database refuses schema {schema!r} to this account",
                    where=f"database {self.settings.get('database', '')}",
                    try_="list_schemas() shows what may be used",
                )
            )
        raise SchemaNotFound(
            sentence(
                f"There is no schema {schema!r} that this account may use",
                where=f"database {self.settings.get('database', '')}",
                try_=near(schema, self.schemas) or "list_schemas() shows what there is",
            )
        )

    def table(self, schema: str, name: str) -> Table:
        """Find one table; SchemaNotFound or TableNotFound with near matches."""
        self.check_schema(schema)
        found = self.tables.get((schema, name))
        if found is not None:
            return found
        known = [one.name for one in self.tables.values() if one.schema == schema]
        raise TableNotFound(
            sentence(
                f"There is no table {name!r} in schema {schema!r}",
                try_=near(name, known) or f"list_tables({schema!r}) shows its {len(known)} tables",
            )
        )


def shape_of(oid: str, *, labelled: bool = True) -> str:
    """Give the SQL of a hash of all that reading a relation depends on: its kind, its columns, labels of its enums.

    Where no column is an enum or a domain, it is the same without ``labelled``, and takes half the planning: what has
    become such since has another type, which is in the hash.
    """
    labels = (
        ",case when a.atttypid>=16384 then (select string_agg(l.enumlabel,',' order by l.enumsortorder) from pg_enum l"
        " where l.enumtypid in (a.atttypid,(select b.typbasetype from pg_type b where b.oid=a.atttypid))) end"
    )
    column = f"concat_ws(' ',a.attnum,a.attname,a.atttypid,a.atttypmod,a.attnotnull{labels if labelled else ''})"
    return (
        f"(select md5(concat_ws(' ',r.relkind,r.relam,r.relhassubclass,"
        f"(select string_agg({column},',' order by a.attnum)"
        " from pg_attribute a where a.attrelid=r.oid and a.attnum>0 and not a.attisdropped)))"
        f" from pg_class r where r.oid={oid})"
    )


# Every relation that can be read as rows, with everything that reading needs; {schemas} narrows it to some schemas.
_STATEMENT = """
select '0' as t, '0' as n, json_build_object('version_num', current_setting('server_version_num')::int,
  'version', current_setting('server_version'), 'database', current_database(), 'user', current_user,
  'block_size', current_setting('block_size')::int, 'timezone', current_setting('TimeZone'),
  'in_recovery', pg_is_in_recovery(), 'now', to_char(timezone('UTC', now()), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'schemas', (select json_agg(json_build_array(n.nspname, obj_description(n.oid, 'pg_namespace')) order by n.nspname)
     from pg_namespace n where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
     and has_schema_privilege(n.oid, 'USAGE')),
  'closed', (select json_agg(n.nspname order by n.nspname) from pg_namespace n
     where n.nspname not like 'pg\\_%' and not has_schema_privilege(n.oid, 'USAGE')))::text as d
union all
select '1', c.oid::text, json_build_object('schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
  'comment', obj_description(c.oid, 'pg_class'), 'rows', c.reltuples, 'select', has_table_privilege(c.oid, 'SELECT'),
  'rls', row_security_active(c.oid), 'inherited', c.relhassubclass,
  'heap', (select m.amname = 'heap' from pg_am m where m.oid = c.relam),
  'pages', case when c.relkind in ('r', 'm') then pg_relation_size(c.oid) / current_setting('block_size')::int end,
  'bytes', case when c.relkind in ('r', 'm') then pg_table_size(c.oid) end,
  'shape', {shape},
  'columns', (select json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnum, a.attnotnull,
      col_description(c.oid, a.attnum), t.typtype,
      (with recursive d(o, m) as (select t.typbasetype, t.typtypmod where t.typtype = 'd' union all
         select b.typbasetype, b.typtypmod from d join pg_type b on b.oid = d.o where b.typtype = 'd')
       select format_type(d.o, d.m) from d join pg_type b on b.oid = d.o where b.typtype <> 'd'),
      case when t.typcategory = 'A' then format_type(nullif(t.typelem, 0), a.atttypmod) end, e.typtype,
      (select json_agg(l.enumlabel order by l.enumsortorder) from pg_enum l
        where l.enumtypid in (t.oid, t.typbasetype, e.oid)),
      has_column_privilege(c.oid, a.attnum, 'SELECT')) order by a.attnum)
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'keys', (select json_agg(json_build_array(k.contype,
      (select json_agg(a.attname order by u.i) from unnest(k.conkey) with ordinality u(n, i)
         join pg_attribute a on a.attrelid = c.oid and a.attnum = u.n)) order by k.contype, k.conname)
    from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u')),
  'links', (select json_agg(json_build_array(
      (select json_agg(a.attname order by u.i) from unnest(k.conkey) with ordinality u(n, i)
         join pg_attribute a on a.attrelid = c.oid and a.attnum = u.n), fn.nspname, f.relname,
      (select json_agg(a.attname order by u.i) from unnest(k.confkey) with ordinality u(n, i)
         join pg_attribute a on a.attrelid = f.oid and a.attnum = u.n)) order by k.conname)
    from pg_constraint k join pg_class f on f.oid = k.confrelid join pg_namespace fn on fn.oid = f.relnamespace
    where k.conrelid = c.oid and k.contype = 'f'))::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
  and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
  and has_schema_privilege(n.oid, 'USAGE'){schemas}
union all
select '9', count(*)::text, null from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
  and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
  and has_schema_privilege(n.oid, 'USAGE'){schemas}
"""


def statement(schema_literals: Sequence[str] | None = None) -> str:
    """Give the SQL that reads the catalogue; ``schema_literals`` are already quoted string literals."""
    narrow = "" if schema_literals is None else f" and n.nspname in ({', '.join(schema_literals) or 'null'})"
    return _STATEMENT.replace("{schemas}", narrow).replace("{shape}", shape_of("c.oid"))


def parse(rows: Iterable[Sequence[str | None]]) -> Catalog:
    """Make a catalogue of the statement's rows ``(t, n, d)``; IncompleteResult unless all of them are there."""
    settings: dict[str, Any] | None = None
    tables: dict[tuple[str, str], Table] = {}
    expected: int | None = None
    settled = True
    for part, number, text in rows:
        if part == "0":
            settings = json.loads(text or "{}")
        elif part == "1":
            got = json.loads(text or "{}")
            settled = settled and got["select"] is not None  # asked about a relation that is gone, PostgreSQL says NULL
            one = _table(got)
            tables[one.schema, one.name] = one
        else:
            expected = int(number or 0)
    if settings is None or expected != len(tables):
        raise IncompleteResult(
            sentence("The catalogue did not arrive whole", expected=f"{expected} tables", got=str(len(tables)))
        )
    schemas, closed = dict(settings.pop("schemas") or ()), frozenset(settings.pop("closed") or ())
    return Catalog(settings, schemas, dict(sorted(tables.items())), settled, closed)


def _table(got: dict[str, Any]) -> Table:
    keys = got["keys"] or ()
    estimate = got["rows"]
    return Table(
        schema=got["schema"],
        name=got["name"],
        kind=KINDS[got["kind"]],
        columns=tuple(_column(one) for one in got["columns"] or ()),
        comment=got["comment"],
        rows_estimate=None if estimate is None or estimate < 0 else int(estimate),
        pages=got["pages"] or 0,
        bytes=got["bytes"] or 0,
        heap=got["kind"] in "rm" and got["heap"] is not False,
        inherited=bool(got["inherited"]),
        row_security=bool(got["rls"]),
        select=got["select"] is not False,
        has_primary_key=any(kind == "p" for kind, _ in keys),
        keys=tuple(tuple(columns) for kind, columns in sorted(keys, key=lambda one: one[0] != "p")),
        foreign_keys=tuple(ForeignKey(tuple(a), b, c, tuple(d)) for a, b, c, d in got["links"] or ()),
        shape=got["shape"],
    )


def _column(got: list[Any]) -> Column:
    name, type_, number, strict, comment, typtype, base, element, element_typtype, labels, readable = got
    return Column(
        name=name,
        type=type_,
        number=number,
        nullable=not strict,
        comment=comment,
        typtype=typtype,
        base=base,
        element=element,
        element_typtype=element_typtype,
        labels=tuple(labels or ()),
        readable=readable is not False,
    )
