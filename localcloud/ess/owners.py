"""Which group a call changes that does not name it: RAM judges the call by this group's ARN."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.ess.state import EssState
from localcloud.wire import Params


def with_group(state: EssState | None, params: Params) -> Params:
    """Returns the call's parameters with the group that it changes as its ScalingGroupId.

    A group that it names beside this counts for nothing.
    """
    parameter, find = FINDERS.get(params.get("Action", ""), ("", _of_instance))
    id = params.get(parameter, "")
    if state is None or not id:
        return params
    return {**params, "ScalingGroupId": find(state, id)}


def _of_token(state: EssState, token: str) -> str:
    action = state.lifecycle_actions.get(token)
    return _of_hook(state, action.lifecycle_hook_id) if action else ""


def _of_hook(state: EssState, id: str) -> str:
    hook = state.hooks.get(id)
    return hook.scaling_group_id if hook else ""


def _of_rule(state: EssState, id_or_ari: str) -> str:
    rule = state.rules.get(id_or_ari.rpartition("/")[2])
    return rule.scaling_group_id if rule else ""


def _of_instance(state: EssState, id: str) -> str:
    group = state.group_of(id)
    return group.scaling_group_id if group else ""


# By action: the parameter that leads to the group, and how.
FINDERS: dict[str, tuple[str, Callable[[EssState, str], str]]] = {
    "CompleteLifecycleAction": ("LifecycleActionToken", _of_token),
    "RecordLifecycleActionHeartbeat": ("lifecycleActionToken", _of_token),
    "ModifyLifecycleHook": ("LifecycleHookId", _of_hook),
    "DeleteLifecycleHook": ("LifecycleHookId", _of_hook),
    "ExecuteScalingRule": ("ScalingRuleAri", _of_rule),
    "ModifyScalingRule": ("ScalingRuleId", _of_rule),
    "DeleteScalingRule": ("ScalingRuleId", _of_rule),
    "SetInstanceHealth": ("InstanceId", _of_instance),
}
