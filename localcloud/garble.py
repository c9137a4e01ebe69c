"""Answers that no client should believe: JSON with one wrong field, or another body altogether."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

ABSENT = object()
VALUES: tuple[Any, ...] = (
    *(
        ABSENT,
        None,
        True,
        False,
        0,
        -5,
        4.7,
        1e400,
        10**400,
        "",
        "x",
        "1",
        " ",
        "\u0000",
        "2026-13-45T99:99Z",
    ),
    *(
        "2026-11-23T12:00:00",
        [],
        {},
        [[]],
        [None],
        {"x": {}},
        ["i-1", "i-1"],
        {"ScalingGroup": 5},
        {"ScalingInstance": {}},
    ),
)
BODIES = (
    b"",
    b"5",
    b"null",
    b'"Code"',
    b"[]",
    b"{}",
    b"[" * 5_000,
    b'{"Code": 5}',
    b"\xff\xfe",
    b"<html></html>",
)
LISTS = ("ScalingGroups", "ScalingInstances", "ScalingActivities")


def garbled(body: bytes, chance: Random) -> bytes:
    """Returns another body, an empty list that claims one entry, or one wrong field."""
    choice = chance.random()
    if choice < 0.2:
        return chance.choice(BODIES)
    document = json.loads(body)
    if choice < 0.3 and (name := next((name for name in LISTS if name in document), None)):
        return json.dumps({**document, name: {name[:-1]: []}, "TotalCount": 1}).encode()
    holder, key = chance.choice(list(_places(document)))
    value = chance.choice(VALUES)
    if value is ABSENT:
        del holder[key]
    else:
        holder[key] = value
    return json.dumps(document).encode()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yields every field and every entry: what holds it, and its key or index."""
    keys: Iterable[Any] = ()
    if isinstance(document, dict):
        keys = document.keys()
    elif isinstance(document, list):
        keys = range(len(document))
    for key in keys:
        yield document, key
        yield from _places(document[key])
