"""What a text may hold that is to become PostgreSQL's."""

from __future__ import annotations

from insight_frames.errors import InvalidInput, sentence


def check_characters(text: str, what: str) -> None:
    """Refuse the two kinds of character that PostgreSQL's UTF-8 cannot hold."""
    if "\0" in text:
        raise InvalidInput(sentence(f"{what} holds a NUL character, which PostgreSQL cannot take"))
    if not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text):
        raise InvalidInput(sentence(f"{what} holds half of a surrogate pair, which is not a character"))
