"""The values of settings: texts of environment variables, checked."""

import re
from collections.abc import Mapping

from scalein.decision.group_policy import ALL_GROUPS
from scalein.errors import ConfigurationError

MAX_SECONDS = 86_400


def text_of(owner: object, name: str) -> str:
    """The attribute as text; "" if it is missing or None."""
    return str(getattr(owner, name, "") or "")


def one_of(environment: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """The variable's value; `values[0]` if it has none. Raises ConfigurationError."""
    value = environment.get(name, "").strip().lower() or values[0]
    if value not in values:
        raise ConfigurationError(f"{name} must be one of: {', '.join(values)}.")
    return value


def seconds_of(environment: Mapping[str, str], name: str, default: float) -> float:
    """The variable's seconds. Raises ConfigurationError."""
    text = environment.get(name, "")
    seconds = decimal(text) if text else default
    if not 0 < seconds <= MAX_SECONDS:
        raise ConfigurationError(
            f"{name} must be a number of seconds above 0, up to {MAX_SECONDS}."
        )
    return seconds


def bytes_of(environment: Mapping[str, str], name: str, default: int, maximum: int) -> int:
    """The variable's whole number of bytes. Raises ConfigurationError."""
    text = environment.get(name, "") or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 0 < int(text) <= maximum:
        raise ConfigurationError(f"{name} must be a whole number of bytes from 1 to {maximum}.")
    return int(text)


def group_ids_of(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The variable's scaling group ids as they are written; (ALL_GROUPS,) if it says so, ("",) if
    it is set and has none, such as ",".
    """
    value = environment.get(name, "")
    ids = [part.strip() for part in value.split(",") if part.strip()]
    if ALL_GROUPS in (id.lower() for id in ids):
        return (ALL_GROUPS,)
    return tuple(dict.fromkeys(ids or [""])) if value else ()


def decimal(text: str) -> float:
    """The number of a decimal text; 0, which no setting takes, for any other text."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else 0.0
