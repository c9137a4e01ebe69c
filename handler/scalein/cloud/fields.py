"""Takes fields from ESS's replies: each has its documented type, or the reply is Inconsistent."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

MAX_CAPACITY = 10**9  # weights add up
ID = re.compile(r"[!-~]{1,128}")
# CreatedTime has seconds, every other time has none.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")

Reply = dict[str, Any]


class Inconsistent(Exception):
    """ESS's answers contradict each other, or lack what every decision needs."""


def list_of(owner: Reply, plural: str, singular: str, is_required: bool) -> list[Any]:
    """Returns a list, which comes as {plural: {singular: [...]}} or without the inner name."""
    outer = owner.get(plural)
    if not is_required and (outer is None or outer == {}):
        return []
    inner = outer.get(singular) if isinstance(outer, dict) else outer
    if not isinstance(inner, list):
        raise Inconsistent(f"{plural} is not a list.")
    return inner


def objects_of(owner: Reply, plural: str, singular: str, is_required: bool = True) -> list[Reply]:
    items = list_of(owner, plural, singular, is_required)
    if not all(isinstance(item, dict) for item in items):
        raise Inconsistent(f"{plural} has an element that is not an object.")
    return items


def ids_of(owner: Reply, plural: str, singular: str) -> list[str]:
    ids = [id_of(item, singular) for item in list_of(owner, plural, singular, is_required=False)]
    if len(set(ids)) != len(ids):
        raise Inconsistent(f"{plural} lists an id twice.")
    return ids


def id_of(value: object, name: str) -> str:
    if isinstance(value, str) and ID.fullmatch(value):
        return value
    raise Inconsistent(f"{name} is missing or malformed.")


def text_of(item: Reply, name: str) -> str:
    """Returns the text; empty if it is absent."""
    return "" if item.get(name) in (None, "") else id_of(item[name], name)


def integer_of(value: object, name: str, max_value: int = MAX_CAPACITY) -> int:
    if type(value) is int and 0 <= value <= max_value:  # True is an int to Python
        return value
    raise Inconsistent(f"{name} is not an integer from 0 to {max_value}.")


def flag_of(item: Reply, name: str) -> bool:
    value = item.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Inconsistent(f"{name} is neither true nor false.")


def time_of(item: Reply, name: str) -> datetime | None:
    """Returns the time; None if it is absent."""
    value = item.get(name)
    if value in (None, ""):
        return None
    time = _time(value) if isinstance(value, str) else None
    if time is None:
        raise Inconsistent(f"{name} is not a time.")
    return time


@lru_cache(maxsize=4_096)  # the next invocation reads most instances again
def _time(text: str) -> datetime | None:
    """Returns the time; None if the text is none."""
    try:
        if TIME.fullmatch(text):
            return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        pass
    return None
