"""Every way to ask, failing in every way that it can, over rows, parameters and secrets that are canaries.

`_no_leaks` in conftest.py searches what was said: messages, chains, tracebacks, local variables, logs of every level,
prints, provenance and files. What Python does not let anybody hide: variables of the caller (who wrote the password
there), a `Secret` that is asked to reveal itself, and a dump of the process's memory.
"""

from __future__ import annotations

import io
import logging
import shutil
import socket
import sys
import traceback
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import canaries
import pytest
from sandboxes import Connect, Scratch

import insight_frames as ifr
from insight_frames import Connection, InsightError
from insight_frames.cli import main
from insight_frames.sandbox import Box
from insight_frames.wire import patience

NAME = "Wyrzk-" + "Qvxname"  # of a patient; never as such in a line that a traceback shows
PARAM = "qx7" + "zw9-param"
WORD = "qx7" + "zw9-password"
pytestmark = pytest.mark.parametrize("era", ["0.47"])


@pytest.fixture(autouse=True)
def _patient(caplog: pytest.LogCaptureFixture) -> None:
    """The name counts as what must not be said; all loggers speak, as if a program had set them up to."""
    caplog.set_level(logging.DEBUG)
    canaries.WATCH.values.add(NAME)


@pytest.fixture
def told(scratch: Scratch) -> str:
    """A table of names."""
    scratch.run("create table told (k text primary key, t text not null, n numeric(5,2), d date, a text[])")
    scratch.run(
        "insert into told select %s || g, %s || '-' || g, g, '2024-01-01', array[%s] from generate_series(1, 700) g",
        *(NAME,) * 3,
    )
    return "told"


def fails(*asked: Callable[[], Any]) -> None:
    for number, one in enumerate(asked):
        try:
            one()
        except InsightError as error:
            canaries.heard(error)
        else:
            pytest.fail(f"number {number} is no error")


def say(*things: Any) -> None:
    for one in things:
        canaries.WATCH.say(f"a {type(one).__name__}", f"{one!r} {one}")
        if hasattr(one, "_repr_html_"):
            canaries.WATCH.say(f"a {type(one).__name__}", one._repr_html_())


def test_rows(connect: Connect, path: str, told: str) -> None:
    asked = connect(path=path)
    name = f"s_scratch.{told}"
    fails(
        lambda: asked.read_table("s_scratch", told, dtype={"t": "int64"}),
        lambda: asked.read_table("s_scratch", told, dtype={"t": "category", "k": "float64"}),
        lambda: asked.read_table("s_scratch", told, parse_dates=["t"]),
        lambda: asked.read_table("s_scratch", told, parse_dates={"t": "%Y"}),
        lambda: asked.read_table("s_scratch", told, where="t::int > 0"),
        lambda: list(asked.read_table("s_scratch", told, where="t::date > now()", chunksize=10)),
        lambda: asked.read_sql(f"select t::int from {name}"),
        lambda: asked.read_sql(f"select t::regclass from {name}"),
        lambda: asked.read_sql(f"select t::jsonb from {name}"),
        lambda: asked.read_sql(f"select t::bytea, decode(t, 'hex') from {name}"),
        lambda: asked.read_sql(f"select a::int[] from {name}"),
        lambda: asked.read_sql(f"select format(t || '%', 1) from {name}"),
        lambda: asked.read_sql(f"select t ~ ('(' || t) from {name}"),
        lambda: asked.read_sql(f"select to_date(t, t) from {name}"),
        lambda: asked.read_sql(f"select query_to_xml('select ' || t, true, true, '')::text from {name}"),
    )
    frame = asked.read_table("s_scratch", told, index_col="k")
    assert len(frame) == 700
    say(asked, asked.describe_table("s_scratch", told).attrs, frame.attrs)


def test_values_out_of_range(connect: Connect, path: str, told: str, scratch: Scratch) -> None:
    scratch.run("insert into told values (%s, %s, 'NaN', 'infinity', array[array[%s]])", NAME, NAME, NAME)
    asked = connect(path=path)
    for more in ({"columns": ["k", "d"]}, {"columns": ["k", "a"]}, {"columns": ["n", "a", "d"], "chunksize": 5}):
        with pytest.raises(ifr.ValueOutOfRange) as caught:
            list(asked.read_table("s_scratch", told, **more))
        assert caught.value.value
    asked.read_table("s_scratch", told, out_of_range="text")


def test_parameters(connect: Connect, path: str, told: str) -> None:
    asked = connect(path=path)
    params = {"x": PARAM, "y": [f"{PARAM}-1", f"{PARAM}-2"]}
    fails(
        lambda: asked.read_sql("select :x::int, :y", params=params),
        lambda: asked.read_sql("select nonsense, :x, :y", params=params),
        lambda: asked.read_sql("select :x, :y from nowhere", params=params),
        lambda: asked.read_sql("select :x || 1 / 0 where :x = any(:y)", params=params),
        lambda: asked.read_sql("select :x", params=params),
        lambda: asked.read_sql("select :x, :y, :z", params=params),
        lambda: asked.read_sql("select :x", params={"x": f"{PARAM}\0"}),
        lambda: asked.read_sql("select :x", params={"x": f"{PARAM}\ud800"}),
        lambda: asked.read_sql("select 1", params=PARAM),
        lambda: asked.read_sql("select ':x", params={"x": PARAM}),
        lambda: asked.read_table("s_scratch", told, where="n = :x", params={"x": PARAM}),
        lambda: asked.read_table("s_scratch", told, where="t = :x and", params={"x": PARAM}),
    )
    frame = asked.read_sql("select :x as x, :y as y", params=params)
    assert frame["x"].tolist() == [PARAM]
    say(frame.attrs, asked, asked._source, asked._server)


@pytest.mark.parametrize("path", ["auto", "plain"])
def test_answers_that_break(box: Box, connect: Connect, path: str, told: str) -> None:
    asked = connect(path=path)
    asked.read_table("s_scratch", told)
    message = f'ERROR: invalid input: "{NAME}"\n  Detail: Key (t)=({NAME}) is there.\n  Where: {NAME}'
    for fault in (
        {"kind": "cut_after_bytes", "bytes": 20_000},
        {"kind": "cut_after_bytes", "bytes": 20_000, "clean": True},
        {"kind": "drop_cell", "row": 1},
        {"kind": "duplicate_cell", "row": 1},
        {"kind": "error_after_rows", "rows": 2, "message": message},
        {"kind": "error_after_rows", "rows": 0, "message": message},
        {"kind": "html", "status": 200},
        {"kind": "redirect", "location": f"http://127.0.0.1/{NAME}?token={NAME}"},
    ):
        for ask in (
            lambda: asked.read_table("s_scratch", told),
            lambda: asked.read_sql(f"select * from s_scratch.{told}"),
        ):
            box.fault(**fault, path="/api/dataset/json", times=9)
            fails(ask)
            box.fault()


# ------------------------------------------------------------------ secrets
def test_who_is_not_let_in(box: Box, connect: Connect) -> None:
    for who in ({"password": WORD}, {"username": "nobody@example.com", "password": WORD}):
        fails(connect(**who).list_schemas)
    box.advance_clock(3600)
    for one in (Connection(box.url, session_id=WORD, keep_session=False), Connection(box.url, api_key=WORD)):
        fails(one.list_schemas, one.whoami, one.login, lambda one=one: one.read_sql("select 1"))
        say(one, one._session, one._http, one._session._credentials)
    for odd in ("\n", "é", "\ufffd", " "):
        fails(Connection(box.url, session_id=WORD + odd, keep_session=False).list_schemas)
        fails(Connection(box.url, api_key=WORD + odd).list_schemas)


def test_a_session_that_ends(box: Box, connect: Connect) -> None:
    asked = connect()
    asked.list_schemas()
    held = asked._session._id
    assert held is not None
    other = Connection(box.url, session_id=held, keep_session=False)
    other.list_schemas()
    box.expire_sessions()
    fails(other.list_schemas, lambda: other.read_sql("select 1"))
    assert len(asked.list_schemas())
    box.fault(kind="html", status=502, times=9)
    fails(asked.login)
    box.fault(kind="redirect", location=f"https://127.0.0.1/{WORD}", times=9)
    fails(asked.list_schemas, asked.whoami)
    say(asked, vars(asked._session), vars(asked._server))


def test_where_nobody_answers(monkeypatch: pytest.MonkeyPatch, era: str) -> None:
    def broken(error: BaseException) -> Callable[..., None]:
        def sendall(*_: Any) -> None:
            raise error

        return sendall

    urls = ["http://127.0.0.1:9", "https://127.0.0.1:9", "nonsense", "http://u:p@x"]
    secrets = ({"password": WORD}, {"api_key": WORD}, {"session_id": WORD})
    monkeypatch.setattr(patience, "PAUSE", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        urls.append(f"http://127.0.0.1:{listening.getsockname()[1]}")
        for error in (OSError("broken"), TimeoutError(), KeyboardInterrupt()):
            monkeypatch.setattr(socket.socket, "sendall", broken(error))
            for url, one in product(urls, secrets):
                who = one if "api_key" in one else {"username": "ann@example.com"} | one
                with pytest.raises((InsightError, KeyboardInterrupt)) as caught:
                    Connection(url, **who, keep_session=False, timeout=2).list_schemas()
                shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
                del shown.stack[0]  # our own variables
                assert WORD not in "".join(shown.format())


# ------------------------------------------------------------------ snapshots, offline and on the command line
@pytest.fixture
def cuts(connect: Connect, told: str, scratch: Scratch, tmp_path: Path) -> tuple[ifr.Snapshot, ifr.Snapshot]:
    """Two snapshots that differ."""
    asked = connect()
    old = asked.snapshot(tmp_path / "old", schemas=["s_scratch"])
    scratch.run("update told set t = t || %s, n = n + 1 where k like %s", NAME, "%7")
    scratch.run("delete from told where k like %s", "%9")
    new = asked.snapshot(tmp_path / "new", schemas=["s_scratch"])
    return old, new


def test_offline(cuts: tuple[ifr.Snapshot, ifr.Snapshot], told: str) -> None:
    old, _ = cuts
    name = f"s_scratch.{told}"
    params = {"x": PARAM}
    fails(
        lambda: old.read_table("s_scratch", told, dtype={"t": "int64"}),
        lambda: old.read_table("s_scratch", told, parse_dates={"t": "%Y"}),
        lambda: old.read_table("s_scratch", told, where="t::int > 0"),
        lambda: old.read_table("s_scratch", told, where="n = :x", params=params),
        lambda: old.read_table("s_scratch", told, where="nonsense = :x", params=params),
        lambda: old.read_table("s_scratch", told, where="t = :x and", params=params),
        lambda: old.read_sql(f"select t::int from {name}"),
        lambda: old.read_sql(f"select t::date from {name}"),
        lambda: old.read_sql(f"select strptime(t, '%Y') from {name}"),
        lambda: old.read_sql(f"select error(t) from {name}"),
        lambda: old.read_sql(f"select t from {name} where regexp_matches(t, '(' || t)"),
        lambda: old.read_sql("select :x::int", params=params),
        lambda: old.read_sql("select :x from nowhere", params=params),
        lambda: old.read_sql(f"select json_extract(t, t) from {name}"),
        lambda: old.read_sql(f"select * from read_csv('{PARAM}')"),
    )
    frame = old.read_sql(f"select count(*) as n from {name} where t <> :x", params=params)
    say(old, frame.attrs, old.read_table("s_scratch", told).attrs, old.manifest, old.verify())


def test_differences(cuts: tuple[ifr.Snapshot, ifr.Snapshot], told: str, tmp_path: Path) -> None:
    old, new = cuts
    found = ifr.diff(old, new)
    assert found
    say(found, *vars(found).get("tables", {}))
    fails(
        lambda: ifr.diff(old, new, keys={f"s_scratch.{told}": [PARAM]}),
        lambda: ifr.diff(old, new, ignore=["nothing"]),
        lambda: found.to_excel(tmp_path / "no" / "such" / "folder.xlsx"),
    )


def test_damaged_snapshots(cuts: tuple[ifr.Snapshot, ifr.Snapshot], told: str, tmp_path: Path) -> None:
    old, new = cuts
    (file,) = old.path.rglob("*.parquet")
    data = file.read_bytes()
    for place in range(4, len(data), len(data) // 12):
        shutil.copytree(old.path, tmp_path / "damaged")
        (tmp_path / "damaged" / file.relative_to(old.path)).write_bytes(data[:place] + b"xyz" + data[place + 3 :])
        damaged = ifr.open_snapshot(tmp_path / "damaged")
        report = damaged.verify()
        assert not report
        say(report, *report.problems)
        fails(lambda one=damaged: one.read_table("s_scratch", told), lambda one=damaged: ifr.diff(one, new))
        shutil.rmtree(tmp_path / "damaged")


def test_snapshots_that_break_off(box: Box, connect: Connect, told: str, scratch: Scratch, tmp_path: Path) -> None:
    scratch.run("create table more as select * from told")
    for fault in (
        {"kind": "cut_after_bytes", "bytes": 90_000},
        {"kind": "error_after_rows", "rows": 3, "message": NAME},
    ):
        asked = connect()
        asked.list_schemas()
        box.fault(**fault, times=20, path="/api/dataset/json")
        fails(lambda one=asked: one.snapshot(tmp_path / "cut", schemas=["s_scratch"]))
        box.fault()
    with pytest.raises(InsightError):
        connect().snapshot(tmp_path / "no" / "\0", schemas=["s_scratch"])


def test_commands(
    cuts: tuple[ifr.Snapshot, ifr.Snapshot],
    box: Box,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("INSIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("INSIGHT_KEEP_SESSION", raising=False)
    old, new = (str(one.path) for one in cuts)

    def run(*words: str, line: str = "") -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(line))
        try:
            status = main(list(words))
        except SystemExit as ended:
            status = int(ended.code or 0)
        canaries.WATCH.say(f"insight-frames {words[0]}", repr(capsys.readouterr()))
        return status

    who = (box.url, "--username", box.username)
    assert run("login", *who, "--password-stdin", line=f"{WORD}\n") == 1
    assert run("login", *who, "--password-stdin", line=f"{box.password}\n") == 0
    box.expire_sessions()
    assert run("whoami", *who) == 1
    assert run("login", *who, "--password-stdin", "--profile", "trial", line=box.password) == 0
    assert run("whoami") == 0
    assert run("logout") == 0
    assert run("diff", old, new) == 1
    assert run("diff", old, new, "--xlsx", str(tmp_path / "what.xlsx")) == 1
    assert run("diff", old, new, "--key", f"s_scratch.{told}=n") in (1, 2)
    assert run("diff", old, str(tmp_path)) == 2
    assert run("verify", old) == 0
    (file,) = Path(old).rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-1000])
    assert run("verify", old) == 1
    assert run("diff", old, new) == 2
