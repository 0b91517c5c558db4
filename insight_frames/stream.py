"""One primitive between sources and sinks: a schema and the record batches that must follow it.

It exists because pyarrow's own reader forgives too much: a closed source just ends, a batch of another schema passes
unseen, and leaving early does not close the generator behind it. Here each of these is an error or is done.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import pyarrow as pa

from .errors import IncompleteResult, sentence


@dataclass
class Stream:
    """Record batches of one schema; iterate once, then ``rows`` counts what came.

    Attributes
    ----------
    schema : pyarrow.Schema
    provenance : dict
        Where the rows come from and how; never a value of a row.
    rows : int
        Rows delivered so far.
    complete : bool
        True once the source has proven that nothing is missing.
    """

    schema: pa.Schema
    batches: Generator[pa.RecordBatch, None, None]
    provenance: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    complete: bool = False
    _closed: bool = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._closed:
            raise IncompleteResult(sentence("The stream is closed", try_="ask the question again"))
        for batch in self.batches:
            if batch.schema != self.schema:
                raise IncompleteResult(
                    sentence(
                        "A record batch has other columns than the stream",
                        expected=f"{len(self.schema)} columns",
                        got=f"{len(batch.schema)} columns",
                    )
                )
            self.rows += batch.num_rows
            yield batch
            if self._closed:
                raise IncompleteResult(sentence("The stream was closed while it was being read"))
        self.complete = True

    def close(self) -> None:
        """End it, and with it the request behind it; safe to call twice."""
        self._closed = True
        self.batches.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_stream(
    schema: pa.Schema, batches: Generator[pa.RecordBatch, None, None], provenance: dict[str, Any] | None = None
) -> Stream:
    """Make a stream of a generator of record batches.

    >>> import pyarrow as pa
    >>> schema = pa.schema([("n", pa.int64())])
    >>> with open_stream(schema, (pa.record_batch([pa.array([i])], schema=schema) for i in range(3))) as stream:
    ...     total = sum(batch.num_rows for batch in stream)
    >>> total, stream.complete
    (3, True)
    """
    return Stream(schema, batches, {} if provenance is None else provenance)
