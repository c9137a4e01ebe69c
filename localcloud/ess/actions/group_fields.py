"""The fields of a scaling group that can be set, and which of them have to fit together."""

from __future__ import annotations

from localcloud import errors
from localcloud.ess import refusals
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import NAME, Request, boolean, integer, one_of, records, text, texts
from localcloud.ess.requests import given, set_given
from localcloud.ess.resources import Configuration
from localcloud.ess.state import EssState

MAX_SIZE = 2_000
POLICIES = ("OldestInstance", "NewestInstance", "OldestScalingConfiguration", "CustomPolicy")
SCALING_POLICIES = (
    *("release", "recycle", "forcerelease", "forcerecycle"),
    *("forceRelease", "forceRecycle"),
)
LIFETIMES = range(86_400, 1 << 31)  # seconds; 0: for ever
TEMPLATE_VERSION = text(
    "LaunchTemplateVersion",
    pattern="[0-9]+|Default|Latest",
    error=refusals.TemplateVersionNotNumber,
)
SETTABLE = (  # by Create and by Modify
    text("ScalingGroupName", pattern=NAME),
    integer("MinSize", 0, MAX_SIZE),
    integer("MaxSize", 0, MAX_SIZE),
    integer("DesiredCapacity", 0, MAX_SIZE),
    integer("DefaultCooldown", 0, 86_400),
    one_of("HealthCheckType", "NONE", "ECS", "LOAD_BALANCER"),
    one_of("ScalingPolicy", *SCALING_POLICIES),
    one_of("MultiAZPolicy", "PRIORITY", "BALANCE", "COST_OPTIMIZED", "COMPOSABLE"),
    texts("RemovalPolicy", 3, values=POLICIES),
    texts("VSwitchIds", 8),
    boolean("GroupDeletionProtection", default=None),
    text("LaunchTemplateId"),
    TEMPLATE_VERSION,
)
DESCRIBED_ONLY = (  # as given, without effect
    integer("StopInstanceTimeout", 30, 240),
    integer("MaxInstanceLifetime", 0, LIFETIMES[-1]),
    integer("OnDemandBaseCapacity", 0, 1_000),
    integer("OnDemandPercentageAboveBaseCapacity", 0, 100),
    integer("SpotInstancePools", 0, 10),
    boolean("SpotInstanceRemedy", default=None),
    boolean("CompensateWithOnDemand", default=None),
    boolean("AzBalance", default=None),
    text("AllocationStrategy"),
    text("SpotAllocationStrategy"),
    text("CustomPolicyARN"),
    texts("HealthCheckTypes", 3),
    records("LaunchTemplateOverride"),
)
FIELDS = {  # by parameter
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


def set_fields(state: EssState, group: ScalingGroup, request: Request) -> None:
    """Sets what the call has: all of it, or nothing. Raises ApiError."""
    _check(state, group, request)
    set_given(group, request, FIELDS)
    if request["ScalingPolicy"]:
        group.scaling_policy = request["ScalingPolicy"].lower()
    group.attributes.update(given(request, DESCRIBED_ONLY))
    if "LaunchTemplateOverride" in group.attributes:
        overrides = group.attributes.pop("LaunchTemplateOverride")
        group.attributes["LaunchTemplateOverrides"] = overrides


def _check(state: EssState, group: ScalingGroup, request: Request) -> None:
    min_size = _value(request, "MinSize", group.min_size)
    max_size = _value(request, "MaxSize", group.max_size)
    if min_size > max_size:
        raise refusals.ParameterConflict("MinSize", "MaxSize")
    if not min_size <= _value(request, "DesiredCapacity", min_size) <= max_size:
        raise errors.InvalidParameter("DesiredCapacity")
    if request["DesiredCapacity"] is None and not request.get("DisableDesiredCapacity"):
        _check_desired(group, min_size, max_size)
    lifetime = request["MaxInstanceLifetime"]
    if lifetime and lifetime not in LIFETIMES:
        raise errors.InvalidParameter("MaxInstanceLifetime")
    policies = request["RemovalPolicy"]
    if len(set(policies)) < len(policies) or "CustomPolicy" in policies[1:]:
        raise errors.InvalidParameter("RemovalPolicy.N")
    name = request["ScalingGroupName"]
    if name and any(g.name == name and g is not group for g in state.groups.values()):
        raise errors.Duplicate("ScalingGroupName")


def _check_desired(group: ScalingGroup, min_size: int, max_size: int) -> None:
    """Raises ApiError where the sizes exclude the desired capacity that the group has.

    It has to be changed in the same call (ESS guide, Expected number of instances); the code of
    the refusal is not published.
    """
    desired = group.desired_capacity
    if desired is not None and desired > max_size:
        raise refusals.ParameterConflict("MaxSize", "DesiredCapacity")
    if desired is not None and desired < min_size:
        raise refusals.ParameterConflict("MinSize", "DesiredCapacity")


def configuration_of(
    state: EssState, group: ScalingGroup, scaling_configuration_id: str
) -> Configuration:
    """Returns a configuration of the group. Raises ApiError."""
    source = state.configurations.get(scaling_configuration_id)
    if source is None or source.scaling_group_id != group.scaling_group_id:
        raise errors.NotFound("ScalingConfigurationId")
    return source


def activate(state: EssState, group: ScalingGroup, scaling_configuration_id: str) -> None:
    """Makes a configuration the one that new instances are created by. Raises ApiError."""
    source = configuration_of(state, group, scaling_configuration_id)
    before = state.configurations.get(group.active_scaling_configuration_id)
    if before is not None:
        before.lifecycle_state = "Inactive"
    source.lifecycle_state, source.used = "Active", True
    group.active_scaling_configuration_id = scaling_configuration_id
    group.weighted = bool(source.weights)


def _value(request: Request, parameter: str, default: int) -> int:
    return default if request[parameter] is None else int(request[parameter])
