"""What no recording shows: the throttle's clock, sessions, faults, callers who hang up, bounded memory, the process."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from doubles import ADMIN, Start, admin, databases

from insight_frames.sandbox import postgres
from insight_frames.sandbox.serving import Double

ERAS = ("0.31", "0.34", "0.47", "0.49")
SLOW = "SELECT i, pg_sleep(CASE WHEN i = 1200 THEN 1.5 ELSE 0 END)::text AS s FROM generate_series(1, 2000) i"


def each_era(*eras: str) -> pytest.MarkDecorator:
    marked = [pytest.param(era, marks=pytest.mark.xdist_group(f"contract-{era}")) for era in eras or ERAS]
    return pytest.mark.parametrize("era", marked)


class Client:
    """HTTP by the standard library, one connection for everything unless asked otherwise."""

    def __init__(self, double: Double, session: str | None = None) -> None:
        self.double, self.session = double, session
        self.port = int(urlsplit(double.url).port or 0)
        self.kept = self.connect()

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=30)

    def send(
        self, method: str, path: str, body: Any = None, connection: HTTPConnection | None = None, **headers: str
    ) -> HTTPResponse:
        wire = connection or self.kept
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.session:
            named.setdefault("X-Metabase-Session", self.session)
        data = None
        if isinstance(body, str):
            data = urlencode({"query": body}).encode()
            named["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            data, named["Content-Type"] = json.dumps(body).encode(), "application/json"
        wire.request(method, path, data, named)
        return wire.getresponse()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        response = self.send(method, path, body, **headers)
        return response.status, response.read()

    def login(
        self, username: str = ADMIN["email"], password: str = ADMIN["password"], **headers: str
    ) -> tuple[int, Any]:
        status, body = self.call("POST", "/api/session", {"username": username, "password": password}, **headers)
        return status, json.loads(body)

    def export(self, sql: str, fmt: str = "json", **headers: str) -> tuple[int, bytes]:
        return self.call("POST", f"/api/dataset/{fmt}", question(sql), **headers)

    def dataset(self, sql: str) -> dict[str, Any]:
        body = {"database": 1, "type": "native", "native": {"query": sql}}
        return dict(json.loads(self.call("POST", "/api/dataset", body)[1]))


def question(sql: str) -> str:
    return json.dumps({"database": 1, "type": "native", "native": {"query": sql}})


_CLIENTS: dict[str, Client] = {}


@pytest.fixture
def client(era: str, start_double: Start) -> Client:
    """The era's double, logged in as its administrator, without faults and with the throttles forgotten."""
    if era not in _CLIENTS:
        _CLIENTS[era] = Client(start_double(era, name="Own"))
    found = _CLIENTS[era]
    found.kept.close()
    found.double.control("POST", "/clock", {"advance": 3601})
    found.double.control("POST", "/faults", {})
    found.session = None
    found.session = found.login()[1]["id"]
    return found


def wait_message(answer: Any) -> int:
    words = str(answer["errors"]["username"]).split()
    assert words[:3] == ["Too", "many", "attempts!"]
    return int(words[6])


# ------------------------------------------------------------------------------------------------ logging in
@each_era("0.31")
def test_throttle_counts_every_login_up_to_0_32(client: Client, era: str) -> None:
    for _ in range(9):  # the fixture logged in once
        assert client.login()[0] == 200
    status, answer = client.login()
    assert (status, wait_message(answer)) == (400, 15)
    assert wait_message(client.login()[1]) == 15
    client.double.control("POST", "/clock", {"advance": 16})
    assert client.login()[0] == 200


@each_era("0.34", "0.47", "0.49")
def test_throttle_counts_failures_and_hammering(client: Client, era: str) -> None:
    for _ in range(15):
        assert client.login()[0] == 200
    for _ in range(10):
        assert "password" in client.login(password="wrong")[1]["errors"]
    assert [wait_message(client.login()[1]) for _ in range(3)] == [15, 42, 78]
    client.double.control("POST", "/clock", {"advance": 3600 * 2})
    assert client.login()[0] == 200


@each_era("0.34", "0.47")
def test_throttle_by_address(client: Client, era: str) -> None:
    for number in range(50):
        client.login(f"nobody-{number}@example.com", "x", X_Forwarded_For="10.1.2.3")
    assert "username" in client.login("one-more@example.com", "x", X_Forwarded_For="10.1.2.3")[1]["errors"]
    heeded = era != "0.34"  # it counts by the socket's address, whatever the header says
    assert (client.login(X_Forwarded_For="10.1.2.4")[0] == 200) is heeded


@each_era()
def test_sessions_end(client: Client, era: str) -> None:
    assert client.call("GET", "/api/user/current")[0] == 200
    client.double.control("POST", "/clock", {"advance": 14 * 86400 + 1})
    assert client.call("GET", "/api/user/current") == (401, b"Unauthenticated")
    session = client.session = client.login()[1]["id"]
    path = "/api/session" + (f"?session_id={session}" if era == "0.31" else "")
    assert client.call("DELETE", path)[0] == 204
    assert client.call("DELETE", path) == (404, b"Not found.")
    assert client.call("GET", "/api/user/current")[0] == 401
    client.session = client.login()[1]["id"]
    client.double.control("POST", "/sessions/expire")
    assert client.export("SELECT 1")[0] == 401


@each_era("0.47", "0.49")
def test_api_keys(client: Client, era: str) -> None:
    status, body = client.call("POST", "/api/api-key", {"name": "bulk", "group_id": 1})
    if era != "0.49":
        assert status == 404
        return
    key = json.loads(body)["unmasked_key"]
    client.session = "00000000-0000-4000-8000-000000000000"
    assert client.call("GET", "/api/user/current")[0] == 401
    status, body = client.call("GET", "/api/user/current", x_api_key=key)
    assert status == 200
    assert json.loads(body)["is_superuser"] is False
    assert client.call("GET", "/api/user/current", x_api_key=key + "x")[0] == 401


# ------------------------------------------------------------------------------------------------ statements
@each_era()
def test_the_accounts_role_and_rights_decide(
    contract_server: postgres.Server, start_double: Start, client: Client, era: str
) -> None:
    with contract_server.connect() as connection:
        made = "SELECT 1 FROM pg_roles WHERE rolname = 'contract_blind'"
        if not connection.execute(made).fetchone():
            connection.execute("CREATE ROLE contract_blind LOGIN")
    people = [
        admin(),
        {"email": "blind@example.com", "password": "blind-pass-1x", "role": "contract_blind"},
        {"email": "clicks@example.com", "password": "click-pass-1x", "native": False},
    ]
    double = Double(
        {"era": era, "databases": databases(contract_server, "Own"), "accounts": people}, contract_server.folder
    )
    try:
        other = Client(double)
        other.session = other.login("blind@example.com", "blind-pass-1x")[1]["id"]
        answer = other.dataset("SELECT current_user::text")
        assert answer["data"]["rows"] == [["contract_blind"]]
        assert "permission denied for schema s_alpha" in other.dataset("TABLE s_alpha.site")["error"]
        other.session = other.login("clicks@example.com", "click-pass-1x")[1]["id"]
        assert other.dataset("SELECT 1")["error"] == "You do not have permissions to run this query."
        refused = other.call("POST", "/api/dataset", {"database": 2, "type": "native", "native": {"query": "SELECT 1"}})
        assert refused == (403, b"You don't have permissions to do that.")
    finally:
        double.stop()


@each_era()
def test_several_statements(client: Client, era: str) -> None:
    answer = client.dataset("SELECT 'a;b' AS x; SELECT 2")
    if era in ("0.31", "0.34"):
        assert answer["error"].endswith("Multiple ResultSets were returned by the query.")
    else:
        assert answer["data"]["rows"] == [["a;b"]]
    assert client.dataset("SELECT 1;  ")["data"]["rows"] == [[1]]
    assert "division by zero" in client.dataset("SELECT 1; SELECT 1/0")["error"]


@each_era()
def test_repeated_names(client: Client, era: str) -> None:
    sql = "SELECT 'a' AS x, 'b' AS x, 'c' AS y"
    rows = json.loads(client.export(sql)[1])
    header = client.export(sql, "csv")[1].split(b"\n")[0]
    if era in ("0.31", "0.34"):
        assert (rows, header) == ([{"x": "a", "x_2": "b", "y": "c"}], b"x,x_2,y")
    else:
        assert (rows, header) == ([{"x": "b", "y": "c"}], b"x,x,y")
    assert [col["name"] for col in client.dataset(sql)["data"]["cols"]] == ["x", "x_2", "y"]


@each_era()
def test_question_marks(client: Client, era: str) -> None:
    sql = """SELECT '{"a":1}'::jsonb ?? 'a' AS x, '?' AS y -- ?"""
    answer = client.dataset(sql)
    if era in ("0.31", "0.34"):
        assert answer["data"]["rows"] == [[True, "?"]]
    else:
        assert "operator does not exist" in answer["error"]


@each_era()
def test_a_write_is_refused_or_rolled_back(client: Client, contract_server: postgres.Server, era: str) -> None:
    answer = client.dataset("SET transaction_read_only = off; CREATE TABLE s_wide.left_behind (x int)")
    assert answer["status"] == "failed"
    with contract_server.connect("contract") as connection:
        assert connection.execute("SELECT to_regclass('s_wide.left_behind')").fetchone() == (None,)


@each_era("0.47", "0.49")
def test_a_late_failure(client: Client, era: str) -> None:
    sql = "SELECT 1 / (1500 - i) AS q FROM generate_series(1, 3000) i"
    response = client.send("POST", "/api/dataset/json", question(sql), Accept_Encoding="gzip")
    body = gzip.decompress(response.read())
    rows, _, failure = body.partition(b'{"database_id"')
    assert response.status == 200
    assert rows.count(b'{"q"') == (1000 if era == "0.47" else 0)
    assert not body.endswith(b"]")
    assert json.loads(b'{"database_id"' + failure)["error"] == "ERROR: division by zero"


@each_era()
def test_rows_leave_as_they_come_or_all_at_once(client: Client, era: str) -> None:
    started = time.monotonic()
    response = client.send("POST", "/api/dataset/json", question(SLOW))
    early = response.read(10)
    waited = time.monotonic() - started
    assert early.startswith(b"[")
    assert len(response.read()) > 2000
    assert (waited < 1.0) is (era == "0.47")


@each_era()
def test_slow_interactive_answers(client: Client, era: str) -> None:
    late = "SELECT pg_sleep(1.2)::text UNION ALL SELECT (1 / (i - 1))::text FROM generate_series(1, 1) i"
    body = {"database": 1, "type": "native", "native": {"query": late}}
    status, answer = client.call("POST", "/api/dataset", body)
    assert status == (200 if era == "0.31" else 202)
    assert answer.startswith(b"\n") is (era in ("0.31", "0.34"))
    assert json.loads(answer)["status"] == "failed"


@each_era()
def test_download_row_limit(client: Client, era: str) -> None:
    client.double.control("POST", "/settings", {"download_row_limit": 1234})
    try:
        assert client.export("SELECT i FROM generate_series(1, 5000) i", "csv")[1].count(b"\n") == 1235
    finally:
        client.double.control("POST", "/settings", {"download_row_limit": None})
    assert client.export("SELECT i FROM generate_series(1, 5000) i", "csv")[1].count(b"\n") == 5001


def sleeping(server: postgres.Server) -> int:
    with server.connect() as connection:
        asked = (
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%hang up%%' AND pid <> %s"
        )
        row = connection.execute(asked, [connection.info.backend_pid]).fetchone()
        return int(row[0]) if row else 0


@pytest.mark.parametrize("sql", [
    "SELECT pg_sleep(30) /* hang up */",
    "SELECT repeat('x', 20000), i /* hang up */ FROM generate_series(1, 100000000) i",
])  # fmt: skip
@each_era("0.47")
def test_hanging_up_cancels_the_statement(client: Client, contract_server: postgres.Server, sql: str, era: str) -> None:
    body = urlencode({"query": question(sql)}).encode()
    lines = [
        "POST /api/dataset/json HTTP/1.1", "Host: x", f"X-Metabase-Session: {client.session}",
        "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}", "", "",
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", client.port)) as wire:
        wire.sendall("\r\n".join(lines).encode() + body)
        until = time.monotonic() + 10
        while not sleeping(contract_server) and time.monotonic() < until:
            time.sleep(0.02)
        assert sleeping(contract_server) == 1
    until = time.monotonic() + 5
    while sleeping(contract_server) and time.monotonic() < until:
        time.sleep(0.02)
    assert sleeping(contract_server) == 0


@each_era("0.47", "0.49")
def test_parallel_requests(client: Client, era: str) -> None:
    def one(_: int) -> int:
        wire = client.connect()
        response = client.send("POST", "/api/dataset/csv", question("SELECT pg_sleep(0.5)::text"), wire)
        response.read()
        wire.close()
        return response.status

    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(6))) == [200] * 6
    assert time.monotonic() - started < 2.5


@each_era("0.47")
def test_memory_is_bounded_while_streaming(client: Client, era: str) -> None:
    status = Path(f"/proc/{client.double._process.pid}/status")
    if not status.exists():
        pytest.skip("no /proc on this system")

    def peak() -> int:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1])

    before = peak()
    response = client.send(
        "POST", "/api/dataset/json", question("SELECT repeat('y', 30000) AS d FROM generate_series(1, 9000)")
    )
    total = 0
    while piece := response.read(1 << 20):
        total += len(piece)
    assert total > 9000 * 30000
    assert peak() - before < 120_000  # kB, of 270,000 sent


# ------------------------------------------------------------------------------------------------ faults
def rows_of(body: bytes) -> list[int]:
    return [row["i"] for row in json.loads(body)]


FIVE = "SELECT i::text AS i FROM generate_series(0, 4) i"


@pytest.mark.parametrize(("kind", "expected"), [
    ("drop_cell", ["0", "2", "3", "4"]),
    ("duplicate_cell", ["0", "1", "1", "2", "3", "4"]),
    ("swap_cells", ["0", "2", "1", "3", "4"]),
])  # fmt: skip
@each_era()
def test_fault_in_the_rows(client: Client, kind: str, expected: list[str], era: str) -> None:
    client.double.control("POST", "/faults", {"kind": kind, "row": 1, "times": 2, "path": "dataset/json"})
    assert rows_of(client.export(FIVE)[1]) == expected
    assert client.export(FIVE, "csv")[1].count(b"\n") == 6  # another path is spared
    response = client.send("POST", "/api/dataset/json", question(FIVE), Accept_Encoding="gzip")
    body = response.read()
    assert rows_of(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body) == expected
    assert rows_of(client.export(FIVE)[1]) == ["0", "1", "2", "3", "4"]


@each_era("0.47")
def test_fault_late_error(client: Client, era: str) -> None:
    client.double.control("POST", "/faults", {"kind": "error_after_rows", "rows": 2})
    body = client.export(FIVE)[1]
    assert body.startswith(b'[\n{"i":"0"},\n{"i":"1"}{"database_id"')
    assert json.loads(body[body.index(b'{"database_id"') :])["status"] == "failed"


@each_era("0.31", "0.47")
def test_fault_cut(client: Client, era: str) -> None:
    client.double.control("POST", "/faults", {"kind": "cut_after_bytes", "bytes": 20})
    with pytest.raises(IncompleteRead):
        client.export(FIVE)
    client.kept.close()
    client.double.control("POST", "/faults", {"kind": "cut_after_bytes", "bytes": 20, "clean": True})
    assert len(client.export(FIVE)[1]) == 20


@each_era("0.47")
def test_fault_instead_of_an_answer(client: Client, era: str) -> None:
    client.double.control("POST", "/faults", [{"kind": "html", "status": 504}, {"kind": "initializing"}])
    status, body = client.call("GET", "/api/user/current")
    assert (status, body[:6]) == (504, b"<html>")
    assert client.call("GET", "/api/user/current")[0] == 200
    client.double.control("POST", "/faults", {"kind": "initializing", "times": 2})
    assert [client.call("GET", "/api/health")[0] for _ in range(3)] == [503, 503, 200]
    client.double.control("POST", "/faults", {"kind": "redirect", "location": "https://elsewhere.example/"})
    response = client.send("GET", "/api/health")
    assert (response.status, response.getheader("location")) == (302, "https://elsewhere.example/")
    response.read()


@each_era("0.47")
def test_fault_slowness(client: Client, era: str) -> None:
    client.double.control(
        "POST", "/faults", [{"kind": "delay", "seconds": 0.3}, {"kind": "rate", "bytes_per_second": 4000}]
    )
    started = time.monotonic()
    assert len(client.export("SELECT repeat('z', 2000) AS z")[1]) > 2000
    assert 0.7 < time.monotonic() - started < 5


@each_era("0.47")
def test_an_unknown_fault_is_refused(client: Client, era: str) -> None:
    with pytest.raises(OSError, match="400"):
        client.double.control("POST", "/faults", {"kind": "gremlin"})


# ------------------------------------------------------------------------------------------------ the process
@each_era("0.47")
def test_requests_are_listed(client: Client, era: str) -> None:
    client.double.control("DELETE", "/requests")
    client.call("GET", "/api/health?x=1")
    client.export("SELEC")
    assert client.double.control("GET", "/requests") == [
        ["GET", "/api/health", 200],
        ["POST", "/api/dataset/json", 200],
    ]


@each_era("0.47")
def test_head_and_keep_alive(client: Client, era: str) -> None:
    response = client.send("HEAD", "/api/health")
    assert (response.status, response.read()) == (200, b"")
    port = client.kept.sock.getsockname()[1] if client.kept.sock else None
    assert client.call("GET", "/api/health")[0] == 200
    assert client.kept.sock is not None
    assert client.kept.sock.getsockname()[1] == port
    assert client.call("PUT", "/api/health")[0] == 404


@pytest.mark.parametrize("how", ["pipe", "term", "int"])
def test_the_process_ends_with_its_parent(tmp_path: Path, how: str) -> None:
    config = tmp_path / "double.json"
    config.write_text(json.dumps({"era": "0.47", "databases": [], "accounts": [admin()]}))
    command = [sys.executable, "-m", "insight_frames.sandbox.double", str(config)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        if how == "pipe":
            process.stdin.close()
        else:
            process.send_signal({"term": signal.SIGTERM, "int": signal.SIGINT}[how])
        assert process.wait(5) == 0


def test_postgresql_gone_is_a_failed_result(start_double: Start, contract_server: postgres.Server) -> None:
    client = Client(start_double("0.47", name="Killed"))
    client.session = client.login()[1]["id"]
    assert client.dataset("SELECT 1")["status"] == "completed"

    def kill() -> None:
        time.sleep(0.3)
        with contract_server.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s AND pid <> %s",
                ["%to be killed%", connection.info.backend_pid],
            )

    with ThreadPoolExecutor(1) as pool:
        pool.submit(kill)
        answer = client.dataset("SELECT pg_sleep(20) /* to be killed */")
    assert answer["status"] == "failed"
    assert "terminating connection" in answer["error"]
    with contract_server.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%[double]'"
        )
    time.sleep(0.2)
    assert client.dataset("SELECT 1")["status"] == "completed"


@each_era("0.47")
def test_names_in_the_path_are_decoded_once(client: Client, contract_server: postgres.Server, era: str) -> None:
    with contract_server.connect("contract") as connection:
        connection.execute(
            'CREATE SCHEMA IF NOT EXISTS "a/b 50%25 c"; CREATE TABLE IF NOT EXISTS "a/b 50%25 c".t (x int)'
        )
        connection.execute('GRANT USAGE ON SCHEMA "a/b 50%25 c" TO insight_reader')
        connection.execute('GRANT SELECT ON "a/b 50%25 c".t TO insight_reader')
        try:
            client.call("POST", "/api/database/1/sync_schema", {})
            status, body = client.call("GET", "/api/database/1/schema/a%2Fb%2050%2525%20c")
            assert (status, [table["name"] for table in json.loads(body)]) == (200, ["t"])
        finally:
            connection.execute('DROP SCHEMA "a/b 50%25 c" CASCADE')
            client.call("POST", "/api/database/1/sync_schema", {})


@each_era("0.47")
def test_a_long_head_is_refused(client: Client, era: str) -> None:
    with socket.create_connection(("127.0.0.1", client.port)) as wire:
        wire.sendall(b"GET /api/health?" + b"x" * 9000)
        assert wire.recv(100).startswith(b"HTTP/1.1 414 ")
    with socket.create_connection(("127.0.0.1", client.port)) as wire:
        wire.sendall(b"GET /api/health HTTP/1.1\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 431 ")
    assert client.call("POST", "/api/session", {"username": "x" * 9000, "password": "y"})[0] == 401
