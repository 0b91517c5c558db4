"""A double without its socket: requests go straight to the routes, so that a test sees one area at a time."""

from __future__ import annotations

import importlib
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from insight_frames.sandbox.double import server
from insight_frames.sandbox.double.app import Request
from insight_frames.sandbox.double.setup import make_app

AREAS = ("accounts", "instance", "dataset", "exports", "metadata", "permissions", "cards", "definitions", "embed")
PASSWORD = "long-enough-1"  # of accounts that live as long as a test


class Inside:
    """One double: ``ask`` sends a request as one of its accounts, ``tables`` and ``fields`` are the numbers by name."""

    def __init__(self, era: str, dsn: str, role: str = "insight_reader", **settings: Any) -> None:
        for area in AREAS:
            importlib.import_module(f"insight_frames.sandbox.double.{area}")
        people = {"admin": {"superuser": True}, "reader": {"native": True}, "nosql": {"native": False}}
        accounts = [{"email": f"{who}@x.org", "password": PASSWORD, **more} for who, more in people.items()]
        database = {"dsn": dsn, "role": role}
        self.era = int(era.split(".")[1])
        self.app = make_app(
            {
                "era": era,
                "databases": [{**database, "name": "Open"}, {**database, "name": "Closed", "admin_only": True}],
                "accounts": accounts,
                "settings": settings,
            }
        )
        self.sessions: dict[str, str] = {}
        for who in people:
            body = {"username": f"{who}@x.org", "password": PASSWORD}
            self.sessions[who] = self.ask("POST", "/api/session", body, who=None)["id"]
        self.learn()

    def learn(self) -> None:
        """Read the numbers of tables and fields anew."""
        self.tables: dict[str, int] = {}
        self.fields: dict[str, int] = {}
        for table in self.ask("GET", "/api/database/1/metadata")["tables"]:
            name = f"{table['schema']}.{table['name']}"
            self.tables[name] = table["id"]
            self.fields |= {f"{name}.{one['name']}": one["id"] for one in table["fields"]}

    def reply(
        self, method: str, path: str, body: Any = None, who: str | None = "admin", form: dict[str, Any] | None = None
    ) -> tuple[int, str]:
        """Status and text of an answer."""
        path, _, query = path.partition("?")
        headers = {"x-metabase-session": self.sessions[who]} if who else {}
        data = b""
        if body is not None:
            headers["content-type"], data = "application/json", json.dumps(body).encode()
        elif form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            data = urlencode({key: json.dumps(value) for key, value in form.items()}).encode()
        headers["content-length"] = str(len(data))
        got = server.answer(self.app, Request(method, path, dict(parse_qsl(query)), headers, data, "127.0.0.1"))
        whole = got.body if isinstance(got.body, bytes) else b"".join(got.body)
        return got.status, whole.decode()

    def ask(self, method: str, path: str, body: Any = None, who: str | None = "admin") -> Any:
        """The JSON of a successful answer."""
        status, text = self.reply(method, path, body, who)
        assert status < 300, f"{method} {path}: {status} {text}"
        return json.loads(text)

    def question(self, query: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The answer to a table question."""
        asked = {"database": 1, "type": "query", "query": query, **more}
        return dict(self.ask("POST", "/api/dataset", asked))

    def native(self, sql: str, tags: dict[str, Any], given: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """The answer to SQL with template tags."""
        asked = {
            "database": 1,
            "type": "native",
            "native": {"query": sql, "template-tags": tags},
            "parameters": given or [],
        }
        return dict(self.ask("POST", "/api/dataset", asked))

    def ref(self, name: str) -> list[Any]:
        """A field reference that every era takes."""
        return ["field-id", self.fields[name]]
