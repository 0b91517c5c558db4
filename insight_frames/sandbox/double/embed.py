"""Signed embedding and public links while an administrator has not switched them on: every request is refused."""

from __future__ import annotations

from typing import Any

from . import replies
from .access import api
from .app import App, Reply, Request


@api("GET", r"/api/embed/(?:card|dashboard)/.*", anonymous=True)
def embedded(app: App, req: Request, match: Any) -> Reply:
    """Signed embedding needs a secret key that nobody has set."""
    return replies.text("The embedding secret key has not been set.", 400)


@api("GET", r"/api/public/(?:card|dashboard)/.*", anonymous=True)
def public(app: App, req: Request, match: Any) -> Reply:
    """Public links say nothing about why they do not work."""
    if app.era >= 47:
        return replies.data("An error occurred.", 400)
    return replies.text("An error occurred.", 400)
