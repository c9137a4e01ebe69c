"""Values of dataclasses as JSON, and back by their type hints."""

from __future__ import annotations

import base64
from collections import deque
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def plain(value: Any) -> Any:
    """Returns a value of dataclasses, times, bytes and containers, ready for JSON."""
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, deque)):
        return [plain(inner) for inner in value]
    return value


def typed(hint: Any, value: Any) -> Any:
    """Returns a value from JSON as its type hint says. Raises TypeError, ValueError, KeyError."""
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin in (UnionType, Union):
        return None if value is None else typed(_without_none(hint), value)
    if origin is not None:
        return _container(origin, get_args(hint), value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is bytes:
        return base64.b64decode(value, validate=True)
    if is_dataclass(hint):
        hints = hints_of(hint)  # type: ignore[arg-type]
        values = {name: typed(hints[name], inner) for name, inner in value.items()}
        return hint(**values)  # type: ignore[operator]
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        raise TypeError(f"{value!r} is not {hint.__name__}")
    return value


def _container(origin: Any, of: tuple[Any, ...], value: Any) -> Any:
    if origin is tuple:
        return tuple(typed(inner, part) for inner, part in zip(of, value, strict=True))
    if issubclass(origin, dict):
        key = of[0] if of[0] is int else str  # JSON has texts alone
        return origin({key(name): typed(of[-1], inner) for name, inner in value.items()})
    items = (typed(of[0], inner) for inner in value)
    return deque(items, maxlen=1_000) if origin is deque else list(items)


def _without_none(hint: Any) -> Any:
    return next(inner for inner in get_args(hint) if inner is not NoneType)


@cache
def hints_of(of: Any) -> dict[str, Any]:
    """Returns the types of a dataclass's fields."""
    return get_type_hints(of)
