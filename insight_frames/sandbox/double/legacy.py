"""Stored questions and definitions in an era's own MBQL: old references become ``["field", id, null]`` from 0.39 on."""

from __future__ import annotations

from typing import Any

from .references import token


def stored(era: int, node: Any) -> Any:
    """A piece of MBQL as the era's application database keeps it."""
    if isinstance(node, dict):
        return {key: stored(era, value) for key, value in node.items()}
    if not isinstance(node, list):
        return node
    if era < 39 or not node or not isinstance(node[0], str):
        return [stored(era, one) for one in node]
    word, rest = token(node[0]), node[1:]
    if word == "field-id" and isinstance(rest[0], int):
        return ["field", rest[0], None]
    if word == "field-literal":
        return ["field", rest[0], {"base-type": rest[1]}]
    if word in ("fk->", "datetime-field", "joined-field"):
        return _with_options(era, word, rest)
    return [stored(era, one) for one in node]


def _with_options(era: int, word: str, rest: list[Any]) -> list[Any]:
    inner = stored(era, rest[0] if word == "datetime-field" else rest[1])
    if isinstance(inner, int):
        inner = ["field", inner, None]
    if word == "fk->":
        key = rest[0][1] if isinstance(rest[0], list) else rest[0]
        added: dict[str, Any] = {"source-field": key}
    else:
        added = {"temporal-unit": rest[-1]} if word == "datetime-field" else {"join-alias": rest[0]}
    return [inner[0], inner[1], {**(inner[2] or {}), **added}]


def question(era: int, dataset: dict[str, Any]) -> dict[str, Any]:
    """A card's ``dataset_query`` as it is kept; the old eras drop empty parts of it."""
    kept = stored(era, dataset)
    native = kept.get("native")
    if era < 39 and isinstance(native, dict):
        kept["native"] = {key: value for key, value in native.items() if value not in ({}, None)}
    return dict(kept)
