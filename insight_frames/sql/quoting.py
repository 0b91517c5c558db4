"""Names and texts between quotes.

A text with a backslash takes the E'' form, which reads the same under every session setting. ``[[`` and ``{{`` are
never written, because Metabase reads them as template tags.
"""

from __future__ import annotations

import re

from insight_frames.errors import InvalidInput, sentence
from insight_frames.sql.characters import check_characters

_DOUBLED = re.compile(r"\[(?=\[)|\{(?=\{)")


def identifier(name: str) -> str:
    """Quote a name.

    Parameters
    ----------
    name : str
        The name of a schema, table or column as the catalogue has it.

    Returns
    -------
    str
        Always quoted; a name with ``[`` or ``{`` in the ``U&"..."`` form, in which Metabase sees no template tag.

    Raises
    ------
    InvalidInput
        The name is empty or holds a character that PostgreSQL cannot take.

    Examples
    --------
    >>> print(identifier('say "A" twice'))
    "say ""A"" twice"
    """
    if not name:
        raise InvalidInput(sentence("A name is empty", expected="the name of a schema, table or column"))
    check_characters(name, "A name")
    if "[" not in name and "{" not in name:
        return '"' + name.replace('"', '""') + '"'
    escaped = name.replace("\\", "\\\\").replace('"', '""').replace("[", "\\005B").replace("{", "\\007B")
    return f'U&"{escaped}"'


def qualified(schema: str, name: str) -> str:
    """Quote a table with its schema.

    Examples
    --------
    >>> qualified("s_juno", "participant")
    '"s_juno"."participant"'
    """
    return f"{identifier(schema)}.{identifier(name)}"


def string_literal(text: str) -> str:
    """Write a text as a string literal.

    Parameters
    ----------
    text : str
        Any text without NUL.

    Returns
    -------
    str
        ``'...'``, or ``E'...'`` where a backslash, ``[[`` or ``{{`` asks for it: the same text whatever
        ``standard_conforming_strings`` says, and never ``[[`` or ``{{``.

    Raises
    ------
    InvalidInput
        The text holds a NUL character or half of a surrogate pair.

    Examples
    --------
    >>> string_literal("O'Brien")
    "'O''Brien'"
    """
    check_characters(text, "A text")
    body = text.replace("'", "''")
    if "\\" not in body and not _DOUBLED.search(body):
        return f"'{body}'"
    body = _DOUBLED.sub(lambda one: "\\x5b" if one[0] == "[" else "\\x7b", body.replace("\\", "\\\\"))
    return f"E'{body}'"
