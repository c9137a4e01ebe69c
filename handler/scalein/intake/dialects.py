"""What a message says: the only module that knows dialects. For now one, the project's own removal request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from scalein.contract import check
from scalein.errors import ContractViolation
from scalein.intake.envelopes import Message, decoded
from scalein.model import Ask, Count, Named, Order, Percent, RemovalRequest, RemoveOptions, ToCapacity

REMOVAL_REQUEST = "removal-request"


def removal_request(message: Message) -> RemovalRequest:
    """Schema: schemas/removal-request.schema.json. Raises RejectedEvent."""
    document = decoded(message.body)
    check(document, REMOVAL_REQUEST)
    return RemovalRequest(
        scaling_group_id=document["scalingGroupId"],
        request_id=document.get("requestId", message.identity),
        ask=_ask(document["remove"]),
        all_or_nothing=document.get("shortfall") == "refuse",
        order=tuple(Order(name) for name in document.get("order", ())),
        options=_options(document),
        dry_run=document.get("dryRun", False),
        not_after=_time(document["notAfter"]) if "notAfter" in document else None,
        reason=document.get("reason", ""),
    )


def _ask(remove: dict[str, Any]) -> Ask:
    ((kind, value),) = remove.items()
    if kind == "count":
        return Count(int(value))  # JSON Schema holds 3.0 for an integer
    if kind == "percent":
        return Percent(value)
    if kind == "toCapacity":
        return ToCapacity(int(value))
    return Named(tuple(value))


def _options(document: dict[str, Any]) -> RemoveOptions:
    hooks = document.get("lifecycleHookContext", {})
    timeout = document.get("stopInstanceTimeout")
    return RemoveOptions(
        remove_policy=document.get("removePolicy"),
        decrease_desired_capacity=document.get("decreaseDesiredCapacity"),
        stop_instance_timeout_seconds=None if timeout is None else int(timeout),
        disable_lifecycle_hook=hooks.get("disableLifecycleHook"),
        ignored_lifecycle_hook_ids=tuple(hooks.get("ignoredLifecycleHookIds", ())),
    )


def _time(text: str) -> datetime:
    """RFC 3339, which datetime.fromisoformat of Python 3.10 reads only without Z and with 0, 3 or 6 decimals."""
    text = text.upper().replace("Z", "+00:00")
    whole, offset = text[:19], text[-6:]
    try:
        return datetime.fromisoformat(whole.replace(" ", "T") + offset)
    except ValueError as error:
        sentence = "notAfter is not a time that exists."
        raise ContractViolation("$.notAfter", "format", sentence) from error
