"""``insight-frames login``, ``logout`` and ``whoami``: a session for all of one's programs, made and ended by hand.

A password is asked for, or read from standard input; it is never an option, because others see a command's options.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..connection import Connection
from ..credentials import Credentials, Secret, asking, config, find, places, records, ring
from ..errors import InvalidInput, sentence
from . import status


def login(argv: Sequence[str]) -> int:
    """Log in anew and keep the session for other programs; the return value is the exit status."""
    return _run("login", _login, argv)


def logout(argv: Sequence[str]) -> int:
    """End kept sessions; the return value is the exit status."""
    return _run("logout", _logout, argv)


def whoami(argv: Sequence[str]) -> int:
    """Say whom the server takes us for; the return value is the exit status."""
    return _run("whoami", _whoami, argv)


def _run(name: str, work: Callable[[argparse.Namespace], None], argv: Sequence[str]) -> int:
    options = _parser(name).parse_args(argv)

    def done() -> int:
        work(options)
        return 0

    return status(name, done, trouble=1)


def _login(options: argparse.Namespace) -> None:
    new = options.profile is not None and not config.has(options.profile)
    known = find(options.url, username=options.username, profile=None if new else options.profile)
    name, password = _who(known, options.password_stdin)
    with Connection(
        known.url, username=name, password=password, keep_session=True, allow_http=options.allow_http
    ) as connection:
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


def _who(known: Credentials, from_input: bool) -> tuple[str, Secret]:
    """Give the user name and password to log in with; what the keyring holds may be what is to be replaced."""
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


def _logout(options: argparse.Namespace) -> None:
    targets = [{"url": one.url, "username": one.username} for one in records()] if options.all else [_target(options)]
    for target in targets:
        with Connection(**target, keep_session=True, prompt=False) as connection:
            ended = connection.logout()
            print(f"{'The session is ended' if ended else 'There was no session'} at {connection.url}.")
            if options.keyring and target["username"] and ring.drop(connection.url, target["username"]):
                print("The password is no longer in the keyring.")


def _whoami(options: argparse.Namespace) -> None:
    with Connection(**_target(options), keep_session=True, prompt=False, allow_http=options.allow_http) as connection:
        user = connection.whoami()
        print(f"{user['username']} ({user['name']}) at {connection.url}, Metabase {connection.server_version}")
        print(f"signed in by {user['by']}{', an administrator' if user['administrator'] else ''}")


def _target(options: argparse.Namespace) -> dict[str, Any]:
    """Say whose session is meant: as given, else the only one there is."""
    given = {"url": options.url, "username": options.username, "profile": options.profile}
    if options.url or options.profile or os.environ.get("INSIGHT_URL") or os.environ.get("INSIGHT_PROFILE"):
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


def _parser(name: str) -> argparse.ArgumentParser:
    about = {
        "login": "Log in and keep the session, so that your other programs need no password.",
        "logout": "End a kept session on the server and here.",
        "whoami": "Say whom the server takes you for; a password is used if it is configured, and not asked for.",
    }
    parser = argparse.ArgumentParser(prog=f"insight-frames {name}", description=about[name])
    parser.add_argument("url", nargs="?", help="address of Insight; default: INSIGHT_URL, or the config file's")
    parser.add_argument("--username", metavar="NAME", help="e-mail of the account")
    parser.add_argument("--profile", metavar="NAME", help="a section of the config file")
    if name == "login":
        parser.epilog = "With a --profile that is not there yet, URL and user name are added to the config file."
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        parser.add_argument("--keyring", action="store_true", help="also put the password into the system's keyring")
    if name == "logout":
        parser.add_argument("--all", action="store_true", help="every kept session of every server")
        parser.add_argument("--keyring", action="store_true", help="also remove the password from the system's keyring")
    else:
        parser.add_argument("--allow-http", action="store_true", help="a password may travel unencrypted")
    return parser
