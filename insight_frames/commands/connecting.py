"""Which server, and by which way: the words that every command has that asks one, as :func:`connect` has them.

No password, key or session is a word, because others on the machine see a command's words: they come from the
environment, the config file, the keyring, a kept session, or a person who is asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..connection import Connection
    from ..direct_connection import PostgresConnection
    from ..snapshots import Snapshot


def server(parser: argparse.ArgumentParser, *, url: bool = True) -> None:
    """Add the words that say which server, and the way to it."""
    group = parser.add_argument_group("server", "left out: the environment (INSIGHT_URL ...), then the config file")
    if url:
        group.add_argument("--url", metavar="URL", help="address of Insight, or a postgresql:// one")
    group.add_argument("--username", metavar="NAME", help="e-mail of the account")
    group.add_argument("--profile", metavar="NAME", help="a section of the config file")
    group.add_argument("--database", metavar="NAME", help="as Metabase shows it; needed if several are visible")
    group.add_argument("--allow-http", action="store_true", help="a password may travel unencrypted")
    way = parser.add_argument_group("network")
    way.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="sent with every request, for a gateway; @FILE reads such lines from a file; repeatable",
    )
    way.add_argument("--cert", metavar="FILE", help="your certificate (PEM), with its key unless there is --key")
    way.add_argument("--key", metavar="FILE", help="the key of --cert")
    way.add_argument("--ca", metavar="FILE", help="certificates of authorities to trust (PEM)")
    way.add_argument("--insecure", action="store_true", help="trust whatever certificate the server has")
    way.add_argument("--proxy", metavar="URL", help="of a proxy; 'none' for none. Left out: HTTPS_PROXY and its kin")
    way.add_argument("--timeout", type=float, metavar="SECONDS", help="for connecting, and for each wait for bytes")


def offline(parser: argparse.ArgumentParser) -> None:
    """Add the word that takes a snapshot for a server."""
    parser.add_argument("--snapshot", metavar="FOLDER", help="read from a snapshot instead of a server")


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """Give what was said about the account and the way, as keywords of :func:`connect`, and nothing else."""
    from ..credentials import Hidden

    said: dict[str, Any] = {"username": options.username, "profile": options.profile, "database": options.database}
    said["allow_http"] = True if options.allow_http else None
    said["timeout"] = options.timeout
    said["verify"] = False if options.insecure else options.ca
    said["cert"] = (options.cert, options.key) if options.key else options.cert
    said["proxies"] = False if options.proxy == "none" else options.proxy
    said["headers"] = headers(options.header) or None
    return Hidden({name: value for name, value in said.items() if value is not None})


def headers(given: list[str]) -> dict[str, str]:
    """Read headers; those of a file are not seen by who lists processes.

    >>> dict(headers(["X-Gateway: hush"]))
    {'X-Gateway': 'hush'}
    """
    from ..credentials import Hidden
    from ..errors import InvalidInput, sentence

    lines: list[str] = []
    for one in given:
        lines += _lines(one[1:]) if one.startswith("@") else [one]
    made: Hidden[str, str] = Hidden()
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise InvalidInput(
                sentence("--header cannot be read", expected="NAME:VALUE or @FILE", got="something else")
            )
        made[name.strip()] = value.strip()
    return made


def _lines(path: str) -> list[str]:
    return [one for one in text_of(path, "--header").splitlines() if one.strip()]


def text_of(path: str, what: str) -> str:
    """Read a text file that a word names; InvalidInput if it cannot be read."""
    from ..errors import InvalidInput, sentence

    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except (OSError, ValueError) as error:
        got = getattr(error, "strerror", None) or "no text in UTF-8"
        raise InvalidInput(sentence(f"{what} names a file that cannot be read", where=path, got=got)) from None


@contextmanager
def connection(options: argparse.Namespace) -> Iterator[Connection | PostgresConnection]:
    """Connect as the words say; sockets are let go of behind it."""
    from ..api.opening import connect

    with connect(options.url, **settings(options)) as made:
        yield made


@contextmanager
def reader(options: argparse.Namespace) -> Iterator[Connection | PostgresConnection | Snapshot]:
    """Open the snapshot that is named, or else connect."""
    if options.snapshot is None:
        with connection(options) as made:
            yield made
        return
    from ..api.freezing import open_snapshot
    from ..errors import InvalidInput, sentence

    if options.url is not None:
        raise InvalidInput(sentence("--snapshot and --url exclude each other", try_="one of them"))
    yield open_snapshot(options.snapshot)
