"""Which instances ESS itself removes: by MultiAZPolicy, then RemovalPolicies, then chance.

RemoveInstances does not use it: its caller selects. Protected and Standby instances are never
candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from localcloud.ess.model import Instance, ScalingGroup


def selected_instances(group: ScalingGroup, capacity: int, chance: Random) -> list[Instance]:
    """Returns instances in service, as many as have together no more than `capacity`."""
    remaining = [i for i in group.instances.values() if i.lifecycle_state == "InService"]
    selected: list[Instance] = []
    spent = 0
    while True:
        fitting = [i for i in remaining if spent + group.weight(i) <= capacity]
        if not fitting:
            return selected
        instance = chance.choice(_best_candidates(group, remaining, fitting))
        remaining.remove(instance)
        selected.append(instance)
        spent += group.weight(instance)


def _best_candidates(
    group: ScalingGroup, remaining: Sequence[Instance], fitting: Sequence[Instance]
) -> list[Instance]:
    candidates = list(fitting)
    if group.multi_az_policy == "BALANCE":
        count_by_zone = Counter(instance.zone_id for instance in remaining)
        fullest = max(count_by_zone[instance.zone_id] for instance in candidates)
        candidates = [i for i in candidates if count_by_zone[i.zone_id] == fullest]
    for policy in group.removal_policies:  # COST_OPTIMIZED needs prices, which this cloud lacks
        candidates = _preferred(policy, candidates)
    return candidates


def _preferred(policy: str, candidates: list[Instance]) -> list[Instance]:
    if policy == "OldestInstance":
        oldest = min(instance.created_at for instance in candidates)
        return [instance for instance in candidates if instance.created_at == oldest]
    if policy == "NewestInstance":
        newest = max(instance.created_at for instance in candidates)
        return [instance for instance in candidates if instance.created_at == newest]
    if policy == "OldestScalingConfiguration":
        return _of_oldest_source(candidates)
    return candidates


def _of_oldest_source(candidates: list[Instance]) -> list[Instance]:
    created_at_by_source = {_source(i): i.created_at for i in reversed(candidates)}
    created_at_by_source.pop("", None)  # attached instances have none, and go last
    if not created_at_by_source:
        return candidates
    oldest = min(created_at_by_source, key=lambda source: (created_at_by_source[source], source))
    return [instance for instance in candidates if _source(instance) == oldest]


def _source(instance: Instance) -> str:
    return instance.scaling_configuration_id or instance.launch_template_version
