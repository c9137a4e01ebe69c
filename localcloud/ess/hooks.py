"""Lifecycle hooks, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import stages
from localcloud.ess.action import Action
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import (
    GROUP,
    NAME,
    TOKEN,
    Ask,
    integer,
    one_of,
    page,
    pages,
    read,
    text,
    texts,
)
from localcloud.ess.resources import Hook, LifecycleAction
from localcloud.ess.service import Service, new_id

MOST_HOOKS = 10
RESULTS = ("CONTINUE", "ABANDON", "ROLLBACK")
SETTABLE = (
    one_of("DefaultResult", *RESULTS),
    integer("HeartbeatTimeout", 30, 21_600),
    text("NotificationArn"),
    text("NotificationMetadata", most=4_096),
)
CREATING = (
    text("LifecycleHookName", pattern=NAME),
    one_of("LifecycleTransition", "SCALE_IN", "SCALE_OUT", required=True),
    *SETTABLE,
)


def made(service: Service, group: ScalingGroup, told: Mapping[str, Any]) -> Hook:
    """From texts, as CreateScalingGroup has them. Raises ApiError."""
    return _made(service, group, read(CREATING, {name: str(value) for name, value in told.items()}, ""))


def create_lifecycle_hook(service: Service, ask: Ask) -> Reply:
    hook = _made(service, service.group(ask["ScalingGroupId"]), ask)
    service.hooks[hook.lifecycle_hook_id] = hook
    return {"LifecycleHookId": hook.lifecycle_hook_id}


def modify_lifecycle_hook(service: Service, ask: Ask) -> Reply:
    hook = _named(service, ask)
    hook.transition = ask["LifecycleTransition"] or hook.transition
    hook.status = ask["LifecycleHookStatus"] or hook.status
    _set(hook, ask)
    return {}


def delete_lifecycle_hook(service: Service, ask: Ask) -> Reply:
    """What it holds goes on."""
    hook = _named(service, ask)
    del service.hooks[hook.lifecycle_hook_id]
    for action in list(service.lifecycle_actions.values()):
        if action.lifecycle_hook_id == hook.lifecycle_hook_id and action.status == "Pending":
            _complete(service, action, "CONTINUE")
    return {}


def describe_lifecycle_hooks(service: Service, ask: Ask) -> Reply:
    service.group(ask["ScalingGroupId"])
    found = [
        hook
        for hook in service.hooks.values()
        if hook.scaling_group_id == ask["ScalingGroupId"]
        and (not ask["LifecycleHookId"] or hook.lifecycle_hook_id in ask["LifecycleHookId"])
        and ask["LifecycleHookName"] in (None, hook.name)
    ]
    here, told = page(ask, found)
    return {**told, "LifecycleHooks": [_view(hook) for hook in here]}


def complete_lifecycle_action(service: Service, ask: Ask) -> Reply:
    _complete(
        service, _held(service, ask["LifecycleHookId"], ask["LifecycleActionToken"]), ask["LifecycleActionResult"]
    )
    return {}


def record_lifecycle_action_heartbeat(service: Service, ask: Ask) -> Reply:
    action = _held(service, ask["lifecycleHookId"], ask["lifecycleActionToken"])
    hook = service.hooks.get(action.lifecycle_hook_id)
    seconds = ask["heartbeatTimeout"] or (hook.heartbeat_timeout if hook else 600)
    action.ends_at = service.clock.now() + timedelta(seconds=seconds)
    return {}


def describe_lifecycle_actions(service: Service, ask: Ask) -> Reply:
    found = [
        action
        for action in service.lifecycle_actions.values()
        if action.scaling_activity_id == ask["ScalingActivityId"]
        and ask["LifecycleActionStatus"] in (None, action.status)
    ]
    start = int(ask["NextToken"] or 0)
    end = start + ask["MaxResults"]
    reply: Reply = {"TotalCount": len(found), "MaxResults": ask["MaxResults"]}
    reply["LifecycleActions"] = [
        {
            "LifecycleHookId": action.lifecycle_hook_id,
            "LifecycleActionToken": action.lifecycle_action_token,
            "LifecycleActionStatus": action.status,
            "LifecycleActionResult": action.result or action.default_result,
            "InstanceIds": action.instance_ids,
        }
        for action in found[start:end]
    ]
    return {**reply, "NextToken": str(end)} if end < len(found) else reply


def _made(service: Service, group: ScalingGroup, ask: Ask) -> Hook:
    there = [hook for hook in service.hooks.values() if hook.scaling_group_id == group.scaling_group_id]
    if len(there) >= MOST_HOOKS:
        raise errors.Quota("LifecycleHook")
    if ask["LifecycleHookName"] in {hook.name for hook in there}:
        raise errors.Duplicate("LifecycleHookName")
    id = new_id("ash")
    hook = Hook(id, group.scaling_group_id, ask["LifecycleHookName"] or id, ask["LifecycleTransition"])
    _set(hook, ask)
    return hook


def _set(hook: Hook, ask: Ask) -> None:
    hook.default_result = ask["DefaultResult"] or hook.default_result
    hook.heartbeat_timeout = ask["HeartbeatTimeout"] or hook.heartbeat_timeout
    hook.notification_arn = ask["NotificationArn"] or hook.notification_arn
    hook.notification_metadata = ask["NotificationMetadata"] or hook.notification_metadata


def _named(service: Service, ask: Ask) -> Hook:
    """By id, or by group and name."""
    for hook in service.hooks.values():
        if hook.lifecycle_hook_id == ask["LifecycleHookId"]:
            return hook
        by_name = (hook.scaling_group_id, hook.name) == (ask["ScalingGroupId"], ask["LifecycleHookName"])
        if not ask["LifecycleHookId"] and by_name:
            return hook
    raise errors.NotFound("LifecycleHookId")


def _held(service: Service, hook_id: str, token: str) -> LifecycleAction:
    action = service.lifecycle_actions.get(token)
    if action is None or action.lifecycle_hook_id != hook_id or action.status != "Pending":
        raise errors.LifecycleActionNotFound()
    return action


def _complete(service: Service, action: LifecycleAction, result: str) -> None:
    action.status, action.result = "Completed", result
    activity = service.activities.get(action.scaling_activity_id)
    if activity is not None and activity.waits:
        stages.go_on(service, activity, service.clock.now())


def _view(hook: Hook) -> dict[str, Any]:
    return {
        "LifecycleHookId": hook.lifecycle_hook_id,
        "LifecycleHookName": hook.name,
        "LifecycleHookStatus": hook.status,
        "LifecycleTransition": hook.transition,
        "ScalingGroupId": hook.scaling_group_id,
        "HeartbeatTimeout": hook.heartbeat_timeout,
        "DefaultResult": hook.default_result,
        "NotificationArn": hook.notification_arn,
        "NotificationMetadata": hook.notification_metadata,
    }


ACTIONS = (
    Action("CreateLifecycleHook", create_lifecycle_hook, (GROUP, *CREATING)),
    Action(
        "ModifyLifecycleHook",
        modify_lifecycle_hook,
        (
            *(text("LifecycleHookId"), text("ScalingGroupId"), text("LifecycleHookName")),
            one_of("LifecycleTransition", "SCALE_IN", "SCALE_OUT"),
            one_of("LifecycleHookStatus", "Active", "InActive"),
            *SETTABLE,
        ),
    ),
    Action(
        "DeleteLifecycleHook",
        delete_lifecycle_hook,
        (text("LifecycleHookId"), text("ScalingGroupId"), text("LifecycleHookName")),
    ),
    Action(
        "DescribeLifecycleHooks",
        describe_lifecycle_hooks,
        (GROUP, texts("LifecycleHookId"), text("LifecycleHookName"), *pages(50)),
    ),
    Action(
        "CompleteLifecycleAction",
        complete_lifecycle_action,
        (
            *(text("LifecycleHookId", required=True), text("LifecycleActionToken", required=True), TOKEN),
            one_of("LifecycleActionResult", *RESULTS, default="CONTINUE"),
        ),
    ),
    Action(
        "RecordLifecycleActionHeartbeat",
        record_lifecycle_action_heartbeat,
        (  # spelled so, with a small letter
            *(text("lifecycleHookId", required=True), text("lifecycleActionToken", required=True)),
            integer("heartbeatTimeout", 30, 21_600),
        ),
    ),
    Action(
        "DescribeLifecycleActions",
        describe_lifecycle_actions,
        (
            *(text("ScalingActivityId", required=True), text("NextToken", pattern="[0-9]{0,9}")),
            one_of("LifecycleActionStatus", "Pending", "Timeout", "Completed"),
            integer("MaxResults", 1, 50, default=10),
        ),
    ),
)
