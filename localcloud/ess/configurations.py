"""Scaling configurations: what a group's new instances are made by."""

from __future__ import annotations

import re
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.parameters import (
    GROUP,
    NAME,
    REGION,
    TOKEN,
    Ask,
    Parameter,
    boolean,
    integer,
    one_of,
    page,
    pages,
    records,
    text,
    texts,
)
from localcloud.ess.resources import Configuration
from localcloud.ess.service import Service, new_id
from localcloud.ess.views import minute

MOST_CONFIGURATIONS = 10
KEPT: tuple[Parameter, ...] = (  # and told again, without effect
    *(text(name) for name in ("ImageId", "ImageName", "ImageFamily", "SecurityGroupId", "HostName", "InstanceName")),
    *(text(name) for name in ("InstanceDescription", "InternetChargeType", "KeyPairName", "RamRoleName", "UserData")),
    *(text(name) for name in ("ZoneId", "IoOptimized", "Affinity", "Tenancy", "DeploymentSetId", "HpcClusterId")),
    *(text(name) for name in ("DedicatedHostId", "DedicatedHostClusterId", "CreditSpecification", "ResourceGroupId")),
    *(text(name) for name in ("SpotInterruptionBehavior", "SecurityEnhancementStrategy", "HttpEndpoint", "HttpTokens")),
    integer("Cpu", 1, 1_024),
    integer("Memory", 1, 65_536),
    integer("InternetMaxBandwidthIn", 0, 1_000),
    integer("InternetMaxBandwidthOut", 0, 1_024),
    integer("LoadBalancerWeight", 0, 100),
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
    one_of("SpotStrategy", "NoSpot", "SpotWithPriceLimit", "SpotAsPriceGo"),
    records("DataDisk", 16),
    text("Password"),
    text("Tags"),
    text("SystemDisk.Category"),
    integer("SystemDisk.Size", 1, 65_536),
)
SOURCE = text("ScalingConfigurationId", required=True)


def create_scaling_configuration(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    there = [c for c in service.configurations.values() if c.scaling_group_id == group.scaling_group_id]
    if len(there) >= MOST_CONFIGURATIONS:
        raise errors.Quota("ScalingConfiguration")
    if ask["ScalingConfigurationName"] in {made.name for made in there}:
        raise errors.Duplicate("ScalingConfigurationName")
    if not (ask["InstanceType"] or ask["InstanceTypes"] or ask["InstanceTypeOverride"] or ask["Cpu"]):
        raise errors.MissingParameter("InstanceType")
    if not (ask["ImageId"] or ask["ImageName"] or ask["ImageFamily"]):
        raise errors.MissingParameter("ImageId")
    id = new_id("asc")
    made = Configuration(id, group.scaling_group_id, service.clock.now(), ask["ScalingConfigurationName"] or id)
    _set(made, ask)
    service.configurations[id] = made
    return {"ScalingConfigurationId": id}


def modify_scaling_configuration(service: Service, ask: Ask) -> Reply:
    made = _named(service, ask)
    made.name = ask["ScalingConfigurationName"] or made.name
    _set(made, ask)
    return {}


def delete_scaling_configuration(service: Service, ask: Ask) -> Reply:
    """Not the active one, nor one that instances of the group were made by."""
    made = _named(service, ask)
    used = any(
        instance.scaling_configuration_id == made.scaling_configuration_id
        for instance in service.groups[made.scaling_group_id].instances.values()
    )
    if made.lifecycle_state == "Active" or used:
        raise errors.IncorrectConfigurationState()
    del service.configurations[made.scaling_configuration_id]
    return {}


def deactivate_scaling_configuration(service: Service, ask: Ask) -> Reply:
    made = _named(service, ask)
    group = service.groups[made.scaling_group_id]
    if group.lifecycle_state == "Active" or made.lifecycle_state != "Active":
        raise errors.IncorrectConfigurationState()
    made.lifecycle_state = "Inactive"
    group.active_scaling_configuration_id = ""
    return {}


def describe_scaling_configurations(service: Service, ask: Ask) -> Reply:
    ids, names = ask["ScalingConfigurationId"], ask["ScalingConfigurationName"]
    found = [
        made
        for made in service.configurations.values()
        if ask["ScalingGroupId"] in (None, made.scaling_group_id)
        and (not ids or made.scaling_configuration_id in ids)
        and (not names or made.name in names)
        and ask["RegionId"] == service.region_id
    ]
    here, told = page(ask, found)
    return {**told, "ScalingConfigurations": [_view(made) for made in here]}


def _set(made: Configuration, ask: Ask) -> None:
    overrides = ask["InstanceTypeOverride"]
    for override in overrides:
        weight = override.get("WeightedCapacity", "1")
        if not override.get("InstanceType") or not re.fullmatch("[1-9][0-9]{0,2}", weight):
            raise errors.InvalidParameter("InstanceTypeOverride.N")
    types = [override["InstanceType"] for override in overrides] or ask["InstanceTypes"]
    made.instance_types = types or [t for t in [ask["InstanceType"]] if t] or made.instance_types
    made.weights.update((o["InstanceType"], int(o["WeightedCapacity"])) for o in overrides if "WeightedCapacity" in o)
    made.spot_strategy = ask["SpotStrategy"] or made.spot_strategy
    made.attributes.update((p.name, ask[p.name]) for p in KEPT if ask[p.name] not in (None, []))
    made.attributes.update(PasswordSetted=True) if ask["Password"] else None  # never the password itself
    for name in ("SystemDisk.Category", "SystemDisk.Size"):
        if ask[name]:
            made.attributes[name.replace(".", "")] = ask[name]
    if ask["DataDisk"]:
        made.attributes["DataDisks"] = ask["DataDisk"]


def _named(service: Service, ask: Ask) -> Configuration:
    made = service.configurations.get(ask["ScalingConfigurationId"])
    if made is None:
        raise errors.NotFound("ScalingConfigurationId")
    return made


def _view(made: Configuration) -> dict[str, Any]:
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
        "WeightedCapacities": [str(made.weights.get(t, 1)) for t in made.instance_types] if made.weights else [],
    }


ACTIONS = (
    Action(
        "CreateScalingConfiguration",
        create_scaling_configuration,
        (GROUP, TOKEN, *SETTABLE, *KEPT),
        "images, disks and networks are told as given, and never looked up",
    ),
    Action(
        "ModifyScalingConfiguration",
        modify_scaling_configuration,
        (SOURCE, *SETTABLE, *KEPT),
        "images, disks and networks are told as given, and never looked up",
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
