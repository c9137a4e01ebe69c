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

NOT_SAVED = ("clock", "region_id", "knobs")  # told elsewhere


def saved(service: Service) -> dict[str, Any]:
    """Ready for JSON."""
    return {f.name: _plain(getattr(service, f.name)) for f in fields(service) if f.name not in NOT_SAVED}


def restore(service: Service, state: Mapping[str, Any]) -> None:
    """Raises ValueError, KeyError, TypeError where the state is not one that `saved` gave."""
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
    """As its type says, from what JSON made of it."""
    origin, of = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (UnionType, Union):
        return None if value is None else _typed(next(inner for inner in of if inner is not NoneType), value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if origin is tuple:
        return tuple(_typed(inner, part) for inner, part in zip(of, value, strict=True))
    if origin is dict:
        return {name: _typed(of[1], inner) for name, inner in value.items()}
    if origin is list:
        return [_typed(of[0], inner) for inner in value]
    if origin is deque:
        return deque((_typed(of[0], inner) for inner in value), maxlen=1_000)
    if is_dataclass(hint):
        hints = _hints(hint)  # type: ignore[arg-type]
        return hint(**{name: _typed(hints[name], inner) for name, inner in value.items()})  # type: ignore[operator]
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        raise TypeError(f"{value!r} is not {hint.__name__}")
    return value


@cache
def _hints(of: Any) -> dict[str, Any]:
    return get_type_hints(of)
