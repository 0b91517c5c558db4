"""Where a PostgreSQL is and how it is to be reached, in libpq's words, without a secret.

libpq itself reads the address and adds what its environment variables, service file and ``.pgpass`` say, so that what
works in psql works here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import quote

from ..credentials import Credentials
from ..errors import InvalidInput, sentence

_LOCAL = re.compile(r"localhost|127(?:\.\d+){3}|::1|[/@].*")
_ENCRYPTED = ("require", "verify-ca", "verify-full")
_NO_PASSWORD_IN_CLEAR = 160000  # libpq's version from which on it can refuse to send one
_DEFAULTS = {
    "fallback_application_name": "insight_frames",
    "client_encoding": "UTF8",
    "keepalives_idle": "30",  # a peer that is gone is noticed within a minute, and not in two hours
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


def driver() -> Any:
    """Give the module psycopg; InvalidInput if it is not installed."""
    try:
        return import_module("psycopg")
    except ImportError:
        raise InvalidInput(
            sentence(
                "A connection straight to PostgreSQL needs psycopg, which is not installed",
                try_='pip install "insight-frames[postgres]"',
            )
        ) from None


@dataclass(frozen=True)
class Address:
    """Settings as libpq takes them, without user and password."""

    settings: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """The address as messages, frames and manifests tell it; libpq reads it too."""
        host = quote(self.settings.get("host") or self.settings.get("hostaddr") or "", safe="[]:,")
        port = self.settings.get("port")
        return f"postgresql://{host}{f':{port}' if port else ''}/{quote(self.settings.get('dbname') or '', safe='')}"


def address_of(found: Credentials, connect_timeout: float) -> Address:
    """Check an address; InvalidInput if it is none, or names another database than is asked for."""
    psycopg = driver()
    given: dict[str, str] | None = None
    with suppress(psycopg.Error):  # its text may quote what it could not read
        given = dict(psycopg.conninfo.conninfo_to_dict(found.url))
    if given is None or not all(one.isdigit() for one in given.get("port", "0").split(",") if one):
        raise InvalidInput(
            sentence(
                "The URL is not one of a PostgreSQL",
                expected="postgresql://user@host:5432/database",
                try_="write @ : / ? and % inside names as %40 %3A %2F %3F %25",
            )
        )
    if found.database is not None:
        given.setdefault("dbname", str(found.database))
    told = {key: value for key, value in _defaults(psycopg).items() if not (key == "host" and "hostaddr" in given)}
    settings = {"connect_timeout": str(max(2, round(connect_timeout))), **_DEFAULTS, **told, **given}
    if not _safe(settings) and psycopg.pq.version() >= _NO_PASSWORD_IN_CLEAR:
        settings.setdefault("require_auth", "!password")
    return Address(settings)


def _defaults(psycopg: Any) -> dict[str, str]:
    """Give where libpq would go by its environment variables and service file; never a password."""
    known = {one.keyword.decode(): one.val for one in psycopg.pq.Conninfo.get_defaults()}
    return {key: known[key].decode() for key in ("host", "hostaddr", "port", "dbname", "sslmode") if known.get(key)}


def _safe(settings: Mapping[str, str]) -> bool:
    """Whether a password could be sent as it is: encrypted, or to this machine."""
    hosts = (settings.get("host") or settings.get("hostaddr") or "localhost").split(",")
    return settings.get("sslmode") in _ENCRYPTED or all(_LOCAL.fullmatch(one) for one in hosts)
