"""RemoveInstances: accepts the removal, or refuses it whole. Accepted is not done: the activity tells."""

from __future__ import annotations

from datetime import timedelta

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.action import Action
from localcloud.ess.members import why_not
from localcloud.ess.model import Activity
from localcloud.ess.parameters import GROUP, TOKEN, Ask, boolean, document, integer, text, texts
from localcloud.ess.service import Service, new_id


def remove_instances(service: Service, ask: Ask) -> Reply:
    ids, remove_policy = ask["InstanceId"], ask["RemovePolicy"] or "release"
    if len(ids) > service.knobs.most_instance_ids or len(set(ids)) < len(ids) or not all(ids):
        raise errors.InvalidParameter("InstanceId.N")
    group = service.group(ask["ScalingGroupId"])
    refusals.check_group(service, group)
    refusals.check_remove_policy(group, remove_policy, service.knobs)
    refused = {instance_id: error for instance_id in ids if (error := why_not(group, instance_id))}
    if refused and (not ask["IgnoreInvalidInstance"] or len(refused) == len(ids)):
        raise next(iter(refused.values()))
    removed = [group.instances[instance_id] for instance_id in ids if instance_id not in refused]
    refusals.check_min_size(group, removed)
    before, now = group.total_capacity, service.clock.now()
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
        hook_context=ask["LifecycleHookContext"]
        if service.knobs.remove_fires_hooks
        else {"DisableLifecycleHook": True},
    )
    service.start_removal(group, removed, activity, ask["DecreaseDesiredCapacity"])
    reply: Reply = {"ScalingActivityId": activity.scaling_activity_id}
    if refused:
        reply["IgnoredInstances"] = [
            {"InstanceId": id, "Code": error.code, "Message": error.message} for id, error in refused.items()
        ]
    return reply


ACTIONS = (
    Action(
        "RemoveInstances",
        remove_instances,
        (
            *(GROUP, texts("InstanceId", 1_000, required=True), TOKEN, text("RemovePolicy")),
            boolean("DecreaseDesiredCapacity", default=True),
            boolean("IgnoreInvalidInstance"),
            integer("StopInstanceTimeout", 30, 240),
            document("LifecycleHookContext"),
        ),
        "StopInstanceTimeout is checked, and has no effect: every machine stops",
    ),
)
