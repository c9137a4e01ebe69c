"""Lifecycle hooks, and the lifecycle actions with which they hold instances."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import activity_lifecycle, refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import (
    GROUP,
    NAME,
    NEXT_TOKEN,
    TOKEN,
    Request,
    integer,
    one_of,
    pages,
    read_request,
    text,
    texts,
)
from localcloud.ess.requests import matches, page_reply, set_given, token_page
from localcloud.ess.resources import Hook, LifecycleAction
from localcloud.ess.state import EssState, new_id

MAX_HOOKS = 10
MAX_HEARTBEATS, MAX_WAIT = 20, timedelta(hours=6)  # (API reference of RecordLifecycle...)
OWNER = "[^:]+:[^:]*"  # region and account
ARN = "|".join(
    (
        f"acs:mns:{OWNER}:/?(queue|topic)s?/.+",
        f"acs:oos:{OWNER}:template/.+",
        f"acs:eventbridge:{OWNER}:eventbus/.+",
    )
)
RESULTS = ("CONTINUE", "ABANDON", "ROLLBACK")
SETTABLE = (
    one_of("DefaultResult", *RESULTS),
    integer("HeartbeatTimeout", 30, 21_600),
    text("NotificationArn", pattern=ARN, error=refusals.NotificationArn),
    text("NotificationMetadata", max_length=4_096),
)
FIELDS = {
    "DefaultResult": "default_result",
    "HeartbeatTimeout": "heartbeat_timeout",
    "NotificationArn": "notification_arn",
    "NotificationMetadata": "notification_metadata",
}
CHANGEABLE = {
    **FIELDS,
    "LifecycleTransition": "transition",
    "LifecycleHookStatus": "status",
}
CREATING = (
    text("LifecycleHookName", pattern=NAME),
    one_of("LifecycleTransition", "SCALE_IN", "SCALE_OUT", required=True),
    *SETTABLE,
)


def new_hook(state: EssState, group: ScalingGroup, fields: Mapping[str, str]) -> Hook:
    """Returns a hook from texts, as CreateScalingGroup has them. Raises ApiError."""
    params = {name: str(value) for name, value in fields.items()}
    return _new_hook(state, group, read_request(CREATING, params, ""))


def create_lifecycle_hook(state: EssState, request: Request) -> Reply:
    hook = _new_hook(state, state.group(request["ScalingGroupId"]), request)
    state.hooks[hook.lifecycle_hook_id] = hook
    return {"LifecycleHookId": hook.lifecycle_hook_id}


def modify_lifecycle_hook(state: EssState, request: Request) -> Reply:
    hook = _named(state, request, "not exist")
    _check_metadata(request, hook.notification_arn)
    set_given(hook, request, CHANGEABLE)
    return {}


def delete_lifecycle_hook(state: EssState, request: Request) -> Reply:
    """Deletes the hook, and completes what it holds with CONTINUE."""
    hook = _named(state, request, "does not exist")
    del state.hooks[hook.lifecycle_hook_id]
    for action in list(state.lifecycle_actions.values()):
        if action.lifecycle_hook_id == hook.lifecycle_hook_id and action.status == "Pending":
            _complete(state, action, "CONTINUE")
    return {}


def describe_lifecycle_hooks(state: EssState, request: Request) -> Reply:
    if request["ScalingGroupId"]:
        state.group(request["ScalingGroupId"])
    hooks = [
        hook
        for hook in state.hooks.values()
        if matches(
            request,
            {
                "ScalingGroupId": hook.scaling_group_id,
                "LifecycleHookId": hook.lifecycle_hook_id,
                "LifecycleHookName": hook.name,
            },
        )
    ]
    return page_reply(request, "LifecycleHooks", hooks, lambda hook: _view(state, hook))


def complete_lifecycle_action(state: EssState, request: Request) -> Reply:
    hook_id, token = request["LifecycleHookId"], request["LifecycleActionToken"]
    action = _pending_action(state, hook_id, token)
    _complete(state, action, request["LifecycleActionResult"] or action.default_result)
    return {}


def record_lifecycle_action_heartbeat(state: EssState, request: Request) -> Reply:
    hook_id, token = request["lifecycleHookId"], request["lifecycleActionToken"]
    action = _pending_action(state, hook_id, token)
    if action.heartbeats >= MAX_HEARTBEATS:
        raise refusals.HeartbeatTooOften()
    ends_at = state.clock.now() + timedelta(seconds=request["heartbeatTimeout"])
    if action.began_at and ends_at - action.began_at > MAX_WAIT:
        raise refusals.HeartbeatTooLong()
    action.ends_at = ends_at
    action.heartbeats += 1
    return {}


def describe_lifecycle_actions(state: EssState, request: Request) -> Reply:
    if request["ScalingActivityId"] not in state.activities:
        raise errors.InvalidParameter("ScalingActivityId")
    actions = [
        action
        for action in state.lifecycle_actions.values()
        if matches(
            request,
            {
                "ScalingActivityId": action.scaling_activity_id,
                "LifecycleActionStatus": action.status,
            },
        )
    ]
    page, next_token = token_page(request, actions, request["MaxResults"])
    return {
        "TotalCount": len(actions),
        "MaxResults": request["MaxResults"],
        "LifecycleActions": [_action_view(action) for action in page],
        **next_token,
    }


def _new_hook(state: EssState, group: ScalingGroup, request: Request) -> Hook:
    group_id = group.scaling_group_id
    names = [hook.name for hook in state.hooks.values() if hook.scaling_group_id == group_id]
    if len(names) >= MAX_HOOKS:
        raise refusals.QuotaInGroup("LifecycleHook")
    if request["LifecycleHookName"] in names:
        raise refusals.HookNameDuplicate()
    _check_metadata(request, "")
    id = new_id("ash")
    name = request["LifecycleHookName"] or id
    hook = Hook(id, group_id, name, request["LifecycleTransition"])
    set_given(hook, request, FIELDS)
    return hook


def _check_metadata(request: Request, arn: str) -> None:
    """Raises ApiError for metadata of messages without a receiver. `arn`: of the hook so far."""
    if request["NotificationMetadata"] and not (request["NotificationArn"] or arn):
        raise errors.InvalidParameter("NotificationMetadata")


def _named(state: EssState, request: Request, says: str) -> Hook:
    """Returns the hook by id, or by group and name. Raises ApiError, which `says` what is wrong."""
    wanted = (request["ScalingGroupId"], request["LifecycleHookName"])
    for hook in state.hooks.values():
        if hook.lifecycle_hook_id == request["LifecycleHookId"]:
            return hook
        if not request["LifecycleHookId"] and (hook.scaling_group_id, hook.name) == wanted:
            return hook
    if request["LifecycleHookId"] or not request["LifecycleHookName"]:
        raise refusals.HookIdNotExist(says)
    raise refusals.HookNameNotExist(says)


def _pending_action(state: EssState, hook_id: str, token: str) -> LifecycleAction:
    action = state.lifecycle_actions.get(token)
    if action is None or action.lifecycle_hook_id != hook_id or action.status != "Pending":
        raise refusals.LifecycleActionMismatch()
    return action


def _complete(state: EssState, action: LifecycleAction, result: str) -> None:
    action.status, action.result = "Completed", result
    activity = state.activities.get(action.scaling_activity_id)
    if activity is not None and activity.waits_for_hooks:
        activity_lifecycle.proceed(state, activity, state.clock.now())


def _action_view(action: LifecycleAction) -> dict[str, Any]:
    return {
        "LifecycleHookId": action.lifecycle_hook_id,
        "LifecycleActionToken": action.lifecycle_action_token,
        "LifecycleActionStatus": action.status,
        "LifecycleActionResult": action.result or action.default_result,
        "InstanceIds": action.instance_ids,
    }


def _view(state: EssState, hook: Hook) -> dict[str, Any]:
    no_receiver = f"acs:ess:{state.region_id}:{state.account_id}:null/null"
    return {
        "LifecycleHookId": hook.lifecycle_hook_id,
        "LifecycleHookName": hook.name,
        "LifecycleHookStatus": hook.status,
        "LifecycleTransition": hook.transition,
        "ScalingGroupId": hook.scaling_group_id,
        "HeartbeatTimeout": hook.heartbeat_timeout,
        "DefaultResult": hook.default_result,
        "NotificationArn": hook.notification_arn or no_receiver,
        "NotificationMetadata": hook.notification_metadata,
    }


ACTIONS = (
    Action(
        "CreateLifecycleHook",
        create_lifecycle_hook,
        (GROUP, *CREATING),
        invalid=refusals.InvalidParamter,
    ),
    Action(
        "ModifyLifecycleHook",
        modify_lifecycle_hook,
        (
            *(text("LifecycleHookId"), text("ScalingGroupId"), text("LifecycleHookName")),
            one_of("LifecycleTransition", "SCALE_IN", "SCALE_OUT"),
            one_of("LifecycleHookStatus", "Active", "InActive"),
            *SETTABLE,
        ),
        invalid=refusals.InvalidParamter,
    ),
    Action(
        "DeleteLifecycleHook",
        delete_lifecycle_hook,
        (text("LifecycleHookId"), text("ScalingGroupId"), text("LifecycleHookName")),
        invalid=refusals.InvalidParamter,
    ),
    Action(
        "DescribeLifecycleHooks",
        describe_lifecycle_hooks,
        (
            *(text("ScalingGroupId"), texts("LifecycleHookId"), text("LifecycleHookName")),
            *pages(50, default=50),
        ),
        invalid=refusals.InvalidParamter,
    ),
    Action(
        "CompleteLifecycleAction",
        complete_lifecycle_action,
        (
            *(
                text("LifecycleHookId", required=True),
                text("LifecycleActionToken", required=True),
                TOKEN,
            ),
            one_of("LifecycleActionResult", *RESULTS),
        ),
        invalid=refusals.InvalidActionResult,
    ),
    Action(
        "RecordLifecycleActionHeartbeat",
        record_lifecycle_action_heartbeat,
        (  # spelled so, with a small letter
            *(text("lifecycleHookId", required=True), text("lifecycleActionToken", required=True)),
            integer("heartbeatTimeout", 30, 21_600, default=600),
        ),
        invalid=refusals.InvalidParamter,
    ),
    Action(
        "DescribeLifecycleActions",
        describe_lifecycle_actions,
        (
            *(text("ScalingActivityId", required=True), NEXT_TOKEN),
            one_of("LifecycleActionStatus", "Pending", "Timeout", "Completed"),
            integer("MaxResults", 1, 50, default=10),
        ),
    ),
)
