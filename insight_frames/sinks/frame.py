"""The frame sink: a stream of record batches becomes one pandas frame, or an iterator of frames of equal dtypes.

Columns are converted one by one, each let go once it is done, and put together by position, so that equal column
names survive and no cell is held twice for long; keywords mean what they mean in ``pandas.read_sql``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..errors import ColumnNotFound, InvalidInput, ValueOutOfRange, near, sentence
from ..pgtypes import BadValue, type_of
from ..pgtypes.chunks import Chunks
from ..pgtypes.frames import kept_as, to_pandas
from ..pgtypes.gather import Backend, Numbers, Rules, gathers
from ..pgtypes.perobject import per_object
from .dtypes import as_asked, as_dates, known_dtype

Index = str | Sequence[str] | None
DTypes = Any  # one dtype, or a mapping of columns to dtypes: whatever pandas takes
Dates = Sequence[str] | Mapping[str, Any] | None
_HAS_BLOCKS = int(pd.__version__.split(".")[0]) >= 3
_LARGE = 250_000  # values, from which on it is worth a millisecond to give back what their batches left behind
_SOME = 16  # columns of many, after which what became of them is given back
_MANY = 64  # numpy columns, from which on pandas warns that a frame in single blocks is fragmented


def to_frame(
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    *,
    index_col: Index = None,
    dtype: DTypes = None,
    dtype_backend: Backend = None,
    parse_dates: Dates = None,
    coerce_float: bool = True,
) -> pd.DataFrame:
    """Make one frame of a stream.

    Parameters
    ----------
    schema : pyarrow.Schema
        Fields made by :func:`insight_frames.pgtypes.field`.
    batches : iterable of pyarrow.RecordBatch
        Drained; let go column by column while the frame is made.
    index_col : str or list of str, optional
        Columns to set as index.
    dtype : dtype or dict of column to dtype, optional
        Applied after the table of types. Never rounds, cuts or drops a value without an error (float32 may round).
    dtype_backend : {"numpy_nullable", "pyarrow"}, optional
        Dtypes that do not depend on the data.
    parse_dates : list of str, or dict of str to format or keywords of `pandas.to_datetime`, optional
        Columns to read as dates; what cannot be read is an error.
    coerce_float : bool
        numeric and money as float64; False: exact Decimal, where the stream carries decimals.

    Returns
    -------
    pandas.DataFrame
        With a RangeIndex unless `index_col` is given; no rows keep the dtypes, no columns keep the number of rows.

    Raises
    ------
    ColumnNotFound, InvalidInput
        If a keyword names what is not there, or cannot be meant.
    ValueOutOfRange
        If a value does not fit the dtype.

    Examples
    --------
    >>> from ..pgtypes import field, pg_type, reading
    >>> schema = pa.schema([field("site", reading(pg_type("integer")), nullable=False)])
    >>> batch = pa.record_batch([pa.array([3, 7], pa.int32())], schema=schema)
    >>> to_frame(schema, [batch])["site"].tolist()
    [3, 7]
    """
    rules = _rules(dtype_backend, False, coerce_float)
    return _Plan.make(schema, rules, index_col, dtype, parse_dates).frame(batches)


def to_frames(
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    *,
    chunksize: int,
    index_col: Index = None,
    dtype: DTypes = None,
    dtype_backend: Backend = None,
    parse_dates: Dates = None,
    coerce_float: bool = True,
) -> Iterator[pd.DataFrame]:
    """Make frames of `chunksize` rows each (the last one of the rest), all of the same dtypes.

    Dtypes follow from the catalogue: NOT NULL integers are int64, other int2 and int4 float64, other int8 Int64;
    booleans that may be NULL are objects; intervals are text. No row at all gives one empty frame. The other keywords,
    and the errors, are those of :func:`to_frame`; wrong keywords raise at once, not with the first frame.

    Examples
    --------
    >>> from ..pgtypes import field, pg_type, reading
    >>> schema = pa.schema([field("site", reading(pg_type("integer")), nullable=False)])
    >>> batch = pa.record_batch([pa.array([3, 7, 9], pa.int32())], schema=schema)
    >>> [len(frame) for frame in to_frames(schema, [batch], chunksize=2)]
    [2, 1]
    """
    if isinstance(chunksize, bool) or not isinstance(chunksize, int) or chunksize < 1:
        got = repr(chunksize) if isinstance(chunksize, int) else type(chunksize).__name__
        raise InvalidInput(sentence("chunksize= cannot be meant", expected="a whole number of rows above 0", got=got))
    plan = _Plan.make(schema, _rules(dtype_backend, True, coerce_float), index_col, dtype, parse_dates)
    return plan.frames(batches, chunksize)


def _rules(backend: Any, stable: bool, coerce_float: bool) -> Rules:
    if backend not in (None, "numpy_nullable", "pyarrow"):
        if backend is not pd.api.extensions.no_default:
            raise InvalidInput(
                sentence("dtype_backend= cannot be meant", expected="'numpy_nullable', 'pyarrow' or None")
            )
        backend = None
    return Rules(backend, stable, coerce_float)


@dataclass(frozen=True)
class _Plan:
    """What the keywords ask for, checked against the schema before the first batch is drawn."""

    schema: pa.Schema
    rules: Rules
    index: str | list[str] | None
    dtypes: dict[int, Any]
    dates: dict[int, Any]

    @classmethod
    def make(cls, schema: pa.Schema, rules: Rules, index_col: Index, dtype: DTypes, parse_dates: Dates) -> _Plan:
        index = index_col if index_col is None or isinstance(index_col, str) else _names(index_col, "index_col")
        for name in [index] if isinstance(index, str) else index or []:
            if len(_places(schema, name, "index_col")) > 1:
                raise InvalidInput(sentence(f"index_col= names {name!r}, which several columns are called"))
        if isinstance(dtype, Mapping):
            asked = [(place, one) for name, one in dtype.items() for place in _places(schema, name, "dtype")]
        else:
            asked = [] if dtype is None else [(place, dtype) for place in range(len(schema))]
        dtypes = {place: known_dtype(one, rules.stable) for place, one in asked}
        dates = {
            place: how for name, how in _dates(parse_dates).items() for place in _places(schema, name, "parse_dates")
        }
        return cls(schema, rules, index, dtypes, dates)

    def frame(self, batches: Iterable[pa.RecordBatch]) -> pd.DataFrame:
        """Drain the batches into one frame."""
        held = [self._holder(place, field) for place, field in enumerate(_fields(self.schema))]
        rows = 0
        for batch in batches:
            rows += batch.num_rows
            for one, column in zip(held, batch.columns, strict=True):
                one.add(column)
        if rows * len(self.schema) > _LARGE:
            pa.default_memory_pool().release_unused()  # before the frame takes as much again
        return self._assemble(held, rows)

    def _holder(self, place: int, field: pa.Field[Any]) -> Numbers | Chunks:
        if place in self.dtypes or place in self.dates:
            return Chunks(field.type)
        if gathers(field, self.rules):
            return Numbers(field, self.rules)
        return Chunks(kept_as(field, self.rules), apart=self.rules.stable)

    def frames(self, batches: Iterable[pa.RecordBatch], chunksize: int) -> Iterator[pd.DataFrame]:
        """Cut the stream into frames of `chunksize` rows, each made while its rows arrive."""
        source = (one for one in batches if one.num_rows)
        left = next(source, None)

        def parts() -> Iterator[pa.RecordBatch]:
            nonlocal left
            wanted = chunksize
            while left is not None and wanted:
                part = left.slice(0, wanted)
                left = left.slice(part.num_rows) if part.num_rows < left.num_rows else None
                wanted -= part.num_rows
                yield part
                if left is None and wanted:
                    left = next(source, None)

        yield self.frame(parts())
        while left is not None or (left := next(source, None)) is not None:
            yield self.frame(parts())

    def _array(self, place: int, held: Numbers | Chunks) -> Any:
        field = _fields(self.schema)[place]
        try:
            if isinstance(held, Numbers):
                return held.array()
            column = held.take()
            if place in self.dtypes:
                values = as_asked(column, field, self.rules, self.dtypes[place])
            else:
                values = to_pandas(column, field, self.rules)
            return as_dates(column, values, field, self.dates[place]) if place in self.dates else values
        except BadValue as bad:
            raise _misplaced(bad, field) from None

    def _assemble(self, held: list[Numbers | Chunks], rows: int) -> pd.DataFrame:
        names = _names_index(self.schema).copy()
        if _HAS_BLOCKS:
            frame = _from_blocks(self._blocks(held, rows), rows, names)
        else:
            frame = self._from_arrays(held, rows)
            frame.columns = names
        return frame if self.index is None else frame.set_index(self.index)

    def _from_arrays(self, held: list[Numbers | Chunks], rows: int) -> pd.DataFrame:
        arrays: dict[Hashable, Any] = {place: self._array(place, one) for place, one in enumerate(held)}
        plain = sum(not isinstance(one, pd.api.extensions.ExtensionArray) for one in arrays.values())
        return pd.DataFrame(arrays, index=pd.RangeIndex(rows), copy=plain > _MANY)

    def _blocks(self, held: list[Numbers | Chunks], rows: int) -> Iterator[tuple[Any, list[int]]]:
        """Give the columns by dtype, each written once into the memory in which pandas keeps them together."""
        together: dict[Any, list[tuple[int, Numbers]]] = {}
        for place, one in enumerate(held):
            try:
                target = one.target() if isinstance(one, Numbers) else None
            except BadValue as bad:
                raise _misplaced(bad, self.schema.field(place)) from None
            if isinstance(one, Numbers) and target is not None:
                together.setdefault(target, []).append((place, one))
                continue
            if len(held) > _MANY and place % _SOME == 0:
                pa.default_memory_pool().release_unused()
            values = self._array(place, one)
            if isinstance(values, pd.arrays.NumpyExtensionArray):
                values = values.to_numpy()
            yield values.reshape(1, rows) if isinstance(values, np.ndarray) else values, [place]
        for dtype, columns in together.items():
            block = np.empty((len(columns), rows), dtype)
            for row, (_, one) in zip(block, columns, strict=True):
                one.write(row)
            yield block, [place for place, _ in columns]


@per_object
def _fields(schema: pa.Schema) -> tuple[pa.Field[Any], ...]:
    """Give a schema's fields as objects that stay, so that what they say has to be read once."""
    return tuple(schema)


@per_object
def _names_index(schema: pa.Schema) -> Any:
    """Give the columns' names as an index, of which each frame gets a copy: to make one takes longer."""
    return pd.Index(schema.names) if schema.names else pd.Index([], dtype=object)


def _from_blocks(blocks: Iterable[tuple[Any, list[int]]], rows: int, names: Any) -> pd.DataFrame:
    make = import_module("pandas.api.internals").create_dataframe_from_blocks  # since pandas 3
    frame: pd.DataFrame = make([(one, np.array(at, np.intp)) for one, at in blocks], pd.RangeIndex(rows), names)
    return frame


def _places(schema: pa.Schema, name: Any, keyword: str) -> list[int]:
    places = [place for place, one in enumerate(schema.names) if one == name]
    if not places:
        hint = near(name, schema.names) if isinstance(name, str) else ""
        raise ColumnNotFound(sentence(f"{keyword}= names {name!r}, which is no column of the result", try_=hint))
    return places


def _dates(asked: Any) -> dict[str, Any]:
    if asked is None or isinstance(asked, bool):  # as in pandas
        return {}
    if isinstance(asked, str):
        return {asked: None}
    return dict(asked) if isinstance(asked, Mapping) else dict.fromkeys(_names(asked, "parse_dates"))


def _names(asked: Any, keyword: str) -> list[Any]:
    if not isinstance(asked, Iterable):
        got = f"a value of type {type(asked).__name__}"
        raise InvalidInput(sentence(f"{keyword}= cannot be meant", expected="a column's name or several", got=got))
    return list(asked)


def _misplaced(bad: BadValue, field: pa.Field[Any]) -> ValueOutOfRange:
    """Make an error of it that names column, row and type, and keeps the value out of its text."""
    type_ = type_of(field).text
    message = sentence(
        "A value cannot stand in the frame",
        where=f"column {field.name!r}, row {bad.index + 1}, type {type_}",
        got=f"a value of which is true: {bad.why}",
    )
    return ValueOutOfRange(message, value=bad.text, column=field.name, row=bad.index + 1, type=type_)
