"""Tables by ADBC: columns whose binary form is exact as they are, all others as the text that every door decodes.

ADBC alone is not exact (money times 100, arrays flattened, moments beyond Arrow's range wrapped around); so only types
are taken from it of which that cannot be, and moments are looked at. What does not fit is read again as packed rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ..catalog import Table
from ..direct.arrow import ArrowFailed, ArrowLink
from ..pgtypes import BadValue, Reading
from ..question import Question
from ..wire.unpack import Layout
from . import plan

_EXACT = frozenset(("int2", "int4", "int8", "float4", "float8", "bool", "text", "varchar", "bytea"))
_DAY = 86_400_000_000
_FIRST, _LAST = -719_162, 2_932_896  # days of 0001-01-01 and 9999-12-31
_RANGES = {
    "date": (_FIRST, _LAST),
    "timestamp": (_FIRST * _DAY, (_LAST + 1) * _DAY - 1),
    "timestamptz": (_FIRST * _DAY, (_LAST + 1) * _DAY - 1),
}


def read_native(link: ArrowLink, table: Table, layout: Layout) -> Iterator[pa.RecordBatch]:
    """Give a table's rows; ArrowFailed if a value does not fit, or ADBC cannot read it."""
    kept = [_is_native(one.typtype, how) for one, how in zip(table.columns, layout.readings, strict=True)]
    if not kept:
        raise ArrowFailed("a table without columns")
    source = plan.table_source(table, table.columns, Question(schema=table.schema, name=table.name, numbers="exact"))
    names = [f"q.c{place}" for place in range(len(kept))]
    asked = [
        name if native else f"({how.expression(name)})::text"
        for name, native, how in zip(names, kept, layout.readings, strict=True)
    ]
    aliases = ",".join(f"c{place}" for place in range(len(kept)))
    for batch in link.batches(f"select {','.join(asked)} from ({source.text}) q({aliases})"):
        yield _batch(batch, kept, layout)


def _is_native(typtype: str, how: Reading) -> bool:
    return typtype == "b" and (how.type.name in _EXACT or how.type.name in _RANGES)


def _batch(batch: pa.RecordBatch, kept: list[bool], layout: Layout) -> pa.RecordBatch:
    try:
        columns = [
            _checked(column, how, field.type) if native else how.parse(column)
            for column, native, how, field in zip(batch.columns, kept, layout.readings, layout.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=layout.schema)
    except (BadValue, pa.ArrowException) as error:
        raise ArrowFailed(type(error).__name__) from None


def _checked(column: pa.Array, how: Reading, type_: pa.DataType) -> pa.Array:
    if how.type.name in _RANGES:
        first, last = _RANGES[how.type.name]
        numbers = column.view(pa.int32() if how.type.name == "date" else pa.int64())
        found = pc.min_max(numbers).as_py()
        if found["min"] is not None and not first <= found["min"] <= found["max"] <= last:
            raise ArrowFailed("a moment out of range")
    if column.type != type_:
        raise ArrowFailed(f"{column.type} in place of {type_}")
    return column
