"""Puts a question to a source and makes frames of the answer: what a live connection and a snapshot do alike.

A frame carries in ``attrs["insight"]`` where it comes from and, by column, what the catalogue says of it (type and
comment); all of it plain JSON values, so that pandas writes it into Parquet and nothing of it is a value of a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pyarrow as pa

from .errors import InvalidInput, sentence
from .pgtypes import type_of
from .question import Question
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


def read(source: Source, question: Question, looks: Looks, chunksize: int | None, provenance: Provenance) -> Any:
    """Give one frame, or an iterator of frames of `chunksize` rows."""
    if chunksize is not None:
        if isinstance(chunksize, bool) or not isinstance(chunksize, int) or chunksize < 1:
            raise InvalidInput(sentence("chunksize must be a number of rows", expected="an int >= 1"))
        return _chunks(source, question, looks, chunksize, provenance)
    with source.open(question) as stream:
        made = frame.to_frame(stream.schema, stream, **looks.keywords())
        made.attrs["insight"] = _told(stream, provenance)
    return made


def _chunks(
    source: Source, question: Question, looks: Looks, chunksize: int, provenance: Provenance
) -> Generator[pd.DataFrame, None, None]:
    with source.open(question) as stream:
        for part in frame.to_frames(stream.schema, stream, chunksize=chunksize, **looks.keywords()):
            part.attrs["insight"] = _told(stream, provenance)
            yield part


def _told(stream: Stream, provenance: Provenance) -> dict[str, Any]:
    return {**provenance(stream), "columns": columns(stream.schema)}


def columns(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """Say by name what the catalogue knows of each column; of a name that several columns have, nothing.

    >>> from .pgtypes import field, pg_type, reading
    >>> columns(pa.schema([field("sysbp", reading(pg_type("numeric")), nullable=True, comment="Systolic (mmHg)")]))
    {'sysbp': {'type': 'numeric', 'comment': 'Systolic (mmHg)'}}
    """
    often = Counter(schema.names)
    told = {}
    for one in schema:
        if often[one.name] == 1:
            comment = (one.metadata or {}).get(b"comment")
            facts = {"type": type_of(one).text}
            told[one.name] = facts if comment is None else {**facts, "comment": comment.decode()}
    return told
