"""Puts a question to a source and makes frames of the answer: what a live connection and a snapshot do alike.

A frame carries in ``attrs["insight"]`` where it comes from, the table's declared key and, by column, what the catalogue
says of it (type and comment): plain JSON values, so that pandas writes them into Parquet, and never a value of a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pyarrow as pa

from .catalog import Table
from .errors import InvalidInput, sentence
from .pgtypes import type_of
from .pgtypes.perobject import per_object
from .question import Numbers, Question
from .sinks import frame
from .stream import Stream

if TYPE_CHECKING:
    import pandas as pd

Backend = Literal["numpy_nullable", "pyarrow"]
Provenance = Callable[[Stream], dict[str, Any]]


class Source(Protocol):
    """Whoever answers questions."""

    def open(self, question: Question) -> AbstractContextManager[Stream]:
        """Open a stream of the rows asked for."""

    def table(self, schema: str, name: str) -> Table:
        """Find a table in the catalogue."""


class Looks:
    """How a frame is to look: pandas' own keywords, passed on together."""

    def __init__(
        self, index_col: Any, dtype: Any, dtype_backend: Backend | None, parse_dates: Any, coerce_float: bool
    ) -> None:
        if dtype_backend not in (None, "numpy_nullable", "pyarrow"):
            raise InvalidInput(
                sentence("dtype_backend is not known", expected="'numpy_nullable' or 'pyarrow' (or leave it out)")
            )
        self._keywords = {
            "index_col": index_col,
            "dtype": dtype,
            "dtype_backend": dtype_backend,
            "parse_dates": parse_dates,
            "coerce_float": coerce_float,
        }

    def keywords(self) -> dict[str, Any]:
        """Give them as keyword arguments."""
        return dict(self._keywords)

    @property
    def index_col(self) -> Any:
        """Columns to become the index."""
        return self._keywords["index_col"]

    def but(self, *, index_col: Any) -> Looks:
        """Give the same with another index."""
        return Looks(**{**self._keywords, "index_col": index_col})

    @property
    def one_dtype(self) -> bool:
        """Whether ``dtype=`` is meant for all columns."""
        return self._keywords["dtype"] is not None and not isinstance(self._keywords["dtype"], Mapping)

    def decides(self, column: str) -> bool:
        """Whether ``dtype=`` or ``parse_dates=`` says what this column is to be."""
        dtype, dates = self._keywords["dtype"], self._keywords["parse_dates"]
        named = dtype if isinstance(dtype, Mapping) else ()
        dated = (dates,) if isinstance(dates, str) else dates if isinstance(dates, (Mapping, list, tuple)) else ()
        return column in named or column in dated


def numbers_for(coerce_float: bool, dtype_backend: str | None) -> Numbers:
    """Say how ``numeric`` is to travel: as Arrow's decimals only if the frame is to hold them, for they hold no NaN."""
    return "float" if coerce_float else "exact" if dtype_backend == "pyarrow" else "digits"


def read(source: Source, question: Question, looks: Looks, chunksize: int | None, provenance: Provenance) -> Any:
    """Give one frame, or an iterator of frames of `chunksize` rows."""
    if chunksize is not None:
        if isinstance(chunksize, bool) or not isinstance(chunksize, int) or chunksize < 1:
            raise InvalidInput(sentence("chunksize must be a number of rows", expected="an int >= 1"))
        return _chunks(source, question, looks, chunksize, provenance)
    with source.open(question) as stream:
        made = frame.to_frame(stream.schema, stream, **looks.keywords())
        made.attrs["insight"] = _told(source, question, stream, provenance)
    return made


def _chunks(
    source: Source, question: Question, looks: Looks, chunksize: int, provenance: Provenance
) -> Generator[pd.DataFrame, None, None]:
    with source.open(question) as stream:
        for part in frame.to_frames(stream.schema, stream, chunksize=chunksize, **looks.keywords()):
            part.attrs["insight"] = _told(source, question, stream, provenance)
            yield part


def _told(source: Source, question: Question, stream: Stream, provenance: Provenance) -> dict[str, Any]:
    told = {**provenance(stream), "columns": columns(stream.schema)}
    if question.schema is not None and question.name is not None:
        key = source.table(question.schema, question.name).key
        told["key"] = None if key is None else list(key)
    return told


def columns(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """Say by name what the catalogue knows of each column; of a name that several columns have, nothing.

    >>> from .pgtypes import field, pg_type, reading
    >>> columns(pa.schema([field("sysbp", reading(pg_type("numeric")), nullable=True, comment="Systolic (mmHg)")]))
    {'sysbp': {'type': 'numeric', 'comment': 'Systolic (mmHg)'}}
    """
    return {name: dict(facts) for name, facts in _columns(schema).items()}  # a frame's own, to be changed


@per_object
def _columns(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    often = Counter(schema.names)
    told = {}
    for one in schema:
        if often[one.name] == 1:
            comment = (one.metadata or {}).get(b"comment")
            facts = {"type": type_of(one).text}
            told[one.name] = facts if comment is None else {**facts, "comment": comment.decode()}
    return told
