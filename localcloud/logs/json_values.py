"""The leaves of a JSON text by their paths, up to where the text breaks off.

Simple Log Service parses as much of a JSON field as is valid (help page "JSON type").
"""

from __future__ import annotations

import json
import re

QUOTE, COLON = re.compile(r'\s*(?=")'), re.compile(r"\s*:\s*")
COMMA, CLOSED = re.compile(r"\s*,\s*"), re.compile(r"\s*\}")
MAX_DEPTH = 20
DECODER = json.JSONDecoder()

Leaf = str | int | float | bool | None


def json_values(text: str) -> dict[str, Leaf]:
    """Values by paths such as `a.b`, without what lies within lists or after a fault."""
    values: dict[str, Leaf] = {}
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] == "{":
        _read_object(text, start + 1, "", values)
    return values


def _read_object(text: str, at: int, prefix: str, values: dict[str, Leaf]) -> int:
    """Reads the members from `at` on; returns where the object ends, -1 where it breaks off."""
    while name := _name(text, at):
        path, at = f"{prefix}{name[0]}", name[1]
        if text[at : at + 1] == "{" and path.count(".") < MAX_DEPTH:
            at = _read_object(text, at + 1, f"{path}.", values)
            if at < 0:
                return at
        else:
            try:
                value, at = DECODER.raw_decode(text, at)
            except (ValueError, RecursionError):
                return -1
            if not isinstance(value, list | dict):
                values[path] = value
        comma = COMMA.match(text, at)
        if comma is None:
            break
        at = comma.end()
    closed = CLOSED.match(text, at)
    return closed.end() if closed else -1


def _name(text: str, at: int) -> tuple[str, int] | None:
    """The name of the next member, and where its value begins; None where there is none."""
    quote = QUOTE.match(text, at)
    if quote is None:
        return None
    try:
        name, at = DECODER.raw_decode(text, quote.end())
    except (ValueError, RecursionError):
        return None
    colon = COLON.match(text, at)
    return (str(name), colon.end()) if colon else None
