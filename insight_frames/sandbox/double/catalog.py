"""What JDBC metadata shows of a PostgreSQL database to one role: relations, columns, keys, comments.

Read straight from the system catalogues as that role, in four statements, because the answers must not depend on who
else may see more. The old eras list relations without the right to read them; the newer ones leave those out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

_RELATIONS = """
SELECT c.oid, n.nspname, c.relname, c.relkind::text, pg_catalog.obj_description(c.oid, 'pg_class'),
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
ORDER BY n.nspname, c.relname
"""
_COLUMNS = """
SELECT a.attrelid, a.attname, t.typname, t.typtype::text, tn.nspname, pg_catalog.pg_type_is_visible(t.oid),
       a.attnotnull, a.atthasdef OR a.attidentity <> '',
       coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') LIKE 'nextval(%%',
       a.attidentity <> '', pg_catalog.col_description(a.attrelid, a.attnum), b.typname
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""
_KEYS = """
SELECT k.conrelid, k.contype::text, a.attname, k.confrelid, f.attname
FROM pg_catalog.pg_constraint k CROSS JOIN LATERAL pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(num, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num
LEFT JOIN pg_catalog.pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[u.place]
WHERE k.conrelid = ANY(%s) AND k.contype IN ('p', 'f') ORDER BY k.conrelid, k.conname, u.place
"""
_INDEXED = """
SELECT i.indrelid, a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid
WHERE i.indrelid = ANY(%s) AND a.attnum = i.indkey[0] AND i.indisvalid
"""
_SERIAL = {"int2": "smallserial", "int4": "serial", "int8": "bigserial"}


@dataclass
class Column:
    """A column as JDBC's ``getColumns`` has it."""

    name: str
    type: str  # TYPE_NAME: serial for an integer filled by a sequence, quoted with its schema where not on the path
    enum: bool
    required: bool  # no NULL allowed and nothing that fills it
    automatic: bool
    comment: str | None
    domain: str | None = None  # the type below a domain
    primary: bool = False
    indexed: bool = False
    references: tuple[int, str] | None = None  # relation and column it points at


@dataclass
class Relation:
    """A table, view, materialized view, partitioned or foreign table."""

    oid: int
    schema: str
    name: str
    kind: str
    comment: str | None
    readable: bool
    columns: list[Column] = field(default_factory=list)


def connect(dsn: str, role: str) -> psycopg.Connection[Any]:
    """A connection as ``role``, each statement on its own; a table that somebody holds is not waited for."""
    conn = psycopg.connect(make_conninfo(dsn, user=role), autocommit=True)
    conn.execute("SET lock_timeout = '2s'")
    return conn


def read(dsn: str, role: str) -> list[Relation]:
    """Every relation that the role's JDBC metadata shows, with its columns."""
    with connect(dsn, role) as conn:
        found = {row[0]: Relation(*row) for row in conn.execute(_RELATIONS.encode())}
        oids = list(found)
        for oid, name, kind, typtype, space, visible, *rest in conn.execute(_COLUMNS.encode(), [oids]):
            found[oid].columns.append(_column(name, kind, typtype, space, visible, *rest))
        columns = {oid: {one.name: one for one in relation.columns} for oid, relation in found.items()}
        for oid, kind, name, target, target_name in conn.execute(_KEYS.encode(), [oids]):
            if kind == "p":
                columns[oid][name].primary = True
            elif columns[oid][name].references is None:
                columns[oid][name].references = (target, target_name)
        for oid, name in conn.execute(_INDEXED.encode(), [oids]):
            columns[oid][name].indexed = True
    return list(found.values())


def _column(
    name: str,
    kind: str,
    typtype: str,
    space: str,
    visible: bool,
    not_null: bool,
    has_default: bool,
    sequence: bool,
    identity: bool,
    comment: str | None,
    domain: str | None,
) -> Column:
    shown = _SERIAL.get(kind, kind) if sequence else kind
    if not visible:
        shown = f'"{space}"."{kind}"'
    required = not_null and not has_default
    return Column(name, shown, typtype == "e", required, sequence or identity, comment or None, domain)
