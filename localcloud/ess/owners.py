"""Which groups a call changes that does not name them: RAM judges the call by their ARNs."""

from __future__ import annotations

import re
from collections.abc import Callable

from localcloud.ess.catalogue import ACTIONS
from localcloud.ess.state import EssState
from localcloud.wire import Params

RESOURCES = re.compile(r"ResourceIds?(\.[0-9]+)?")  # of both API versions


def with_groups(state: EssState | None, params: Params) -> list[Params]:
    """Returns the call's parameters with each group that it changes as its ScalingGroupId.

    A group that it names beside these counts for nothing.
    """
    name = params.get("Action", "")
    if name in OF_RESOURCES:
        ids = [value for key, value in params.items() if RESOURCES.fullmatch(key)]
        return [{**params, "ScalingGroupId": id} for id in ids or [""]]
    parameter, find = FINDERS.get(name, ("", _of_instance))
    id = params.get(parameter, "")
    if state is not None and id:
        return [{**params, "ScalingGroupId": find(state, id)}]
    action = ACTIONS.get(name)
    takes_group = action is None or any(p.name == "ScalingGroupId" for p in action.parameters)
    return [params if takes_group else {**params, "ScalingGroupId": ""}]


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


OF_RESOURCES = ("TagResources", "UntagResources", "ChangeResourceGroup")
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
