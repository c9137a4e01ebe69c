"""What an action takes: its parameters are declared, and read by their declarations. Raises ESS's own errors.

The names are those of API version 2014-08-28. In 2022-02-22 a list has the plural as its name (InstanceId.1 there is
InstanceIds.1), which `read` takes care of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from localcloud import errors
from localcloud.wire import Params

Ask = Mapping[str, Any]  # what is asked, by parameter; what was not said is None, False or empty
Item = TypeVar("Item")

NEWER = "2022-02-22"
PLURALS = {"Process": "Processes", "RemovalPolicy": "RemovalPolicies"}


class Parameter(NamedTuple):
    name: str
    parse: Callable[[Params, str, str], Any]  # of the parameters, what it is called there, what errors call it
    required: bool = False
    many: bool = False  # numbered from 1
    asked: str = ""  # its name in what is asked, where another parameter has its own


def text(name: str, required: bool = False, *, most: int = 0, pattern: str = "") -> Parameter:
    def parse(params: Params, key: str, told: str) -> str | None:
        value = params.get(key) or None
        if value is not None and ((most and len(value) > most) or (pattern and not re.fullmatch(pattern, value))):
            raise errors.InvalidParameter(told)
        return value

    return Parameter(name, parse, required)


def one_of(name: str, *values: str, required: bool = False, default: str | None = None) -> Parameter:
    def parse(params: Params, key: str, told: str) -> str | None:
        value = params.get(key) or default
        if value is not None and value not in values:
            raise errors.InvalidParameter(told)
        return value

    return Parameter(name, parse, required)


def integer(name: str, low: int, high: int, *, default: int | None = None, required: bool = False) -> Parameter:
    def parse(params: Params, key: str, told: str) -> int | None:
        value = params.get(key, "")
        if not value:
            return default
        if not re.fullmatch("-?[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise errors.InvalidParameter(told)
        return int(value)

    return Parameter(name, parse, required)


def number(name: str, required: bool = False) -> Parameter:
    def parse(params: Params, key: str, told: str) -> float | None:
        try:
            return float(params[key]) if params.get(key) else None
        except ValueError as error:
            raise errors.InvalidParameter(told) from error

    return Parameter(name, parse, required)


def boolean(name: str, *, default: bool | None = False, required: bool = False) -> Parameter:
    """Any case: the Python SDK sends True and False."""

    def parse(params: Params, key: str, told: str) -> bool | None:
        value = params.get(key, "").lower()
        if value not in ("", "true", "false"):
            raise errors.InvalidParameter(told)
        return default if not value else value == "true"

    return Parameter(name, parse, required)


def document(name: str) -> Parameter:
    """A JSON object, as text."""

    def parse(params: Params, key: str, told: str) -> dict[str, Any]:
        try:
            value = json.loads(params.get(key) or "{}")
        except ValueError as error:
            raise errors.InvalidParameter(told) from error
        if not isinstance(value, dict):
            raise errors.InvalidParameter(told)
        return value

    return Parameter(name, parse)


def texts(name: str, most: int = 20, *, required: bool = False, values: Sequence[str] = ()) -> Parameter:
    """`Name.1`, `Name.2`, ...: numbered from 1, without a gap."""

    def parse(params: Params, key: str, told: str) -> list[str]:
        found: list[str] = []
        while f"{key}.{len(found) + 1}" in params:
            found.append(params[f"{key}.{len(found) + 1}"])
        numbered = sum(1 for k in params if k.startswith(f"{key}.") and k.count(".") == key.count(".") + 1)
        wrong = numbered != len(found) or len(found) > most or (values and not set(found) <= set(values))
        if wrong:
            raise errors.InvalidParameter(f"{told}.N")
        return found

    return Parameter(name, parse, required, many=True)


def records(name: str, most: int = 20) -> Parameter:
    """`Name.1.Field`, ...: numbered from 1; each with the fields that were given."""

    def parse(params: Params, key: str, told: str) -> list[dict[str, str]]:
        found: dict[int, dict[str, str]] = {}
        for k, value in params.items():
            match = re.fullmatch(re.escape(key) + r"\.([0-9]{1,4})\.(.+)", k)
            if match:
                found.setdefault(int(match[1]), {})[match[2]] = value
        if sorted(found) != list(range(1, len(found) + 1)) or len(found) > most:
            raise errors.InvalidParameter(f"{told}.N")
        return [found[n] for n in sorted(found)]

    return Parameter(name, parse, many=True)


REGION = text("RegionId", required=True)
GROUP = text("ScalingGroupId", required=True)
TOKEN = text("ClientToken", pattern="[\x00-\x7f]{0,64}")
NAME = "[0-9A-Za-z\u4e00-\u9fa5][0-9A-Za-z\u4e00-\u9fa5_.-]{1,63}"


def pages(most: int) -> tuple[Parameter, Parameter]:
    return integer("PageNumber", 1, 1_000_000, default=1), integer("PageSize", 1, most, default=10)


def read(declared: Sequence[Parameter], params: Params, version: str) -> dict[str, Any]:
    """Raises ApiError: MissingParameter, InvalidParameter."""
    ask = {}
    for parameter in declared:
        key = plural(parameter.name) if parameter.many and version == NEWER else parameter.name
        value = ask[parameter.asked or parameter.name] = parameter.parse(params, key, key)
        if parameter.required and value in (None, []):
            raise errors.MissingParameter(f"{key}.N" if parameter.many else key)
    return ask


def plural(name: str) -> str:
    return PLURALS.get(name) or (name if name.endswith("s") else f"{name}s")


def page(ask: Ask, items: Sequence[Item]) -> tuple[Sequence[Item], dict[str, Any]]:
    """The items of one page, and the fields of the reply that tell of paging."""
    number, size = ask["PageNumber"], ask["PageSize"]
    told = {"PageNumber": number, "PageSize": size, "TotalCount": len(items)}
    return items[(number - 1) * size : number * size], told
