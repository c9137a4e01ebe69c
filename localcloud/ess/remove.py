"""RemoveInstances, from parameters to reply."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from localcloud import errors
from localcloud.ess import parameters, rules
from localcloud.ess.model import Activity, ScalingGroup
from localcloud.ess.service import Service, new_id
from localcloud.wire import Params, Reply


def remove_instances(service: Service, params: Params) -> Reply:
    """Accepts the removal, or refuses it whole. Accepted is not done: the activity tells."""
    now = service.advance()
    group_id = parameters.required(params, "ScalingGroupId")
    ids = _instance_ids(service, params)
    _check_options(params)
    replayed = service.replay(params)
    if replayed is not None:
        return replayed
    try:
        reply = _accept(service, service.group(group_id), ids, params, now)
    except errors.ApiError:
        if service.knobs.refused_calls_burn_their_token:
            service.remember(params, None)
        raise
    service.remember(params, reply)
    return reply


def _instance_ids(service: Service, params: Params) -> list[str]:
    ids = parameters.repeated(params, "InstanceId", service.knobs.most_instance_ids)
    if not ids:
        raise errors.MissingParameter("InstanceId.N")
    if len(set(ids)) < len(ids) or not all(ids):
        raise errors.InvalidParameter("InstanceId.N")
    return ids


def _check_options(params: Params) -> None:
    parameters.integer(params, "StopInstanceTimeout", None, 30, 240)
    token = params.get("ClientToken", "")
    if len(token) > 64 or not token.isascii():
        raise errors.InvalidParameter("ClientToken")
    try:
        context = json.loads(params.get("LifecycleHookContext") or "{}")
    except ValueError as error:
        raise errors.InvalidParameter("LifecycleHookContext") from error
    if not isinstance(context, dict):
        raise errors.InvalidParameter("LifecycleHookContext")


def _accept(service: Service, group: ScalingGroup, ids: list[str], params: Params, now: datetime) -> Reply:
    decrease = parameters.boolean(params, "DecreaseDesiredCapacity", True)
    ignore = parameters.boolean(params, "IgnoreInvalidInstance", False)
    remove_policy = params.get("RemovePolicy") or "release"
    rules.check_group(service, group)
    rules.check_remove_policy(group, remove_policy, service.knobs)
    refused = {instance_id: error for instance_id in ids if (error := rules.why_not(group, instance_id))}
    if refused and (not ignore or len(refused) == len(ids)):
        raise next(iter(refused.values()))
    removed = [group.instances[instance_id] for instance_id in ids if instance_id not in refused]
    rules.check_min_size(group, removed)
    before = group.total_capacity
    after = before - group.counted(removed)
    activity = Activity(
        scaling_activity_id=new_id("asa"),
        scaling_group_id=group.scaling_group_id,
        started_at=now,
        ends_at=now + timedelta(seconds=service.knobs.activity_seconds),
        description=f'Remove "{len(removed)}" ECS instance',
        cause=f'A user requests to remove instances, changing the Total Capacity from "{before}" to "{after}".',
        capacity_at_start=before,
        instance_ids=[instance.instance_id for instance in removed],
        told=[instance.instance_id for instance in removed],
        # Recycled only if both the call and the group say so; three of four combinations release.
        recycles=remove_policy == "recycle" and group.recycles,
        ignored={instance_id: error.code for instance_id, error in refused.items()},
        parallel=group.desired_capacity is not None and service.knobs.remove_is_parallel,
    )
    service.start_removal(group, removed, activity, decrease)
    reply: Reply = {"ScalingActivityId": activity.scaling_activity_id}
    if refused:
        ignored = [{"InstanceId": id, "Code": error.code, "Message": error.message} for id, error in refused.items()]
        reply["IgnoredInstances"] = {"IgnoredInstance": ignored}
    return reply
