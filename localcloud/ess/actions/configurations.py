"""Scaling configurations: what a group's new instances are made by."""

from __future__ import annotations

import base64
import re
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import (
    GROUP,
    NAME,
    REGION,
    TOKEN,
    Parameter,
    Request,
    boolean,
    document,
    integer,
    one_of,
    pages,
    records,
    text,
    texts,
)
from localcloud.ess.removal_checks import check_service_role
from localcloud.ess.requests import given, matches, named, page_reply
from localcloud.ess.resources import Configuration
from localcloud.ess.state import EssState, new_id
from localcloud.ess.views import minute

MAX_CONFIGURATIONS = 10
MAX_USER_DATA = 16 << 10  # bytes, before they are encoded
INSTANCE_TYPES = ("InstanceType", "InstanceTypes", "InstanceTypeOverride", "Cpu")  # one of these
PATTERN = "InstancePatternInfo"  # in their place, or beside InstanceType
MAX_DISK = 2_048  # GiB
SMALLEST_DISK = {"cloud_essd": 1, "cloud_auto": 1}  # by category; 20 of others
LARGEST_DISK = {"cloud": 500}
IMAGES = ("ImageId", "ImageName", "ImageFamily")
DESCRIBED_ONLY: tuple[Parameter, ...] = (  # as given, without effect
    *(
        text(name)
        for name in (
            "ImageId",
            "ImageName",
            "ImageFamily",
            "SecurityGroupId",
            "HostName",
            "InstanceName",
        )
    ),
    *(
        text(name)
        for name in (
            "InstanceDescription",
            "KeyPairName",
            "RamRoleName",
            "UserData",
        )
    ),
    *(
        text(name)
        for name in (
            "ZoneId",
            "Affinity",
            "Tenancy",
            "DeploymentSetId",
            "HpcClusterId",
            "DedicatedHostId",
            "DedicatedHostClusterId",
            "CreditSpecification",
            "ResourceGroupId",
        )
    ),
    *(
        text(name)
        for name in (
            "SpotInterruptionBehavior",
            "SecurityEnhancementStrategy",
            "HttpEndpoint",
            "HttpTokens",
        )
    ),
    one_of("InternetChargeType", "PayByBandwidth", "PayByTraffic"),
    one_of("IoOptimized", "none", "optimized"),
    integer("Cpu", 1, 1_024),
    integer("Memory", 1, 65_536),
    integer("InternetMaxBandwidthIn", 0, 1_000),
    integer("InternetMaxBandwidthOut", 0, 100),
    integer("LoadBalancerWeight", 1, 100),
    integer("SpotDuration", 0, 6),
    integer("Ipv6AddressCount", 0, 1_000),
    boolean("DeletionProtection", default=None),
    boolean("PasswordInherit", default=None),
    texts("SecurityGroupIds", 16),
    texts("SystemDiskCategories", 4),
)
SETTABLE = (
    text("ScalingConfigurationName", pattern=NAME),
    text("InstanceType"),
    texts("InstanceTypes", 10),
    records("InstanceTypeOverride", 10),
    records(PATTERN, 10),
    one_of("SpotStrategy", "NoSpot", "SpotWithPriceLimit", "SpotAsPriceGo"),
    records("DataDisk", 16),
    text("Password"),
    document("Tags"),
    text("SystemDisk.Category"),
    integer("SystemDisk.Size", 1, MAX_DISK),
)
MISSING = (
    "images, disks and networks are described as given, and never looked up; "
    "InstancePatternInfo selects no type"
)
SOURCE = text("ScalingConfigurationId", required=True)


def create_scaling_configuration(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    group_id = group.scaling_group_id
    names = [c.name for c in state.configurations.values() if c.scaling_group_id == group_id]
    if len(names) >= MAX_CONFIGURATIONS:
        raise refusals.QuotaInGroup("ScalingConfiguration")
    if request["ScalingConfigurationName"] in names:
        raise errors.Duplicate("ScalingConfigurationName")
    _check_user_data(request["UserData"])
    _check_types(request)
    _check_disk(request, "")
    if not any(request[name] for name in (*INSTANCE_TYPES, PATTERN)):
        raise errors.MissingParameter("InstanceType")
    if not any(request[name] for name in IMAGES):
        raise errors.MissingParameter("ImageId")
    id = new_id("asc")
    name = request["ScalingConfigurationName"] or id
    made = Configuration(id, group_id, state.clock.now(), name)
    _set_fields(made, request)
    state.configurations[id] = made
    return {"ScalingConfigurationId": id}


def modify_scaling_configuration(state: EssState, request: Request) -> Reply:
    made = named(state.configurations, request, "ScalingConfigurationId")
    check_service_role(state.groups[made.scaling_group_id])
    _check_user_data(request["UserData"])
    _check_types(request)
    _check_disk(request, made.attributes.get("SystemDiskCategory", ""))
    name, group_id = request["ScalingConfigurationName"] or made.name, made.scaling_group_id
    others = (c for c in state.configurations.values() if c is not made)
    if any((c.name, c.scaling_group_id) == (name, group_id) for c in others):
        raise errors.Duplicate("ScalingConfigurationName")
    _set_fields(made, request)
    made.name = name
    return {}


def delete_scaling_configuration(state: EssState, request: Request) -> Reply:
    """Not the active one, nor one that instances of the group were made by."""
    made = named(state.configurations, request, "ScalingConfigurationId")
    used = any(
        instance.scaling_configuration_id == made.scaling_configuration_id
        for instance in state.groups[made.scaling_group_id].instances.values()
    )
    if made.lifecycle_state == "Active":
        raise errors.IncorrectConfigurationState()
    if used:
        raise refusals.InstanceInUse()
    del state.configurations[made.scaling_configuration_id]
    return {}


def deactivate_scaling_configuration(state: EssState, request: Request) -> Reply:
    made = named(state.configurations, request, "ScalingConfigurationId")
    group = state.groups[made.scaling_group_id]
    if group.lifecycle_state == "Active" or made.lifecycle_state != "Active":
        raise errors.IncorrectConfigurationState()
    made.lifecycle_state = "Inactive"
    group.active_scaling_configuration_id = ""
    return {}


def describe_scaling_configurations(state: EssState, request: Request) -> Reply:
    configurations = [
        made
        for made in state.configurations.values()
        if request["RegionId"] == state.region_id
        and matches(
            request,
            {
                "ScalingGroupId": made.scaling_group_id,
                "ScalingConfigurationId": made.scaling_configuration_id,
                "ScalingConfigurationName": made.name,
            },
        )
    ]
    return page_reply(request, "ScalingConfigurations", configurations, _view)


def _check_user_data(user_data: str | None) -> None:
    try:
        data = base64.b64decode(user_data or "", validate=True)
    except ValueError as error:
        raise refusals.UserDataFormat() from error
    if len(data) > MAX_USER_DATA:
        raise refusals.UserDataSize()


def _check_types(request: Request) -> None:
    """Raises ApiError where the call says in two ways what type instances are of."""
    named = [name for name in INSTANCE_TYPES if request[name]]
    if request[PATTERN] and named != ["InstanceType"]:
        named.append(PATTERN)
    if len(named) > 1:
        raise refusals.ParameterConflict(*named[:2])


def _check_disk(request: Request, category: str) -> None:
    """Raises ApiError for a size that the system disk's category lacks."""
    category, size = request["SystemDisk.Category"] or category, request["SystemDisk.Size"]
    low, high = SMALLEST_DISK.get(category, 20), LARGEST_DISK.get(category, MAX_DISK)
    if size is not None and not low <= size <= high:
        raise errors.InvalidParameter("SystemDisk.Size")


def _set_fields(made: Configuration, request: Request) -> None:
    overrides = request["InstanceTypeOverride"]
    for override in overrides:
        weight = override.get("WeightedCapacity", "1")
        if not override.get("InstanceType") or not re.fullmatch("[1-9][0-9]{0,2}", weight):
            raise errors.InvalidParameter("InstanceTypeOverride.N")
    types = [override["InstanceType"] for override in overrides] or request["InstanceTypes"]
    if request["InstanceType"]:
        types = types or [request["InstanceType"]]
    made.instance_types = types or made.instance_types
    made.weights.update(
        (override["InstanceType"], int(override["WeightedCapacity"]))
        for override in overrides
        if "WeightedCapacity" in override
    )
    made.spot_strategy = request["SpotStrategy"] or made.spot_strategy
    made.attributes.update(given(request, DESCRIBED_ONLY))
    if request["Password"]:
        made.attributes["PasswordSetted"] = True  # never the password itself
    for name in ("SystemDisk.Category", "SystemDisk.Size"):
        if request[name]:
            made.attributes[name.replace(".", "")] = request[name]
    if request["DataDisk"]:
        made.attributes["DataDisks"] = request["DataDisk"]
    if request["Tags"]:
        tags = request["Tags"].items()
        made.attributes["Tags"] = [{"Key": key, "Value": str(value)} for key, value in tags]


def _view(made: Configuration) -> dict[str, Any]:
    weights = [str(made.weights.get(t, 1)) for t in made.instance_types] if made.weights else []
    return {
        **made.attributes,
        "ScalingConfigurationId": made.scaling_configuration_id,
        "ScalingConfigurationName": made.name,
        "ScalingGroupId": made.scaling_group_id,
        "LifecycleState": made.lifecycle_state,
        "CreationTime": minute(made.created_at),
        "InstanceType": made.instance_types[0] if made.instance_types else "",
        "InstanceTypes": made.instance_types,
        "SpotStrategy": made.spot_strategy,
        "WeightedCapacities": weights,
    }


ACTIONS = (
    Action(
        "CreateScalingConfiguration",
        create_scaling_configuration,
        (GROUP, TOKEN, *SETTABLE, *DESCRIBED_ONLY),
        MISSING,
    ),
    Action(
        "ModifyScalingConfiguration",
        modify_scaling_configuration,
        (SOURCE, *SETTABLE, *DESCRIBED_ONLY),
        MISSING,
        invalid=refusals.InvalidParamter,
    ),
    Action("DeleteScalingConfiguration", delete_scaling_configuration, (SOURCE,)),
    Action("DeactivateScalingConfiguration", deactivate_scaling_configuration, (SOURCE,)),
    Action(
        "DescribeScalingConfigurations",
        describe_scaling_configurations,
        (
            REGION,
            text("ScalingGroupId"),
            texts("ScalingConfigurationId", 10),
            texts("ScalingConfigurationName", 10),
            *pages(50),
        ),
    ),
)
