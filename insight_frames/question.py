"""A question is a value: what is asked, before anybody knows who answers.

It does no input or output, so that one question can be put to a Metabase, a PostgreSQL or a snapshot folder and give
the same frame. Everything in it is already checked for shape; whether tables and columns exist is the source's answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, TypeVar

from .errors import InvalidInput, sentence

Numbers = Literal["float", "exact", "digits"]
OutOfRange = Literal["raise", "text"]
T = TypeVar("T", bound=str)


class Key(Enum):
    """The type of :data:`KEY`."""

    KEY = "the table's own key"

    def __repr__(self) -> str:
        return "KEY"


KEY = Key.KEY  # index_col=KEY: the columns of the table's declared key


@dataclass(frozen=True)
class Question:
    """A table (``schema`` and ``name``) or a statement (``sql``), and how its values are wanted.

    Attributes
    ----------
    columns : tuple of str or None
        Columns of a table in the order wanted; None is all of them in the table's order.
    where : str or None
        A condition in PostgreSQL's words, with ``:name`` parameters.
    order_by : tuple of (str, bool)
        Column and whether descending.
    numbers : {"float", "exact", "digits"}
        ``numeric`` as float64; without any rounding as decimals; or as the digits themselves, which may say NaN.
    out_of_range : {"raise", "text"}
        What becomes of dates that Arrow cannot hold.
    """

    schema: str | None = None
    name: str | None = None
    sql: str | None = None
    columns: tuple[str, ...] | None = None
    where: str | None = None
    params: Mapping[str, Any] | None = field(default=None, repr=False)
    order_by: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    numbers: Numbers = "float"
    out_of_range: OutOfRange = "raise"

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"{self.schema}.{self.name}" if self.sql is None else "the query"

    @property
    def plain(self) -> bool:
        """Whether a table is asked for as it stands: every row, in no promised order."""
        return self.sql is None and self.where is None and not self.order_by and self.limit is None


def table_question(
    schema: str,
    name: str,
    *,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    params: Mapping[str, Any] | None = None,
    order_by: str | Sequence[str] | None = None,
    limit: int | None = None,
    numbers: Numbers = "float",
    out_of_range: OutOfRange = "raise",
) -> Question:
    """Check the shape of what ``read_table`` was given and make it a question."""
    for what, value in (("schema", schema), ("name", name)):
        if not isinstance(value, str) or not value:
            raise InvalidInput(sentence(f"{what} must be a name", expected="a non-empty str", got=_kind(value)))
    if where is None and params:
        raise InvalidInput(sentence("params were given without where=", try_='where="site_id = :site"'))
    return Question(
        schema=schema,
        name=name,
        columns=_names(columns),
        where=_text("where", where),
        params=params,
        order_by=_order(order_by),
        limit=_limit(limit),
        numbers=_choice("numbers", numbers, ("float", "exact", "digits")),
        out_of_range=_choice("out_of_range", out_of_range, ("raise", "text")),
    )


def sql_question(
    sql: str,
    *,
    params: Mapping[str, Any] | None = None,
    numbers: Numbers = "float",
    out_of_range: OutOfRange = "raise",
) -> Question:
    """Check the shape of what ``read_sql`` was given and make it a question."""
    if not isinstance(sql, str):
        raise InvalidInput(sentence("The query must be SQL text", expected="a str", got=_kind(sql)))
    return Question(
        sql=sql,
        params=params,
        numbers=_choice("numbers", numbers, ("float", "exact", "digits")),
        out_of_range=_choice("out_of_range", out_of_range, ("raise", "text")),
    )


def _kind(value: object) -> str:
    return "an empty str" if value == "" else type(value).__name__


def _text(what: str, value: str | None) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidInput(sentence(f"{what} must be SQL text", expected="a str", got=_kind(value)))
    return value


def _names(columns: Sequence[str] | None) -> tuple[str, ...] | None:
    if columns is None:
        return None
    if isinstance(columns, str):
        raise InvalidInput(
            sentence("columns must be a list of names", expected="a list", got="one str", try_=f"columns=[{columns!r}]")
        )
    names = tuple(columns)
    for one in names:
        if not isinstance(one, str):
            raise InvalidInput(sentence("columns must be a list of names", expected="str", got=_kind(one)))
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise InvalidInput(sentence(f"columns names {twice[0]!r} twice", try_="name each column once"))
    return names


def _order(order_by: str | Sequence[str] | None) -> tuple[tuple[str, bool], ...]:
    wanted = [order_by] if isinstance(order_by, str) else list(order_by or ())
    order = []
    for one in wanted:
        if not isinstance(one, str) or not one.strip():
            raise InvalidInput(sentence("order_by must name columns", expected="str", got=_kind(one)))
        head, _, tail = one.rpartition(" ")
        direction = tail.lower() if head and tail.lower() in ("asc", "desc") else ""
        order.append((head if direction else one, direction == "desc"))
    return tuple(order)


def _limit(limit: int | None) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, bool) or not hasattr(limit, "__index__") or int(limit) < 0:
        raise InvalidInput(sentence("limit must be a number of rows", expected="an int >= 0", got=_kind(limit)))
    return int(limit)


def _choice(what: str, value: T, known: tuple[T, ...]) -> T:
    if value not in known:
        raise InvalidInput(sentence(f"{what} is not known", expected=" or ".join(repr(one) for one in known)))
    return value
