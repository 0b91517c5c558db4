"""``insight-frames login``, ``logout`` and ``whoami``: a session for all of one's programs, made and ended by hand.

A password is asked for, or read from standard input; it is never an option, because others see a command's options.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from . import FAILED, Command, connecting

if TYPE_CHECKING:
    from ..credentials import Credentials, Secret


def _login(options: argparse.Namespace) -> int:
    from ..connection import Connection
    from ..credentials import config, find, places, records, ring
    from ..errors import InvalidInput, sentence

    way = connecting.settings(options)
    new = options.profile is not None and not config.has(options.profile)
    known = find(_url(options), username=options.username, profile=None if new else options.profile)
    name, password = _who(known, options.password_stdin)
    for word in ("username", "profile", "database"):
        way.pop(word, None)
    with Connection(known.url, username=name, password=password, keep_session=True, **way) as connection:
        connection.login()
        user = connection.whoami()
        print(f"Signed in at {connection.url} as {user['username']} ({user['name']}).")
    if new:
        print(f"Profile {options.profile!r} is now in {config.add_profile(options.profile, connection.url, name)}.")
    if options.keyring:
        ring.put(connection.url, name, password)
        print("The password is in the keyring.")
    if not any((one.url, one.username) == (connection.url, name) for one in records(on_disk=True)):
        raise InvalidInput(
            sentence(
                "The session could not be kept for other programs",
                where=str(places.state_folder()),
                expected="a folder that you may write in",
                try_="the variable INSIGHT_HOME with the path of one",
            )
        )
    print("Your other programs use this session until insight-frames logout, or until the server ends it.")
    return 0


def _who(known: Credentials, from_input: bool) -> tuple[str, Secret]:
    """Give the user name and password to log in with; what the keyring holds may be what is to be replaced."""
    from ..credentials import Secret, asking
    from ..errors import InvalidInput, sentence

    name = known.username or (asking.username(known.url) if asking.possible() else None)
    password = known.password
    if from_input:
        password = Secret(sys.stdin.readline().rstrip("\r\n"))
    elif name and password is None and asking.possible():
        password = asking.password(known.url, name)
    if name and password is not None and password.reveal():
        return name, password
    raise InvalidInput(
        sentence(
            f"There is no {'password' if name else 'user name'} to log in with",
            try_="--username NAME, and --password-stdin where nobody can be asked",
        )
    )


def _logout(options: argparse.Namespace) -> int:
    from ..connection import Connection
    from ..credentials import records, ring

    targets = [{"url": one.url, "username": one.username} for one in records()] if options.all else [_target(options)]
    for target in targets:
        with Connection(**{**connecting.settings(options), **target}, keep_session=True, prompt=False) as connection:
            ended = connection.logout()
            print(f"{'The session is ended' if ended else 'There was no session'} at {connection.url}.")
            if options.keyring and target["username"] and ring.drop(connection.url, target["username"]):
                print("The password is no longer in the keyring.")
    return 0


def _whoami(options: argparse.Namespace) -> int:
    from ..connection import Connection

    words = {**connecting.settings(options), **_target(options)}
    with Connection(**words, keep_session=True, prompt=False) as connection:
        user = connection.whoami()
        print(f"{user['username']} ({user['name']}) at {connection.url}, Metabase {connection.server_version}")
        print(f"signed in by {user['by']}{', an administrator' if user['administrator'] else ''}")
    return 0


def _target(options: argparse.Namespace) -> dict[str, Any]:
    """Say whose session is meant: as given, else the only one there is."""
    from ..credentials import config, records
    from ..errors import InvalidInput, sentence

    given = {"url": _url(options), "username": options.username, "profile": options.profile}
    if given["url"] or options.profile or os.environ.get("INSIGHT_URL") or os.environ.get("INSIGHT_PROFILE"):
        return given
    known = [one for one in records() if options.username in (None, one.username)]
    if config.profile(None).url is not None or not known:
        return given
    if len(known) > 1:
        raise InvalidInput(
            sentence(
                "Several accounts are signed in",
                got=", ".join(f"{one.username} at {one.url}" for one in known),
                try_="the URL, and --username NAME",
            )
        )
    return {"url": known[0].url, "username": known[0].username}


def _url(options: argparse.Namespace) -> str | None:
    """Give the address, which stands alone or behind ``--url``, as in the other commands."""
    found: str | None = options.address or options.url
    return found


def _words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", nargs="?", metavar="URL", help="address of Insight")
    connecting.server(parser)


def _login_words(parser: argparse.ArgumentParser) -> None:
    _words(parser)
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument("--keyring", action="store_true", help="also put the password into the system's keyring")


def _logout_words(parser: argparse.ArgumentParser) -> None:
    _words(parser)
    parser.add_argument("--all", action="store_true", help="every kept session of every server")
    parser.add_argument("--keyring", action="store_true", help="also remove the password from the system's keyring")


COMMANDS = [
    Command(
        "login",
        "log in and keep the session, so that your other programs need no password",
        "Log in and keep the session, so that your other programs need no password.\n"
        "With a --profile that is not there yet, URL and user name are added to the config file.",
        "  insight-frames login https://acme.insight.openclinica.io --profile default",
        _login_words,
        _login,
        invalid=FAILED,
    ),
    Command(
        "logout",
        "end a kept session",
        "End a kept session on the server and here.",
        "  insight-frames logout\n  insight-frames logout --all",
        _logout_words,
        _logout,
        invalid=FAILED,
    ),
    Command(
        "whoami",
        "say whom the server takes you for",
        "Say whom the server takes you for; a password is used if it is configured, and not asked for.",
        "  insight-frames whoami --profile default",
        _words,
        _whoami,
        invalid=FAILED,
    ),
]
