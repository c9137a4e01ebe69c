"""The instances of a group: describe, attach, detach, entrust. More: `instance_states`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import chain, repeat
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import capacity, removal_checks
from localcloud.ess.actions.action import Action
from localcloud.ess.causes import by_hand, changing, description
from localcloud.ess.model import PENDING, REMOVABLE, Activity, Instance, ScalingGroup
from localcloud.ess.parameters import (
    GROUP,
    REGION,
    TOKEN,
    Request,
    boolean,
    document,
    one_of,
    pages,
    text,
    texts,
)
from localcloud.ess.requests import page_of_total
from localcloud.ess.state import EssState, new_id
from localcloud.ess.views import instance_view

SINGULAR_AND_PLURAL = (("LifecycleState", "LifecycleStates"), ("CreationType", "CreationTypes"))
SIGNS = {"attach": 1, "detach": -1}  # of the change of capacity
IDS = texts("InstanceId", required=True)
WEIGHTS = texts("LoadBalancerWeight", values=[f"{weight}" for weight in range(1, 101)])


def describe_scaling_instances(state: EssState, request: Request) -> Reply:
    for singular, plural in SINGULAR_AND_PLURAL:
        if request[singular] and request[plural]:
            raise errors.InvalidParameter(f"{plural}.N")
    group_id = request["ScalingGroupId"]
    groups = [state.group(group_id)] if group_id else list(state.groups.values())
    is_wanted = _filter(request)
    if is_wanted is None:
        listed = [(group, group.instances.listed()) for group in groups]
        spot_count = sum(group.spot_count for group in groups)
    else:
        listed = [(g, tuple(filter(is_wanted, g.instances.listed()))) for g in groups]
        spot_count = sum(1 for _, wanted in listed for i in wanted if i.spot_strategy)
    total = sum(len(wanted) for _, wanted in listed)
    members = chain.from_iterable(zip(repeat(group), wanted) for group, wanted in listed)
    reply = page_of_total(
        request, "ScalingInstances", members, total, lambda member: instance_view(*member)
    )
    return {**reply, "TotalSpotCount": spot_count}


def attach_instances(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    activity = attach(state, group, request["InstanceId"], request)
    return {"ScalingActivityId": activity.scaling_activity_id}


def attach(state: EssState, group: ScalingGroup, ids: list[str], request: Request) -> Activity:
    """Starts to attach instances: any id that no group has is one that runs. Raises ApiError.

    An instance that was released does not exist any more; one that the group itself has stopped is
    started.
    """
    removal_checks.check_distinct(ids)
    capacity.check_may_start(state, group, "ScaleOut")
    error_by_id = {id: error for id in ids if (error := _attach_error(state, group, id))}
    if error_by_id and (not request.get("IgnoreInvalidInstance") or len(error_by_id) == len(ids)):
        raise next(iter(error_by_id.values()))
    weight_by_id = dict(zip(ids, request["LoadBalancerWeight"], strict=False))
    ids = [id for id in ids if id not in error_by_id]
    if group.total_capacity + len(ids) > group.max_size:
        raise errors.IncorrectCapacityMaxSize()
    now = state.clock.now()
    activity = activity_by_hand(state, group, "attach", ids, request)
    activity.ignored = {id: error.code for id, error in error_by_id.items()}
    activity.started = [id for id in ids if id in group.instances]
    zones = group.zone_ids or [capacity.ZONE]
    joining = []
    for number, id in enumerate(ids):
        if id in group.instances:
            joining.append(group.instances[id])
            continue
        instance = group.departed.pop(id, None)
        instance = instance or Instance(id, now, zone_id=zones[number % len(zones)])
        instance.created_at, instance.creation_type = now, "Attached"
        instance.entrusted = bool(request["Entrusted"])
        instance.scaling_configuration_id = ""
        instance.load_balancer_weight = int(weight_by_id.get(id, 50))
        joining.append(instance)
    if group.desired_capacity is not None:  # (ESS guide, Expected number of instances)
        group.desired_capacity = min(group.max_size, group.desired_capacity + len(ids))
    state.start_joining(group, joining, activity)
    return activity


def _attach_error(state: EssState, group: ScalingGroup, id: str) -> errors.ApiError | None:
    having = state.group_of(id)
    is_stopped = having is group and group.instances[id].lifecycle_state == "Stopped"
    if having is not None and not is_stopped:
        return errors.InstanceInUse(id)
    return errors.InstanceNotFound(id) if state.is_released(id) else None


def detach_instances(state: EssState, request: Request) -> Reply:
    """Starts to take instances out of the group; they keep running, also those that ESS created."""
    group = state.group(request["ScalingGroupId"])
    removal_checks.check_distinct(request["InstanceId"])
    capacity.check_may_start(state, group, "ScaleIn")
    detached, error_by_id = removal_checks.removable(
        group, request["InstanceId"], request["IgnoreInvalidInstance"]
    )
    removal_checks.check_min_size(group, detached)
    ids = [instance.instance_id for instance in detached]
    activity = activity_by_hand(state, group, "detach", ids, request)
    activity.instance_ids = ids
    activity.detaches = True
    activity.keeps_backends = request["DetachOption"] != "both"
    activity.ignored = {id: error.code for id, error in error_by_id.items()}
    state.start_removal(group, detached, activity, request["DecreaseDesiredCapacity"])
    return {"ScalingActivityId": activity.scaling_activity_id}


def modify_instance_attribute(state: EssState, request: Request) -> Reply:
    """Sets Entrusted, of attached instances."""
    ids = request["InstanceIds"] or [id for id in [request["InstanceId"]] if id]
    if not ids:
        raise errors.MissingParameter("InstanceId")
    group = state.group(request["ScalingGroupId"])
    instances = in_states(group, ids, *REMOVABLE, *PENDING)
    for instance in instances:
        if instance.creation_type == "AutoCreated":
            raise errors.IncorrectInstanceStatus(instance.instance_id)
    for instance in instances:
        instance.entrusted = request["Entrusted"]
    return {}


def _filter(request: Request) -> Callable[[Instance], bool] | None:
    """Returns which instances the call is about; None: all."""
    wanted: dict[str, Any] = {
        "lifecycle_state": request["LifecycleStates"] or request["LifecycleState"],
        "creation_type": request["CreationTypes"] or request["CreationType"],
        "instance_id": request["InstanceId"],
        "health_status": request["HealthStatus"],
        "scaling_configuration_id": request["ScalingConfigurationId"],
        "scaling_activity_id": request["ScalingActivityId"],
    }
    given = {
        name: [value] if isinstance(value, str) else value
        for name, value in wanted.items()
        if value
    }
    if not given:
        return None
    return lambda instance: all(getattr(instance, name) in values for name, values in given.items())


def in_states(group: ScalingGroup, ids: list[str], *states: str) -> list[Instance]:
    """Returns these instances. Raises ApiError unless each is a member, in one of the states."""
    removal_checks.check_distinct(ids)
    removal_checks.check_service_role(group)
    for id in ids:
        if id not in group.instances:
            raise errors.InstanceNotFound(id)
        if group.instances[id].lifecycle_state not in states:
            raise errors.IncorrectInstanceStatus(id)
    return [group.instances[id] for id in ids]


def activity_by_hand(
    state: EssState,
    group: ScalingGroup,
    verb: str,
    ids: list[str],
    request: Mapping[str, Any],
) -> Activity:
    """Returns an activity by hand. Hooks hold its instances only where the call says so."""
    now, before = state.clock.now(), group.total_capacity
    cause = by_hand(verb, ids)
    if verb in SIGNS:
        named = [group.instances.get(id, Instance(id, now)) for id in ids]
        # One that is stopped does not count, but will once it is started.
        change = sum(map(group.weight, named)) if verb == "attach" else group.counted(named)
        cause = changing(cause, before, before + SIGNS[verb] * change)
    return Activity(
        scaling_activity_id=new_id("asa"),
        scaling_group_id=group.scaling_group_id,
        started_at=now,
        ends_at=now + timedelta(seconds=state.assumptions.activity_seconds),
        description=description(verb.capitalize(), len(ids)),
        cause=cause,
        capacity_at_start=before,
        parallel=group.desired_capacity is not None,
        hook_context={} if request.get("LifecycleHook") else {"DisableLifecycleHook": True},
    )


ACTIONS = (
    Action(
        "DescribeScalingInstances",
        describe_scaling_instances,
        (
            *(
                REGION,
                text("ScalingGroupId"),
                text("ScalingConfigurationId"),
                text("ScalingActivityId"),
            ),
            *(
                text("HealthStatus"),
                text("LifecycleState"),
                texts("LifecycleStates"),
                text("CreationType"),
            ),
            *(texts("CreationTypes"), texts("InstanceId"), *pages(100)),
        ),
    ),
    Action(
        "AttachInstances",
        attach_instances,
        (
            *(
                GROUP,
                IDS,
                TOKEN,
                boolean("Entrusted"),
                boolean("LifecycleHook"),
                boolean("IgnoreInvalidInstance"),
            ),
            WEIGHTS,
        ),
        "any id that no group has counts as a running machine",
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
        "ModifyInstanceAttribute",
        modify_instance_attribute,
        (
            *(GROUP, text("InstanceId"), texts("InstanceIds")),
            boolean("Entrusted", default=None, required=True),
        ),
    ),
)
