"""Every error this package raises, drawn as one tree::

    InsightError
    ├── InvalidInput               what was asked for cannot be meant (also a ValueError)
    │   └── ParameterError         params= do not fit the query
    ├── NotFound                   (also a LookupError)
    │   ├── DatabaseNotFound
    │   ├── SchemaNotFound
    │   ├── TableNotFound
    │   ├── ColumnNotFound
    │   ├── QuestionNotFound
    │   └── ParticipantNotFound    .value  those that are not there
    ├── LoginError
    │   ├── LoginRefused
    │   ├── LoginThrottled         .retry_after seconds
    │   └── SessionExpired
    ├── PermissionDenied           (also a PermissionError)
    ├── QueryFailed                .sqlstate  .position  .server_message
    ├── IncompleteResult           the answer is not provably whole
    ├── ValueOutOfRange            .value  .row_key  .column  .row  .type
    ├── DataConflict               the data contradict what was asked; .table  .column  .row_key
    ├── ServerUnavailable          (also a ConnectionError)
    ├── UnsupportedServer
    ├── SnapshotError
    │   └── InconsistentSnapshot
    └── FileError                  a file for other programs could not be written as it should be

What the data hold and must not be passed over is a :class:`DataWarning`; its ``report`` is a frame of the rows.

A message is a sentence built by :func:`sentence`: what happened, where, what was expected, what was got, what to try.
It never holds a value of a row, a parameter or a secret; a value that could not be read stands on ``err.value``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class InsightError(Exception):
    """Root of every error that insight_frames raises."""


class InvalidInput(InsightError, ValueError):
    """An argument cannot be meant as given; nothing was sent."""


class ParameterError(InvalidInput):
    """``params`` and the ``:names`` in the SQL do not fit, or a value has no PostgreSQL literal."""


class NotFound(InsightError, LookupError):
    """A database, schema, table or column does not exist, or is not visible to this account."""

    __str__ = Exception.__str__  # LookupError's children may repr their argument


class DatabaseNotFound(NotFound):
    """No such database, or several and none was named."""


class SchemaNotFound(NotFound):
    """No such schema."""


class TableNotFound(NotFound):
    """No such table in the schema."""


class ColumnNotFound(NotFound):
    """No such column in the table."""


class QuestionNotFound(NotFound):
    """No such saved question, or it is archived."""


class ParticipantNotFound(NotFound):
    """Participants of a list that the study does not have.

    Attributes
    ----------
    value : list of str
        Those that were not found, as they were given. They are never part of the message.
    """

    def __init__(self, message: str, value: Any = None) -> None:
        super().__init__(message)
        self.value = value


class LoginError(InsightError):
    """The server did not accept who we say we are."""


class LoginRefused(LoginError):
    """User name, password or key is wrong, or missing."""


class LoginThrottled(LoginError):
    """Too many logins; ``retry_after`` is the number of seconds the server asks for (None if it did not say)."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SessionExpired(LoginError):
    """The session is no longer valid and could not be renewed."""


class PermissionDenied(InsightError, PermissionError):
    """The account may not do or read this."""


class QueryFailed(InsightError):
    """PostgreSQL or Metabase refused the statement.

    Attributes
    ----------
    sqlstate : str or None
        Five-character code, where the server gives one.
    position : int or None
        1-based character position in the user's own SQL.
    server_message : str
        The server's text with literals and DETAIL masked.
    """

    def __init__(
        self, message: str, *, server_message: str = "", sqlstate: str | None = None, position: int | None = None
    ) -> None:
        super().__init__(message)
        self.server_message = server_message
        self.sqlstate = sqlstate
        self.position = position


class IncompleteResult(InsightError):
    """The answer is not provably whole: it was cut, cells are missing, or the end mark did not arrive."""


class ValueOutOfRange(InsightError):
    """A value does not fit its type in Arrow or pandas; nothing was rounded or dropped.

    Attributes
    ----------
    value : str
        The value as PostgreSQL writes it. It is never part of the message.
    row_key : dict or None
        The row's key values where the table's key is known.
    table, column, type : str
    row : int or None
        1-based row number in the result.
    """

    def __init__(
        self,
        message: str,
        *,
        value: Any = None,
        row_key: dict[str, Any] | None = None,
        table: str | None = None,
        column: str | None = None,
        row: int | None = None,
        type: str | None = None,
    ) -> None:
        super().__init__(message)
        self.value, self.row_key = value, row_key
        self.table, self.column, self.row, self.type = table, column, row, type


class DataConflict(InsightError):
    """The data contradict what was asked of them: a key that is not one, a join that multiplies rows, an end before
    its start. Nothing was dropped or changed.

    Attributes
    ----------
    table, column : str or None
    row_key : dict or None
        The key of the first row that it is about. It is never part of the message.
    """

    def __init__(
        self,
        message: str,
        *,
        table: str | None = None,
        column: str | None = None,
        row_key: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.table, self.column, self.row_key = table, column, row_key


class DataWarning(UserWarning):
    """The data hold something that must not be passed over; nothing was dropped.

    Attributes
    ----------
    report : DataFrame or None
        One row each: table, column, what it is, and the key of the row. None of it is part of the message.
    """

    def __init__(self, message: str, report: Any = None) -> None:
        super().__init__(message)
        self.report = report


class ServerUnavailable(InsightError, ConnectionError):
    """No answer, or an answer that is not Metabase's."""


class UnsupportedServer(InsightError):
    """The server is too old, or lacks what this needs."""


class SnapshotError(InsightError):
    """A snapshot folder cannot be written, opened or read."""


class InconsistentSnapshot(SnapshotError):
    """The tables could not be read as of one moment; nothing was published."""


class FileError(InsightError):
    """A file for other programs cannot be written, or does not read back as what was written; it does not stand."""


def sentence(what: str, *, where: str = "", expected: str = "", got: str = "", try_: str = "") -> str:
    """Build a message: what happened, where, expected, got, what to try.

    >>> sentence("The session ended", where="GET /api/database", try_="log in again")
    'The session ended (GET /api/database). Try: log in again.'
    """
    text = f"{what} ({where})" if where else what
    if expected:
        text += f"; expected {expected}"
    if got:
        text += f"{',' if expected else ';'} got {got}"
    text = text.rstrip(".") + "."
    if not try_:
        return text
    hint = try_ if try_.startswith("did you mean") else f"try: {try_}"
    return f"{text} {hint[0].upper()}{hint[1:].rstrip('.')}{'' if hint.endswith('?') else '.'}"


def near(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """Name the nearest known spellings for a "did you mean".

    >>> near("particpant", ["participant", "crf"])
    "did you mean 'participant'?"
    """
    from difflib import get_close_matches

    folded: dict[str, str] = {}
    for one in known:
        folded.setdefault(one.lower(), one)
    hits = [folded[one] for one in get_close_matches(name.lower(), folded, n=most, cutoff=0.6)]
    return f"did you mean {' or '.join(repr(one) for one in hits)}?" if hits else ""
