"""The project's own removal request. An alarm rule of the policy requests in the same form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from scalein.decision.model import Order, RemovalRequest, RemoveOptions, Target

SCHEMA = "removal-request"


def request_of(
    document: dict[str, Any], idempotency_key: str, sent_at: datetime | None = None
) -> RemovalRequest:
    """Returns the request of a document that satisfies its schema, without `notAfter`.

    `idempotency_key` identifies the request if it has no requestId of its own.
    """
    return RemovalRequest(
        scaling_group_id=document["scalingGroupId"],
        request_id=document.get("requestId", idempotency_key),
        derived_id="requestId" not in document,
        target=_target(document["remove"]),
        denies_partial=document.get("partial") == "deny",
        order=tuple(Order(name) for name in document.get("order", ())),
        options=_options(document),
        dry_run=document.get("dryRun", False),
        wait=document.get("wait", False),
        sent_at=sent_at,
        request_reason=document.get("requestReason", ""),
    )


def document_of(request: RemovalRequest) -> dict[str, Any]:
    """Returns the document that `request_of` parses to this request, without `notAfter`.

    Fields with their default value are left out.
    """
    options = request.options
    hooks = {
        "disableLifecycleHook": options.disable_lifecycle_hook,
        "ignoredLifecycleHookIds": list(options.ignored_lifecycle_hook_ids) or None,
    }
    return _without_none(
        {
            "scalingGroupId": request.scaling_group_id,
            "requestId": request.request_id,
            "remove": _remove(request.target),
            "partial": "deny" if request.denies_partial else None,
            "order": [order.value for order in request.order] or None,
            "removePolicy": options.remove_policy,
            "decreaseDesiredCapacity": options.decrease_desired_capacity,
            "stopInstanceTimeout": options.stop_instance_timeout_seconds,
            "lifecycleHookContext": _without_none(hooks) or None,
            "dryRun": request.dry_run or None,
            "wait": request.wait or None,
            "requestReason": request.request_reason or None,
        }
    )


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _remove(target: Target) -> dict[str, Any]:
    if target.instances is not None:
        return {"count": target.instances}
    if target.percent is not None:
        return {"percent": target.percent}
    if target.to_capacity is not None:
        return {"toCapacity": target.to_capacity}
    return {"instanceIds": list(target.instance_ids or ())}


def _target(remove: dict[str, Any]) -> Target:
    ((kind, value),) = remove.items()
    if kind == "count":
        return Target(instances=int(value))  # JSON Schema takes 3.0 for an integer
    if kind == "percent":
        return Target(percent=value)
    if kind == "toCapacity":
        return Target(to_capacity=int(value))
    return Target(instance_ids=tuple(value))


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
