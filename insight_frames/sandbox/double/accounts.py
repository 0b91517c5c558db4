"""Logging in, sessions, users, API keys: who is asking, and the throttle that stands before the password.

A session is looked for in cookies first and in the header only without one, as the real server does; whoever sends a
stale cookie beside a good header is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
import uuid
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any

from . import era, replies
from .app import App, Reply, Request, route
from .throttle import Throttle

_MAX_AGE = 14 * 86400  # seconds that a session lives


def now(app: App) -> float:
    """Seconds since the epoch, by the server's settable clock."""
    return time.time() + float(app.store.get("clock", 0.0))


def stamp(app: App) -> str:
    """The present moment as the API writes times."""
    moment = datetime.fromtimestamp(now(app), UTC)
    if app.era == 31:
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _digest(password: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}{password}".encode("utf-8", "surrogatepass")).hexdigest()


def set_password(user: dict[str, Any], password: str) -> None:
    """Keep a password's digest on the user."""
    user["salt"] = secrets.token_hex(8)
    user["digest"] = _digest(password, user["salt"])


def add_user(app: App, email: str, password: str, **more: Any) -> dict[str, Any]:
    """A new account: ``superuser``, ``role`` (PostgreSQL role) and ``native`` (may write SQL) as the sandbox says."""
    with app.lock:
        user: dict[str, Any] = {
            "id": max(app.users, default=0) + 1,
            "email": email,
            "first_name": more.get("first_name"),
            "last_name": more.get("last_name"),
            "is_superuser": bool(more.get("superuser")),
            "role": more.get("role"),
            "native": more.get("native", True) or bool(more.get("superuser")),
            "is_active": True,
            "joined": stamp(app),
            "last_login": None,
        }
        set_password(user, password)
        app.users[user["id"]] = user
    return user


def describe(app: App, user: dict[str, Any]) -> dict[str, Any]:
    """A user as the API shows one to the user."""
    names = [name for name in (user["first_name"], user["last_name"]) if name]
    groups = [1, 2] if user["is_superuser"] else [1]
    shown: dict[str, Any] = {
        "id": user["id"],
        "email": user["email"],
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "common_name": " ".join(names) or user["email"],
        "is_superuser": user["is_superuser"],
        "is_active": user["is_active"],
        "is_qbnewb": True,
        "login_attributes": None,
        "date_joined": user["joined"],
        "last_login": user["last_login"],
        "updated_at": user["last_login"] or user["joined"],
        "personal_collection_id": user["id"],
    }
    if app.era >= 47:
        first = min((one for one, row in app.users.items() if row["is_superuser"]), default=1)
        shown |= {
            "first_login": user["last_login"],
            "has_invited_second_user": user["is_superuser"] and len(app.users) > 1,
            "locale": None,
            "has_question_and_dashboard": False,
            "custom_homepage": None,
            "is_installer": user["id"] == first,
            "group_ids": groups,
            "sso_source": None,
        }
    else:
        shown |= {"ldap_auth": False, "google_auth": False}
        if app.era == 34:
            shown["group_ids"] = groups
    return shown


# ------------------------------------------------------------------------------------------------ who is asking
def _cookie(request: Request, name: str) -> str | None:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(request.headers.get("cookie", ""))
    except CookieError:
        return None
    return jar[name].value if name in jar else None


def session_id(app: App, request: Request) -> tuple[str | None, bool]:
    """The session that a request presents, and whether it came in a cookie."""
    for name in era.of(app).session_cookies:
        value = _cookie(request, name)
        if value or (value is not None and app.era < 35):  # an empty cookie hides the header in the old eras
            return value, True
    return request.headers.get("x-metabase-session"), False


def identify(app: App, request: Request) -> bool:
    """Set ``request.user``; returns whether a session cookie was presented."""
    value, in_cookie = session_id(app, request)
    session = app.store["sessions"].get(value)
    if session is not None and now(app) - session["created"] < _MAX_AGE:
        request.user = app.users.get(session["user"])
    key = request.headers.get("x-api-key")
    if request.user is None and key and era.of(app).api_keys:
        entry = app.store["api_keys"].get(hashlib.sha256(key.encode()).hexdigest())
        request.user = app.users.get(entry["user"]) if entry else None
    if request.user is not None and not request.user["is_active"]:
        request.user = None
    return in_cookie


def cookies(app: App, request: Request, presented: bool) -> list[tuple[str, str]]:
    """Cookies that every answer of the era sets."""
    flags, found = era.of(app), []
    if flags.device_cookie and _cookie(request, "metabase.DEVICE") is None:
        found.append(("Set-Cookie", f"metabase.DEVICE={uuid.uuid4()};HttpOnly;SameSite=Lax;Path=/;Max-Age=630720000"))
    if flags.timeout_cookie and presented:
        found.append(("Set-Cookie", "metabase.TIMEOUT=alive;SameSite=Lax;Path=/"))
    return found


# ------------------------------------------------------------------------------------------------ login, logout
def _blank(value: Any) -> bool:
    return not isinstance(value, str) or not value.strip()


def _source(app: App, request: Request) -> str:
    if era.of(app).throttle_header and request.headers.get("x-forwarded-for"):
        return request.headers["x-forwarded-for"].split(",")[0].strip()
    return request.client


def _user_of(app: App, name: str) -> dict[str, Any] | None:
    fold = era.of(app).lower_email
    wanted = name.lower() if fold else name
    for user in app.users.values():
        if (user["email"].lower() if fold else user["email"]) == wanted:
            return user
    return None


def _opened(app: App, user: dict[str, Any], remember: bool) -> Reply:
    value = str(uuid.uuid4())
    with app.lock:
        app.store["sessions"][value] = {"user": user["id"], "created": now(app)}
        user["last_login"] = stamp(app)
    headers = []
    for name in era.of(app).login_cookies:
        content = {"metabase.TIMEOUT": "alive"}.get(name, value if name == "metabase.SESSION" else "")
        age = ";Max-Age=0" if not content else f";Max-Age={_MAX_AGE}" if remember or app.era < 40 else ""
        headers.append(("Set-Cookie", f"{name}={content};HttpOnly;SameSite=Lax;Path=/{age}"))
    return replies.data({"id": value}, headers=headers)


@route("POST", r"/api/session/?", anonymous=True)
def login(app: App, request: Request, match: re.Match[str]) -> Reply:
    """Exchange a name and password for a session."""
    flags = era.of(app)
    given = request.json if isinstance(request.json, dict) else {}
    for name in ("username", "password"):
        if _blank(given.get(name)):
            return replies.invalid(app.era, name, given.get(name), "string")
    guards: list[tuple[Throttle, str]] = [
        (app.store["throttles"]["address"], _source(app, request)),
        (app.store["throttles"]["username"], given["username"]),
    ]
    for guard, key in guards:
        message = guard.check(key, now(app))
        if message is not None:
            return replies.errors(flags.refused, username=message)
    user = _user_of(app, given["username"])
    if (
        user is None
        or not user["is_active"]
        or not hmac.compare_digest(user["digest"], _digest(given["password"], user["salt"]))
    ):
        for guard, key in guards:
            guard.failed(key, now(app))
        return replies.errors(flags.refused, **{"password": "did not match stored password"})
    return _opened(app, user, bool(given.get("remember")))


@route("DELETE", r"/api/session/?", anonymous=True)
def logout(app: App, request: Request, match: re.Match[str]) -> Reply:
    """End a session: the presented one, in 0.31 the one that a parameter names."""
    value = session_id(app, request)[0]
    if app.era == 31:
        given = request.json if isinstance(request.json, dict) else {}
        value = request.query.get("session_id") or given.get("session_id")
        if _blank(value):
            return replies.errors(400, session_id="value must be a non-blank string.")
    with app.lock:
        gone = app.store["sessions"].pop(value, None)
    if gone is None:
        return replies.not_found()
    reply = replies.nothing()
    past = "Expires=Thu, 1 Jan 1970 00:00:00 GMT"
    reply.headers += [("Set-Cookie", f"{name}=;Path=/;{past}") for name in era.of(app).logout_cookies]
    return reply


# ------------------------------------------------------------------------------------------------ users
@route("GET", r"/api/user/current/?")
def current(app: App, request: Request, match: re.Match[str]) -> Reply:
    """Who is asking."""
    return replies.data(describe(app, request.user or {}))


@route("GET", r"/api/user/?")
def users(app: App, request: Request, match: re.Match[str]) -> Reply:
    """Everybody, for administrators."""
    if not (request.user or {})["is_superuser"]:
        return replies.forbidden()
    rows = [describe(app, user) for user in app.users.values() if user["is_active"]]
    if app.era < 47:
        return replies.data(rows)
    return replies.data({"data": rows, "total": len(rows), "limit": None, "offset": None})


@route("POST", r"/api/user/?")
def create_user(app: App, request: Request, match: re.Match[str]) -> Reply:
    """A new account, for administrators."""
    if not (request.user or {})["is_superuser"]:
        return replies.forbidden()
    given = request.json if isinstance(request.json, dict) else {}
    if _blank(given.get("email")) or "@" not in given["email"]:
        return replies.errors(400, email="value must be a valid email address.")
    if any(user["email"].lower() == given["email"].lower() for user in app.users.values()):
        return replies.errors(400, email="Email address already in use.")
    user = add_user(
        app,
        given["email"].lower() if era.of(app).lower_email else given["email"],
        given.get("password") or secrets.token_urlsafe(16),
        first_name=given.get("first_name"),
        last_name=given.get("last_name"),
    )
    return replies.data(describe(app, user))


@route("GET", r"/api/user/(\d+)")
def one_user(app: App, request: Request, match: re.Match[str]) -> Reply:
    """One account: for administrators, or one's own."""
    asking, number = request.user or {}, int(match.group(1))
    if not asking["is_superuser"] and asking["id"] != number:
        return replies.forbidden()
    if number not in app.users:
        return replies.not_found()
    return replies.data(describe(app, app.users[number]))


@route("PUT", r"/api/user/(\d+)/password")
def change_password(app: App, request: Request, match: re.Match[str]) -> Reply:
    """Set a password: an administrator's right, or one's own with the old one."""
    asking, number = request.user or {}, int(match.group(1))
    given = request.json if isinstance(request.json, dict) else {}
    user = app.users.get(number)
    if not asking["is_superuser"] and asking["id"] != number:
        return replies.forbidden()
    if user is None:
        return replies.not_found()
    if not isinstance(given.get("password"), str) or len(given["password"]) < 6:
        return replies.errors(400, **{"password": "Insufficient password strength"})
    if not asking["is_superuser"] and user["digest"] != _digest(str(given.get("old_password")), user["salt"]):
        return replies.errors(400, **{"old_password": "Invalid password"})
    set_password(user, given["password"])
    return replies.data(describe(app, user)) if app.era < 47 else replies.nothing()
