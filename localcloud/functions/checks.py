"""What Function Compute demands of names and functions."""

from __future__ import annotations

import re
from typing import Any

from localcloud.functions.model import FcError

RUNTIMES = (
    *("python3", "python3.9", "python3.10", "python3.12"),
    *("python3.11", "python3.13"),  # of the local cloud alone
)
NAME = "[A-Za-z_][A-Za-z0-9_-]{0,127}"
MIN_MEMORY, MAX_MEMORY, MEMORY_STEP = 128, 32_768, 64  # MB
ASYNC_BOUNDS = (("maxAsyncRetryAttempts", 0, 8), ("maxAsyncEventAgeInSeconds", 1, 604_800))
RESERVED = ("accessKeyID", "accessKeySecret", "securityToken", "topic")


def checked_name(body: dict[str, Any], field: str) -> str:
    name = str(body.get(field) or "")
    if not re.fullmatch(NAME, name):
        raise FcError(
            400, "InvalidArgument", f"{field} is a letter or _, then letters, digits, _ and -"
        )
    return name


def check_function(description: dict[str, Any]) -> None:
    if description.get("runtime") not in RUNTIMES:
        raise FcError(
            400,
            "InvalidArgument",
            f"runtime '{description.get('runtime')}' is not one of {', '.join(RUNTIMES)}",
        )
    if not re.fullmatch(r"[^.]+(\.[^.]+)+", str(description.get("handler") or "")):
        raise FcError(400, "InvalidArgument", "handler is module.function")
    if not 1 <= _given(description, "timeout", 3) <= 86_400:
        raise FcError(400, "InvalidArgument", "timeout is 1 to 86400 seconds")
    memory = _given(description, "memorySize", MIN_MEMORY)
    if not MIN_MEMORY <= memory <= MAX_MEMORY or memory % MEMORY_STEP:
        message = f"memorySize is {MIN_MEMORY} to {MAX_MEMORY} MB in steps of {MEMORY_STEP}"
        raise FcError(400, "InvalidArgument", message)
    environment = description.get("environmentVariables") or {}
    wrong = [name for name in environment if name.startswith("FC_") or name in RESERVED]
    if wrong:
        raise FcError(400, "InvalidArgument", f"the environment variable {wrong[0]} is reserved")
    if sum(len(name) + len(str(value)) for name, value in environment.items()) > 4 << 10:
        raise FcError(400, "InvalidArgument", "environment variables have 4 KB together")


def check_async_config(body: dict[str, Any]) -> None:
    """Raises FcError for a number that is out of bounds (page PutFunctionAsyncInvokeConfig)."""
    for field, lower, upper in ASYNC_BOUNDS:
        if not lower <= _given(body, field, lower) <= upper:
            raise FcError(400, "InvalidArgument", f"{field} is {lower} to {upper}")


def _given(body: dict[str, Any], field: str, default: int) -> int:
    """Returns the number of that name; the default where there is none, which is not 0."""
    return default if body.get(field) is None else int(body[field])


def check_task_id(id: str) -> None:
    """Raises FcError for an id that does not begin with a letter or _ (page InvokeFunction)."""
    if not re.fullmatch(NAME, id):
        message = "the task id is a letter or _, then letters, digits, _ and -, 128 at most"
        raise FcError(400, "InvalidArgument", message)


def whole_number(body: dict[str, Any], field: str) -> int:
    """Returns the number of that name, 0 or more. Raises FcError."""
    number = body.get(field)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise FcError(400, "InvalidArgument", f"{field} is a whole number")
    return number


def tags_of(pairs: Any) -> dict[str, str]:
    """Returns tags from their list of keys and values, in either spelling. Raises FcError."""
    tags = {}
    for pair in pairs or ():
        of_tag = {str(name).lower(): value for name, value in dict(pair).items()}
        if not of_tag.get("key"):
            raise FcError(400, "InvalidArgument", "a tag has a key")
        tags[str(of_tag["key"])] = str(of_tag.get("value") or "")
    return tags
