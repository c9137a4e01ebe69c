"""RemoveInstances: accepts the removal, or refuses all of it; an activity then removes."""

from __future__ import annotations

from datetime import timedelta

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import removal_checks
from localcloud.ess.actions.action import Action
from localcloud.ess.causes import by_hand, changing, description
from localcloud.ess.model import Activity, Instance, ScalingGroup
from localcloud.ess.parameters import GROUP, TOKEN, Request, boolean, document, integer, text, texts
from localcloud.ess.state import EssState, new_id


def remove_instances(state: EssState, request: Request) -> Reply:
    ids, remove_policy = request["InstanceId"], request["RemovePolicy"] or "release"
    _check_ids(state, ids)
    group = state.group(request["ScalingGroupId"])
    removal_checks.check_group(state, group)
    removal_checks.check_remove_policy(group, remove_policy, state.assumptions)
    removed, error_by_id = removal_checks.removable(group, ids, request["IgnoreInvalidInstance"])
    removal_checks.check_min_size(group, removed)
    activity = _new_activity(state, group, removed, request)
    # Recycled only if both the call and the group say so; three of four combinations release.
    activity.recycles = remove_policy == "recycle" and group.recycles
    activity.ignored = {id: error.code for id, error in error_by_id.items()}
    state.start_removal(group, removed, activity, request["DecreaseDesiredCapacity"])
    reply: Reply = {"ScalingActivityId": activity.scaling_activity_id}
    if error_by_id:
        reply["IgnoredInstances"] = [
            {"InstanceId": id, "Code": error.code, "Message": error.message}
            for id, error in error_by_id.items()
        ]
    return reply


def _check_ids(state: EssState, ids: list[str]) -> None:
    if len(ids) > state.assumptions.max_instance_ids:
        raise errors.InvalidParameter("InstanceId.N")
    removal_checks.check_distinct(ids)


def _new_activity(
    state: EssState, group: ScalingGroup, removed: list[Instance], request: Request
) -> Activity:
    assumptions, now = state.assumptions, state.clock.now()
    ids = [instance.instance_id for instance in removed]
    before = group.total_capacity
    after = before - group.counted(removed)
    no_hooks = {"DisableLifecycleHook": True}
    return Activity(
        scaling_activity_id=new_id("asa"),
        scaling_group_id=group.scaling_group_id,
        started_at=now,
        ends_at=now + timedelta(seconds=assumptions.activity_seconds),
        description=description("Remove", len(removed)),
        cause=changing(by_hand("remove", ids), before, after),
        capacity_at_start=before,
        instance_ids=ids,
        requested_ids=list(ids),
        parallel=group.desired_capacity is not None and assumptions.remove_is_parallel,
        hook_context=(
            request["LifecycleHookContext"] if assumptions.remove_fires_hooks else no_hooks
        ),
    )


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
