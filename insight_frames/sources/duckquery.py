"""``read_sql`` over a snapshot: one query, run by DuckDB over views of the tables it names, as a stream of our types.

The types of the result are DuckDB's own, led back to the PostgreSQL types they stand for; one without a counterpart is
refused instead of being written in some way.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import pgtypes, sql
from ..errors import InvalidInput, ValueOutOfRange, sentence
from ..pgtypes.intervals import interval_text
from ..question import Question
from . import duckviews
from .duckdialect import Untranslatable, translate
from .duckengine import Asked, Statement, lock, opened, untranslatable
from .stored import reader

if TYPE_CHECKING:
    from .offline import OfflineSource

BATCH_ROWS = 65_536
_TYPES = {
    **dict.fromkeys(("tinyint", "utinyint", "smallint"), "smallint"),
    **dict.fromkeys(("usmallint", "integer"), "integer"),
    **dict.fromkeys(("uinteger", "bigint", "ubigint", "hugeint", "uhugeint"), "bigint"),
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), "timestamp without time zone"),
    "timestamp with time zone": "timestamp with time zone",
    "boolean": "boolean",
    "float": "real",
    "double": "double precision",
    "varchar": "text",
    "null": "text",
    "uuid": "uuid",
    "blob": "bytea",
    "date": "date",
    "time": "time without time zone",
    "interval": "interval",
}
_DAYS = (-719_162, 2_932_896)  # of the years 1 to 9999, counted from 1970
_DAY = 86_400_000_000  # microseconds
Result = tuple[pa.Schema, Generator[pa.RecordBatch, None, None]]


@contextmanager
def querying(source: OfflineSource, question: Question) -> Iterator[Result]:
    """Run a query; the schema of its rows, and the rows. What is wrong with it is raised before the first row."""
    written = question.sql or ""
    rendered = sql.render(written, question.params)
    called = duckviews.aliases(source.catalog)
    try:
        translated = translate(rendered.text, called)
    except Untranslatable as error:
        raise untranslatable(error, rendered, written) from None
    asked = Asked(written, rendered, translated)
    known = [f"{one.schema}.{one.name}" for one in source.catalog.tables.values()]
    known += sorted({one.name for table in source.catalog.tables.values() for one in table.columns})
    with opened() as database:
        duckviews.make(database, source, rendered.text, called)
        lock(database)
        statement = Statement(asked, asked.text, 0, known)
        answer = statement.ask(database)
        names, types = answer.columns, answer.types
        with statement.told():
            rows = answer.to_arrow_reader(BATCH_ROWS)
        real = {alias: name for name, alias in called.items()}
        columns = [_Column(real.get(name, name), kind, question) for name, kind in zip(names, types, strict=True)]
        schema = pa.schema([one.field for one in columns])
        yield schema, _converted(rows, columns, schema, statement)


def _converted(
    rows: Any, columns: list[_Column], schema: pa.Schema, statement: Statement
) -> Generator[pa.RecordBatch, None, None]:
    count = 0
    while True:
        with statement.told():
            try:
                batch = rows.read_next_batch()
            except StopIteration:
                return
        yield pa.RecordBatch.from_arrays(
            [one.convert(batch.column(place), count) for place, one in enumerate(columns)], schema=schema
        )
        count += batch.num_rows


class _Column:
    """One column of the result: its field as the question wants it, and the way there."""

    def __init__(self, name: str, kind: Any, question: Question) -> None:
        labels = tuple(dict(kind.children)["values"]) if kind.id == "enum" else ()
        self._type = pgtypes.pg_type(_postgres(name, kind), labels=labels)
        field = pgtypes.field(name, pgtypes.reading(self._type, numbers="exact"), nullable=None)
        if labels:
            field = field.with_type(pa.string())
        self._stored = field.type
        self.field, self._read = reader(field, question)

    def convert(self, column: Any, before: int) -> Any:
        """Bring a column of DuckDB's into the field's type; ``before`` counts the rows that came earlier."""
        if pa.types.is_interval(column.type):
            column = pa.array([_interval(one) for one in column.to_pylist()], pa.string())
        self._check_moments(column, before)
        try:
            return self._read(column.cast(self._stored))
        except pa.ArrowInvalid:
            raise self._misfit() from None

    def _check_moments(self, column: Any, before: int) -> None:
        """Refuse dates outside the years 1 to 9999, and the 24th hour, which pandas would take for others."""
        if not pa.types.is_temporal(column.type):
            return
        counts = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
        unit = getattr(column.type, "unit", "d")
        day = {"d": 1, "s": 86_400, "ms": 86_400_000, "us": _DAY, "ns": _DAY * 1000}[unit]
        low, high = (0, day) if pa.types.is_time(column.type) else (_DAYS[0] * day, (_DAYS[1] + 1) * day)
        low, high = max(low, -(2**63)), min(high, 2**63 - 1)
        bad = pc.or_(pc.less(counts.cast(pa.int64()), low), pc.greater_equal(counts.cast(pa.int64()), high))
        place = pc.index(bad, True).as_py()
        if place >= 0:
            raise self._misfit(before + place + 1)

    def _misfit(self, row: int | None = None) -> ValueOutOfRange:
        where = f"column {self.field.name!r}{'' if row is None else f', row {row}'}, type {self._type.text}"
        return ValueOutOfRange(
            sentence("A value of the query does not fit its type", where=where, try_="cast it in the query"),
            column=self.field.name,
            row=row,
            type=self._type.text,
        )


def _postgres(name: str, kind: Any) -> str:
    """Name the PostgreSQL type that a type of DuckDB stands for."""
    if kind.id == "decimal":
        facts = dict(kind.children)
        return f"numeric({facts['precision']},{facts['scale']})"
    if kind.id == "enum":
        return "enum"
    if kind.id == "varchar" and str(kind) == "JSON":
        return "json"
    child = dict(kind.children)["child"] if kind.id == "list" else None
    if child is not None and child.id not in ("list", "enum", "interval") and child.id in (*_TYPES, "decimal"):
        return f"{_postgres(name, child)}[]"
    if kind.id not in _TYPES:
        raise InvalidInput(
            sentence(
                f"DuckDB's type {kind.id} of column {name!r} has no counterpart", try_="cast it to text in the query"
            )
        )
    return _TYPES[kind.id]


def _interval(value: Any) -> str | None:
    return None if value is None else interval_text(value.nanoseconds // 1000, value.days, value.months)
