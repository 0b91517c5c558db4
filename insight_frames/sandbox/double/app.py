"""What the double's parts share: one request, one reply, the route table and the state of one server.

Each area (accounts, metadata, queries, cards, ...) registers its handlers with :func:`route`; ``server.py`` alone
speaks HTTP. State lives in one ``App`` object per process, guarded by ``App.lock`` where handlers change it.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """One request as it arrived: ``query`` and ``form`` hold the last value of each name, ``body`` the raw bytes."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names
    body: bytes
    client: str  # address the request came from
    form: dict[str, str] = field(default_factory=dict)  # of an application/x-www-form-urlencoded body
    json: Any = None  # of an application/json body
    user: dict[str, Any] | None = None  # the logged-in user (a row of App.users), set by the server
    connection: socket.socket | None = None  # to see whether the caller hung up


@dataclass
class Reply:
    """One answer. ``body`` is bytes (sent with their length unless ``chunked``) or an iterable of pieces (streamed)."""

    status: int
    body: bytes | Iterable[bytes] = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunked: bool = False
    until_close: bool = False  # the body has neither length nor chunks: it ends where the connection does


Handler = Callable[["App", Request, re.Match[str]], Reply]


@dataclass
class Route:
    method: str
    pattern: re.Pattern[str]
    handler: Handler
    anonymous: bool = False  # answers without a session
    eras: frozenset[int] | None = None  # None: in every era


ROUTES: list[Route] = []


def route(
    method: str, pattern: str, *, anonymous: bool = False, eras: Iterable[int] | None = None
) -> Callable[[Handler], Handler]:
    """Register a handler for ``method`` and a full match of ``pattern`` on the path."""

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, re.compile(pattern), handler, anonymous, frozenset(eras) if eras else None))
        return handler

    return register


@dataclass
class Database:
    """One database as an administrator has connected it to Metabase."""

    id: int
    name: str
    dsn: str  # of the embedded PostgreSQL, without a user
    role: str  # PostgreSQL role that Metabase itself connects as (metadata sync, accounts without a role of their own)
    admin_only: bool = False


@dataclass
class App:
    """The state of one double: the era, the connected databases, and what the areas keep."""

    era: int  # 31, 34, 47 or 49
    databases: dict[int, Database] = field(default_factory=dict)
    users: dict[int, dict[str, Any]] = field(default_factory=dict)
    store: dict[str, Any] = field(default_factory=dict)  # each area keeps its own things under its own name
    lock: threading.RLock = field(default_factory=threading.RLock)
