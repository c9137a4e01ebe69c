"""The whole state as JSON, and back: what a saved fleet file holds under `saved`."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from localcloud.ess.service import Service

NOT_SAVED = ("clock", "region_id", "account_id", "assumptions")  # set when the service is made


def saved(service: Service) -> dict[str, Any]:
    """Returns the state, ready for JSON."""
    return {
        f.name: _plain(getattr(service, f.name)) for f in fields(service) if f.name not in NOT_SAVED
    }


def restore(service: Service, state: Mapping[str, Any]) -> None:
    """Sets what `saved` gave. Raises ValueError, KeyError, TypeError where it is no state."""
    hints = _hints(Service)
    unknown = state.keys() - {f.name for f in fields(service)} | state.keys() & set(NOT_SAVED)
    if unknown:
        raise ValueError(f"unknown part {sorted(unknown)[0]!r}")
    for name, value in state.items():
        setattr(service, name, _typed(hints[name], value))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, deque)):
        return [_plain(inner) for inner in value]
    return value


def _typed(hint: Any, value: Any) -> Any:
    """Returns a value from JSON as its type hint says. Raises TypeError, ValueError, KeyError."""
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin in (UnionType, Union):
        return None if value is None else _typed(_without_none(hint), value)
    if origin is not None:
        return _typed_container(origin, get_args(hint), value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if is_dataclass(hint):
        hints = _hints(hint)  # type: ignore[arg-type]
        values = {name: _typed(hints[name], inner) for name, inner in value.items()}
        return hint(**values)  # type: ignore[operator]
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        raise TypeError(f"{value!r} is not {hint.__name__}")
    return value


def _typed_container(origin: Any, of: tuple[Any, ...], value: Any) -> Any:
    if origin is tuple:
        return tuple(_typed(inner, part) for inner, part in zip(of, value, strict=True))
    if issubclass(origin, dict):
        return origin({name: _typed(of[-1], inner) for name, inner in value.items()})
    items = (_typed(of[0], inner) for inner in value)
    return deque(items, maxlen=1_000) if origin is deque else list(items)


def _without_none(hint: Any) -> Any:
    return next(inner for inner in get_args(hint) if inner is not NoneType)


@cache
def _hints(of: Any) -> dict[str, Any]:
    return get_type_hints(of)
