"""The only module that reads a removal request, the project's own message and the form of what an alarm rule asks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from scalein.model import Ask, Count, Named, Order, Percent, RemovalRequest, RemoveOptions, ToCapacity

SCHEMA = "removal-request"


def request_of(document: dict[str, Any], identity: str, sent_at: datetime | None = None) -> RemovalRequest:
    """Of a document that satisfies its schema; `notAfter` is left to who can read times."""
    return RemovalRequest(
        scaling_group_id=document["scalingGroupId"],
        request_id=document.get("requestId", identity),
        ask=_ask(document["remove"]),
        all_or_nothing=document.get("shortfall") == "refuse",
        order=tuple(Order(name) for name in document.get("order", ())),
        options=_options(document),
        dry_run=document.get("dryRun", False),
        sent_at=sent_at,
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
