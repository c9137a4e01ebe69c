"""What ESS refuses, and with which code: the checks of RemoveInstances, in their order. They change nothing."""

from __future__ import annotations

from localcloud import errors
from localcloud.ess.model import Instance, Knobs, ScalingGroup
from localcloud.ess.service import Service


def check_group(service: Service, group: ScalingGroup) -> None:
    """The group Active, ScaleIn not suspended, nothing in its way, whoever is to leave."""
    if not group.service_role_ok:
        raise errors.Unauthorized()
    if group.lifecycle_state != "Active":
        raise errors.IncorrectScalingGroupStatus()
    if "ScaleIn" in group.suspended_processes:
        error = errors.IncorrectScalingGroupStatus()  # the real code is not documented
        error.code = service.knobs.suspended_scale_in
        raise error
    _check_activities(service, group)
    if not group.load_balancer_ok:
        raise errors.IncorrectLoadBalancerStatus()
    if group.db_instance_not_ok:
        raise errors.IncorrectDBInstanceStatus(group.db_instance_not_ok)


def check_remove_policy(group: ScalingGroup, remove_policy: str, knobs: Knobs) -> None:
    if remove_policy not in ("release", "recycle"):
        raise errors.RemovePolicyNotSupported()
    if remove_policy == "recycle" and not group.recycles and knobs.recycle_on_release_group_is_an_error:
        raise errors.RemovePolicyNotSupported()


def check_min_size(group: ScalingGroup, removed: list[Instance]) -> None:
    """All or nothing, against TotalCapacity, which still counts what is being removed already."""
    if group.total_capacity - group.counted(removed) < group.min_size:
        raise errors.IncorrectCapacityMinSize()


def _check_activities(service: Service, group: ScalingGroup) -> None:
    """One at a time; a group with desired capacity takes parallel ones while every running one is parallel."""
    running = service.running(group.scaling_group_id)
    parallel_group = group.desired_capacity is not None and service.knobs.remove_is_parallel
    if running and not (parallel_group and all(activity.parallel for activity in running)):
        raise errors.ScalingActivityInProgress()
