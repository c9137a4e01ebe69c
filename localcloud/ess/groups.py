"""Scaling groups: made, changed, enabled, disabled, deleted, described."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import hooks
from localcloud.ess.action import Action
from localcloud.ess.group_fields import KEPT, SETTABLE, set_fields
from localcloud.ess.members import attach
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import (
    GROUP,
    REGION,
    TOKEN,
    Ask,
    boolean,
    one_of,
    page,
    pages,
    records,
    text,
    texts,
)
from localcloud.ess.service import Service, new_id
from localcloud.ess.views import group_view

MOST_GROUPS = 50
PROCESSES = ("ScaleIn", "ScaleOut", "HealthCheck", "AlarmNotification", "ScheduledAction")


def create_scaling_group(service: Service, ask: Ask) -> Reply:
    if len(service.groups) >= MOST_GROUPS:
        raise errors.Quota("ScalingGroup")
    if ask["InstanceId"] and service.group_of(ask["InstanceId"]) is None:
        raise errors.InstanceNotFound(ask["InstanceId"])
    now = service.clock.now()
    group = ScalingGroup(
        new_id("asg"),
        now,
        ask["MinSize"],
        ask["MaxSize"],
        group_type=ask["GroupType"],
        lifecycle_state="Inactive",
        health_check_type="ECS",
        scaling_policy=ask["ScalingPolicy"].lower(),
        resource_group_id=ask["ResourceGroupId"] or "",
        tags=[{"Propagate": False, "Value": "", **tag} for tag in ask["Tag"]],
    )
    set_fields(service, group, ask)
    group.vswitch_ids = group.vswitch_ids or [id for id in [ask["VSwitchId"]] if id]
    group.zone_ids = [f"{service.region_id}-{'hijkbcde'[n]}" for n in range(len(group.vswitch_ids))]  # one for each
    if ask["LoadBalancerIds"]:
        group.balancers["LoadBalancerIds"] = _list_in(ask["LoadBalancerIds"])
    if ask["DBInstanceIds"]:
        group.balancers["DBInstanceIds"] = _list_in(ask["DBInstanceIds"])
    made = [hooks.made(service, group, hook) for hook in ask["LifecycleHook"]]
    service.groups[group.scaling_group_id] = group
    service.hooks.update((hook.lifecycle_hook_id, hook) for hook in made)
    return {"ScalingGroupId": group.scaling_group_id}


def modify_scaling_group(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    if ask["DisableDesiredCapacity"]:
        if service.running(group.scaling_group_id):
            raise errors.ScalingActivityInProgress()
        group.desired_capacity = None
    if ask["ActiveScalingConfigurationId"]:
        activate(service, group, ask["ActiveScalingConfigurationId"])
    set_fields(service, group, ask)
    return {}


def enable_scaling_group(service: Service, ask: Ask) -> Reply:
    """With a configuration to create instances by, or instances to attach; a fleet file's group needs none."""
    group = service.group(ask["ScalingGroupId"])
    if group.lifecycle_state != "Inactive":
        raise errors.IncorrectScalingGroupStatus()
    if ask["ActiveScalingConfigurationId"]:
        activate(service, group, ask["ActiveScalingConfigurationId"])
    group.launch_template_id = ask["LaunchTemplateId"] or group.launch_template_id
    group.launch_template_version = ask["LaunchTemplateVersion"] or group.launch_template_version
    if not (group.active_scaling_configuration_id or group.launch_template_id or group.instances or ask["InstanceId"]):
        raise errors.NotFound("ScalingConfigurationId")
    group.lifecycle_state = "Active"
    if ask["InstanceId"]:
        attach(service, group, ask["InstanceId"], {"Entrusted": False})
    return {}


def disable_scaling_group(service: Service, ask: Ask) -> Reply:
    """What is under way goes on; nothing new begins."""
    group = service.group(ask["ScalingGroupId"])
    if group.lifecycle_state != "Active":
        raise errors.IncorrectScalingGroupStatus()
    group.lifecycle_state = "Inactive"
    return {}


def delete_scaling_group(service: Service, ask: Ask) -> Reply:
    """Its created instances are released; without ForceDelete it has to be empty and quiet."""
    group = service.group(ask["ScalingGroupId"])
    id = group.scaling_group_id
    if group.group_deletion_protection:
        raise errors.GroupProtected()
    if not ask["ForceDelete"] and (service.running(id) or group.instances):
        raise errors.ScalingActivityInProgress() if service.running(id) else errors.IncorrectScalingGroupStatus()
    for activity in service.running(id):
        activity.status_code, activity.ends_at = "Failed", service.clock.now()
    for owned in (service.configurations, service.rules, service.hooks, service.alarms, service.scheduled_tasks):
        for key in [key for key, thing in owned.items() if thing.scaling_group_id == id]:
            del owned[key]
    service.receivers = [receiver for receiver in service.receivers if receiver.scaling_group_id != id]
    del service.groups[id]
    return {}


def describe_scaling_groups(service: Service, ask: Ask) -> Reply:
    """Unknown ids are left out without a word."""
    ids, names = ask["ScalingGroupId"], ask["ScalingGroupNames"]
    if ask["ScalingGroupName"]:
        names = [*names, ask["ScalingGroupName"]]
    wanted = {(tag.get("Key"), tag.get("Value")) for tag in ask["Tag"]}
    groups = [
        group
        for group in service.groups.values()
        if (not ids or group.scaling_group_id in ids)
        and (not names or group.name in names)
        and ask["GroupType"] in (None, group.group_type)
        and ask["ResourceGroupId"] in (None, group.resource_group_id)
        and wanted <= {(t["Key"], t["Value"]) for t in group.tags} | {(t["Key"], None) for t in group.tags}
    ]
    here, told = page(ask, groups if ask["RegionId"] == service.region_id else [])
    return {**told, "ScalingGroups": [group_view(service, group) for group in here]}


def set_group_deletion_protection(service: Service, ask: Ask) -> Reply:
    service.group(ask["ScalingGroupId"]).group_deletion_protection = ask["GroupDeletionProtection"]
    return {}


def suspend_processes(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    group.suspended_processes = [p for p in PROCESSES if p in {*group.suspended_processes, *ask["Process"]}]
    return {}


def resume_processes(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    group.suspended_processes = [p for p in group.suspended_processes if p not in ask["Process"]]
    return {}


def change_resource_group(service: Service, ask: Ask) -> Reply:
    service.group(ask["ResourceId"]).resource_group_id = ask["NewResourceGroupId"]
    return {}


def activate(service: Service, group: ScalingGroup, scaling_configuration_id: str) -> None:
    source = service.configurations.get(scaling_configuration_id)
    if source is None or source.scaling_group_id != group.scaling_group_id:
        raise errors.NotFound("ScalingConfigurationId")
    before = service.configurations.get(group.active_scaling_configuration_id)
    if before is not None:
        before.lifecycle_state = "Inactive"
    source.lifecycle_state, source.used = "Active", True
    group.active_scaling_configuration_id = scaling_configuration_id
    group.weighted = bool(source.weights)


def _list_in(text: str) -> list[str]:
    """JSON, or separated by commas: both are documented."""
    return [id for id in (part.strip(' []"') for part in text.split(",")) if id]


ACTIONS = (
    Action(
        "CreateScalingGroup",
        create_scaling_group,
        (
            REGION,
            *[p._replace(required=p.name in ("MinSize", "MaxSize")) for p in SETTABLE],
            *KEPT,
            TOKEN,
            text("VSwitchId"),
            text("InstanceId"),
            text("ResourceGroupId"),
            text("LoadBalancerIds"),
            text("DBInstanceIds"),
            one_of("GroupType", "ECS", "ECI", default="ECS"),
            one_of(
                "ScalingPolicy",
                *("release", "recycle", "forcerelease", "forcerecycle", "forceRelease", "forceRecycle"),
                default="release",
            ),
            records("Tag"),
            records("LifecycleHook", 10),
        ),
        "balancers and databases are kept as ids; spot and cost options are told, and have no effect",
    ),
    Action(
        "ModifyScalingGroup",
        modify_scaling_group,
        (GROUP, *SETTABLE, *KEPT, text("ActiveScalingConfigurationId"), boolean("DisableDesiredCapacity")),
        "spot and cost options are told, and have no effect",
    ),
    Action(
        "EnableScalingGroup",
        enable_scaling_group,
        (
            GROUP,
            *(text("ActiveScalingConfigurationId"), text("LaunchTemplateId"), text("LaunchTemplateVersion")),
            texts("InstanceId"),
            texts("LoadBalancerWeight"),
            records("LaunchTemplateOverride"),
        ),
    ),
    Action("DisableScalingGroup", disable_scaling_group, (GROUP,)),
    Action("DeleteScalingGroup", delete_scaling_group, (GROUP, boolean("ForceDelete")), "gone at once, never Deleting"),
    Action(
        "DescribeScalingGroups",
        describe_scaling_groups,
        (
            *(REGION, texts("ScalingGroupId"), text("ScalingGroupName"), text("ResourceGroupId"), records("Tag")),
            texts("ScalingGroupName")._replace(asked="ScalingGroupNames"),
            one_of("GroupType", "ECS", "ECI"),
            *pages(50),
        ),
    ),
    Action(
        "SetGroupDeletionProtection",
        set_group_deletion_protection,
        (GROUP, boolean("GroupDeletionProtection", default=None, required=True)),
    ),
    Action("SuspendProcesses", suspend_processes, (GROUP, TOKEN, texts("Process", 5, required=True, values=PROCESSES))),
    Action("ResumeProcesses", resume_processes, (GROUP, TOKEN, texts("Process", 5, required=True, values=PROCESSES))),
    Action(
        "ChangeResourceGroup",
        change_resource_group,
        (
            text("ResourceId", required=True),
            one_of("ResourceType", "scalinggroup", "ScalingGroup", required=True),
            text("NewResourceGroupId", required=True),
        ),
    ),
)
