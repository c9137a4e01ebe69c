"""Load balancers and server groups of groups, and their backends, as the console shows them."""

from __future__ import annotations

from localcloud.console.rows import Rows
from localcloud.ess.backends import Backend, Target, backends_of, is_healthy, left_targets
from localcloud.ess.backends import targets_of as managed_targets_of
from localcloud.ess.balancer_entries import ACTIVE
from localcloud.ess.model import ScalingGroup
from localcloud.ess.service import Service


def balancer_rows(service: Service) -> Rows:
    """Returns what each group is attached to, or has left instances behind."""
    backends = _backends(service)
    return {
        f"{group_id} {target.key}": _target(service, group, target, backends)
        for group_id, group in service.groups.items()
        for target in _targets(group)
    }


def backend_rows(service: Service) -> Rows:
    """Returns for each instance that is a backend [target, weight, whether it is healthy]."""
    rows: Rows = {}
    for backend in _backends(service):
        instance = backend.instance
        key = f"{backend.group.scaling_group_id} {instance.instance_id}"
        part = (backend.target.key, backend.weight, is_healthy(instance))
        rows[key] = (*rows.get(key, ()), part)
    return rows


def _backends(service: Service) -> list[Backend]:
    return backends_of(service, lambda _: True)


def _targets(group: ScalingGroup) -> list[Target]:
    by_key = {one.key: one for one in (*left_targets(group), *managed_targets_of(group))}
    return list(by_key.values())


def _target(service: Service, group: ScalingGroup, target: Target, backends: list[Backend]) -> Rows:
    id = target.balancer_id
    own = [b for b in backends if b.target.key == target.key and b.group is group]
    return {
        "key": target.key,
        "group": group.scaling_group_id,
        "balancer": id,
        "serverGroup": target.server_group_id,
        "port": target.port,
        "status": service.balancer_statuses.get(id, ACTIVE) if id else "",
        "attached": target.key in {one.key for one in managed_targets_of(group)},
        "backends": len(own),
        "withoutTraffic": sum(not b.weight for b in own),
        "unhealthy": sum(not is_healthy(b.instance) for b in own),
    }
