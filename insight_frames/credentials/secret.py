"""Texts that cannot be printed by accident: in no repr, pickle or traceback, only by one named call.

A mapping that holds such texts in clear (headers, a login's body) hides its repr, because tools print local variables.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_COST = {"n": 1 << 14, "r": 8, "p": 1}  # about 40 ms and 16 MB a try
_MEMORY = 1 << 26  # bytes that scrypt may take


class Secret:
    """A text that shows itself only through :meth:`reveal`.

    >>> Secret("hush")
    <secret>
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def _bytes(self) -> bytes:
        return self._text.encode("utf-8", "surrogatepass")


class Hidden(dict[K, V]):
    """A mapping whose repr shows nothing of it.

    >>> Hidden(password="hush")
    <hidden>
    """

    def __repr__(self) -> str:
        return "<hidden>"

    def copy(self) -> Hidden[K, V]:
        """Give one that is hidden too."""
        return Hidden(self)


def hide(text: str | Secret | None) -> Secret | None:
    """Wrap a text; all else stays as it is."""
    return Secret(text) if isinstance(text, str) else text


@dataclass(frozen=True)
class Verifier:
    """What tells whether a secret is the one it was made of, and not what that one is (scrypt, salted).

    >>> Verifier.of(Secret("hush")).matches(Secret("hush")), Verifier.of(Secret("hush")).matches(Secret("Hush"))
    (True, False)
    """

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, secret: Secret) -> Verifier:
        """Make one with a salt of its own."""
        salt = secrets.token_bytes(16)
        return cls(salt, _digest(secret, salt))

    def matches(self, secret: Secret) -> bool:
        """Whether it was made of this secret."""
        return hmac.compare_digest(self.digest, _digest(secret, self.salt))

    def to_json(self) -> dict[str, str]:
        """Give it as JSON."""
        return {"scrypt": self.digest.hex(), "salt": self.salt.hex()}

    @classmethod
    def from_json(cls, node: Any) -> Verifier:
        """Read what `to_json` gave; KeyError, TypeError or ValueError for anything else."""
        return cls(bytes.fromhex(node["salt"]), bytes.fromhex(node["scrypt"]))


def _digest(secret: Secret, salt: bytes) -> bytes:
    return hashlib.scrypt(secret._bytes(), salt=salt, maxmem=_MEMORY, dklen=32, **_COST)
