"""Saves questions as the administrator does in the browser."""

from __future__ import annotations

import json
from typing import Any

from insight_frames import Connection

PARTICIPANT = "s_cardio3prod.participant"
_TABLES: dict[str, dict[str, Any]] = {}  # of the study, by server: nobody changes its columns


def tag(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A template tag as a question declares it."""
    more = {key.replace("_", "-"): value for key, value in more.items()}
    return {"id": f"id-{name}", "name": name, "display-name": name.title(), "type": kind, **more}


class Shelf:
    """The questions of one test."""

    def __init__(self, admin: Connection) -> None:
        self.session = admin._server.session
        self.database = admin._server.database_id
        self.numbers: list[int] = []

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a request as the administrator."""
        if method == "DELETE":
            self.session._ask(lambda headers: self.session._http.delete(path, body, headers=headers)).close()
            return None
        send = {"POST": self.session.post, "PUT": self.session.put}.get(method)
        with self.session.fetch(path) if send is None else send(path, body) as answer:
            text = answer.text()
        assert answer.status < 300, (method, path, answer.status, text)
        return json.loads(text)

    def sql(self, name: str, text: str, *tags: dict[str, Any], **more: Any) -> int:
        """Save a question written in SQL."""
        native = {"query": text, "template-tags": {one["name"]: one for one in tags}}
        return self.save(name, {"type": "native", "native": native}, **more)

    def table(self, name: str, table: str, **clauses: Any) -> int:
        """Save a question over a table."""
        return self.save(name, {"type": "query", "query": {"source-table": self.tables[table]["id"], **clauses}})

    def save(self, name: str, query: dict[str, Any], **more: Any) -> int:
        """Save a question; ``more`` is what is changed in it afterwards."""
        body = {"name": name, "display": "table", "visualization_settings": {},
                "dataset_query": {"database": self.database, **query}}  # fmt: skip
        number = int(self.ask("POST", "/api/card", body)["id"])
        self.numbers.append(number)
        if more:
            self.ask("PUT", f"/api/card/{number}", more)
        return number

    @property
    def tables(self) -> dict[str, Any]:
        """Tables as Metabase knows them, by ``schema.name``."""
        where = self.session._http.url
        if where not in _TABLES:
            told = self.ask("GET", f"/api/database/{self.database}/metadata")
            _TABLES[where] = {f"{one['schema']}.{one['name']}": one for one in told["tables"]}
        return _TABLES[where]

    def field(self, table: str, name: str) -> list[Any]:
        """A reference to a field."""
        return ["field-id", next(one["id"] for one in self.tables[table]["fields"] if one["name"] == name)]

    def clear(self) -> None:
        """Delete what was saved."""
        for number in self.numbers:
            self.ask("DELETE", f"/api/card/{number}")
