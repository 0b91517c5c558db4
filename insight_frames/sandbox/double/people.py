"""The creator of a card, segment or metric, as it is shown beside what was created."""

from __future__ import annotations

from typing import Any

from .app import App


def creator(app: App, number: int) -> dict[str, Any]:
    """The account of that number in the short form."""
    user = app.users.get(number) or {}
    names = [name for name in (user.get("first_name"), user.get("last_name")) if name]
    return {
        "email": user.get("email"),
        "first_name": user.get("first_name"),
        "last_login": user.get("last_login"),
        "is_qbnewb": True,
        "is_superuser": bool(user.get("is_superuser")),
        "id": number,
        "last_name": user.get("last_name"),
        "date_joined": user.get("joined"),
        "common_name": " ".join(names) or user.get("email"),
    }
