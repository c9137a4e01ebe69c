"""What an action takes: its parameters are declared, and read by their declarations.

The names are those of API version 2014-08-28. In 2022-02-22 a list has the plural as its name
(InstanceId.1 there is InstanceIds.1); `read_request` translates. Reading raises ESS's own errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.json_text import parse_json
from localcloud.wire import Params

# Values by parameter; what the call does not have is None, False or empty.
Request = Mapping[str, Any]

NEWER = "2022-02-22"
PLURALS = {"Process": "Processes", "RemovalPolicy": "RemovalPolicies"}


class Parameter(NamedTuple):
    """One parameter of an action."""

    name: str
    parse: Callable[[Params, str], Any]  # of the parameters, and the name in this API version
    required: bool = False
    is_list: bool = False  # numbered from 1
    stored_as: str = ""  # its name in the request, where another parameter has its own


def text(
    name: str,
    required: bool = False,
    *,
    max_length: int = 0,
    pattern: str = "",
    error: type[errors.ApiError] = errors.InvalidParameter,
) -> Parameter:
    """Declares a text; None where it is absent or empty. `error`: raised for one that is wrong."""

    def parse(params: Params, key: str) -> str | None:
        value = params.get(key) or None
        if value is None:
            return None
        is_too_long = bool(max_length) and len(value) > max_length
        if is_too_long or (pattern and not re.fullmatch(pattern, value)):
            raise error(key)
        return value

    return Parameter(name, parse, required)


def one_of(
    name: str,
    *values: str,
    required: bool = False,
    default: str | None = None,
    error: type[errors.ApiError] = errors.InvalidParameter,
) -> Parameter:
    """Declares a text that is one of these. `error`: raised for another."""

    def parse(params: Params, key: str) -> str | None:
        value = params.get(key) or default
        if value is not None and value not in values:
            raise error(key)
        return value

    return Parameter(name, parse, required)


def integer(
    name: str, low: int, high: int, *, default: int | None = None, required: bool = False
) -> Parameter:
    """Declares an integer within bounds, both inclusive."""

    def parse(params: Params, key: str) -> int | None:
        value = params.get(key, "")
        if not value:
            return default
        if not re.fullmatch("-?[0-9]{1,10}", value) or not low <= int(value) <= high:
            raise errors.InvalidParameter(key)
        return int(value)

    return Parameter(name, parse, required)


def number(name: str, required: bool = False) -> Parameter:
    """Declares a number."""

    def parse(params: Params, key: str) -> float | None:
        try:
            return float(params[key]) if params.get(key) else None
        except ValueError as error:
            raise errors.InvalidParameter(key) from error

    return Parameter(name, parse, required)


def boolean(name: str, *, default: bool | None = False, required: bool = False) -> Parameter:
    """Declares true or false, in any case: the Python SDK sends True and False."""

    def parse(params: Params, key: str) -> bool | None:
        value = params.get(key, "").lower()
        if value not in ("", "true", "false"):
            raise errors.InvalidParameter(key)
        return default if not value else value == "true"

    return Parameter(name, parse, required)


def document(name: str) -> Parameter:
    """Declares a JSON object, as text."""
    return _json(name, dict)


def array(name: str, *, required: bool = False) -> Parameter:
    """Declares a JSON array, as text."""
    return _json(name, list, required)


def _json(name: str, kind: type[dict[str, Any] | list[Any]], required: bool = False) -> Parameter:
    def parse(params: Params, key: str) -> Any:
        try:
            value = parse_json(params[key]) if params.get(key) else kind()
        except ValueError as error:
            raise errors.InvalidParameter(key) from error
        if not isinstance(value, kind):
            raise errors.InvalidParameter(key)
        return value

    return Parameter(name, parse, required)


def texts(
    name: str,
    max_count: int = 20,
    *,
    required: bool = False,
    values: Sequence[str] = (),
    error: type[errors.ApiError] = errors.InvalidParameter,
) -> Parameter:
    """Declares `Name.1`, `Name.2`, ...: numbered from 1, without a gap.

    `error`: raised for a value that is none of `values`.
    """

    def parse(params: Params, key: str) -> list[str]:
        items: list[str] = []
        while f"{key}.{len(items) + 1}" in params:
            items.append(params[f"{key}.{len(items) + 1}"])
        depth = key.count(".") + 1
        numbered = sum(1 for k in params if k.startswith(f"{key}.") and k.count(".") == depth)
        has_gap_or_too_many = numbered != len(items) or len(items) > max_count
        if has_gap_or_too_many:
            raise errors.InvalidParameter(f"{key}.N")
        if values and not set(items) <= set(values):
            raise error(f"{key}.N")
        return items

    return Parameter(name, parse, required, is_list=True)


def records(name: str, max_count: int = 20) -> Parameter:
    """Declares `Name.1.Field`, ...: numbered from 1, each with the fields that are given."""

    def parse(params: Params, key: str) -> list[dict[str, str]]:
        record_by_number: dict[int, dict[str, str]] = {}
        for k, value in params.items():
            match = re.fullmatch(re.escape(key) + r"\.([0-9]{1,4})\.(.+)", k)
            if match:
                record_by_number.setdefault(int(match[1]), {})[match[2]] = value
        numbers = sorted(record_by_number)
        if numbers != list(range(1, len(numbers) + 1)) or len(numbers) > max_count:
            raise errors.InvalidParameter(f"{key}.N")
        return [record_by_number[number] for number in numbers]

    return Parameter(name, parse, is_list=True)


REGION = text("RegionId", required=True)
GROUP = text("ScalingGroupId", required=True)
TOKEN = text("ClientToken", pattern="[\x00-\x7f]{0,64}")
NEXT_TOKEN = text("NextToken", pattern="[0-9]{0,9}")
NAME = "[0-9A-Za-z\u4e00-\u9fa5][0-9A-Za-z\u4e00-\u9fa5_.-]{1,63}"


def pages(max_size: int, *, default: int = 10) -> tuple[Parameter, Parameter]:
    """Declares PageNumber and PageSize."""
    return (
        integer("PageNumber", 1, 1_000_000, default=1),
        integer("PageSize", 1, max_size, default=default),
    )


def read_request(declared: Sequence[Parameter], params: Params, version: str) -> dict[str, Any]:
    """Returns the values of the declared parameters. Raises ApiError: missing, or invalid."""
    request: dict[str, Any] = {"Version": version}
    for parameter in declared:
        is_plural = parameter.is_list and version == NEWER
        key = plural(parameter.name) if is_plural else parameter.name
        value = request[parameter.stored_as or parameter.name] = parameter.parse(params, key)
        if parameter.required and value in (None, []):
            raise errors.MissingParameter(f"{key}.N" if parameter.is_list else key)
    return request


def plural(name: str) -> str:
    """Returns a list's name in 2022-02-22."""
    return PLURALS.get(name) or (name if name.endswith("s") else f"{name}s")
