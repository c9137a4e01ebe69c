"""What can be set of a scaling group when it is made or changed, and what of it has to fit together."""

from __future__ import annotations

from typing import Any

from localcloud import errors
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import NAME, Ask, boolean, integer, one_of, records, text, texts
from localcloud.ess.service import Service

MOST_SIZE = 2_000
POLICIES = ("OldestInstance", "NewestInstance", "OldestScalingConfiguration", "CustomPolicy")
SETTABLE = (  # by Create and Modify alike
    text("ScalingGroupName", pattern=NAME),
    integer("MinSize", 0, MOST_SIZE),
    integer("MaxSize", 0, MOST_SIZE),
    integer("DesiredCapacity", 0, MOST_SIZE),
    integer("DefaultCooldown", 0, 86_400),
    one_of("HealthCheckType", "NONE", "ECS", "LOAD_BALANCER"),
    one_of("MultiAZPolicy", "PRIORITY", "BALANCE", "COST_OPTIMIZED", "COMPOSABLE"),
    texts("RemovalPolicy", 3, values=POLICIES),
    texts("VSwitchIds", 8),
    boolean("GroupDeletionProtection", default=None),
    text("LaunchTemplateId"),
    text("LaunchTemplateVersion"),
)
KEPT = (  # and told again, without effect
    integer("StopInstanceTimeout", 30, 240),
    integer("MaxInstanceLifetime", 0, 1 << 30),
    integer("OnDemandBaseCapacity", 0, 1_000),
    integer("OnDemandPercentageAboveBaseCapacity", 0, 100),
    integer("SpotInstancePools", 1, 10),
    boolean("SpotInstanceRemedy", default=None),
    boolean("CompensateWithOnDemand", default=None),
    boolean("AzBalance", default=None),
    text("AllocationStrategy"),
    text("SpotAllocationStrategy"),
    text("CustomPolicyARN"),
    texts("HealthCheckTypes", 3),
    records("LaunchTemplateOverride"),
)
FIELDS = {  # of the parameter's effect
    "ScalingGroupName": "name",
    "MinSize": "min_size",
    "MaxSize": "max_size",
    "DesiredCapacity": "desired_capacity",
    "DefaultCooldown": "default_cooldown",
    "HealthCheckType": "health_check_type",
    "MultiAZPolicy": "multi_az_policy",
    "RemovalPolicy": "removal_policies",
    "VSwitchIds": "vswitch_ids",
    "GroupDeletionProtection": "group_deletion_protection",
    "LaunchTemplateId": "launch_template_id",
    "LaunchTemplateVersion": "launch_template_version",
}


def set_fields(service: Service, group: ScalingGroup, ask: Ask) -> None:
    """Whole or not at all."""
    new: dict[str, Any] = {field: ask[name] for name, field in FIELDS.items() if ask[name] not in (None, [])}
    least, most = new.get("min_size", group.min_size), new.get("max_size", group.max_size)
    if least > most:
        raise errors.InvalidParameter("MinSize")
    if not least <= new.get("desired_capacity", least) <= most:
        raise errors.InvalidParameter("DesiredCapacity")
    policies = new.get("removal_policies", [])
    if len(set(policies)) < len(policies) or "CustomPolicy" in policies[1:]:
        raise errors.InvalidParameter("RemovalPolicy.N")
    if any(g.name == new.get("name") and g is not group for g in service.groups.values()) and new.get("name"):
        raise errors.Duplicate("ScalingGroupName")
    for field, value in new.items():
        setattr(group, field, value)
    if group.desired_capacity is not None:  # it stays within the bounds
        group.desired_capacity = max(group.min_size, min(group.max_size, group.desired_capacity))
    group.attributes.update((p.name, ask[p.name]) for p in KEPT if ask[p.name] not in (None, []))
    if "LaunchTemplateOverride" in group.attributes:
        group.attributes["LaunchTemplateOverrides"] = group.attributes.pop("LaunchTemplateOverride")
