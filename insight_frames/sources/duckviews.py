"""The tables of a snapshot as DuckDB sees them: views over Arrow, which checks every page it reads.

A view gives each column the type with which DuckDB compares as PostgreSQL does: labels of enums in their order, char(n)
without its padding, real as the double it stands for, digits of any length as a decimal if one holds them all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import pgtypes
from ..catalog import Catalog
from .duckdialect import DIGITS, names, quoted, string
from .duckengine import run
from .stored import fallen

if TYPE_CHECKING:
    from .offline import OfflineSource


_CATALOGS = frozenset(("memory", "temp", "system"))


def aliases(catalog: Catalog) -> dict[str, str]:
    """Call names apart that DuckDB, to which capitals are nothing, would take for one another.

    >>> from ..catalog import Column, Table
    >>> table = Table("s", "t", columns=(Column("Group", "text", 1), Column("group", "text", 2)))
    >>> aliases(Catalog(schemas={"s": None}, tables={("s", "t"): table}))
    {'Group': 'Group~47726f7570'}
    """
    alike: dict[str, set[str]] = defaultdict(set)
    for table in catalog.tables.values():
        if table.schema.casefold() in _CATALOGS:  # it would be taken for one of DuckDB's databases
            alike[table.schema.casefold()].add("")
        for name in (table.schema, table.name, *(one.name for one in table.columns)):
            alike[name.casefold()].add(name)
    found: dict[str, str] = {}
    for group in alike.values():
        if len(group) > 1:
            plain = next((one for one in sorted(group) if one == one.lower()), None)
            found |= {one: f"{one}~{one.encode().hex()}" for one in group - {plain, ""}}
    return found


def make(database: Any, source: OfflineSource, text: str, called: Mapping[str, str]) -> None:
    """Make a view of each table that a text names, under PostgreSQL's names for it and its schema."""
    words = names(text)
    for number, table in enumerate(source.catalog.tables.values()):
        if table.name not in words or table.schema not in words or not table.columns:
            continue
        relation = f"insight_frames_{number}"
        with source.file(table) as file:
            schema = file.schema_arrow
            wanted = [one.name for one in schema if digits(one) and (one.name in words or "*" in text)]
            sizes = {one: size(batch.column(0) for batch in file.iter_batches(columns=[one])) for one in wanted}
        database.register(relation, dataset(source.file_path(table), schema))
        place = quoted(called.get(table.schema, table.schema))
        run(database, f"create schema if not exists {place}")
        columns = select(relation, without_wide(schema), sizes, called)
        run(database, f"create view {place}.{quoted(called.get(table.name, table.name))} as {columns}")


def without_wide(schema: pa.Schema) -> pa.Schema:
    """Give the schema in which decimals too wide for DuckDB are text."""
    return pa.schema([one.with_type(_narrow(one.type)) for one in schema])


def _narrow(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_list(type_):
        return pa.list_(_narrow(type_.value_type))
    return pa.string() if pa.types.is_decimal256(type_) else type_


def dataset(path: Path, schema: pa.Schema) -> Any:
    """Open a Parquet file so that DuckDB can scan it, as often as it likes; what is damaged is an error."""
    import pyarrow.dataset as ds

    checks = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    form = ds.ParquetFileFormat(default_fragment_scan_options=checks)
    return ds.dataset(str(path), schema=without_wide(schema), format=form)


def digits(field: pa.Field[Any]) -> bool:
    """Whether a column holds numbers that DuckDB gets as digits in text."""
    is_number = pgtypes.type_of(field).name in ("numeric", "money")
    return is_number and (field.type == pa.string() or pa.types.is_decimal256(field.type))


Size = tuple[int, int]  # of a decimal: its digits in all, and those behind the point


def size(chunks: Iterable[Any]) -> Size | None:
    """Give the smallest decimal that holds all these digits exactly; None if DuckDB has none.

    >>> size([pa.array(["1.50", "-200", None])])
    (5, 2)
    """
    whole = behind = 0
    for chunk in chunks:
        text = chunk if chunk.type == pa.string() else chunk.cast(pa.string())
        if pc.any(pc.match_substring_regex(text, "[^-.0-9]")).as_py():  # NaN, Infinity, an exponent
            return None
        bare = pc.utf8_ltrim(text, "-")
        point = pc.find_substring(bare, ".")
        length = pc.utf8_length(bare)
        has = pc.greater_equal(point, 0)
        whole = max(whole, pc.max(pc.if_else(has, point, length)).as_py() or 0)
        behind = max(behind, pc.max(pc.if_else(has, pc.subtract(pc.subtract(length, point), 1), 0)).as_py() or 0)
    return (max(whole + behind, 1), behind) if whole + behind <= DIGITS else None


def select(relation: str, schema: pa.Schema, sizes: Mapping[str, Size | None], called: Mapping[str, str]) -> str:
    """Write the select over a registered relation that gives each column its name and the right type."""
    places = [f"c{place}" for place in range(len(schema))]
    wanted = [
        f"{_expression(ref, one, sizes.get(one.name))} as {quoted(called.get(one.name, one.name))}"
        for ref, one in zip(places, schema, strict=True)
    ]
    return f"select {', '.join(wanted)} from {relation} as b({', '.join(places)})"


def _expression(ref: str, field: pa.Field[Any], decimal: Size | None) -> str:
    type_ = pgtypes.type_of(field)
    if fallen(field) and type_.name not in ("numeric", "money"):
        return ref
    if decimal is not None:
        return f"cast({ref} as decimal({decimal[0]},{decimal[1]}))"
    if pa.types.is_float32(field.type):
        return f"cast({ref} as double)"
    if type_.name == "bpchar":
        return f"rtrim({ref}, ' ')"
    if type_.name == "enum" and type_.labels:
        return f"cast({ref} as enum({', '.join(string(one) for one in type_.labels)}))"
    return f"cast({ref} as uuid)" if type_.name == "uuid" else ref
