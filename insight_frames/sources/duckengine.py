"""DuckDB as the calculator of snapshots: in memory, without a file, a network or a way to open them again.

It is given nothing but the tables of one snapshot and spills nothing to the disk, where values of patients would stay.
Its errors quote values and statements, so that only names that the user wrote, and words of databases, go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pyarrow as pa

from .. import sql
from ..errors import InsightError, InvalidInput, QueryFailed, SnapshotError, near, sentence
from ..sql.lexer import place, tokenize
from .duckdialect import Translated, Untranslatable, folded

OLDEST = 2  # major version
_SETTINGS = {
    "temp_directory": "",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "errors_as_json": "true",
    # PostgreSQL's own habits.
    "integer_division": "true",
    "default_null_order": "nulls_last_on_asc_first_on_desc",
    "preserve_identifier_case": "false",
    "timezone": "UTC",
}
_LOCKS = {"enable_external_access": "false", "lock_configuration": "true"}
_STATES = {
    "Parser": "42601",
    "Binder": "42804",
    "Conversion": "22P02",
    "Out of Range": "22003",
    "Out of Memory": "53200",
}
_EXPLAIN = "explain "
_DAMAGE = ("CRC", "checksum", "Corrupt", "decompress", "Invalid Parquet", "thrift", "Unexpected end of stream")


def engine() -> Any:
    """Give the module duckdb; InvalidInput if it is not installed, or too old."""
    how = 'pip install "insight-frames[duckdb]", or filter the frame in pandas'
    try:
        module = import_module("duckdb")
    except ImportError:
        raise InvalidInput(sentence("SQL over a snapshot needs DuckDB, which is not installed", try_=how)) from None
    version = str(module.__version__)
    if int(version.partition(".")[0]) < OLDEST:  # earlier ones match regular expressions in another way
        raise InvalidInput(
            sentence("DuckDB is too old for SQL over a snapshot", expected=f"{OLDEST} or later", got=version, try_=how)
        )
    return module


@contextmanager
def opened() -> Iterator[Any]:
    """Open an empty database in memory; :func:`lock` it before a user's text is run."""
    database = engine().connect(":memory:")
    try:
        for name, value in _SETTINGS.items():
            run(database, f"set {name}='{value}'")
        # In Jupyter, DuckDB refuses to set this to anything, also to what it is, unless ipywidgets is installed.
        if run(database, "select current_setting('enable_progress_bar')") != [(False,)]:
            run(database, "set enable_progress_bar='false'")
        yield database
    finally:
        database.close()


def lock(database: Any) -> None:
    """Close the ways to files, the network, extensions and the settings themselves, for good."""
    for name, value in _LOCKS.items():
        run(database, f"set {name}='{value}'")


def run(database: Any, statement: str) -> Any:
    """Run a statement of our own and give its rows."""
    return database.execute(statement).fetchall()


class Asked:
    """A user's text on its way to DuckDB: what she wrote, with its parameters in it, and what DuckDB reads."""

    def __init__(self, written: str, rendered: sql.Rendered, translated: Translated) -> None:
        self.written, self.text = written, translated.text
        self._rendered, self._translated = rendered, translated

    def position(self, sent: str, byte: int, offset: int) -> int | None:
        """Lead a 0-based byte of the statement that was sent back to a 1-based character of what the user wrote."""
        at = len(sent.encode()[:byte].decode("utf-8", "ignore")) - offset
        if not 0 <= at <= len(self.text):
            return None
        return self._rendered.position(self._translated.original(at) + 1)


def untranslatable(error: Untranslatable, rendered: sql.Rendered, written: str) -> InvalidInput:
    """Say where in the user's own text DuckDB cannot follow."""
    at = rendered.position(error.at + 1)
    where = place(written, at - 1) if at else ""
    return InvalidInput(sentence(error.what, where=where, try_=error.try_))


@dataclass(frozen=True)
class Statement:
    """What is sent for a user's text: ``offset`` is where in it her text begins, ``known`` what she may have meant."""

    asked: Asked
    sent: str = field(repr=False)
    offset: int
    known: Sequence[str]

    def ask(self, database: Any) -> Any:
        """Let DuckDB understand the statement; its rows are not read yet."""
        with self.told(database):
            return database.sql(self.sent)

    @contextmanager
    def told(self, database: Any = None) -> Iterator[None]:
        """Turn what DuckDB, or Arrow on its behalf, raises into our errors, without its text and its chain.

        With a `database`, an error that comes without its place is asked for again, in the form that has it.
        """
        failed: InsightError
        try:
            yield
            return
        except (OSError, pa.ArrowException) as error:
            failed = self._failure(str(error), 0)
        except engine().Error as error:
            text, ahead = str(error), 0
            if database is not None and not _facts(text):
                text, ahead = _again(database, self.sent) or text, len(_EXPLAIN)
            failed = self._failure(text, ahead)
        raise failed from None

    def _failure(self, text: str, ahead: int) -> InsightError:
        facts = _facts(text)
        message = str(facts.get("exception_message") or text.partition("Error: ")[2])
        if facts.get("exception_type") not in _STATES and any(one in text for one in _DAMAGE):
            return SnapshotError(
                sentence("A file of the snapshot is damaged", where="the query", try_="verify() tells what is wrong")
            )
        shown, state, hint = _shown(facts, message, self.asked.written, self.known)
        byte = str(facts.get("position", ""))
        position = self.asked.position(self.sent, int(byte) - ahead, self.offset) if byte.isdigit() else None
        told = sentence("DuckDB cannot answer this over the snapshot", got=shown, try_=hint)
        if position is not None:
            told += f" At {place(self.asked.written, position - 1)} of your SQL."
        return QueryFailed(told, server_message=shown, sqlstate=state, position=position)


def _again(database: Any, sent: str) -> str:
    try:
        database.execute(_EXPLAIN + sent).fetchall()
    except engine().Error as error:
        return str(error)
    return ""


def _facts(text: str) -> dict[str, Any]:
    """Read the error as JSON, which is how it is asked for; empty for any other text."""
    begin = text.find("{")
    if begin < 0:
        return {}
    try:
        facts, _ = json.JSONDecoder().raw_decode(text[begin:])
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _shown(facts: dict[str, Any], message: str, written: str, known: Sequence[str]) -> tuple[str, str | None, str]:
    """Say what may be said of an error, its SQLSTATE and a hint."""
    kind, name = str(facts.get("type", "")).lower(), str(facts.get("name", ""))
    if facts.get("error_subtype") == "COLUMN_NOT_FOUND" and _wrote(written, name):
        return f'column "{name}" does not exist', "42703", near(name, known)
    if kind == "table" and _wrote(written, name):
        full = next((one for one in known if one.endswith(f".{name}")), None)
        hint = f"did you mean {full!r}?" if full else "schema.table, as list_tables() names it"
        return f'table "{name}" does not exist', "42P01", hint
    if kind.endswith("function") and _wrote(written, name):
        return f'function "{name}" does not exist in DuckDB', "42883", ""
    if message.startswith("Table with name") and "schema" in message:
        return "a table of the query does not exist", "42P01", "schema.table, as list_tables() names it"
    if "ivision by zero" in message:
        return "division by zero", "22012", ""
    if facts.get("exception_type") == "Out of Memory":
        return "out of memory", "53200", "fewer rows or columns: nothing is put on the disk in between"
    if facts.get("exception_type") == "Permission":
        return "files, the network and extensions are closed to queries", "42501", "the tables of the snapshot alone"
    state = _STATES.get(str(facts.get("exception_type")))
    from ..sql.messages import masked

    return masked(message.split("\n", 1)[0], written) if message else "an error without a message", state, ""


def _wrote(written: str, name: str) -> bool:
    """Whether the user's own text writes this name, outside its strings."""
    wanted = name.lower()
    return bool(name) and any((folded(one) or "").lower() == wanted for one in tokenize(written))
