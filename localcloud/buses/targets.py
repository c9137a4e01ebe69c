"""Targets of a rule as the API takes them."""

from __future__ import annotations

from typing import Any

from localcloud import errors
from localcloud.buses.model import BACKOFF, DECAY, FUNCTION, QUEUE, TOPIC, Param, Target
from localcloud.buses.transform import is_right

TYPES = (FUNCTION, QUEUE, TOPIC)
Failure = tuple[str, str]  # code and message
DUPLICATE: Failure = ("EventRuleTargetIdDuplicate", "The id of event target is duplicate!")
MISSING: Failure = ("EventTargetNotExist", "The event target is not existed!")


def read_targets(name: str, values: list[Any]) -> list[Target]:
    """Returns the targets that a parameter has. Raises ApiError, also for a type not built."""
    try:
        return [_target(value) for value in values]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise errors.InvalidParameter(name) from error


def _target(value: dict[str, Any]) -> Target:
    """Raises KeyError, TypeError, ValueError where a field is missing or wrong."""
    target = Target(
        str(value["Id"]),
        str(value["Type"]),
        str(value.get("Endpoint") or ""),
        [_param(one) for one in value.get("ParamList") or ()],
        value.get("PushRetryStrategy") or BACKOFF,
        str((value.get("DeadLetterQueue") or {}).get("Arn") or ""),
        str(value.get("ErrorsTolerance") or "ALL"),
    )
    if target.type not in TYPES:
        raise errors.NotSupported(f"PutTargets with the type {target.type}")
    if target.retry_strategy not in (BACKOFF, DECAY):
        raise ValueError(target.retry_strategy)
    return target


def _param(value: dict[str, Any]) -> Param:
    """Raises ValueError where a parameter lacks what its form needs."""
    key, form = str(value.get("ResourceKey") or ""), str(value.get("Form") or "")
    param = Param(key, form, value.get("Value"), value.get("Template"))
    if not is_right(param):
        raise ValueError(key)
    return param
