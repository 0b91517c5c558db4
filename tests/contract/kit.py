"""What record.py and compare.py share: the wire, the run-time context, and the run of one case.

Nothing here follows redirects, keeps a connection, keeps a cookie or retries a request.
"""

import base64
import hashlib
import io
import json
import random
import re
import socket
import ssl
import time
import urllib.parse
import warnings
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases.json"
AREAS = (
    "auth",
    "metadata",
    "dataset",
    "export-json",
    "export-csv",
    "export-xlsx",
    "card",
    "error",
    "limits",
    "types",
    "mbql",
    "params",
    "segment",
    "embed",
)
KEPT_HEADERS = (
    "content-type",
    "content-disposition",
    "transfer-encoding",
    "content-encoding",
    "connection",
    "x-accel-buffering",
    "cache-control",
    "location",
    "expires",
    "retry-after",
    "vary",
)
BIG_BODY = 60_000  # characters; longer bodies are kept as head, tail, count and digest
KEEP_ROWS = 3
PREFIX = "kit: "  # names of everything the kit creates inside the server


# ------------------------------------------------------------------------------------------------ wire
class Wire(Exception):
    """The answer could not be read as HTTP at all."""


class _Reader:
    def __init__(self, sock, deadline):
        self.sock, self.deadline, self.buffer, self.ended, self.why = sock, deadline, b"", False, None

    def more(self):
        if self.ended:
            return False
        left = self.deadline - time.monotonic()
        if left <= 0:
            self.ended, self.why = True, "timeout"
            return False
        self.sock.settimeout(left)
        try:
            piece = self.sock.recv(65536)
        except TimeoutError:
            self.ended, self.why = True, "timeout"
            return False
        except OSError as error:  # a reset is a way of ending, and is recorded as such
            self.ended, self.why = True, type(error).__name__
            return False
        if not piece:
            self.ended, self.why = True, "closed"
            return False
        self.buffer += piece
        return True

    def line(self):
        while b"\n" not in self.buffer:
            if not self.more():
                return None
        text, self.buffer = self.buffer.split(b"\n", 1)
        return text.rstrip(b"\r")

    def take(self, count):
        """Up to `count` bytes; fewer only when the peer ended."""
        pieces, have = [], 0
        while have < count:
            if not self.buffer and not self.more():
                break
            piece, self.buffer = self.buffer[: count - have], self.buffer[count - have :]
            pieces.append(piece)
            have += len(piece)
        return b"".join(pieces)

    def rest(self):
        pieces = [self.buffer]
        self.buffer = b""
        while self.more():
            pieces.append(self.buffer)
            self.buffer = b""
        return b"".join(pieces)


def exchange(base, method, target, headers, body=b"", timeout=120.0, source=None):
    """One request over its own connection. `target` is path plus query string. Returns a dict of what arrived.

    `source` is a loopback address to call from (used when the server is on this machine): servers count failed logins
    by address, and one run must not lock out the next run, nor anybody else.
    """
    url = urllib.parse.urlsplit(base)
    port = url.port or (443 if url.scheme == "https" else 80)
    deadline = time.monotonic() + timeout
    here = url.hostname in ("127.0.0.1", "localhost") and source and source.startswith("127.")
    sock = socket.create_connection(
        ("127.0.0.1" if here else url.hostname, port), timeout=timeout, source_address=(source, 0) if here else None
    )
    try:
        if url.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=url.hostname)
        lines = [f"{method} {url.path.rstrip('/')}{target} HTTP/1.1", f"Host: {url.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method in ("POST", "PUT"):
            lines.append(f"Content-Length: {len(body)}")
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
        reader = _Reader(sock, deadline)
        while True:
            first = reader.line()
            if first is None:
                raise Wire(f"no status line ({reader.why})")
            match = re.match(rb"HTTP/\d(?:\.\d)? (\d{3})", first)
            if not match:
                raise Wire(f"not a status line: {first[:80]!r}")
            status, got = int(match.group(1)), []
            while True:
                line = reader.line()
                if line is None:
                    raise Wire(f"headers cut ({reader.why})")
                if not line:
                    break
                name, _, value = line.partition(b":")
                got.append((name.decode("latin-1").strip().lower(), value.decode("latin-1").strip()))
            if status >= 200:
                break
        named = dict(got)
        complete, framing, data = True, "none", b""
        if method == "HEAD" or status in (204, 304):
            pass
        elif "chunked" in named.get("transfer-encoding", "").lower():
            framing, complete, pieces = "chunked", False, []
            while True:
                size = reader.line()
                try:
                    count = int((size or b"").split(b";")[0].strip(), 16)
                except ValueError:
                    break
                if count == 0:
                    while True:
                        trailer = reader.line()
                        if trailer is None:
                            break
                        if not trailer:
                            complete = True
                            break
                    break
                piece = reader.take(count)
                pieces.append(piece)
                if len(piece) < count or reader.line() != b"":
                    break
            data = b"".join(pieces)
        elif "content-length" in named:
            framing = "length"
            data = reader.take(int(named["content-length"]))
            complete = len(data) == int(named["content-length"])
        else:
            framing = "close"
            data = reader.rest()
            complete = reader.why == "closed"
        return {
            "status": status,
            "headers": got,
            "framing": framing,
            "complete": complete,
            "ended": reader.why,
            "body": data,
        }
    finally:
        sock.close()


# ------------------------------------------------------------------------------------------------ context
class Unfilled(Exception):
    """A placeholder of the case has no value on this server."""


PLACEHOLDER = re.compile(r"\{\{([a-z_]+(?::[A-Za-z0-9_. -]+)?)\}\}")
FIXED = {
    "database_id",
    "closed_id",
    "admin_email",
    "admin_password",
    "reader_email",
    "reader_password",
    "run",
    "run_ip",
    "admin_session",
    "reader_session",
}


class Context:
    """Everything a placeholder can mean, and the secrets that must not be recorded."""

    def __init__(self):
        self.values = {}  # placeholder -> value
        self.tables, self.fields = {}, {}  # id -> "schema.table", "schema.table.column"
        self.database_id = None
        self.database_name = None
        self.version = None
        self.log = []
        self.secrets = {}  # text -> what is written instead

    def note(self, text):
        self.log.append(text)

    def secret(self, text, shown):
        if text:
            self.secrets[text] = shown

    def redact(self, text):
        for value in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(value, self.secrets[value])
        return text

    def fill(self, node):
        if isinstance(node, dict):
            return {self.fill(key): self.fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self.fill(value) for value in node]
        if not isinstance(node, str):
            return node
        whole = PLACEHOLDER.fullmatch(node)
        if whole and self._ours(whole.group(1)):
            return self._value(whole.group(1))
        return PLACEHOLDER.sub(lambda m: str(self._value(m.group(1))) if self._ours(m.group(1)) else m.group(0), node)

    @staticmethod
    def _ours(name):
        # a bare {{word}} that is not one of ours is a Metabase template tag and stays as it is
        return name in FIXED or (
            name.split(":")[0] in ("table", "field", "card", "segment", "metric", "saved", "user") and ":" in name
        )

    def _value(self, name):
        if name not in self.values:
            raise Unfilled(name)
        return self.values[name]

    def describe(self):
        return {
            "database_id": self.database_id,
            "database_name": self.database_name,
            "version": self.version,
            "tables": {str(k): v for k, v in self.tables.items()},
            "fields": {str(k): v for k, v in self.fields.items()},
            "values": {
                k: v for k, v in self.values.items() if k.split(":")[0] in ("card", "segment", "metric", "user", "run")
            },
            "prepared": self.log,
        }


class Server:
    """Plain JSON calls, used to prepare the context only."""

    def __init__(self, base, timeout=120.0, source=None):
        self.base, self.timeout, self.source, self.session = base.rstrip("/"), timeout, source, None

    def call(self, method, path, body=None, session=None, headers=None):
        sent = {"User-Agent": "contract-kit", "Accept": "application/json"}
        session = session or self.session
        if session:
            sent["X-Metabase-Session"] = session
        data = b""
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        got = exchange(self.base, method, path, sent, data, self.timeout, self.source)
        text = got["body"].decode("utf-8", "replace")
        try:
            return got["status"], json.loads(text) if text.strip() else None
        except ValueError:
            return got["status"], text

    def login(self, email, password):
        status, answer = self.call("POST", "/api/session", {"username": email, "password": password})
        wait = re.search(r"wait (\d+) seconds", str(answer)) if status in (400, 401) else None
        if (
            wait and int(wait.group(1)) <= 180
        ):  # throttled: up to 0.32 good logins count too; one more try, after the time it names
            time.sleep(int(wait.group(1)) + 1)
            status, answer = self.call("POST", "/api/session", {"username": email, "password": password})
        if status != 200 or not isinstance(answer, dict) or "id" not in answer:
            return None, f"{status} {str(answer)[:200]}"
        return answer["id"], None


def load_cases(path=CASES):
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    seen = set()
    for case in data["cases"]:
        if case["id"] in seen:
            raise SystemExit(f"case id twice: {case['id']}")
        seen.add(case["id"])
        if case["area"] not in AREAS:
            raise SystemExit(f"{case['id']}: unknown area {case['area']}")
    return data


def chosen(cases, area=None, held="all", only=None, lockout=True):
    for case in cases:
        if case.get("lockout") and not lockout:
            continue
        if area and case["area"] not in area:
            continue
        if held != "all" and bool(case.get("held")) != (held == "yes"):
            continue
        if only and case["id"] not in only:
            continue
        yield case


def as_list(answer):
    """GET /api/database and friends: a list up to 0.39, {"data": [...]} later."""
    if isinstance(answer, dict):
        answer = answer.get("data")
    return answer if isinstance(answer, list) else []


def details(connect):
    host, port, name, user = connect.split(":")
    return {
        "host": host,
        "port": int(port),
        "dbname": name,
        "user": user,
        "password": None,
        "ssl": False,
        "tunnel-enabled": False,
    }


def prepare(
    base,
    data,
    *,
    admin,
    reader=None,
    database_name="Insight",
    connect=None,
    timeout=120.0,
    sync=True,
    sync_timeout=300.0,
    say=lambda text: None,
):
    """Log in, find the database, map names to ids, create cards and segments. Only a failed admin login is fatal."""
    ctx, run_ip = Context(), ".".join(["127", *(str(random.randrange(1, 255)) for _ in range(3))])
    server = Server(base, timeout, run_ip)
    email, _, password = admin.partition(":")
    reader_email, _, reader_password = (reader or "reader@example.com:Reader-pass-1x").partition(":")
    run = f"{int(time.time())}{random.randrange(1000):03d}"
    ctx.values.update(
        {
            "run": run,
            "run_ip": run_ip,
            "admin_email": email,
            "admin_password": password,
            "reader_email": reader_email,
            "reader_password": reader_password,
        }
    )
    ctx.secret(password, "<password:admin>")
    ctx.secret(reader_password, "<password:reader>")
    for one in data["prepare"].get("users", []):
        ctx.secret(one["password"], f"<password:{one['email'].split('@')[0].rsplit('-', 1)[0]}>")

    session, problem = server.login(email, password)
    if not session:
        raise SystemExit(f"admin login failed: {problem}")
    server.session = session
    ctx.values["admin_session"] = session
    ctx.secret(session, "<session:admin>")

    def attempt(what, work):
        try:
            return work()
        except (OSError, Wire, KeyError, TypeError, ValueError, AttributeError) as error:
            ctx.note(f"{what}: {type(error).__name__}: {error}")
            say(f"prepare: {what}: {error}")
            return None

    def properties():
        answer = server.call("GET", "/api/session/properties")[1]
        ctx.version = (answer.get("version") or {}).get("tag")

    attempt("version", properties)

    def users():
        people = as_list(server.call("GET", "/api/user")[1])
        known = {person.get("email"): person.get("id") for person in people}
        wanted = {reader_email: reader_password}
        wanted.update({one["email"]: one["password"] for one in data["prepare"].get("users", [])})
        for address, secret in wanted.items():
            if address not in known:
                status, answer = server.call(
                    "POST",
                    "/api/user",
                    {
                        "first_name": "Kit",
                        "last_name": address.split("@")[0].title(),
                        "email": address,
                        "password": secret,
                    },
                )
                ctx.note(f"user {address} created: {status}")
                if isinstance(answer, dict) and answer.get("id"):
                    known[address] = answer["id"]
                    status, answer = server.call(
                        "PUT", f"/api/user/{answer['id']}/password", {"password": secret, "old_password": secret}
                    )
                    ctx.note(f"password of {address}: {status}")
            if address in known:
                ctx.values[f"user:{address.split('@')[0]}"] = known[address]

    attempt("users", users)

    def reader_login():
        session, problem = server.login(reader_email, reader_password)
        if not session and f"user:{reader_email.split('@')[0]}" in ctx.values:
            who = ctx.values[f"user:{reader_email.split('@')[0]}"]
            status, _ = server.call("PUT", f"/api/user/{who}/password", {"password": reader_password})
            ctx.note(f"password of reader set again: {status}")
            session, problem = server.login(reader_email, reader_password)
        if session:
            ctx.values["reader_session"] = session
            ctx.secret(session, "<session:reader>")
        else:
            ctx.note(f"reader login: {problem}")

    attempt("reader login", reader_login)

    def database():
        found = [one for one in as_list(server.call("GET", "/api/database")[1]) if one.get("name") == database_name]
        if connect:
            body = {
                "name": database_name,
                "engine": "postgres",
                "is_full_sync": True,
                "is_on_demand": False,
                "details": details(connect),
            }
            if found:
                status, answer = server.call("PUT", f"/api/database/{found[0]['id']}", body)
            else:
                status, answer = server.call("POST", "/api/database", body)
            ctx.note(f"database connected: {status} {str(answer)[:200] if status >= 300 else ''}".strip())
            if not found and isinstance(answer, dict) and answer.get("id"):
                found = [answer]
        if not found:
            ctx.note(f"no database named {database_name!r}")
            return
        ctx.database_id, ctx.database_name = found[0]["id"], database_name
        ctx.values["database_id"] = ctx.database_id

    attempt("database", database)

    def closed():
        """A second entry for the same data that only administrators may see."""
        name = database_name + " closed"
        found = [one for one in as_list(server.call("GET", "/api/database")[1]) if one.get("name") == name]
        if not found and connect:
            status, answer = server.call(
                "POST",
                "/api/database",
                {
                    "name": name,
                    "engine": "postgres",
                    "is_full_sync": True,
                    "is_on_demand": False,
                    "details": details(connect),
                },
            )
            ctx.note(f"closed database created: {status}")
            found = [answer] if isinstance(answer, dict) and answer.get("id") else []
        if not found:
            ctx.note(f"no database named {name!r}")
            return
        ctx.values["closed_id"] = number = found[0]["id"]
        graph = server.call("GET", "/api/permissions/graph")[1]
        known = as_list(server.call("GET", "/api/permissions/group")[1])
        everyone = next(str(one["id"]) for one in known if one.get("name") == "All Users")
        groups = graph["groups"]
        nested = any(
            "data" in right for group in groups.values() for right in group.values() if isinstance(right, dict)
        )
        nothing = {"schemas": "none", "native": "none"}
        groups[everyone] = {**groups.get(everyone, {}), str(number): {"data": nothing} if nested else nothing}
        status, answer = server.call("PUT", "/api/permissions/graph", {"revision": graph["revision"], "groups": groups})
        ctx.note(f"closed database closed: {status} {str(answer)[:150] if status >= 300 else ''}".strip())

    attempt("closed database", closed)

    wanted_tables = {name.split(":")[1] for name in re.findall(r"\{\{(table:[^}]+)\}\}", json.dumps(data))}

    def metadata():
        if ctx.database_id is None:
            return
        if sync:
            ctx.note(f"sync_schema: {server.call('POST', f'/api/database/{ctx.database_id}/sync_schema')[0]}")
        deadline, before = time.monotonic() + sync_timeout, None
        while True:
            answer = server.call("GET", f"/api/database/{ctx.database_id}/metadata?include_hidden=true")[1]
            tables = answer.get("tables") if isinstance(answer, dict) else None
            names = {f"{t.get('schema')}.{t.get('name')}" for t in tables or [] if t.get("fields")}
            missing = wanted_tables - names - {"s_types.t_hstore"}
            # quiet = sync and analysis have stopped changing what is reported
            now = json.dumps(
                [
                    [
                        t.get("name"),
                        [
                            [
                                f.get("name"),
                                f.get("special_type", f.get("semantic_type")),
                                bool(f.get("fingerprint")),
                                f.get("has_field_values"),
                                f.get("fk_target_field_id"),
                            ]
                            for f in t.get("fields", [])
                        ],
                    ]
                    for t in tables or []
                ]
            )
            if not missing and now == before:
                break
            if not sync and not missing:
                break
            if time.monotonic() > deadline:
                ctx.note(f"gave up waiting for the sync; missing: {sorted(missing)}")
                break
            before = now if not missing else None
            say(f"prepare: waiting for the sync ({len(names)} tables, {len(missing)} missing)")
            time.sleep(3.0 if not missing else 2.0)
        for table in tables or []:
            name = f"{table.get('schema')}.{table.get('name')}"
            ctx.tables[table["id"]] = name
            ctx.values[f"table:{name}"] = table["id"]
            for field in table.get("fields", []):
                ctx.fields[field["id"]] = f"{name}.{field.get('name')}"
                ctx.values[f"field:{name}.{field.get('name')}"] = field["id"]

    attempt("metadata", metadata)

    def cards():
        known = {}
        for which in ("all", "archived"):
            for card in as_list(server.call("GET", f"/api/card?f={which}")[1]):
                known[card.get("name")] = card.get("id")
        for name, body in data["prepare"].get("cards", {}).items():
            try:
                body = dict(ctx.fill(body))
            except Unfilled as error:
                ctx.note(f"card {name}: no {error}")
                continue
            archived = body.pop("archived", False)
            body = {
                "name": PREFIX + name,
                "display": "table",
                "visualization_settings": {},
                "description": None,
                **body,
            }
            number = known.get(PREFIX + name)
            if number is None:
                status, answer = server.call("POST", "/api/card", body)
                number = answer.get("id") if isinstance(answer, dict) else None
            else:
                status, answer = server.call("PUT", f"/api/card/{number}", {**body, "archived": False})
            if status >= 300 or number is None:
                ctx.note(f"card {name}: {status} {str(answer)[:200]}")
            if number is not None:
                if archived:
                    server.call("PUT", f"/api/card/{number}", {"archived": True})
                ctx.values[f"card:{name}"] = number

    attempt("cards", cards)

    def definitions(kind):
        known = {one.get("name"): one.get("id") for one in as_list(server.call("GET", f"/api/{kind}")[1])}
        for name, body in data["prepare"].get(kind + "s", {}).items():
            try:
                body = ctx.fill(body)
            except Unfilled as error:
                ctx.note(f"{kind} {name}: no {error}")
                continue
            number = known.get(PREFIX + name)
            if number is None:
                status, answer = server.call("POST", f"/api/{kind}", {"name": PREFIX + name, **body})
                number = answer.get("id") if isinstance(answer, dict) else None
            else:
                status, answer = server.call(
                    "PUT", f"/api/{kind}/{number}", {"name": PREFIX + name, "revision_message": "reset", **body}
                )
            if status >= 300 or number is None:
                ctx.note(f"{kind} {name}: {status} {str(answer)[:200]}")
            if number is not None:
                ctx.values[f"{kind}:{name}"] = number
        # what earlier runs of the cases may have left
        for name, number in known.items():
            if str(name).startswith(PREFIX + "case "):
                server.call("DELETE", f"/api/{kind}/{number}?revision_message=kit")

    attempt("segments", lambda: definitions("segment"))
    attempt("metrics", lambda: definitions("metric"))

    def leftovers():
        for which in ("all", "archived"):
            for card in as_list(server.call("GET", f"/api/card?f={which}")[1]):
                if str(card.get("name", "")).startswith(PREFIX + "case "):
                    server.call("DELETE", f"/api/card/{card['id']}")

    attempt("leftovers", leftovers)
    return ctx


# ------------------------------------------------------------------------------------------------ one step
def pick(node, path):
    for part in path.split("."):
        node = node[int(part)] if isinstance(node, list) else node[part]
    return node


def cell(value):
    """One XLSX cell as JSON; temporal values are marked, numbers stay numbers."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return f"<{type(value).__name__}> {value.isoformat() if hasattr(value, 'isoformat') else value}"


def read_xlsx(data):
    try:
        import openpyxl
    except ImportError:
        return {"problem": "openpyxl is not installed"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(data))
        sheets = []
        for sheet in book.worksheets:
            rows = [[cell(one.value) for one in row] for row in sheet.iter_rows()]
            kept = rows if len(rows) <= 200 else rows[: KEEP_ROWS + 1] + rows[-KEEP_ROWS:]
            sheets.append(
                {
                    "sheet": sheet.title,
                    "count": len(rows),
                    "rows": kept,
                    "formats": [one.number_format for one in next(sheet.iter_rows(min_row=2, max_row=2), [])]
                    if len(rows) > 1
                    else [],
                }
            )
        return {"sheets": sheets}
    except Exception as error:
        return {"problem": f"{type(error).__name__}: {error}"}


EXPORT = re.compile(r"/(?:dataset|query)/(?:csv|json|xlsx)(?:\?|$)")


TRACES = re.compile(r'"(stacktrace|trace)":\[(?:[^\[\]"]|"(?:[^"\\]|\\.)*"|\[(?:[^\[\]"]|"(?:[^"\\]|\\.)*")*\])*\]')
MARKS = {"status", "error", "errors", "cause", "_status", "message"}


def split_error(text):
    """An export's text without, and the text of, the JSON error object that it is or that stands behind its rows."""
    if not text.rstrip().endswith("}"):
        return text, None
    decoder, end, best = json.JSONDecoder(), len(text.rstrip()), None
    for match in reversed(list(re.finditer(r'\{"', text))):
        try:
            node, stop = decoder.raw_decode(text, match.start())
        except ValueError:
            continue
        if stop == end and isinstance(node, dict) and MARKS & set(node):
            best = match.start()  # an inner object may match first; the outermost one counts
        elif stop < end and best is not None and not text[stop:best].strip():
            break  # a whole row right before the object
    return (text, None) if best is None else (text[:best], text[best:])


def shrink(text, export):
    """A long body as head, tail, counts and digest so that a recording stays readable; long `data.rows` too."""
    stripped = text.lstrip()
    if stripped.startswith("{"):
        try:
            answer = json.loads(stripped)
            rows = answer["data"]["rows"]
            if len(rows) > 200:
                raw = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
                answer["data"]["rows"] = {
                    "count": len(rows),
                    "first": rows[:KEEP_ROWS],
                    "last": rows[-KEEP_ROWS:],
                    "sha256": hashlib.sha256(raw.encode()).hexdigest(),
                }
                return {"body": json.dumps(answer, ensure_ascii=False), "shrunk": "rows"}
        except (ValueError, KeyError, TypeError):
            pass
        return {"body": text}
    if len(text) <= BIG_BODY or not export:
        return {"body": text}
    text, broken = split_error(text)
    return {
        **({"error_object": broken} if broken is not None else {}),
        "body": text[:400],
        "tail": text[-400:],
        "length": len(text),
        "lines": text.count("\n"),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "shrunk": "text",
    }


def prune(answer, ctx):
    """A list without what belongs to other databases and other users of that server; how many items were left out."""

    def ours(item):
        if not isinstance(item, dict):
            return True
        if "engine" in item:
            return item.get("name") in (ctx.database_name, "Saved Questions")
        if "dataset_query" in item or "definition" in item:
            return str(item.get("name", "")).startswith(PREFIX)
        return item.get("db_id", ctx.database_id) == ctx.database_id

    items = as_list(answer)
    kept = [item for item in items if ours(item)]
    if isinstance(answer, dict):
        kept = {**answer, "data": kept}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")), len(items) - len(as_list(kept))


def run_step(base, ctx, step, timeout=120.0):
    """Send one step and return (request as recorded, response as recorded)."""
    who = step.get("as", "admin")
    shown = {"as": who, "method": step["method"]}
    headers = {"User-Agent": "contract-kit", "Accept": "*/*"}
    body, content = b"", None
    target = ctx.fill(step["path"])
    if step.get("query"):
        query = {k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in ctx.fill(step["query"]).items()}
        target += "?" + urllib.parse.urlencode(query)
    if "json" in step:
        body, content = json.dumps(ctx.fill(step["json"]), ensure_ascii=False).encode("utf-8"), "application/json"
    elif "form" in step:
        form = {
            k: json.dumps(v, ensure_ascii=False) if isinstance(v, (dict, list)) else v
            for k, v in ctx.fill(step["form"]).items()
        }
        body, content = urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
    elif "multipart" in step:
        edge = "contract-kit-boundary"
        shown_parts = {
            k: json.dumps(v, ensure_ascii=False) if isinstance(v, (dict, list)) else v
            for k, v in ctx.fill(step["multipart"]).items()
        }
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in shown_parts.items()
        ]
        body, content = ("".join(parts) + f"--{edge}--\r\n").encode("utf-8"), f"multipart/form-data; boundary={edge}"
    elif "text" in step:
        body, content = ctx.fill(step["text"]).encode("utf-8"), "application/json"
    if content:
        headers["Content-Type"] = content
    if who in ("admin", "reader"):
        headers["X-Metabase-Session"] = ctx.fill("{{" + who + "_session}}")
    elif who == "bad-session":
        headers["X-Metabase-Session"] = "00000000-0000-4000-8000-000000000000"
    extra = ctx.fill(step.get("headers") or {})
    headers.update(extra)
    shown["path"] = ctx.redact(target)
    if extra:
        shown["headers"] = {k: ctx.redact(str(v)) for k, v in extra.items()}
    if content:
        shown["content_type"] = headers["Content-Type"]
        shown["body"] = ctx.redact(body.decode("utf-8"))

    got = exchange(base.rstrip("/"), step["method"], target, headers, body, timeout, ctx.values.get("run_ip"))
    answer = {"status": got["status"]}
    named = {}
    for name, value in got["headers"]:
        if name == "set-cookie":
            named.setdefault("set-cookie", []).append(value.split("=")[0].strip())
        elif name in KEPT_HEADERS:
            named[name] = ctx.redact(value)
    if "set-cookie" in named:
        named["set-cookie"].sort()
    answer["headers"] = named
    answer["framing"], answer["complete"] = got["framing"], got["complete"]
    if not got["complete"]:
        answer["ended"] = got["ended"] or "malformed"
    raw = got["body"]
    if named.get("content-encoding", "").lower() == "gzip":
        unpack = zlib.decompressobj(31)
        try:
            raw = unpack.decompress(raw) + unpack.flush()
            answer["gzip_complete"] = unpack.eof
        except zlib.error as error:
            answer["gzip_complete"], answer["gzip_problem"] = False, str(error)
    if raw[:4] == b"PK\x03\x04":
        answer["xlsx"] = read_xlsx(raw)
        answer["bytes"] = len(raw)
    else:
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            answer["base64"] = base64.b64encode(raw).decode()
        else:
            try:
                parsed = json.loads(text) if text.lstrip()[:1] in ("{", "[") else None
            except ValueError:
                parsed = None
            for name, path in (step.get("save") or {}).items():
                try:
                    value = pick(parsed, path)
                except (KeyError, IndexError, TypeError, ValueError):
                    continue
                ctx.values[f"saved:{name}"] = value
                if isinstance(value, str) and len(value) >= 16:
                    ctx.secret(value, f"<saved:{name}>")
            if step.get("ours") and parsed is not None:
                text, answer["left_out"] = prune(parsed, ctx)
            if step.get("keep") and isinstance(parsed, dict):
                text = json.dumps({k: v for k, v in parsed.items() if k in step["keep"]}, ensure_ascii=False)
                answer["kept"] = sorted(step["keep"])
            text = TRACES.sub(r'"\1":["cut"]', text)  # the server's own source lines; nothing a client can use
            answer.update(shrink(ctx.redact(text), bool(EXPORT.search(target))))
    return shown, answer


def case_mark(case):
    """Changes when the steps of a case change, so that an old recording of it is noticed."""
    return hashlib.sha256(json.dumps(case["steps"], sort_keys=True).encode()).hexdigest()[:10]


def run_case(base, ctx, case, timeout=120.0):
    """Yield one record per step; a failing step is recorded and the next one still runs."""
    for saved in [name for name in ctx.values if name.startswith("saved:")]:
        del ctx.values[saved]  # nothing saved by one case can help another
    mark = case_mark(case)
    for number, step in enumerate(case["steps"]):
        line = {
            "kind": "step",
            "case": case["id"],
            "mark": mark,
            "step": number,
            "area": case["area"],
            "held": bool(case.get("held")),
        }
        started = time.monotonic()
        if step.get("wait"):
            time.sleep(step["wait"])
        try:
            line["request"], line["response"] = run_step(base, ctx, step, timeout)
        except Unfilled as error:
            line["request"], line["response"] = (
                {"method": step["method"], "path": step["path"]},
                {"unfilled": str(error)},
            )
        except Exception as error:
            line["request"] = {"method": step["method"], "path": step["path"]}
            line["response"] = {"exception": ctx.redact(f"{type(error).__name__}: {error}")}
        line["seconds"] = round(time.monotonic() - started, 3)
        yield line
