"""Reads action parameters: numbers, booleans, `Name.1` lists, pages. Raises ESS's own errors."""

from __future__ import annotations

from typing import Any, TypeVar

from localcloud import errors
from localcloud.wire import Params

Item = TypeVar("Item")


def required(params: Params, name: str) -> str:
    if not params.get(name):
        raise errors.MissingParameter(name)
    return params[name]


def integer(params: Params, name: str, default: int | None, low: int, high: int) -> int | None:
    text = params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise errors.InvalidParameter(name)
    return int(text)


def boolean(params: Params, name: str, default: bool) -> bool:
    """Any case: the Python SDK sends True and False."""
    text = params.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise errors.InvalidParameter(name)
    return default if not text else text == "true"


def repeated(params: Params, name: str, most: int) -> list[str]:
    """`Name.1`, `Name.2`, ...: numbered from 1, without a gap."""
    values: list[str] = []
    while f"{name}.{len(values) + 1}" in params:
        values.append(params[f"{name}.{len(values) + 1}"])
    numbered = sum(1 for key in params if key.startswith(f"{name}.") and key.count(".") == name.count(".") + 1)
    if numbered != len(values) or len(values) > most:
        raise errors.InvalidParameter(f"{name}.N")
    return values


def page(params: Params, items: list[Item], most: int) -> tuple[list[Item], dict[str, Any]]:
    """The items of one page, and the fields of the reply that tell of paging."""
    number = integer(params, "PageNumber", 1, 1, 1_000_000) or 1
    size = integer(params, "PageSize", 10, 1, most) or 10
    told = {"PageNumber": number, "PageSize": size, "TotalCount": len(items)}
    return items[(number - 1) * size : number * size], told
