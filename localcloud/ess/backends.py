"""Which instances are backends of the load balancers and server groups of scaling groups.

Those in service are, with their weight; on standby their weight is 0. An instance that is being
removed gets no more traffic at once, and is taken out before it is stopped or released: before a
hook holds it, else when half of its activity is over (help page "Scaling activity process")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from localcloud.ess.balancer_entries import (
    ALB_SERVER_GROUPS,
    BALANCERS,
    SERVER_GROUPS,
    V_SERVER_GROUPS,
)
from localcloud.ess.model import Activity, Instance, ScalingGroup
from localcloud.ess.state import EssState


class Target(NamedTuple):
    """What instances are backends of: a load balancer's default group, or a server group's port."""

    balancer_id: str = ""  # of an SLB
    server_group_id: str = ""
    port: int = 0
    weight: int | None = None  # of each backend; None: the instance's own

    @property
    def key(self) -> str:
        """Returns the text by which a group remembers it."""
        return f"{self.balancer_id}|{self.server_group_id}|{self.port}"


class Backend(NamedTuple):
    """An instance behind a target."""

    group: ScalingGroup
    instance: Instance
    target: Target
    weight: int


def target_of(field: str, entry: Any) -> Target:
    """Returns the target that an entry of a group's `balancers` names."""
    if field == BALANCERS:
        return Target(balancer_id=entry)
    if field == V_SERVER_GROUPS:
        ids = (entry["LoadBalancerId"], entry["VServerGroupId"])
        return Target(*ids, entry["Port"], entry["Weight"])
    name = "AlbServerGroupId" if field == ALB_SERVER_GROUPS else "ServerGroupId"
    return Target("", entry.get(name, ""), entry.get("Port", 0), entry.get("Weight"))


def targets_of(group: ScalingGroup) -> list[Target]:
    """Returns the targets that the group manages."""
    fields = (BALANCERS, V_SERVER_GROUPS, ALB_SERVER_GROUPS, SERVER_GROUPS)
    return [target_of(f, entry) for f in fields for entry in group.balancers.get(f, ())]


def is_known(state: EssState, is_wanted: Callable[[Target], bool]) -> bool:
    """Whether a group manages such a target, or left instances behind it."""
    return any(
        is_wanted(target)
        for group in state.groups.values()
        for target in (*targets_of(group), *left_targets(group))
    )


def left_targets(group: ScalingGroup) -> list[Target]:
    """Returns the targets behind which the group has left instances."""
    return [_parsed(key) for key in group.left_backends]


def is_healthy(instance: Instance) -> bool:
    """Whether a backend passes the load balancer's health check."""
    return instance.health_status == "Healthy" and instance.ecs_status == "Running"


def backends_of(state: EssState, is_wanted: Callable[[Target], bool]) -> list[Backend]:
    """Returns the backends of the targets, each of a target once."""
    found: dict[tuple[str, str], Backend] = {}
    for group in state.groups.values():
        for backend in (*_managed(state, group, is_wanted), *_left(group, is_wanted)):
            found.setdefault((backend.target.key, backend.instance.instance_id), backend)
    return list(found.values())


def attach(group: ScalingGroup, target: Target, force: bool) -> None:
    """Has the group manage the target; without `force` its present instances stay outside.

    Those that it left behind the target are managed again, unless they left the group.
    """
    left = group.left_backends.pop(target.key, {})
    if not force:
        group.outside_backends[target.key] = [id for id in group.instances if id not in left]
    strangers = {id: weight for id, weight in left.items() if id not in group.instances}
    if strangers:
        group.left_backends[target.key] = strangers


def detach(state: EssState, group: ScalingGroup, target: Target, force: bool) -> None:
    """Ends that the group manages the target; without `force` its backends stay behind it."""
    if not force:
        remaining = _managed(state, group, lambda managed: managed.key == target.key)
        weight_by_id = {b.instance.instance_id: b.weight for b in remaining}
        group.left_backends.setdefault(target.key, {}).update(weight_by_id)
    group.outside_backends.pop(target.key, None)


def leave_behind(group: ScalingGroup, instance: Instance) -> None:
    """Leaves an instance, which is leaving the group, behind the group's targets."""
    for target in targets_of(group):
        if instance.instance_id not in group.outside_backends.get(target.key, ()):
            weight_by_id = group.left_backends.setdefault(target.key, {})
            weight_by_id[instance.instance_id] = _own_weight(target, instance)


def _managed(
    state: EssState, group: ScalingGroup, is_wanted: Callable[[Target], bool]
) -> Iterator[Backend]:
    targets = [target for target in targets_of(group) if is_wanted(target)]
    if not targets:
        return
    removals = {
        id: activity
        for activity in state.running(group.scaling_group_id)
        for id in activity.instance_ids
    }
    for target in targets:
        outside = set(group.outside_backends.get(target.key, ()))
        for instance in group.instances.values():
            weight = _weight(state, instance, target, removals.get(instance.instance_id))
            if weight is not None and instance.instance_id not in outside:
                yield Backend(group, instance, target, weight)


def _left(group: ScalingGroup, is_wanted: Callable[[Target], bool]) -> Iterator[Backend]:
    for key, weight_by_id in group.left_backends.items():
        target = _parsed(key)
        for id, weight in weight_by_id.items() if is_wanted(target) else ():
            instance = group.instances.get(id) or group.departed.get(id)
            if instance is not None and instance.ecs_status != "Released":
                yield Backend(group, instance, target, weight)


def _weight(
    state: EssState, instance: Instance, target: Target, removal: Activity | None
) -> int | None:
    """Returns the instance's weight behind the target, None where it is no backend."""
    if instance.lifecycle_state in ("InService", "Protected"):
        return _own_weight(target, instance)
    if instance.lifecycle_state == "Standby":
        return 0
    if removal is not None and removal.keeps_backends:
        return _own_weight(target, instance)
    if instance.lifecycle_state == "Removing" and removal is not None:
        return 0 if _is_draining(state, removal) else None
    return None


def _is_draining(state: EssState, removal: Activity) -> bool:
    id = removal.scaling_activity_id
    if any(action.scaling_activity_id == id for action in state.lifecycle_actions.values()):
        return False
    taken_out_at = removal.started_at + (removal.ends_at - removal.started_at) / 2
    return state.clock.now() < taken_out_at


def _own_weight(target: Target, instance: Instance) -> int:
    return instance.load_balancer_weight if target.weight is None else target.weight


def _parsed(key: str) -> Target:
    balancer_id, server_group_id, port = key.split("|")
    return Target(balancer_id, server_group_id, int(port))
