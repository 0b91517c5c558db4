"""Named profiles in ``config.toml``: what a user would otherwise type at every ``connect``.

A password stands there only if the user wrote it there, and then the file must be this user's alone. A key that is not
known is an error, because a misspelt one would be passed over in silence.
"""

from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, near, sentence
from . import places
from .inurl import parted
from .secret import Hidden, Secret, hide

log = logging.getLogger("insight_frames")

DEFAULT = "default"
_SECRETS = ("password", "api_key", "session_id")
_KEYS = ("url", "username", *_SECRETS, "database")


@dataclass(frozen=True)
class Level:
    """What one place says: the arguments, the environment, a profile."""

    name: str
    url: str | None = None
    username: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None
    session_id: Secret | None = None
    database: str | int | None = None

    @property
    def identifies(self) -> bool:
        """Whether it says who signs in."""
        return any(one is not None for one in (self.username, self.password, self.api_key, self.session_id))


def config_path() -> Path:
    """Give the file's place."""
    try:
        return places.config_folder() / "config.toml"
    except RuntimeError:
        return Path("config.toml")  # a user without a home has none


def profile(name: str | None) -> Level:
    """Read a profile; the one called ``default`` may be missing, another may not."""
    path = config_path()
    known = _read(path)
    if name is None and DEFAULT not in known:
        return Level("the config file")
    wanted = DEFAULT if name is None else name
    if wanted not in known:
        raise InvalidInput(
            sentence(
                f"There is no profile {wanted!r}",
                where=str(path),
                got=", ".join(known) or "none",
                try_=near(wanted, known) or f"a section [{wanted}] with url and username",
            )
        )
    found = known[wanted]
    return Level(
        f"the profile {wanted!r}",
        url=found.get("url"),
        username=found.get("username"),
        password=hide(found.get("password")),
        api_key=hide(found.get("api_key")),
        session_id=hide(found.get("session_id")),
        database=found.get("database"),
    )


def has(name: str) -> bool:
    """Whether there is a profile of that name."""
    return name in _read(config_path())


def add_profile(name: str, url: str, username: str) -> Path:
    """Append a profile, without a password; gives the file's path."""
    path = config_path()
    section = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
    lines = [f"[{section}]", f"url = {json.dumps(url)}", f"username = {json.dumps(username)}"]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write("\n".join(["", *lines, ""]) if os.fstat(handle).st_size else "\n".join([*lines, ""]))
    return path


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Give the profiles by name; a file that is not there holds none."""
    try:
        with path.open("rb") as file:
            import tomllib

            alone = places.private(os.fstat(file.fileno()))
            node = Hidden(tomllib.load(file))
    except OSError as error:  # also a home folder that this user may not look into
        log.debug("there is no config file: %s", type(error).__name__)
        return {}
    except ValueError as error:  # the parser's text may quote the line
        raise InvalidInput(
            sentence("The config file cannot be read", where=str(path), expected="TOML", got=type(error).__name__)
        ) from None
    for name, found in node.items():
        _check(path, name, found)
    if not alone and any(map(_holds_a_secret, node.values())):
        raise InvalidInput(
            sentence(
                "The config file holds a password, and others may read it",
                where=str(path),
                expected="mode 0600 and you as its owner",
                try_=f"chmod 600 '{path}'",
            )
        )
    return node


def _holds_a_secret(found: dict[str, Any]) -> bool:
    return any(key in found for key in _SECRETS) or parted(found.get("url")).password is not None


def _check(path: Path, name: str, found: Any) -> None:
    if not isinstance(found, dict):
        raise InvalidInput(
            sentence(
                "A key in the config file belongs to no profile",
                where=f"{path}, {name}",
                try_=f"a line [{DEFAULT}] before it",
            )
        )
    for key, value in found.items():
        if key not in _KEYS:
            hint = near(key, _KEYS) or f"one of {', '.join(_KEYS)}"
            raise InvalidInput(sentence(f"A profile has no key {key!r}", where=f"{path}, [{name}]", try_=hint))
        number = key == "database" and isinstance(value, int) and not isinstance(value, bool)
        if not number and not (isinstance(value, str) and value):
            raise InvalidInput(sentence("A profile's key needs a text", where=f"{path}, [{name}], {key}"))
