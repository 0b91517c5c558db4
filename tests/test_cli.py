"""The command line: every command of the README, output of every kind, bad input, pipes, completion."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import get_args

import pandas as pd
import pyarrow.parquet as pq
import pytest

import insight_frames as ifr
from insight_frames.cli import COMMANDS, NAMES, main, parser
from insight_frames.commands import output
from insight_frames.sandbox import Box
from insight_frames.snapshots.take import Consistency

ROOT = Path(ifr.__file__).parent.parent
TABLES = ["item", "Lab Import", "ig_notes_freetext", "site", "participant"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STUDY = "s_cardio3prod"
Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.parametrize("era", ["0.47"])


@pytest.fixture
def signed(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Box:
    """A shell that knows its server by the environment, in a folder of its own."""
    for name, value in {"URL": box.url, "USERNAME": box.username, "PASSWORD": box.password}.items():
        monkeypatch.setenv(f"INSIGHT_{name}", value)
    monkeypatch.chdir(tmp_path)
    return box


@pytest.fixture
def run(signed: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: its status, output and complaints."""

    def run(*words: object, line: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(line))
        try:
            status = main([str(one) for one in words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture(scope="module")
def cut(boxes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot to read from offline."""
    box, path = boxes("0.47"), tmp_path_factory.mktemp("cli") / "cut"
    with ifr.Connection(box.url, username=box.username, password=box.password) as connection:
        connection.snapshot(path, schemas=[STUDY], tables=TABLES)
    return path


# ------------------------------------------------------------------ reading
def test_what_is_there(run: Run, cut: Path) -> None:
    status, out, err = run("schemas", "--format", "csv")
    assert (status, err) == (0, "")
    assert f"{STUDY},36," in out
    assert run("tables", STUDY, "--format", "table")[1].count("\n") == 37
    described = run("describe", STUDY, "site")[1]
    assert described.splitlines()[1] == "site_id,integer,false,primary,,Number of the site"
    for words in (("tables",), ("describe", STUDY, "site"), ("schemas",)):
        status, out, err = run(*words, "--snapshot", cut)
        assert (status, err) == (0, "")
        assert STUDY in out or "site_id" in out


def test_into_a_pipe_goes_csv(run: Run, cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("read", STUDY, "site", "--columns", "site_id,name", "--order-by", "site_id desc", "--limit", 2)
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert [row[0] for row in csv.reader(out.splitlines())] == ["site_id", "5", "4"]
    assert run("read", STUDY, "ig_physx_exam", "--columns", "event_crf_id")[1].count("\n") == 1
    monkeypatch.setattr(output, "ROWS", 10)  # in several pieces
    whole, offline = run("read", STUDY, "participant")[1], run("read", STUDY, "participant", "--snapshot", cut)[1]
    assert (whole, whole.count("\n")) == (offline, 63)


def test_on_a_terminal_a_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
    out = run("read", STUDY, "participant", "--columns", "participant_id,site_id")[1]
    assert out.endswith("62 rows; --format table shows all\n")
    assert out.count("\n") < 20
    assert run("read", STUDY, "participant", "--columns", "participant_id", "--format", "table")[1].count("\n") == 63


@pytest.mark.parametrize("name", TABLES[:3])
def test_parquet_is_as_exact_as_a_snapshot(run: Run, cut: Path, name: str) -> None:
    status, out, err = run("read", STUDY, name, "-o", "one.parquet")
    assert (status, err) == (0, "")
    assert re.fullmatch(r"one\.parquet: \d+ rows, sha256:[0-9a-f]{64}\n", out.splitlines(keepends=True)[0])
    stored = next(
        one["path"] for one in ifr.open_snapshot(cut).manifest["resources"] if one["insight"]["table"] == name
    )
    made, kept = pq.read_table("one.parquet"), pq.read_table(cut / stored)
    order = [(one, "ascending") for one in made.column_names if not pd.api.types.is_list_like(made[one][0].as_py())]
    assert made.schema.names == kept.schema.names
    for one in made.schema.names:
        assert made.schema.field(one).type == kept.schema.field(one).type, one
    assert made.sort_by(order).equals(kept.sort_by(order))


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "dta", "sav", "xpt", "json"])
def test_files(run: Run, suffix: str) -> None:
    status, out, err = run("read", STUDY, "site", "-o", f"site.{suffix}", "--columns", "site_id,name")
    assert (status, err) == (0, "")
    assert out.startswith(f"site.{suffix}: 5 rows, sha256:")
    assert os.listdir() == [f"site.{suffix}"]
    reader = {"csv": pd.read_csv, "xlsx": pd.read_excel, "dta": pd.read_stata, "xpt": None, "sav": None}.get(suffix)
    if reader is not None:
        assert reader(f"site.{suffix}")["site_id"].tolist() == [1, 2, 3, 4, 5]
    assert run("read", STUDY, "site", "-o", f"site.{suffix}", "--columns", "site_id,name", "-q") == (0, "", "")


def test_sql(run: Run) -> None:
    text = f"select count(*) as n from {STUDY}.participant where site_id = :site and enrollment_date >= :day"
    words = ("--param", "site:int=3", "--param", "day:date=2023-06-01")
    asked = run("sql", text, *words)
    assert asked[0] == 0
    assert asked[1].startswith("n\n")
    assert run("sql", "-", *words, line=f"{text}\n") == asked
    Path("n.sql").write_text(text)
    assert run("sql", "@n.sql", *words) == asked
    assert run("sql", "select :a as a, :b as b", "--param", "a=007", "--param", "b:null=")[1] == "a,b\n007,\n"
    listed = run("sql", "select count(*) from (values (1),(2)) v(n) where n in :n", "--param", "n:int[]=2,3")
    assert listed[1] == "count\n1\n"


def test_a_long_read_into_a_pipe_comes_in_pieces(signed: Box) -> None:
    text = "select n, repeat('x', 50) as text from generate_series(1, 60000) n"
    code = "import sys; from insight_frames.cli import main; sys.exit(main(['sql', sys.argv[1]]))"
    shell = '"$1" -c "$2" "$3" | head -2; echo "status ${PIPESTATUS[0]}"'
    words = ["bash", "-c", shell, "bash", sys.executable, code, text]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "n,text"
    assert done.stdout.splitlines()[-1] == "status 141"


def test_what_breaks_off_is_not_taken_for_all(run: Run) -> None:
    text = "select n, 1 / (30000 - n) as m, repeat('x', 90) as x from generate_series(1, 40000) n"
    status, _, err = run("sql", text)
    assert (status, "division by zero" in err) == (1, True)
    for suffix in ("parquet", "csv"):
        assert run("sql", text, "-o", f"half.{suffix}")[0] == 1
    assert os.listdir() == []


@pytest.mark.long
def test_ctrl_c(signed: Box) -> None:
    code = "import sys; from insight_frames.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "sql", "select pg_sleep(60)"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    deadline = time.monotonic() + 60
    while not any(path == "/api/dataset/json" for _, path, _ in signed.requests) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


# ------------------------------------------------------------------ what cannot be
BAD = [
    (("read", STUDY), 2, "the following arguments are required: TABLE"),
    (("read", STUDY, "particpant"), 1, "Did you mean 'participant'"),
    (("read", "s_cardio", "site"), 1, "or 's_cardio3prod'?"),
    (("read", STUDY, "site", "--columns", "nmae"), 1, "has no column 'nmae'"),
    (("read", STUDY, "site", "--limit", "many"), 2, "--limit"),
    (("read", STUDY, "site", "--format", "parquet"), 2, "--output FILE.parquet"),
    (("read", STUDY, "site", "-o", "site.doc"), 2, "expected one ending in .parquet, .csv"),
    (("read", STUDY, "site", "-o", "site.csv", "--format", "xlsx"), 2, "expected one ending in .xlsx"),
    (("read", STUDY, "site", "-o", "nowhere/site.csv"), 2, "There is no folder for the file"),
    (("read", STUDY, "site", "--param", "site=3"), 2, "params were given without where="),
    (("read", STUDY, "ig_notes_freetext", "-o", "notes.dta"), 1, "na_rep="),
    (("read", STUDY, "site", "-o", "site.csv", "--rstrip"), 2, "--rstrip says nothing about .csv"),
    (("read", STUDY, "site", "--snapshot", "nowhere"), 1, "nowhere"),
    (("read", STUDY, "site", "--snapshot", "x", "--url", "http://127.0.0.1:9"), 2, "exclude each other"),
    (("sql", "select canary_of_mine"), 1, "canary_of_mine"),
    (("sql", "select 1", "--param", "x"), 2, "NAME=VALUE or NAME:TYPE=VALUE"),
    (("sql", "select :x", "--param", "x:int=secret-word"), 2, "The value of --param 'x' is no int"),
    (("sql", "select :x", "--param", "x:integer=1"), 2, "expected text, int, float"),
    (("sql", "select :x", "--param", "x=1", "--param", "x=2"), 2, "given twice"),
    (("sql", "select :x", "--param", "y=1"), 2, ":x"),
    (("sql", "-"), 2, "There is no SQL on standard input"),
    (("sql", "@nowhere.sql"), 2, "No such file"),
    (("schemas", "--url", "http://127.0.0.1:9"), 1, "127.0.0.1:9"),
    (("schemas", "--url", "ftp://somewhere"), 2, "URL"),
    (("schemas", "--header", "nothing"), 2, "--header cannot be read"),
    (("schemas", "--cert", "nowhere.pem"), 2, "cert names a file that is not there"),
    (("schemas", "--ca", "nowhere.pem"), 2, "verify names a file that is not there"),
    (("schemas", "--database", "none"), 1, "There is no PostgreSQL database 'none'"),
    (("schemas", "--profile", "nobody"), 2, "nobody"),
    (("snapshot", "cut", "--schema", "s_nowhere"), 1, "s_nowhere"),
    (("snapshot", "cut"), 2, "TEST twin"),
    (("question", "Participants of a sight"), 1, "Did you mean 'Participants of a site'"),
    (("question", "1", "--param", "site=three"), 2, "does not fit"),
    (("question", "9999"), 1, "9999"),
    (("export", "site", "site.csv"), 2, "the number of a question, SCHEMA.TABLE, or SQL"),
    (("export", "s_cardio3prod.sites", "site.csv"), 1, "sites"),
    (("export", "1", "site.dta"), 2, "The format of the file is not known"),
    (("verify", "nowhere"), 2, "nowhere"),
    (("diff", "nowhere", "here"), 2, "nowhere"),
    (("sandbox", "--size", "huge"), 2, "--size"),
    (("completion", "fish"), 2, "invalid choice"),
    (("raed", STUDY), 2, "there is no command 'raed'; did you mean 'read'?"),
    (("read", STUDY, "site", "--lim", "3"), 2, "--lim"),
]


@pytest.mark.parametrize(
    ("words", "expected", "said"), BAD, ids=lambda one: " ".join(one) if type(one) is tuple else ""
)
def test_bad_input(run: Run, words: tuple[str, ...], expected: int, said: str) -> None:
    status, out, err = run(*words)
    assert (status, out) == (expected, "")
    assert said in err
    assert err.startswith("insight-frames")
    assert "Traceback" not in err
    assert "secret-word" not in err


def test_output_that_cannot_be_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.path.exists("/dev/full"):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", open("/dev/full", "w"))  # noqa: SIM115
            assert main(["schemas"]) == 1
        assert run("whoami")[2] == "insight-frames schemas: No space left on device\n"
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert main(["schemas"]) == 2
        assert main(["schemas", "-o", "schemas.csv"]) == 0
    assert "Standard output is closed" in run("whoami")[2]
    assert Path("schemas.csv").stat().st_size


def test_no_server_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSIGHT_URL")
    status, out, err = run("schemas")
    assert (status, out) == (2, "")
    assert "There is no server to connect to" in err


def test_the_way_to_the_server_is_passed_on(run: Run, signed: Box) -> None:
    Path("headers").write_text("X-Gateway: hush-hush\n\nX-More: 1\n")
    words = (
        "--header",
        "@headers",
        "--header",
        "X-Third: 3",
        "--proxy",
        "none",
        "--timeout",
        "30",
        "--database",
        "Insight",
    )
    assert run("schemas", *words, "--username", signed.username)[0] == 0
    status, _, err = run("schemas", "--proxy", "http://user:hush-hush@127.0.0.1:none")
    assert (status, "hush" in err) == (2, False)
    assert run("schemas", "--header", "X-Metabase-Session: hush-hush")[0] == 2


# ------------------------------------------------------------------ help and completion
@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    status, out, err = run(name, "--help")
    assert (status, err) == (0, "")
    assert f"\n  insight-frames {name}" in out or f"(insight-frames {name}" in out, "an example"
    assert "exit status:" in out
    assert f"\n    {name}" in run("--help")[1]


def test_no_secret_is_a_word(run: Run) -> None:
    for one in COMMANDS:
        assert not re.search(r"--(password|api-key|session)\b(?!-stdin)", run(one.name, "--help")[1])


def test_help_is_quick(signed: Box) -> None:
    code = "from insight_frames.cli import main; main(['--help'])"
    seconds = []
    for _ in range(3):
        before = os.times()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(seconds) < 0.25


COMPLETED = [
    (["sn"], ["snapshot"]),
    (["read", "s", "t", "--ch"], ["--choices"]),
    (["read", "s", "t", "--choices", ""], ["label", "code", "both"]),
    (["completion", "z"], ["zsh"]),
    (["verify", "cu"], ["cuts"]),
    (["read", "--snapshot", "cu"], ["cuts"]),
    (["read", "--limit", "c"], []),
]


@pytest.mark.skipif(which("bash") is None, reason="there is no bash")
def test_completion_in_bash(run: Run) -> None:
    Path("complete.sh").write_text(run("completion", "bash")[1])
    Path("cuts").mkdir()
    script = "source complete.sh\n"
    for words, _ in COMPLETED:
        quoted = " ".join(shlex.quote(one) for one in ["insight-frames", *words])
        script += f'COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _insight_frames; echo "${{COMPREPLY[*]}}"\n'
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [" ".join(found) for _, found in COMPLETED]


def test_completion_in_zsh(run: Run) -> None:
    text = run("completion", "zsh")[1]
    for name in NAMES:
        assert f"    '{name}:" in text
    assert text.startswith("#compdef insight-frames\n")
    if which("zsh") is None:
        pytest.skip("there is no zsh: its script was not run")
    Path("_insight-frames").write_text(text)
    check = "autoload -Uz compinit; compinit -u -D; source ./_insight-frames; print ${_comps[insight-frames]}"
    done = subprocess.run(["zsh", "-f", "-c", check], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("_insight_frames\n", "", 0)
    assert subprocess.run(["zsh", "-n", "_insight-frames"], capture_output=True, text=True).stderr == ""


def test_the_parser_is_one(run: Run) -> None:
    kinds = get_args(Consistency)
    assert [parser().parse_args(["snapshot", "x", "--consistency", one]).consistency for one in kinds] == list(kinds)
    assert parser().parse_args(["read", "a", "b"]).command.name == "read"
    assert [one.name for one in COMMANDS] == NAMES
    assert len(set(NAMES)) == len(NAMES)


# ------------------------------------------------------------------ the README
def block(name: str) -> list[str]:
    """The commands of a block of the README, without what is said behind them."""
    found = re.search(rf"<!-- {name} -->\n```r?\n(.*?)```", README, re.S)
    assert found
    return [re.split(r"  +#", line)[0].strip() for line in found[1].splitlines()]


def test_every_command_of_the_readme(run: Run, signed: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSIGHT_HOME", str(Path("home").absolute()))
    monkeypatch.setenv("INSIGHT_KEEP_SESSION", "1")
    assert run("login", "--password-stdin", line=signed.password)[0] == 0
    monkeypatch.delenv("INSIGHT_PASSWORD")  # the session is enough
    Path("cuts").mkdir()
    Path("sites.sql").write_text(f"select * from {STUDY}.site where country in :country")
    told = {}
    for line in [*block("files"), *block("commands")]:
        command, _, into = line.partition(" > ")
        command, _, source = command.partition(" < ")
        words = shlex.split(command.partition(" | ")[0])
        status, out, err = run(*words[1:], line=Path(source).read_text() if source else "")
        assert (status, err) == (1 if words[1] == "diff" else 0, ""), line
        told[line] = out
        if into:
            Path(into).write_text(out)
    assert {one.split()[1] for one in told} >= set(NAMES) - {"login", "demo", "sandbox", "completion"}
    files = [
        "participant.parquet",
        "three.csv",
        "site.json",
        "vitals.xlsx",
        "sites.csv",
        "offline.dta",
        "changes.xlsx",
        "instance.json",
    ]
    assert all(Path(one).stat().st_size for one in [*files, "vitals.dta", "vitals.xpt", "site.xpt"])
    assert len(pd.read_csv("sites.csv")) == 2
    assert json.loads(told["insight-frames doctor --json > instance.json"])["readable"] is True
    vitals = pd.read_stata("vitals.dta")
    assert vitals["i_vital_sev"].cat.categories.tolist() == ["Mild", "Moderate", "Severe"]
    with pd.read_stata("vitals.dta", iterator=True) as opened:
        assert opened.variable_labels()["i_vital_sysbp"].startswith("Vital Signs: First measurement (mmHg)")
    pyreadstat = pytest.importorskip("pyreadstat")
    frame, about = pyreadstat.read_xport("site.xpt")
    assert (len(frame), about.column_names_to_labels["SITE_ID"]) == (5, "Number of the site")
    assert len(pyreadstat.read_xport("vitals.xpt")[0]) == len(vitals)


def test_the_guides_request_in_r(signed: Box) -> None:
    if which("Rscript") is None:
        pytest.skip("there is no Rscript: the README's R was not run")
    packages = "quit(status = !all(sapply(c('httr', 'jsonlite'), requireNamespace, quietly = TRUE)))"
    if subprocess.run(["Rscript", "--vanilla", "-e", packages], capture_output=True).returncode:
        pytest.skip("R lacks httr or jsonlite: the README's R was not run")
    Path("guide.R").write_text("\n".join(block("R")) + "\n")
    done = subprocess.run(["Rscript", "--vanilla", "guide.R"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()][:2] == [["col1", "col2"], ["1", "1", "2"]]
    assert len(done.stdout.splitlines()) == 11
    broken = Path("guide.R").read_text().replace("SELECT a", "SELECT nothing")
    Path("guide.R").write_text(broken)
    done = subprocess.run(["Rscript", "--vanilla", "guide.R"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert 'no rows: ERROR: column "nothing" does not exist' in " ".join(done.stderr.split())
