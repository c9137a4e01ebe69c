"""The checks of RemoveInstances, in ESS's order: what is refused, with which code."""

from __future__ import annotations

from localcloud import errors
from localcloud.ess.balancer_entries import ACTIVE, balancer_ids
from localcloud.ess.model import REMOVABLE, Assumptions, Instance, ScalingGroup
from localcloud.ess.state import EssState


def check_group(state: EssState, group: ScalingGroup) -> None:
    """Raises ApiError where no instance at all can be removed.

    The group has to be Active, ScaleIn not suspended, and nothing in the way.
    """
    check_service_role(group)
    check_process(state, group, "ScaleIn")
    _check_activities(state, group)
    check_attached(state, group)


def check_service_role(group: ScalingGroup) -> None:
    """Raises ApiError where ESS may not act for the account."""
    if not group.service_role_ok:
        raise errors.Unauthorized()


def check_attached(state: EssState, group: ScalingGroup) -> None:
    """Raises ApiError where a load balancer or a database is in a state that forbids scaling."""
    statuses = {state.balancer_statuses.get(id, ACTIVE) for id in balancer_ids(group.balancers)}
    if not group.load_balancer_ok or statuses - {ACTIVE}:
        raise errors.IncorrectLoadBalancerStatus()
    if group.db_instance_not_ok:
        raise errors.IncorrectDBInstanceStatus(group.db_instance_not_ok)


def check_process(state: EssState, group: ScalingGroup, process: str) -> None:
    """Raises ApiError where the group is not Active, or the process is suspended."""
    if group.lifecycle_state != "Active":
        raise errors.IncorrectScalingGroupStatus()
    if process in group.suspended_processes:
        error = errors.IncorrectScalingGroupStatus()  # the real code is not documented
        error.code = state.assumptions.suspended_scale_in_code
        raise error


def check_remove_policy(group: ScalingGroup, remove_policy: str, assumptions: Assumptions) -> None:
    """Raises ApiError where the policy is unknown, or does not fit the group."""
    if remove_policy not in ("release", "recycle"):
        raise errors.RemovePolicyNotSupported()
    is_unfit = remove_policy == "recycle" and not group.recycles
    if is_unfit and assumptions.recycle_on_release_group_is_an_error:
        raise errors.RemovePolicyNotSupported()


def check_min_size(group: ScalingGroup, removed: list[Instance]) -> None:
    """Raises ApiError where all together would go below MinSize.

    TotalCapacity still counts what is being removed already.
    """
    if group.total_capacity - group.counted(removed) < group.min_size:
        raise errors.IncorrectCapacityMinSize()


def removable(
    group: ScalingGroup, ids: list[str], ignore_invalid: bool
) -> tuple[list[Instance], dict[str, errors.ApiError]]:
    """Returns the instances that can be removed by id, and the error of each other id.

    Raises ApiError, the first one, where one is wrong and not ignored, or all are.
    """
    error_by_id = {id: error for id in ids if (error := _removal_error(group, id))}
    if error_by_id and (not ignore_invalid or len(error_by_id) == len(ids)):
        raise next(iter(error_by_id.values()))
    return [group.instances[id] for id in ids if id not in error_by_id], error_by_id


def _removal_error(group: ScalingGroup, instance_id: str) -> errors.ApiError | None:
    instance = group.instances.get(instance_id)
    if instance is None:
        return errors.InstanceNotFound(instance_id)
    if instance.lifecycle_state not in REMOVABLE:
        return errors.IncorrectInstanceStatus(instance_id)
    return None


def _check_activities(state: EssState, group: ScalingGroup) -> None:
    """Raises ApiError where a running activity is in the way.

    One runs at a time; a group with desired capacity takes parallel ones while every running one
    is parallel.
    """
    running = state.running(group.scaling_group_id)
    is_parallel = group.desired_capacity is not None and state.assumptions.remove_is_parallel
    if running and not (is_parallel and all(activity.parallel for activity in running)):
        raise errors.ScalingActivityInProgress()
