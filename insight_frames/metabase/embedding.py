"""Signed embedding: addresses that open one question or dashboard without a login, and its rows read through one.

The secret key is an administrator's; whoever has it can read every question that is open for embedding. It is wrapped
as soon as it is given, and used in one place, where a token is signed; tokens stand in no message and no log.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any, NoReturn
from urllib.parse import quote

from ..credentials import Secret, hide
from ..errors import (
    InsightError,
    InvalidInput,
    LoginRefused,
    ParameterError,
    PermissionDenied,
    QuestionNotFound,
    ServerUnavailable,
    SessionExpired,
    sentence,
)
from ..wire import answers
from ..wire.body import Answer
from ..wire.http import Http
from ..wire.tables import Tables
from ..wire.version import PROPERTIES, era_of, tag_of
from .expiry import Expires, end

_KEY = re.compile(r"[0-9a-fA-F]{64}")
_SWALLOWED = ("limit", "offset", "page")  # from 0.40 on they do not reach the question, and nothing says so
_NAME = re.compile(r":([^\s:]+?)(?=[\s.]|$)")


# ------------------------------------------------------------------------------------------------ tokens
def signed(kind: str, number: int, params: Mapping[str, Any] | None, expires: Expires, secret: str | Secret) -> str:
    """Sign what may be seen: a question or dashboard with the values of its locked parameters, until a moment."""
    hidden = hide(secret)
    secret = ""  # no traceback is to show a local variable of ours
    if not isinstance(hidden, Secret) or not _KEY.fullmatch(hidden.reveal()):
        raise InvalidInput(
            sentence(
                "The secret is no embedding secret key",
                expected="64 hexadecimal digits",
                try_="copy it from Metabase: Admin, Settings, Embedding",
            )
        )
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InvalidInput(sentence(f"The {kind} is meant by its number", expected="an int above 0"))
    claims = {"resource": {kind: number}, "params": _plain(params), "exp": end(expires)}
    return str(_jwt().encode(claims, hidden.reveal(), algorithm="HS256"))


def _jwt() -> ModuleType:
    """Import PyJWT, or say how to get it."""
    try:
        import jwt
    except ImportError:
        raise InvalidInput(sentence("PyJWT is not installed", try_="pip install 'insight-frames[embed]'")) from None
    return jwt


def _plain(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Write values as JSON has them: days as texts, two days as a range."""
    if params is not None and not isinstance(params, Mapping):
        raise ParameterError(sentence("params is not a mapping", expected="params={'name': value}",
                                      got=f"type {type(params).__name__}"))  # fmt: skip
    return {str(name): _value(name, one) for name, one in (params or {}).items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 2 and all(one is None or isinstance(one, dt.date) for one in value):
        return "~".join("" if one is None else f"{one:%Y-%m-%d}" for one in value)
    if isinstance(value, list):
        return [_value(name, one) for one in value]
    if isinstance(value, dt.date) and value == value:
        return f"{value:%Y-%m-%d}"
    if value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and value - value == 0):
        return value
    if isinstance(value, Decimal) and value.is_finite() and Decimal(repr(float(value))) == value:
        return float(value)
    if hasattr(value, "item") and not isinstance(value, float):  # of numpy
        return _value(name, value.item())
    raise ParameterError(
        sentence(
            f"The value for {name!r} cannot be sent",
            expected="a text, a number, a day, two days, or a list",
            got=f"type {type(value).__name__}",
        )
    )


def address(url: str, kind: str, token: str, *, bordered: bool, titled: bool) -> str:
    """Give the address that shows it in a browser, or in a frame of another page."""
    looks = f"bordered={str(bordered).lower()}&titled={str(titled).lower()}"
    return f"{url}/embed/{kind}/{token}#{looks}"


# ------------------------------------------------------------------------------------------------ reading
@dataclass
class OfToken:
    """One question, asked with a token instead of a session."""

    http: Http
    number: int
    token: Secret
    filters: Mapping[str, Any]
    _version: str | None = None

    @property
    def version(self) -> str:
        """The server's version tag, which it tells everybody."""
        if self._version is None:
            with answers.check(self.http.get(PROPERTIES)) as answer:
                self._version = tag_of(answer.json())
        return self._version

    @property
    def era(self) -> int | None:
        """The second number of the version."""
        return era_of(self.version)

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"Question {self.number}"

    def preview(self) -> Answer:
        """Ask as for a person."""
        return self._ask("")

    def export(self) -> Answer:
        """Ask for the export."""
        return self._ask("/json")

    def count(self) -> int | None:
        """Nobody counts for a token."""
        return None

    def tables(self) -> Tables | None:
        """Nobody tells a token about tables."""
        return None

    def _ask(self, form: str) -> Answer:
        given = "&".join(f"{quote(name, safe='')}={quote(one, safe='')}" for name, one in self._filters())
        answer = self.http.get(  # what holds the token is no local variable, which tools print
            f"/api/embed/card/{self.token.reveal()}/query{form}{'?' if given else ''}{given}",
            shown=f"/api/embed/card/.../query{form}",
        )
        if answer.status in answers.GOOD:
            return answer
        with answer:
            text = answer.text()
        self._refuse(answer, text)

    def _filters(self) -> list[tuple[str, str]]:
        """Write the editable parameters as an address has them; ParameterError for what would be lost on the way."""
        found = []
        for name, value in _plain(self.filters).items():
            if value is None:
                continue
            if isinstance(value, list) or name in _SWALLOWED:
                why = "several values" if isinstance(value, list) else "a name that servers take for paging"
                raise ParameterError(
                    sentence(f"The filter {name!r} cannot stand in an address", got=why, try_="params=, signed")
                )
            found.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
        return found

    def _refuse(self, answer: Answer, text: str) -> NoReturn:
        """Raise what a refusal means; they differ in their words alone."""
        if answer.status == 404:
            raise QuestionNotFound(sentence(f"There is no {self.label.lower()} on this server", where=answer.where))
        node = answers.json_object(text)
        if answer.status not in (400, 500) or text.lstrip()[:1] == "<":
            raise answers.meaning(answer, text)
        if node is not None and node.get("status") == "failed":
            raise answers.failure(node, answer.where)
        raise _refusal(self.label, text, answer.where)


_REFUSALS: dict[str, tuple[type[InsightError], str, str]] = {
    "corrupt or manipulated": (LoginRefused, "The server does not accept the embedding secret", "the key as it is "
                               "now: Admin, Settings, Embedding; a new one makes the old one worthless"),
    "is expired": (SessionExpired, "The signed link has expired", "a longer expires=, and a look at this computer's "
                   "clock"),
    "secret key has not been set": (PermissionDenied, "This server has no embedding secret key", "ask an "
                                    "administrator of Insight to switch embedding on"),
    "not enabled for this": (PermissionDenied, "LABEL is not open for embedding", "ask an administrator of Insight "
                             "to publish it: Sharing, Embed this question"),
    "not enabled": (PermissionDenied, "Embedding is switched off on this server", "ask an administrator of Insight"),
    "You must specify": (ParameterError, "LABEL needs a signed value for NAME", "params={NAME: ...}"),
    "only specify": (ParameterError, "LABEL takes a value for NAME only if it is signed", "params= in place of "
                     "filters="),
    "not allowed to specify": (ParameterError, "LABEL takes no value for NAME: it is disabled for embedding",
                               "leave it out"),
    "already set": (ParameterError, "LABEL has a signed value for NAME and one in filters=", "one of the two"),
    "Unknown parameter": (ParameterError, "LABEL has no parameter NAME that embedding knows", "leave it out"),
}  # fmt: skip


def _refusal(label: str, text: str, where: str) -> InsightError:
    for words, (error, what, hint) in _REFUSALS.items():
        if words in text:
            name = _NAME.search(text)
            named = repr(name[1]) if name else "one of them"
            what, hint = (one.replace("LABEL", label).replace("NAME", named) for one in (what, hint))
            return error(sentence(what, where=where, try_=hint))
    return ServerUnavailable(
        sentence(
            f"The server refuses {label.lower()}",
            where=where,
            got="status 400 and words of another language or version",
            try_="check the secret, whether embedding is on, and which parameters are locked",
        )
    )
