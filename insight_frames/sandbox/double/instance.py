"""What the instance says about itself, and its API keys; a key acts as a user of its own, in the group it is for."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any

from . import accounts, era, replies
from .app import App, Reply, Request, route

_ADMINISTRATORS = 2  # the group of that number


@route("GET", r"/api/health/?", anonymous=True)
def health(app: App, request: Request, match: re.Match[str]) -> Reply:
    """Alive."""
    return replies.data({"status": "ok"})


@route("GET", r"/api/session/properties/?", anonymous=True)
def properties(app: App, request: Request, match: re.Match[str]) -> Reply:
    """The public settings; up to 0.34 the same for everybody."""
    flags = era.of(app)
    if app.era < 35:
        return replies.data(
            {
                "report_timezone": None,
                "has_sample_dataset": True,
                "site_url": app.store["site_url"],
                "site_name": "Metabase",
                "admin_email": None,
                "anon_tracking_enabled": False,
                "google_auth_client_id": None,
                "ldap_configured": False,
                "setup_token": None,
                "public_sharing": False,
                "embedding": bool(app.store["settings"].get("enable_embedding")),
                "version": flags.version,
                "enable_query_caching": False,
                "enable_nested_queries": True,
                "password_complexity": {"total": 6},
                "custom_formatting": {},
            }
        )
    shown: dict[str, Any] = {
        "has-user-setup": True,
        "site-locale": "en",
        "site-name": "Metabase",
        "report-timezone-short": "UTC",
        "report-timezone-long": "UTC",
        "site-url": app.store["site_url"],
        "enable-password-login": True,
        "start-of-week": "sunday",
        "application-name": "Metabase",
        "anon-tracking-enabled": False,
        "version": flags.version,
        "password-complexity": {"total": 6},
        "custom-formatting": {},
    }
    if request.user is not None:
        embedding = bool(app.store["settings"].get("enable_embedding"))
        shown |= {"enable-public-sharing": False, "enable-embedding": embedding, "enable-query-caching": False}
        if request.user["is_superuser"]:
            shown |= {"humanization-strategy": "simple", "report-timezone": None}
    return replies.data(shown)


# ------------------------------------------------------------------------------------------------ API keys
@route("POST", r"/api/api-key/?", eras=(49,))
def create_key(app: App, request: Request, match: re.Match[str]) -> Reply:
    """A new key, shown this once."""
    if not (request.user or {})["is_superuser"]:
        return replies.forbidden()
    given = request.json if isinstance(request.json, dict) else {}
    if not isinstance(given.get("name"), str) or not given["name"].strip():
        return replies.errors(400, name="value must be a non-blank string.")
    if not isinstance(given.get("group_id"), int):
        return replies.errors(400, group_id="value must be an integer greater than zero.")
    key = f"mb_{secrets.token_urlsafe(32)}"
    with app.lock:
        keys = app.store["api_keys"]
        superuser = given["group_id"] == _ADMINISTRATORS
        user = accounts.add_user(
            app,
            f"api-key-user-{secrets.token_hex(8)}@api-key.invalid",
            secrets.token_urlsafe(24),
            first_name=given["name"],
            last_name="",
            superuser=superuser,
        )
        entry = {
            "id": len(keys) + 1,
            "name": given["name"],
            "group": {"id": given["group_id"], "name": "Administrators" if superuser else "All Users"},
            "masked_key": f"{key[:7]}{'*' * 21}",
            "created_at": accounts.stamp(app),
            "updated_at": accounts.stamp(app),
            "user": user["id"],
        }
        keys[hashlib.sha256(key.encode()).hexdigest()] = entry
    return replies.data({**_shown(entry), "unmasked_key": key})


@route("GET", r"/api/api-key/?", eras=(49,))
def list_keys(app: App, request: Request, match: re.Match[str]) -> Reply:
    """All keys, masked."""
    if not (request.user or {})["is_superuser"]:
        return replies.forbidden()
    return replies.data([_shown(entry) for entry in app.store["api_keys"].values()])


@route("DELETE", r"/api/api-key/(\d+)", eras=(49,))
def delete_key(app: App, request: Request, match: re.Match[str]) -> Reply:
    """Take a key back."""
    if not (request.user or {})["is_superuser"]:
        return replies.forbidden()
    with app.lock:
        keys = app.store["api_keys"]
        found = [digest for digest, entry in keys.items() if entry["id"] == int(match.group(1))]
        if not found:
            return replies.not_found()
        app.users[keys.pop(found[0])["user"]]["is_active"] = False
    return replies.nothing()


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "user"}
