"""``.netrc``, read only when asked for, and only the entry of the very host: its ``default`` is meant for anybody."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import InvalidInput, sentence
from . import places
from .config import Level
from .secret import Hidden, Secret


def read(asked: bool | str | os.PathLike[str], url: str) -> Level:
    """Give what the file says of the URL's host.

    Parameters
    ----------
    asked : bool or path
        True takes ``NETRC``, else ``.netrc`` (on Windows also ``_netrc``) in the home folder.
    url : str
    """
    if asked is False:
        return Level("the netrc file")
    import netrc

    path = _usual() if asked is True else Path(asked)
    try:
        if not places.private(path.stat()):
            raise InvalidInput(
                sentence(
                    "The netrc file is not yours alone",
                    where=str(path),
                    expected="a file with mode 0600 and you as its owner",
                    try_=f"chmod 600 '{path}'",
                )
            )
        hosts = Hidden(netrc.netrc(path).hosts)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError) as error:
        raise InvalidInput(
            sentence("The netrc file cannot be read", where=str(path), got=type(error).__name__)
        ) from None
    host = urlsplit(url).hostname or ""
    if host not in hosts:
        raise InvalidInput(sentence(f"The netrc file knows no machine {host!r}", where=str(path)))
    login, _, password = hosts[host]
    return Level("the netrc file", username=login or None, password=Secret(password) if password else None)


def _usual() -> Path:
    if os.environ.get("NETRC"):
        return Path(os.environ["NETRC"])
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    other = home / "_netrc"
    return other if os.name == "nt" and other.exists() else home / ".netrc"
