"""The instances of a group: described, attached, detached, protected, put aside, marked. Removing them: `remove`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import capacity, stages
from localcloud.ess.action import Action
from localcloud.ess.model import REMOVABLE, Activity, Instance, ScalingGroup
from localcloud.ess.parameters import (
    GROUP,
    REGION,
    TOKEN,
    Ask,
    boolean,
    document,
    one_of,
    page,
    pages,
    text,
    texts,
)
from localcloud.ess.service import Service, listed, new_id
from localcloud.ess.views import instance_view

IDS = texts("InstanceId", required=True)


def describe_scaling_instances(service: Service, ask: Ask) -> Reply:
    for one, several in (("LifecycleState", "LifecycleStates"), ("CreationType", "CreationTypes")):
        if ask[one] and ask[several]:
            raise errors.InvalidParameter(f"{several}.N")
    groups = [service.group(ask["ScalingGroupId"])] if ask["ScalingGroupId"] else list(service.groups.values())
    matches = _filter(ask)
    found = [(group, i) for group in groups for i in listed(filter(matches, group.instances.values()))]
    here, told = page(ask, found)
    spot = sum(1 for _, instance in found if instance.spot_strategy)
    return {**told, "TotalSpotCount": spot, "ScalingInstances": [instance_view(group, i) for group, i in here]}


def attach_instances(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    activity = attach(service, group, ask["InstanceId"], ask)
    return {"ScalingActivityId": activity.scaling_activity_id}


def attach(service: Service, group: ScalingGroup, ids: list[str], ask: Ask) -> Activity:
    """Machines come from nowhere here: any id that no group has is one that runs. Raises ApiError."""
    capacity.check_may_start(service, group, "ScaleOut")
    for id in ids:
        if service.group_of(id) is not None:
            raise errors.InstanceInUse(id)
    if group.total_capacity + len(ids) > group.max_size:
        raise errors.IncorrectCapacityMaxSize()
    now = service.clock.now()
    activity = _activity(service, group, f'Attach "{len(ids)}" ECS instance', ask)
    zones = group.zone_ids or [capacity.ZONE]
    joining = []
    for number, id in enumerate(ids):
        instance = group.left.pop(id, None) or Instance(id, now, zone_id=zones[number % len(zones)])
        instance.created_at, instance.creation_type, instance.entrusted = now, "Attached", bool(ask["Entrusted"])
        instance.scaling_configuration_id = ""
        joining.append(instance)
    if group.desired_capacity is not None:
        group.desired_capacity = max(group.desired_capacity, capacity.coming(group) + len(ids))
    stages.start_joining(service, group, joining, activity)
    return activity


def detach_instances(service: Service, ask: Ask) -> Reply:
    """They leave the group and keep running, whoever made them."""
    group = service.group(ask["ScalingGroupId"])
    capacity.check_may_start(service, group, "ScaleIn")
    refused = {id: error for id in ask["InstanceId"] if (error := why_not(group, id))}
    if refused and (not ask["IgnoreInvalidInstance"] or len(refused) == len(ask["InstanceId"])):
        raise next(iter(refused.values()))
    leaving = [group.instances[id] for id in ask["InstanceId"] if id not in refused]
    if group.total_capacity - group.counted(leaving) < group.min_size:
        raise errors.IncorrectCapacityMinSize()
    activity = _activity(service, group, f'Detach "{len(leaving)}" ECS instance', ask)
    activity.instance_ids = [instance.instance_id for instance in leaving]
    activity.detaches = True
    activity.ignored = {id: error.code for id, error in refused.items()}
    service.start_removal(group, leaving, activity, ask["DecreaseDesiredCapacity"])
    return {"ScalingActivityId": activity.scaling_activity_id}


def set_instances_protection(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    wanted = ask["ProtectedFromScaleIn"]
    for instance in _in_states(group, ask["InstanceId"], ("InService", "Protected")):
        instance.lifecycle_state = "Protected" if wanted else "InService"
    return {}


def enter_standby(service: Service, ask: Ask) -> Reply:
    for instance in _in_states(service.group(ask["ScalingGroupId"]), ask["InstanceId"], ("InService", "Protected")):
        instance.lifecycle_state = "Standby"
    return {}


def exit_standby(service: Service, ask: Ask) -> Reply:
    for instance in _in_states(service.group(ask["ScalingGroupId"]), ask["InstanceId"], ("Standby",)):
        instance.lifecycle_state = "InService"
    return {}


def set_instance_health(service: Service, ask: Ask) -> Reply:
    _anywhere(service, ask["InstanceId"]).health_status = ask["HealthStatus"]
    return {}


def modify_instance_attribute(service: Service, ask: Ask) -> Reply:
    """Entrusted, of attached instances."""
    ids = ask["InstanceIds"] or [id for id in [ask["InstanceId"]] if id]
    if not ids:
        raise errors.MissingParameter("InstanceId")
    group = service.group(ask["ScalingGroupId"])
    for instance in _in_states(group, ids, (*REMOVABLE, "Pending", "Pending:Wait")):
        if instance.creation_type == "AutoCreated":
            raise errors.IncorrectInstanceStatus(instance.instance_id)
        instance.entrusted = ask["Entrusted"]
    return {}


def why_not(group: ScalingGroup, instance_id: str) -> errors.ApiError | None:
    """Why this one cannot be removed by id, or None."""
    instance = group.instances.get(instance_id)
    if instance is None:
        return errors.InstanceNotFound(instance_id)
    if instance.lifecycle_state not in REMOVABLE:
        return errors.IncorrectInstanceStatus(instance_id)
    return None


def _filter(ask: Ask) -> Callable[[Instance], bool] | None:
    """None: everybody."""
    wanted: dict[str, Any] = {
        "lifecycle_state": ask["LifecycleStates"] or ask["LifecycleState"],
        "creation_type": ask["CreationTypes"] or ask["CreationType"],
        "instance_id": ask["InstanceId"],
        "health_status": ask["HealthStatus"],
        "scaling_configuration_id": ask["ScalingConfigurationId"],
        "scaling_activity_id": ask["ScalingActivityId"],
    }
    given = {name: [value] if isinstance(value, str) else value for name, value in wanted.items() if value}
    if not given:
        return None
    return lambda instance: all(getattr(instance, name) in values for name, values in given.items())


def _in_states(group: ScalingGroup, ids: list[str], states: tuple[str, ...]) -> list[Instance]:
    """All of them, or an error."""
    for id in ids:
        if id not in group.instances:
            raise errors.InstanceNotFound(id)
        if group.instances[id].lifecycle_state not in states:
            raise errors.IncorrectInstanceStatus(id)
    return [group.instances[id] for id in ids]


def _anywhere(service: Service, instance_id: str) -> Instance:
    group = service.group_of(instance_id)
    if group is None:
        raise errors.InstanceNotFound(instance_id)
    return group.instances[instance_id]


def _activity(service: Service, group: ScalingGroup, description: str, ask: Mapping[str, Any]) -> Activity:
    """By hand. Hooks hold what is attached or detached only where the call says so."""
    now = service.clock.now()
    return Activity(
        scaling_activity_id=new_id("asa"),
        scaling_group_id=group.scaling_group_id,
        started_at=now,
        ends_at=now + timedelta(seconds=service.knobs.activity_seconds),
        description=description,
        cause=f"A user requests to {description[0].lower()}{description[1:]}.",
        capacity_at_start=group.total_capacity,
        parallel=group.desired_capacity is not None,
        hook_context={} if ask.get("LifecycleHook") else {"DisableLifecycleHook": True},
    )


ACTIONS = (
    Action(
        "DescribeScalingInstances",
        describe_scaling_instances,
        (
            *(REGION, text("ScalingGroupId"), text("ScalingConfigurationId"), text("ScalingActivityId")),
            *(text("HealthStatus"), text("LifecycleState"), texts("LifecycleStates"), text("CreationType")),
            *(texts("CreationTypes"), texts("InstanceId"), *pages(100)),
        ),
    ),
    Action(
        "AttachInstances",
        attach_instances,
        (
            *(GROUP, IDS, TOKEN, boolean("Entrusted"), boolean("LifecycleHook"), boolean("IgnoreInvalidInstance")),
            texts("LoadBalancerWeight"),
        ),
        "any id that no group has is taken for a running machine; weights are ignored",
    ),
    Action(
        "DetachInstances",
        detach_instances,
        (
            *(GROUP, IDS, TOKEN, boolean("LifecycleHook"), boolean("IgnoreInvalidInstance")),
            boolean("DecreaseDesiredCapacity", default=True),
            one_of("DetachOption", "both"),
            document("LifecycleHookContext"),
        ),
    ),
    Action(
        "SetInstancesProtection",
        set_instances_protection,
        (GROUP, IDS, boolean("ProtectedFromScaleIn", default=None, required=True)),
    ),
    Action("EnterStandby", enter_standby, (GROUP, IDS, TOKEN, boolean("Async")), "done at once, without an activity"),
    Action("ExitStandby", exit_standby, (GROUP, IDS, TOKEN, boolean("Async")), "done at once, without an activity"),
    Action(
        "SetInstanceHealth",
        set_instance_health,
        (text("InstanceId", required=True), one_of("HealthStatus", "Healthy", "Unhealthy", required=True)),
    ),
    Action(
        "ModifyInstanceAttribute",
        modify_instance_attribute,
        (
            *(GROUP, text("InstanceId"), texts("InstanceIds")),
            boolean("Entrusted", default=None, required=True),
        ),
    ),
)
