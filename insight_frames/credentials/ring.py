"""The operating system's keyring, through the package ``keyring`` (the extra of that name); optional in every way.

A keyring that is locked, missing or broken is as good as an empty one: the next place is asked.
"""

from __future__ import annotations

import logging
from typing import Any

from ..errors import InvalidInput, sentence
from .secret import Secret

log = logging.getLogger("insight_frames")


def find(url: str, username: str | None) -> tuple[str, Secret] | None:
    """Look for a password; without a user name the keyring may know one."""
    keyring = _package()
    if keyring is None:
        return None
    try:
        found = keyring.get_credential(_service(url), username)
    except (keyring.errors.KeyringError, OSError, RuntimeError) as error:  # back ends raise what they like
        log.debug("the keyring was not asked: %s", type(error).__name__)
        return None
    if found is None or not found.username or not found.password:
        return None
    return found.username, Secret(found.password)


def put(url: str, username: str, password: Secret) -> None:
    """Keep a password; InvalidInput if there is no keyring."""
    keyring = _needed()
    try:
        keyring.set_password(_service(url), username, password.reveal())
    except keyring.errors.KeyringError as error:
        raise InvalidInput(
            sentence("The keyring does not take the password", got=type(error).__name__, try_="without --keyring")
        ) from None


def drop(url: str, username: str) -> bool:
    """Remove a password; False if the keyring had none."""
    keyring = _needed()
    try:
        keyring.delete_password(_service(url), username)
    except keyring.errors.KeyringError:
        return False
    return True


def _service(url: str) -> str:
    return f"insight_frames {url}"


def _package() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    return keyring


def _needed() -> Any:
    found = _package()
    if found is None:
        raise InvalidInput(sentence("There is no keyring", try_='pip install "insight-frames[keyring]"'))
    return found
