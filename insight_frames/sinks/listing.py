"""The small tables that say what is there, made of the catalogue, so that a server and a snapshot list alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..catalog import Table

if TYPE_CHECKING:
    import pandas as pd


def schemas(comments: Mapping[str, str | None], tables: Iterable[Table]) -> pd.DataFrame:
    """One row a schema: ``schema``, ``tables`` (how many may be read) and ``comment``."""
    import pandas as pd

    counts = dict.fromkeys(comments, 0)
    for one in tables:
        counts[one.schema] += one.readable
    rows = [(name, counts[name], comment) for name, comment in comments.items()]
    return pd.DataFrame(rows, columns=["schema", "tables", "comment"])


def tables(found: Iterable[Table], *, not_readable: Iterable[str] = ()) -> pd.DataFrame:
    """One row a table that may be read; the others are named in ``attrs["insight"]["not_readable"]``."""
    import pandas as pd

    known = list(found)
    rows = [(one.schema, one.name, one.kind, one.rows_estimate, one.comment) for one in known if one.readable]
    listed = pd.DataFrame(rows, columns=["schema", "table", "kind", "rows_estimate", "comment"])
    listed["rows_estimate"] = listed["rows_estimate"].astype("Int64")
    closed = [*not_readable, *(f"{one.schema}.{one.name}" for one in known if not one.readable)]
    listed.attrs["insight"] = {"not_readable": closed}
    return listed


def columns(table: Table) -> pd.DataFrame:
    """One row a column: ``column``, ``type``, ``nullable``, ``key``, ``references`` and ``comment``."""
    import pandas as pd

    links = {
        name: f"{one.schema}.{one.table}.{target}"
        for one in table.foreign_keys
        for name, target in zip(one.columns, one.references, strict=True)
    }
    keyed = {name: "unique" for key in table.keys for name in key}
    keyed |= dict.fromkeys(table.keys[0], "primary") if table.has_primary_key else {}
    rows = [
        (one.name, one.type, one.nullable, keyed.get(one.name), links.get(one.name), one.comment)
        for one in table.columns
    ]
    return pd.DataFrame(rows, columns=["column", "type", "nullable", "key", "references", "comment"])
