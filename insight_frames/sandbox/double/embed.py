"""Signed embedding and public links while an administrator has not switched them on: every request is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

from . import replies
from .access import api
from .app import App, Reply, Request


@api("GET", r"/api/embed/(?:card|dashboard)/([^/]*).*", anonymous=True)
def embedded(app: App, req: Request, match: Any) -> Reply:
    """Signed embedding needs a secret key that nobody has set; a token without an algorithm is refused before that."""
    algorithm = _algorithm(match[1])
    if algorithm in (None, "none"):
        said = "JWT is missing `alg`." if algorithm is None else "JWT `alg` cannot be `none`."
        return replies.text(said, 400)
    return replies.text("The embedding secret key has not been set.", 400)


@api("GET", r"/api/public/(?:card|dashboard)/.*", anonymous=True)
def public(app: App, req: Request, match: Any) -> Reply:
    """Public links say nothing about why they do not work."""
    if app.era >= 47:
        return replies.data("An error occurred.", 400)
    return replies.text("An error occurred.", 400)


def _algorithm(token: str) -> str | None:
    """The algorithm that a signed token names; "?" where there is no reading it."""
    head = token.split(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return "?"
    return header.get("alg") if isinstance(header, dict) else "?"
