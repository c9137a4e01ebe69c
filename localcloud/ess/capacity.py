"""How ESS makes a group larger or smaller: by a rule, by an adjustment, or by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.ess import removal_checks
from localcloud.ess.causes import changing, description
from localcloud.ess.model import PENDING, STABLE, Activity, Instance, ScalingGroup
from localcloud.ess.selection import selected_instances
from localcloud.ess.state import EssState, new_id

ZONE = "cn-hangzhou-h"
INSTANCE_TYPE = "ecs.g7.large"
REJECTED = "Rejected"
MAX_REJECTED = 100


class Cause(NamedTuple):
    """What starts an activity."""

    text: str
    source: str = "Ess"  # TriggerSourceType: Ess, APIs, Cms
    source_id: str = ""
    parallel: bool = True
    metadata: str = ""
    hook_context: Mapping[str, Any] = {}  # LifecycleHookContext
    cooldown: int | None = None  # of the rule; none: the group's


def expected_capacity(group: ScalingGroup) -> int:
    """Returns the capacity once what is under way is over, without what is being removed."""
    return group.capacity(*STABLE, *PENDING)


def scale_out(
    state: EssState, group: ScalingGroup, missing: int, cause: Cause, now: datetime
) -> Activity:
    """Starts stopped instances first, then creates new ones."""
    stopped = [i for i in group.instances.values() if i.lifecycle_state == "Stopped"]
    joining: list[Instance] = []
    while missing > 0 and stopped:
        joining.append(stopped.pop(0))
        missing -= group.weight(joining[-1])
    started = [instance.instance_id for instance in joining]
    while missing > 0:
        joining.append(_new_instance(state, group, now, joining))
        missing -= group.weight(joining[-1])
    activity = _new_activity(state, group, cause, now, description("Add", len(joining)))
    activity.started = started
    activity.created = [i.instance_id for i in joining[len(started) :]]
    state.start_joining(group, joining, activity)
    return activity


def scale_in(
    state: EssState, group: ScalingGroup, surplus: int, cause: Cause, now: datetime
) -> Activity:
    """Removes instances by the group's own policies; Protected and Standby ones are retained."""
    chance = Random(f"{group.scaling_group_id} {now}")  # noqa: S311 (the same again)
    selected = selected_instances(group, surplus, chance)
    activity = remove(state, group, selected, cause, now)
    if not selected:
        activity.status_code, activity.ends_at = "Failed", now
        activity.detail = (
            f'Fail to scale instances for scaling group("Ignore to remove {surplus} instances'
            '("instances in standby/protected status")").'
        )
    return activity


def remove(
    state: EssState, group: ScalingGroup, selected: list[Instance], cause: Cause, now: datetime
) -> Activity:
    """Starts to remove these instances, whatever MinSize says."""
    activity = _new_activity(state, group, cause, now, description("Remove", len(selected)))
    activity.instance_ids = [instance.instance_id for instance in selected]
    activity.recycles = group.recycles
    state.start_removal(group, selected, activity, decrease=False)
    return activity


def reject(state: EssState, group: ScalingGroup, cause: Cause, why: str, now: datetime) -> None:
    """Records that what an alarm or a scheduled task was to start is refused.

    Of a group so many are kept: an alarm may be refused each minute for a year.
    """
    activity = _new_activity(state, group, cause, now, "")
    activity.status_code, activity.status_message, activity.ends_at = REJECTED, why, now
    activity.capacities = group.capacities_by_origin()
    state.begin(activity)
    state.notify(group, "SCALE_REJECT", activity, now)
    rejected = [
        id
        for id, other in state.activities.items()
        if (other.status_code, other.scaling_group_id) == (REJECTED, group.scaling_group_id)
    ]
    for id in rejected[:-MAX_REJECTED]:
        del state.activities[id]


def reconcile_capacity(
    state: EssState, group: ScalingGroup, now: datetime, by: Cause | None = None
) -> str:
    """Moves a group towards MinSize, MaxSize and desired capacity.

    Returns the id of the activity that this starts, else "". The desired capacity is compared with
    what is stable (ESS guide, Expected number of instances). `by`: what set the latter, if a rule
    or a call that adjusts it did.
    """
    capacity, total = expected_capacity(group), group.total_capacity
    desired = group.desired_capacity
    lower = max(group.min_size, desired or 0)
    upper = group.max_size if desired is None else min(group.max_size, desired)
    if lower <= capacity <= max(upper, lower):  # as nearly always; so this is seen first
        return ""
    if group.lifecycle_state != "Active" or not may_start(state, group):
        return ""
    if capacity < lower and "ScaleOut" not in group.suspended_processes:
        aim = "MinSize" if lower == group.min_size else "Desired Capacity"
        text = changing(f"The capacity is below the {aim}", total, total + lower - capacity)
        cause = _following(by, text)
        return scale_out(state, group, lower - capacity, cause, now).scaling_activity_id
    surplus = capacity - max(upper, lower)
    if surplus <= 0 or "ScaleIn" in group.suspended_processes:
        return ""
    if _has_one_within(group, surplus):
        aim = "MaxSize" if upper == group.max_size else "Desired Capacity"
        text = changing(f"The capacity is above the {aim}", total, total - surplus)
        cause = _following(by, text)
        return scale_in(state, group, surplus, cause, now).scaling_activity_id
    return ""


def _following(by: Cause | None, text: str) -> Cause:
    """Returns the cause of what follows from an adjustment, or from no call."""
    if by is None:
        return Cause(text)
    return Cause(text, hook_context=by.hook_context, cooldown=by.cooldown)


def check_may_start(
    state: EssState, group: ScalingGroup, process: str, *, parallel: bool = True
) -> None:
    """Raises ApiError where an activity that is not a removal by id cannot start now."""
    removal_checks.check_service_role(group)
    removal_checks.check_process(state, group, process)
    if not may_start(state, group, parallel=parallel):
        raise errors.ScalingActivityInProgress()
    removal_checks.check_attached(state, group)


def may_start(state: EssState, group: ScalingGroup, *, parallel: bool = True) -> bool:
    """Returns whether an activity can start beside those that run.

    One runs at a time; in a group with desired capacity several do, if all of them are parallel.
    """
    running = state.running(group.scaling_group_id)
    takes_several = group.desired_capacity is not None and parallel
    return not running or (takes_several and all(activity.parallel for activity in running))


def _has_one_within(group: ScalingGroup, surplus: int) -> bool:
    in_service = (i for i in group.instances.values() if i.lifecycle_state == "InService")
    return any(group.weight(instance) <= surplus for instance in in_service)


def _new_activity(
    state: EssState, group: ScalingGroup, cause: Cause, now: datetime, description: str
) -> Activity:
    return Activity(
        scaling_activity_id=new_id("asa"),
        scaling_group_id=group.scaling_group_id,
        started_at=now,
        ends_at=now + timedelta(seconds=state.assumptions.activity_seconds),
        description=description,
        cause=cause.text,
        capacity_at_start=group.total_capacity,
        trigger_source_type=cause.source,
        trigger_source_id=cause.source_id,
        parallel=cause.parallel and group.desired_capacity is not None,
        metadata=cause.metadata,
        hook_context=dict(cause.hook_context),
        cooldown=cause.cooldown,
    )


def _new_instance(
    state: EssState, group: ScalingGroup, now: datetime, joining: list[Instance]
) -> Instance:
    source = state.configurations.get(group.active_scaling_configuration_id)
    types = source.instance_types if source else []
    instance_type = types[0] if types else INSTANCE_TYPE
    attributes = source.attributes if source else {}
    return Instance(
        new_id("i"),
        now,
        "Pending",
        zone_id=_zone_of_next(group, joining),
        instance_type=instance_type,
        scaling_configuration_id=group.active_scaling_configuration_id,
        launch_template_id=group.launch_template_id,
        launch_template_version=group.launch_template_version,
        load_balancer_weight=attributes.get("LoadBalancerWeight", 50),
        weighted_capacity=source.weights.get(instance_type, 1) if source else 1,
        spot_strategy=source.spot_strategy if source and source.spot_strategy != "NoSpot" else "",
    )


def _zone_of_next(group: ScalingGroup, joining: list[Instance]) -> str:
    zones = group.zone_ids or sorted({i.zone_id for i in group.instances.values()}) or [ZONE]
    if group.multi_az_policy != "BALANCE":
        return zones[0]
    count_by_zone = Counter(i.zone_id for i in [*group.instances.values(), *joining])
    return min(zones, key=count_by_zone.__getitem__)
