"""Asking a person, where there is one: on a terminal or in a notebook, nowhere else.

A batch job must end with an error that says what is missing, and not wait for ever for somebody to type.
"""

from __future__ import annotations

import sys

from .secret import Secret


def possible() -> bool:
    """Whether a person can be asked."""
    return _terminal() or _notebook()


def username(url: str) -> str | None:
    """Ask for a user name; None for an empty answer, or if nobody could be asked after all."""
    try:
        return input(f"User name (e-mail) for {url}: ").strip() or None
    except (EOFError, NotImplementedError):  # the latter is a notebook whose front end takes no input
        return None


def password(url: str, name: str) -> Secret | None:
    """Ask for a password without showing it; None as above."""
    import getpass

    try:
        typed = Secret(getpass.getpass(f"Password of {name} for {url}: "))
    except (EOFError, NotImplementedError):
        return None
    return typed if typed.reveal() else None


def _terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _notebook() -> bool:
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return hasattr(running, "kernel")
