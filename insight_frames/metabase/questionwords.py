"""What a connection can say about saved questions and signed embedding.

The secret of an embedding is wrapped in the first line that sees it, because tools print local variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import metabase
from ..credentials import Secret, hide
from ..errors import InvalidInput, sentence
from ..question import OutOfRange, Question, sql_question
from ..reading import Backend, Looks, numbers_for, read
from .expiry import PERIOD, Expires

if TYPE_CHECKING:
    import pandas as pd

    from ..sources.either import EitherSource
    from ..stream import Stream
    from ..wire.http import Http
    from ..wire.server import Server


class QuestionWords:
    """Words about saved questions that only a Metabase server understands."""

    _http: Http
    _server: Server
    _source: EitherSource

    if TYPE_CHECKING:

        def _provenance(self, stream: Stream) -> dict[str, Any]: ...

    # ------------------------------------------------------------------ saved questions
    def list_questions(self) -> pd.DataFrame:
        """List the saved questions that the account may read; see :func:`insight_frames.list_questions`."""
        return metabase.questions.listed(self._server)

    def read_question(
        self,
        question: int | str,
        *,
        params: Mapping[str, Any] | None = None,
        index_col: str | list[str] | None = None,
        parse_dates: Any = None,
        dtype: Any = None,
        dtype_backend: Backend | None = None,
        chunksize: int | None = None,
        coerce_float: bool = True,
        out_of_range: OutOfRange = "raise",
    ) -> Any:
        """Run a saved question; see :func:`insight_frames.read_question`."""
        asked = _question(coerce_float, dtype_backend, out_of_range)
        looks = Looks(index_col, dtype, dtype_backend, parse_dates, coerce_float)
        source, asked = metabase.fetching.prepared(self._source, question, params, asked)
        return read(source, asked, looks, chunksize, self._provenance)

    # ------------------------------------------------------------------ signed embedding
    def embed_url(
        self,
        *,
        secret: str | Secret,
        question: int | str | None = None,
        dashboard: int | None = None,
        params: Mapping[str, Any] | None = None,
        expires: Expires = PERIOD,
        bordered: bool = True,
        titled: bool = True,
    ) -> str:
        """Sign the address of an embedded question or dashboard; see :func:`insight_frames.embed_url`."""
        secret = hide(secret) or Secret("")
        if question is not None and dashboard is None:
            kind, number = "question", self._number_of(question)
        elif dashboard is not None and question is None:
            kind, number = "dashboard", dashboard
        else:
            raise InvalidInput(sentence("One thing is embedded at a time", expected="question= or dashboard="))
        token = metabase.embedding.signed(kind, number, params, expires, secret)
        return metabase.embedding.address(self._http.url, kind, token, bordered=bordered, titled=titled)

    def read_embedded(
        self,
        question: int | str,
        *,
        secret: str | Secret,
        params: Mapping[str, Any] | None = None,
        filters: Mapping[str, Any] | None = None,
        expires: Expires = PERIOD,
        index_col: str | list[str] | None = None,
        parse_dates: Any = None,
        dtype: Any = None,
        dtype_backend: Backend | None = None,
        chunksize: int | None = None,
        coerce_float: bool = True,
        out_of_range: OutOfRange = "raise",
    ) -> Any:
        """Read a question through signed embedding; see :func:`insight_frames.read_embedded`."""
        secret = hide(secret) or Secret("")
        number = self._number_of(question)
        token = Secret(metabase.embedding.signed("question", number, params, expires, secret))
        reach = metabase.embedding.OfToken(self._http, number, token, filters or {})
        asked = _question(coerce_float, dtype_backend, out_of_range, {**(params or {}), **(filters or {})})
        looks = Looks(index_col, dtype, dtype_backend, parse_dates, coerce_float)

        def told(stream: Stream) -> dict[str, Any]:
            return {"server": self._http.url, "server_version": reach.version, **stream.provenance}

        return read(metabase.fetching.ReachSource(reach), asked, looks, chunksize, told)

    def _number_of(self, question: int | str) -> int:
        return metabase.questions.find(self._server, question).number if isinstance(question, str) else question


def _question(
    coerce_float: bool, dtype_backend: Backend | None, out_of_range: OutOfRange, params: Mapping[str, Any] | None = None
) -> Question:
    numbers = numbers_for(coerce_float, dtype_backend)
    return sql_question("", params=params, numbers=numbers, out_of_range=out_of_range)
