"""Exports: what comes of constants that are known, and how refusals are told. Every version differs in some of it."""

from __future__ import annotations

from typing import Any

from ..errors import ServerUnavailable, sentence
from ..wire.answers import error_in
from .asking import MetabaseDesk, Number, Reply
from .report import Section

# Constants, and how each comes if nothing is lost. More than eight columns: some versions scramble them then.
_CONSTANTS = {
    "integer": ("1234567::int4", "1234567"),
    "bigint": ("9007199254740993::int8", "9007199254740993"),
    "numeric": ("1.10::numeric(10,2)", "1.10"),
    "double precision": ("1.23456::float8", "1.23456"),
    "NaN": ("'NaN'::float8", '"NaN"'),
    "boolean": ("true", "true"),
    "date": ("date '2020-01-02'", '"2020-01-02"'),
    "timestamp": ("timestamp '2020-01-02 03:04:05.678901'", '"2020-01-02T03:04:05.678901"'),
    "timestamp at midnight": ("timestamp '2020-01-02 00:00:00'", '"2020-01-02T00:00:00"'),
    "timestamp with time zone": ("timestamptz '2020-07-01 12:00:00+00'", '"2020-07-01T12:00:00Z"'),
    "bytea of 6 bytes": ("'\\xdeadbeef0011'::bytea", '"\\\\xdeadbeef0011"'),
    "NULL": ("null::text", "null"),
    "empty text": ("''::text", '""'),
}
_CAP = 10_001  # more than the limits that are set by hand or by a licence, and few bytes
MILLION = 1_048_577  # more than the limit that every version has


def exports(desk: MetabaseDesk, *, thorough: bool) -> Section:
    """Probe Metabase's own exports, which plain reading and other programs see."""
    section = Section("exports")
    desk.learn(section, "values that change", lambda: _values(desk, section), sql=True)
    desk.learn(section, "columns of one name", lambda: _twice(desk), sql=True)
    desk.learn(section, "'[[a]]' in SQL", lambda: _kept(desk, "[[a]]"), sql=True)
    desk.learn(section, "'{{a}}' in SQL", lambda: _kept(desk, "{{a}}"), sql=True)
    desk.learn(section, "operators with ?", lambda: _operators(desk), sql=True)
    desk.learn(section, "two statements", lambda: _statements(desk), sql=True)
    desk.learn(section, "a failing query", lambda: _failing(desk, section), sql=True)
    desk.learn(section, "limit of rows", lambda: _cap(desk, _CAP), sql=True)
    desk.learn(section, "limit in the browser", lambda: _in_browser(desk), sql=True)
    if thorough:
        desk.learn(section, "limit of rows (a million)", lambda: _cap(desk, MILLION), sql=True)
    return section


def _values(desk: MetabaseDesk, section: Section) -> dict[str, str]:
    names = [f"c{number}" for number in range(len(_CONSTANTS))]
    columns = ", ".join(f"{sql} as {name}" for name, (sql, _) in zip(names, _CONSTANTS.values(), strict=True))
    reply = desk.ask(f"select {columns}")
    found = reply.rows
    if not found:
        raise reply.failure or _odd(reply)
    section.say("status", reply.status)
    section.say("rows are parted by", "line breaks" if reply.body.startswith("[\n") else "commas alone")
    section.say("order of columns", "kept" if list(found[0]) == names else "scrambled")
    got = {kind: _written(found[0].get(name)) for name, kind in zip(names, _CONSTANTS, strict=True)}
    changed = {kind: f"as {text}" for kind, text in got.items() if text != _CONSTANTS[kind][1]}
    if got["integer"] != _CONSTANTS["integer"][1]:
        desk.notes.append(
            "Exports are formatted for people: numbers become rounded texts. Packed reading is not affected."
        )
    return changed


def _written(value: Any) -> str:
    if isinstance(value, Number):
        return str.__str__(value)
    if isinstance(value, str) and value.startswith("[B@"):
        return "an address in the server's memory"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\") + '"'
    return {None: "null", True: "true", False: "false"}.get(value, type(value).__name__)


def _odd(reply: Reply) -> ServerUnavailable:
    return not_as_known("an export of constants", reply.status)


def not_as_known(what: str, status: int) -> ServerUnavailable:
    """Say that something has a form that no known version gives it."""
    return ServerUnavailable(sentence(f"The form of {what} is not known", expected="rows", got=f"status {status}"))


def _rows(reply: Reply) -> list[dict[str, Any]]:
    found = reply.rows
    if found is None:
        raise reply.failure or _odd(reply)
    return found


def _twice(desk: MetabaseDesk) -> str:
    found = _rows(desk.ask("select 1 as a, 2 as a"))
    names = list(found[0]) if found else []
    return f"become {' and '.join(names)}" if len(names) == 2 else "one of them is lost"


def _kept(desk: MetabaseDesk, text: str) -> str:
    """Whether a text that looks like one of Metabase's tags comes back as it is."""
    reply = desk.ask(f"select '{text}' as a")
    if reply.rows is None:
        return "refused"
    return "kept" if reply.rows[0].get("a") == text else "stripped without a word"


def _operators(desk: MetabaseDesk) -> str:
    works = [one for one in ("?", "??") if desk.ask(f"""select '{{"a":1}}'::jsonb {one} 'a' as a""").rows]
    return " and ".join(works) + " work" if works else "refused"


def _statements(desk: MetabaseDesk) -> str:
    return (
        "refused" if desk.ask("select 1 as a; select 2 as a").rows is None else "the first answer only, without a word"
    )


def _failing(desk: MetabaseDesk, section: Section) -> str:
    reply = desk.ask('select "insight_frames_probe"')
    section.say("put in front of SQL", f"{desk.server.remark()} characters")
    failure = reply.failure
    state = getattr(failure, "sqlstate", None)
    return f"status {reply.status}, {reply.form}, {f'SQLSTATE {state}' if state else 'without SQLSTATE'}"


def _in_browser(desk: MetabaseDesk) -> str:
    """Say where answers to the browser are cut, and whether one may ask for more."""
    usual, lifted = (_answered(desk, more) for more in ({}, {"max-results": _CAP, "max-results-bare-rows": _CAP}))
    if usual >= _CAP:
        return f"none below {_CAP:,} rows"
    if lifted <= usual:
        return f"{usual:,} rows, also if more are asked for"
    return f"{usual:,} rows, more if asked for"


def _answered(desk: MetabaseDesk, constraints: dict[str, int]) -> int:
    """Count the rows of an answer to the browser."""
    native = {"query": f"select n::text as n from generate_series(1, {_CAP}) n"}
    query = {"database": desk.server.database_id, "type": "native", "native": native}
    with desk.session.post("/api/dataset", {**query, "constraints": constraints} if constraints else query) as answer:
        node = answer.json()
    data = node.get("data") if isinstance(node, dict) else None
    rows = data.get("rows") if isinstance(data, dict) else None
    if not rows or node.get("status") != "completed":
        raise error_in(node, answer.where) or not_as_known("an answer to the browser", answer.status)
    return len(rows)


def _cap(desk: MetabaseDesk, rows: int) -> str:
    reply = desk.ask(f"select n::text as n from generate_series(1, {rows}) n")
    came = reply.body.count('{"n":')
    if came < rows:
        if reply.failure is not None and reply.rows is None:
            raise reply.failure
        desk.notes.append(
            f"Exports are cut at {came:,} rows without a word. Packed reading needs few rows and proves them."
        )
        return f"{came:,} rows, the rest is cut without a word"
    return f"none below {rows:,} rows"
