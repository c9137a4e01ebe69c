"""ESS makes a group larger or smaller: by a rule, by an adjustment, or by itself."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from localcloud import errors
from localcloud.ess import stages
from localcloud.ess.choosing import chosen
from localcloud.ess.model import PENDING, STABLE, Activity, Instance, ScalingGroup

if TYPE_CHECKING:
    from localcloud.ess.service import Service

ZONE = "cn-hangzhou-h"


class Why(NamedTuple):
    """Who starts an activity, and for what."""

    cause: str
    source: str = "Ess"  # APIs, Cms
    source_id: str = ""
    parallel: bool = True
    metadata: str = ""


def coming(group: ScalingGroup) -> int:
    """Capacity once what is under way is over, whoever is leaving left out."""
    return group.capacity(*STABLE, *PENDING)


def scale_out(service: Service, group: ScalingGroup, missing: int, why: Why, now: datetime) -> Activity:
    """Starts stopped instances first, then creates new ones."""
    stopped = [i for i in group.instances.values() if i.lifecycle_state == "Stopped"]
    joining: list[Instance] = []
    while missing > 0 and stopped:
        joining.append(stopped.pop(0))
        missing -= group.weight(joining[-1])
    started = [instance.instance_id for instance in joining]
    while missing > 0:
        joining.append(_created(service, group, now, joining))
        missing -= group.weight(joining[-1])
    activity = _activity(service, group, why, now, f'Add "{len(joining)}" ECS instance')
    activity.started = started
    activity.created = [i.instance_id for i in joining[len(started) :]]
    stages.start_joining(service, group, joining, activity)
    return activity


def scale_in(service: Service, group: ScalingGroup, surplus: int, why: Why, now: datetime) -> Activity:
    """By the group's own policies; whoever is Protected or Standby stays."""
    leaving = chosen(group, surplus, Random(f"{group.scaling_group_id} {now}"))  # noqa: S311 (the same again)
    activity = remove(service, group, leaving, why, now)
    if not leaving:
        activity.status_code, activity.ends_at = "Failed", now
        activity.detail = (
            f'Fail to scale instances for scaling group("Ignore to remove {surplus} instances'
            '("instances in standby/protected status")").'
        )
    return activity


def remove(service: Service, group: ScalingGroup, leaving: list[Instance], why: Why, now: datetime) -> Activity:
    activity = _activity(service, group, why, now, f'Remove "{len(leaving)}" ECS instance')
    activity.instance_ids = [instance.instance_id for instance in leaving]
    activity.recycles = group.recycles
    service.start_removal(group, leaving, activity, decrease=False)
    return activity


def control(service: Service, group: ScalingGroup, now: datetime) -> str:
    """Towards MinSize, MaxSize and desired capacity; the id of the activity that this started, if any.

    The desired capacity is compared with what is stable (ESS guide, Expected number of instances).
    """
    if group.lifecycle_state != "Active" or not may_start(service, group):
        return ""
    there = coming(group)
    least = max(group.min_size, group.desired_capacity or 0)
    most = group.max_size if group.desired_capacity is None else min(group.max_size, group.desired_capacity)
    if there < least and "ScaleOut" not in group.suspended_processes:
        why = Why(f'The capacity is "{there}"; it is to be "{least}".')
        return scale_out(service, group, least - there, why, now).scaling_activity_id
    surplus = there - max(most, least)
    if surplus <= 0 or "ScaleIn" in group.suspended_processes:
        return ""
    if any(i.lifecycle_state == "InService" and group.weight(i) <= surplus for i in group.instances.values()):
        why = Why(f'The capacity is "{there}"; it is to be "{most}".')
        return scale_in(service, group, surplus, why, now).scaling_activity_id
    return ""


def check_may_start(service: Service, group: ScalingGroup, process: str, *, parallel: bool = True) -> None:
    """Of an activity that is not a removal by id. Raises ApiError."""
    if group.lifecycle_state != "Active":
        raise errors.IncorrectScalingGroupStatus()
    if process in group.suspended_processes:
        error = errors.IncorrectScalingGroupStatus()
        error.code = service.knobs.suspended_scale_in
        raise error
    if not may_start(service, group, parallel=parallel):
        raise errors.ScalingActivityInProgress()


def may_start(service: Service, group: ScalingGroup, *, parallel: bool = True) -> bool:
    """One at a time; beside each other in a group with desired capacity, if all of them are parallel ones."""
    running = service.running(group.scaling_group_id)
    beside = group.desired_capacity is not None and parallel
    return not running or (beside and all(activity.parallel for activity in running))


def _activity(service: Service, group: ScalingGroup, why: Why, now: datetime, description: str) -> Activity:
    return Activity(
        scaling_activity_id=f"asa-bp1{uuid4().hex[:17]}",
        scaling_group_id=group.scaling_group_id,
        started_at=now,
        ends_at=now + timedelta(seconds=service.knobs.activity_seconds),
        description=description,
        cause=why.cause,
        capacity_at_start=group.total_capacity,
        trigger_source_type=why.source,
        trigger_source_id=why.source_id,
        parallel=why.parallel and group.desired_capacity is not None,
        metadata=why.metadata,
    )


def _created(service: Service, group: ScalingGroup, now: datetime, joining: list[Instance]) -> Instance:
    source = service.configurations.get(group.active_scaling_configuration_id)
    instance_type = source.instance_types[0] if source and source.instance_types else "ecs.g7.large"
    zones = group.zone_ids or sorted({i.zone_id for i in group.instances.values()}) or [ZONE]
    zone = zones[0]
    if group.multi_az_policy == "BALANCE":
        there = Counter(instance.zone_id for instance in [*group.instances.values(), *joining])
        zone = min(zones, key=there.__getitem__)
    return Instance(
        f"i-bp1{uuid4().hex[:17]}",
        now,
        "Pending",
        zone_id=zone,
        instance_type=instance_type,
        scaling_configuration_id=group.active_scaling_configuration_id,
        launch_template_id=group.launch_template_id,
        launch_template_version=group.launch_template_version,
        weighted_capacity=source.weights.get(instance_type, 1) if source else 1,
        spot_strategy=source.spot_strategy if source and source.spot_strategy != "NoSpot" else "",
    )
