"""Puts a question to a snapshot and makes frames of the answer, with pandas' keywords as on a live connection."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, sentence
from ..question import Question
from ..sinks import frame
from ..sources.offline import OfflineSource

if TYPE_CHECKING:
    import pandas as pd


def read(source: OfflineSource, question: Question, chunksize: int | None, **looks: Any) -> Any:
    """Give one frame, or an iterator of frames of `chunksize` rows; ``looks`` are keywords of the frame sink."""
    if looks["dtype_backend"] not in (None, "numpy_nullable", "pyarrow"):
        raise InvalidInput(sentence("dtype_backend is not known", expected="'numpy_nullable' or 'pyarrow'"))
    if chunksize is None:
        return _frame(source, question, looks)
    if isinstance(chunksize, bool) or not isinstance(chunksize, int) or chunksize < 1:
        raise InvalidInput(sentence("chunksize must be a number of rows", expected="an int >= 1"))
    return _frames(source, question, looks, chunksize)


def _frame(source: OfflineSource, question: Question, looks: dict[str, Any]) -> pd.DataFrame:
    with source.open(question) as stream:
        made = frame.to_frame(stream.schema, stream, **looks)
        made.attrs["insight"] = dict(stream.provenance)
    return made


def _frames(
    source: OfflineSource, question: Question, looks: dict[str, Any], chunksize: int
) -> Generator[pd.DataFrame, None, None]:
    with source.open(question) as stream:
        for part in frame.to_frames(stream.schema, stream, chunksize=chunksize, **looks):
            part.attrs["insight"] = dict(stream.provenance)
            yield part
