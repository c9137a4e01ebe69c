"""Whom ESS itself lets leave: the group's MultiAZPolicy, then its RemovalPolicies, then chance.

RemoveInstances never comes here: its caller chooses. Protected and Standby instances are never candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from localcloud.ess.model import Instance, ScalingGroup


def chosen(group: ScalingGroup, capacity: int, chance: Random) -> list[Instance]:
    """As many as have together no more than `capacity`."""
    staying = [i for i in group.instances.values() if i.lifecycle_state == "InService"]
    leaving: list[Instance] = []
    spent = 0
    while True:
        fitting = [i for i in staying if spent + group.weight(i) <= capacity]
        if not fitting:
            return leaving
        one = chance.choice(_narrowed(group, staying, fitting))
        staying.remove(one)
        leaving.append(one)
        spent += group.weight(one)


def _narrowed(group: ScalingGroup, staying: Sequence[Instance], fitting: Sequence[Instance]) -> list[Instance]:
    candidates = list(fitting)
    if group.multi_az_policy == "BALANCE":
        zones = Counter(instance.zone_id for instance in staying)
        fullest = max(zones[instance.zone_id] for instance in candidates)
        candidates = [instance for instance in candidates if zones[instance.zone_id] == fullest]
    for policy in group.removal_policies:  # COST_OPTIMIZED needs prices, which nobody has here
        candidates = _by(policy, candidates)
    return candidates


def _by(policy: str, candidates: list[Instance]) -> list[Instance]:
    if policy == "OldestInstance":
        first = min(instance.created_at for instance in candidates)
        return [instance for instance in candidates if instance.created_at == first]
    if policy == "NewestInstance":
        last = max(instance.created_at for instance in candidates)
        return [instance for instance in candidates if instance.created_at == last]
    if policy == "OldestScalingConfiguration":
        sources = {i.scaling_configuration_id or i.launch_template_version: i.created_at for i in reversed(candidates)}
        sources.pop("", None)  # attached ones have none, and go last
        if sources:
            oldest = min(sources, key=lambda source: (sources[source], source))
            return [i for i in candidates if (i.scaling_configuration_id or i.launch_template_version) == oldest]
    return candidates
